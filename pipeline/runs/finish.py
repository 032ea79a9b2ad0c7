"""Ends a run that may have loaded calls: its record, the results it makes worth storing, the readers' copy.

Its own work is done by then, so what goes wrong with the copy is told beside the result and fails nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from pipeline.config import Settings
from pipeline.publish import readers_copy
from pipeline.runs import record
from pipeline.warehouse import schema, stored_results
from pipeline.warehouse.database import Warehouse


def end(
    warehouse: Warehouse,
    settings: Settings,
    report: record.RunReport,
    read: Callable[[Connection], None] = lambda connection: None,
) -> None:
    """Record that the run ended, after `read` has completed its report from the warehouse.

    Raises WarehouseLocked, WarehouseMismatch and WarehouseFailed when it cannot be recorded.
    """
    with warehouse.writing() as connection:
        schema.check_unchanged(connection)
        read(connection)
        record.finish(connection, report)
        waiting = stored_results.waiting_call_count(connection)
    has_stored = not report.is_interrupted and stored_results.store_some(
        warehouse, calls_loaded=report.calls_loaded, calls_waiting=waiting
    )
    if report.calls_loaded or has_stored or not settings.readers_copy.exists():
        failed = readers_copy.if_due(warehouse, settings, at_the_end=True)
        # What failed between two loads may fail again for the same reason: that is said once.
        report.problems += [each for each in failed if each not in report.problems]
