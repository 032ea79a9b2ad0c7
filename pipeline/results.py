"""Stores what the daily views answer, day by day, so that a dashboard does not compute it each time.

A load forgets the days that it touches, and a view computes a day that is not stored itself: whether a day
is stored changes how long an answer takes, and nothing else.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pipeline import sql
from pipeline.warehouse import Warehouse

# What a view computes in a moment is not worth storing.
_LEAST_CALLS = 1_000
# Days are stored until they have this many calls, in a transaction: a hundred MB or two of percentiles.
_MOST_CALLS = 20_000


def are_due(connection: Connection) -> bool:
    """Tell whether the days that are not stored have so many calls that storing their results pays."""
    found = connection.exec_driver_sql(sql.read("results/computed_call_count")).scalar()
    return bool(found is not None and found >= _LEAST_CALLS)


def store(warehouse: Warehouse) -> None:
    """Store the results of every day that has none, in transactions of some days each.

    Raises WarehouseLocked when others keep the warehouse; what was stored until then stays.
    """
    while _store_some(warehouse):
        warehouse.make_way()


def _store_some(warehouse: Warehouse) -> bool:
    """Store some days; tell whether others are left."""
    # Its many tables take long to declare, and few runs store results.
    from pipeline.stored_tables import RESULTS, stored_days

    with warehouse.writing() as connection:
        connection.exec_driver_sql(sql.read("load/limits"))
        connection.exec_driver_sql(sql.read("results/refreshed_days"), {"most_calls": _MOST_CALLS})
        for table in (*RESULTS, stored_days):
            connection.exec_driver_sql(sql.read(f"results/{table.name}"))
        return bool(connection.exec_driver_sql(sql.read("results/computed_call_count")).scalar())
