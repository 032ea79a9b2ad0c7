"""The same runs on a Prefect server; the only room that imports Prefect."""

from pipeline.flows.definitions import (
    backfill_calls,
    check_warehouse,
    refresh_calls,
    stop_own_server,
    sync_calls,
    tracked,
    unreachable,
    write_report,
)

__all__ = [
    "backfill_calls",
    "check_warehouse",
    "refresh_calls",
    "stop_own_server",
    "sync_calls",
    "tracked",
    "unreachable",
    "write_report",
]
