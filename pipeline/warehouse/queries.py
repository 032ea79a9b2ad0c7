"""What the warehouse answers: rows for the command line and for reports, read-only.

Every question is a file in `sql/queries/`; here they are only asked. Rows are plain values.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pipeline import sql

Row = dict[str, Any]


def read_rows(connection: Connection, name: str, **parameters: Any) -> list[Row]:
    """Return the rows of ``sql/queries/<name>.sql``."""
    result = connection.exec_driver_sql(sql.read(f"queries/{name}"), parameters or None)
    return [dict(row) for row in result.mappings()]


def read_overview(connection: Connection, days: int = 3) -> dict[str, list[Row]]:
    """Return what a first look at a warehouse wants: latency by day, why calls ended, how much there is."""
    return {
        "daily_latency": read_rows(connection, "latest_latency", days=days),
        "disconnections": read_rows(connection, "disconnections"),
        "row_counts": read_rows(connection, "row_counts"),
    }


def read_drift(connection: Connection, since: datetime | None = None) -> list[Row]:
    """Return what payloads hold that the API is not known to send: of all calls, or of those loaded since."""
    found = read_rows(connection, "drift", since=since)
    # A sum of counts comes as a decimal where it could grow beyond a bigint.
    return [row | {"occurrences": int(row["occurrences"])} for row in found]


def find_loaded_chunks(connection: Connection, chunk_ids: Iterable[str]) -> set[str]:
    """Return those of some chunks that are loaded."""
    parameters = {"chunk_ids": list(chunk_ids)}
    return set(connection.exec_driver_sql(sql.read("queries/loaded_chunks"), parameters).scalars())


def read_fingerprint(connection: Connection) -> str:
    """Return a fingerprint of all chunks that are loaded: another one for any others."""
    return str(connection.exec_driver_sql(sql.read("queries/loaded_fingerprint")).scalar_one())


def read_loaded_runs(connection: Connection) -> dict[str, str]:
    """Return by run a fingerprint of its chunks that are loaded."""
    return {
        str(run_id): str(fingerprint)
        for run_id, fingerprint in connection.exec_driver_sql(sql.read("queries/loaded_runs"))
    }


def read_call(connection: Connection, call_id: str) -> dict[str, Any] | None:
    """Return all that is known of one call id, or None when it was never asked for."""
    found = read_rows(connection, "call", call_id=call_id)
    outcome = read_rows(connection, "call_outcome", call_id=call_id)
    if not found and not outcome:
        return None
    return {
        "call": found[0] if found else None,
        "outcome": outcome[0] if outcome else None,
        "turns": read_rows(connection, "call_turns", call_id=call_id),
        "latency": read_rows(connection, "call_latency", call_id=call_id),
        "tools": read_rows(connection, "call_tools", call_id=call_id),
    }
