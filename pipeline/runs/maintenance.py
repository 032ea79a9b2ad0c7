"""Work on a warehouse that is no run: open it for a question, check it, publish it.

Each of them works on a warehouse that is there, and brings it to this version's schema first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from pipeline.config import Settings
from pipeline.errors import WarehouseError, WarehouseMissing
from pipeline.publish import readers_copy
from pipeline.times import utc_now
from pipeline.warehouse import checks, schema
from pipeline.warehouse.database import Warehouse

Say = Callable[[str], None]


@contextmanager
def open_warehouse(settings: Settings, say: Say) -> Iterator[Connection]:
    """Open the warehouse to read it; raise WarehouseMissing without one."""
    with _open_current(settings, _find_warehouse(settings, say)) as connection:
        yield connection


def check(settings: Settings, say: Say) -> list[checks.CheckResult]:
    """Return the result of every check of the warehouse, and record it; raises as `open_warehouse` does."""
    warehouse = _find_warehouse(settings, say)
    with _open_current(settings, warehouse) as connection:
        results = checks.run_checks(connection)
    # The result is what was asked for: a notebook that holds the warehouse does not hold it up for long.
    warehouse.in_a_hurry.set()
    try:
        with warehouse.writing() as connection:
            checks.record_results(connection, results, utc_now())
    except WarehouseError as refused:
        say(f"the view freshness goes on showing what the last check found: {refused}")
    return results


def publish(settings: Settings, say: Say) -> readers_copy.Published:
    """Replace the readers' copy; raises as `open_warehouse` does."""
    return readers_copy.publish(upgrade_warehouse(settings, say), settings.readers_copy)


def _find_warehouse(settings: Settings, say: Say) -> Warehouse:
    warehouse = Warehouse.of(settings, say)
    if not warehouse.exists:
        raise WarehouseMissing(str(warehouse.path))
    return warehouse


def upgrade_warehouse(settings: Settings, say: Say) -> Warehouse:
    """Return the warehouse, brought to this version's schema; raises as `open_warehouse` does."""
    warehouse = _find_warehouse(settings, say)
    with _open_current(settings, warehouse):
        return warehouse


@contextmanager
def _open_current(settings: Settings, warehouse: Warehouse) -> Iterator[Connection]:
    def note_change() -> None:
        readers_copy.note_change(settings.readers_copy)

    with schema.open_current(warehouse, warehouse.say, before_change=note_change) as connection:
        yield connection
