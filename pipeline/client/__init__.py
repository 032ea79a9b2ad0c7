"""The API as the pipeline sees it: one call at a time (calls), or which calls there are (listing).

Both ask through http, the one place that holds the key; address says which URLs may have it.
"""

from pipeline.client.calls import CallsClient
from pipeline.client.listing import ListedStatus, Page, started_since, with_status

__all__ = ["CallsClient", "ListedStatus", "Page", "started_since", "with_status"]
