"""Stores what the daily views answer, day by day, so that a dashboard does not compute it each time.

A load forgets the days that it touches, and a view computes a day that is not stored itself: whether a day
is stored changes how long an answer takes, and nothing else.

So a run need not store every day that it touched: a few calls can lie in many old days, with many calls of
theirs. It stores in proportion to what it loaded: days until they have ten times as many calls, at least
5,000, and the last of these days whole. What is left waits for the next runs; one that loads nothing stores
20,000. They begin with what was left alone for longest, so each day has its turn.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pipeline import sql
from pipeline.stored_tables import RESULTS, stored_days
from pipeline.warehouse import Warehouse

# What a view computes in a moment is not worth storing.
_LEAST_CALLS = 1_000
# Storing the results of a call costs about a sixtieth of what fetching and loading it does.
_CALLS_PER_LOADED = 10
# A second's work at most.
_CALLS_PER_RUN = 5_000
# Nobody waits for what such a run loads: so an upgrade, after which no day is stored, is soon made up for.
_CALLS_PER_IDLE_RUN = 20_000
# Days are stored until they have this many calls, in a transaction: a hundred MB or two of percentiles.
_MOST_CALLS = 20_000


def are_due(connection: Connection) -> bool:
    """Tell whether the days that are not stored have so many calls that storing their results pays."""
    return _computed_call_count(connection) >= _LEAST_CALLS


def store_some(warehouse: Warehouse, calls_loaded: int) -> None:
    """Store what a run that loaded so many calls is to store; the others are stored by the next runs.

    Raises WarehouseLocked when others keep the warehouse; what was stored until then stays.
    """
    most_calls = max(_CALLS_PER_RUN, _CALLS_PER_LOADED * calls_loaded)
    _store(warehouse, most_calls if calls_loaded else _CALLS_PER_IDLE_RUN)


def store(warehouse: Warehouse) -> None:
    """Store the results of every day that has none. Raises as `store_some` does."""
    _store(warehouse, None)


def _store(warehouse: Warehouse, most_calls: int | None) -> None:
    """Store days until they have so many calls, in transactions of some days each."""
    stored = 0
    while most_calls is None or stored < most_calls:
        at_once = _MOST_CALLS if most_calls is None else min(_MOST_CALLS, most_calls - stored)
        calls, are_left = _store_days(warehouse, at_once)
        stored += calls
        if not are_left:
            return
        warehouse.make_way()


def _store_days(warehouse: Warehouse, most_calls: int) -> tuple[int, bool]:
    """Store days until they have so many calls; return how many they have, and whether others are left."""
    with warehouse.writing() as connection:
        connection.exec_driver_sql(sql.read("load/limits"))
        connection.exec_driver_sql(sql.read("results/refreshed_days"), {"most_calls": most_calls})
        connection.exec_driver_sql(sql.read("results/refreshed_samples"))
        for table in (*RESULTS, stored_days):
            connection.exec_driver_sql(sql.read(f"results/{table.name}"))
        calls = connection.exec_driver_sql(sql.read("results/refreshed_call_count")).scalar()
        return int(calls or 0), _computed_call_count(connection) > 0


def _computed_call_count(connection: Connection) -> int:
    return int(connection.exec_driver_sql(sql.read("results/computed_call_count")).scalar() or 0)
