"""The same runs on a Prefect server; the only room that imports Prefect.

definitions   the flows that `prefect.yaml` deploys
tasks         the steps of a run as tasks
tracking      how a command runs a flow here, with its own settings
artifacts     what a run shows on the server (markdown: its reports as text)
server        whether a server answers, and the end of one of our own
"""

from pipeline.flows.definitions import (
    backfill_calls,
    check_warehouse,
    compact_landing,
    reconcile_calls,
    refresh_calls,
    sync_calls,
    write_report,
)
from pipeline.flows.server import find_server_failure, stop_own_server
from pipeline.flows.tracking import run_tracked

__all__ = [
    "backfill_calls",
    "check_warehouse",
    "compact_landing",
    "find_server_failure",
    "reconcile_calls",
    "refresh_calls",
    "run_tracked",
    "stop_own_server",
    "sync_calls",
    "write_report",
]
