"""Looks for what keeps the pipeline from working, and says what to do about it; it mends nothing by itself.

Invariant: whatever is missing, broken or out of reach is a finding, never an error.

installed   versions of what the pipeline stands on
api         key, endpoint, clock (one request)
folder      disk, permissions, what was left behind
stored      lock, schema, what waits, the readers' copy
"""

from pipeline.doctor.finding import Finding, examine

__all__ = ["Finding", "examine"]
