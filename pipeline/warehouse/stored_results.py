"""Stores what the daily views answer, day by day, so that a dashboard does not compute it each time.

A load forgets the days that it touches, and a view computes a day that is not stored itself: whether a day
is stored changes how long an answer takes, and nothing else.

So a run need not store every day that it touched: few loaded calls can belong to many old days, which have
many other calls. A run stores whole days until their calls reach the largest of three numbers: ten times the
calls that it loaded, a quarter of the calls in days that are not stored, and 5,000 (20,000 for a run that
loads nothing). The other days wait for the next runs. The days that no load
has touched for longest come first.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pipeline import sql
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

# What a view computes in a quarter of a second is not worth storing.
_LEAST_CALLS = 2_500
# Storing the results of a call costs about a fifteenth of what fetching and loading it does.
_CALLS_PER_LOADED = 10
# A second's work at most.
_CALLS_PER_RUN = 5_000
# Nobody waits for what such a run loads.
_CALLS_PER_IDLE_RUN = 20_000
_SHARE_OF_WAITING = 0.25
# Days are stored until they have this many calls, in a transaction: less memory than a load takes.
_MOST_CALLS = 7_000
# What all tables hold of the days of so many calls is looked for at once, among all that they hold.
_MOST_GATHERED = 2 * _MOST_CALLS


def list_result_tables() -> list[str]:
    """Return the names of the tables that keep results, each `stored_` and the name of its view."""
    return sql.list_names(schema.RESULT_TABLES)


def count_waiting_calls(connection: Connection) -> int:
    """Return how many calls the days have that are not stored: views compute these."""
    return int(connection.exec_driver_sql(sql.read("stored/computed_call_count")).scalar() or 0)


def store_some(warehouse: Warehouse, *, calls_loaded: int, calls_waiting: int) -> bool:
    """Store what a run that loaded so many calls is to store; the others are stored by the next runs.

    Returns whether storing pays, and so was done. Raises WarehouseLocked when others keep the warehouse; what
    was stored until then stays.
    """
    if calls_waiting < _LEAST_CALLS:
        return False
    least = max(_CALLS_PER_RUN, _CALLS_PER_LOADED * calls_loaded) if calls_loaded else _CALLS_PER_IDLE_RUN
    _store(warehouse, max(least, int(_SHARE_OF_WAITING * calls_waiting)))
    return True


def store(warehouse: Warehouse) -> None:
    """Store the results of every day that has none. Raises as `store_some` does."""
    _store(warehouse, None)


def _store(warehouse: Warehouse, most_calls: int | None) -> None:
    """Store days until they have so many calls, some days at once."""
    stored = 0
    while most_calls is None or stored < most_calls:
        at_once = _MOST_GATHERED if most_calls is None else min(_MOST_GATHERED, most_calls - stored)
        calls, are_left = _store_days(warehouse, at_once)
        stored += calls
        if not are_left:
            return
        warehouse.make_way()


def _store_days(warehouse: Warehouse, most_calls: int) -> tuple[int, bool]:
    """Store days until they have so many calls, in transactions of some days each.

    Returns how many calls they have, and whether other days are left.
    """
    stored = 0
    with warehouse.exclusive() as connection:
        run = connection.exec_driver_sql
        with connection.begin():
            for name in ("stage/limits", "stored/two_threads"):
                run(sql.read(name))
            waiting = count_waiting_calls(connection)
            run(sql.read("stored/gathered_days"), {"most_calls": most_calls, "part_calls": _MOST_CALLS})
            parts = run(sql.read("stored/gathered_parts")).all()
            run(sql.read("stored/gathered_calls"))
        for part, calls in parts:
            with connection.begin():
                run(sql.read("stored/refreshed_days"), {"part": part})
                for table in (*list_result_tables(), "stored_days"):
                    run(sql.read(f"stored/{table}"))
            stored += int(calls)
    return stored, stored < waiting
