"""Decides which of the requested ids a run fetches: each once, and none that can bring nothing new.

A call that is final is left; one that is not final rests for a while after it was fetched, so that the same
command run twice in a row, or again after it was killed, asks the API for nothing it has just answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult

from pipeline import sql

_FETCHED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Plan:
    """How many ids a run was given and what it does for them; those to fetch stand in a file, one a line."""

    given: int
    requested: int
    final: int
    resting: int
    to_fetch: int
    fetch_list: Path

    @classmethod
    def of_list(cls, fetch_list: Path, number: int) -> Plan:
        """Return the plan to fetch all ids of a file, one a line; ``number`` is how many there are."""
        return cls(number, number, final=0, resting=0, to_fetch=number, fetch_list=fetch_list)

    @property
    def duplicates(self) -> int:
        """How many of the given ids had been given before."""
        return self.given - self.requested

    def ids(self) -> Iterator[str]:
        """Yield the ids to fetch in the order they were given, without holding them."""
        with self.fetch_list.open(encoding="ascii") as lines:
            for line in lines:
                yield line.rstrip("\n")


def make_plan(
    connection: Connection,
    spool: Path,
    given: int,
    *,
    as_of: datetime,
    force: bool,
    refresh_window_s: float,
    refetch_after_s: float,
) -> Plan:
    """Compare the spooled ids with the warehouse; `as_of` is UTC without a zone.

    Writes only temporary tables and the list of ids to fetch, beside the spool.
    """
    connection.exec_driver_sql(sql.read("runs/requested"), {"spool": sql.escape_path(spool)})
    for name in ("known_ids", "known_calls"):
        connection.exec_driver_sql(sql.read(f"runs/{name}"))
    connection.exec_driver_sql(
        sql.read("runs/planned"),
        {
            "force": force,
            "as_of": as_of,
            "refresh_window_s": refresh_window_s,
            "refetch_after_s": refetch_after_s,
        },
    )
    counts: dict[str, int] = {
        str(action): int(ids) for action, ids in connection.exec_driver_sql(sql.read("runs/counts"))
    }
    fetch_list = spool.with_name("to_fetch.txt")
    write_fetch_list(connection.exec_driver_sql(sql.read("runs/to_fetch")), fetch_list)
    return Plan(
        given=given,
        requested=sum(counts.values()),
        final=counts.get("unchanged", 0) + counts.get("deleted", 0),
        resting=counts.get("not_final", 0),
        to_fetch=counts.get("fetch", 0),
        fetch_list=fetch_list,
    )


def write_fetch_list(rows: CursorResult[Any], fetch_list: Path) -> int:
    """Write the ids of a query to a file, one a line, without holding them; return how many there are."""
    number = 0
    with fetch_list.open("w", encoding="ascii") as out:
        while batch := rows.fetchmany(_FETCHED_AT_ONCE):
            out.writelines(f"{call_id}\n" for (call_id,) in batch)
            number += len(batch)
    return number


def record_skipped(connection: Connection, run_id: str, recorded_at: datetime) -> None:
    """Record the outcome of the ids that the plan does not fetch, in the transaction that made the plan."""
    connection.exec_driver_sql(
        sql.read("runs/record_skipped"), {"run_id": run_id, "recorded_at": recorded_at}
    )
    connection.exec_driver_sql(sql.read("runs/replace_skipped"))
