"""What the report says, as rows: every question is a file in `sql/report/`, asked of the views, read-only.

The readers' copy is asked where there is one, so that a report never waits for a load; the page says which
file it was. Rows are plain values, and what cannot be drawn (an infinite number) is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pipeline import sql
from pipeline.config import Settings
from pipeline.errors import UsageError, WarehouseError
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

Row = dict[str, Any]
CHARTED = (
    "volume",
    "latency",
    "latency_parts",
    "latency_agents",
    "disconnections",
    "reasons",
    "sentiment",
    "success",
    "dialogue",
    "tools",
    "costs",
)
_OF_CALLS = ("turns", "speech", "gaps", "call_tools", "call_latency", "samples")
# Of each kind of bad call; a call can be of several.
_WORST_PER_KIND = 6
_MOST_NAMED = 5


@dataclass(frozen=True)
class Filters:
    """Which calls are asked for: from a day on (UTC), of one agent; None is all."""

    since: date | None = None
    agent_id: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The filters as the SQL files name them."""
        return {"since": self.since, "agent_id": self.agent_id}


@dataclass(frozen=True)
class State:
    """What was asked: which file, and how fresh it is (UTC)."""

    path: Path
    is_copy: bool
    published_at: datetime | None
    newest_call_at: datetime | None


@dataclass(frozen=True)
class Answers:
    """All that a report says: rows by question, and the rows of the worst calls by call."""

    filters: Filters
    state: State
    agents: dict[str, str]
    headline: Row
    charts: dict[str, list[Row]]
    worst: list[Row]
    calls: list[Row]

    @property
    def period(self) -> str:
        """The days whose calls these are."""
        first, last = self.headline["first_day"], self.headline["last_day"]
        if first is None:
            return "none" if self.filters.since is None else f"none since {self.filters.since}"
        return f"{first}" if first == last else f"{first} to {last}"


def ask(
    settings: Settings,
    say: Callable[[str], None],
    since: date | None,
    agent: str | None,
    *,
    is_live: bool = False,
) -> Answers:
    """Ask the readers' copy; the warehouse itself where there is no copy, or where `is_live` says so.

    Raises UsageError for an agent without calls, WarehouseMissing without a file, and WarehouseError for one
    that another version of this package made.
    """
    is_copy = not is_live and settings.readers_copy.exists()
    warehouse = (
        Warehouse.at(settings.readers_copy, settings.lock_timeout_s)
        if is_copy
        else Warehouse.of(settings, say)
    )
    with warehouse.reading() as connection:
        if not schema.is_current(connection):
            command = "publish" if is_copy else "migrate"
            raise WarehouseError(
                f"{warehouse.path} was made by another version: run `python -m pipeline {command}` first"
            )
        return _answers(connection, Path(str(warehouse.path)), is_copy, since, agent)


def _answers(
    connection: Connection, path: Path, is_copy: bool, since: date | None, agent: str | None
) -> Answers:
    known = rows(connection, "agents")
    filters = Filters(since, None if agent is None else _agent_id(known, agent))
    state = State(path, is_copy, None, None)
    [fresh] = rows(connection, "published" if is_copy else "newest_call")
    worst = rows(connection, "worst_calls", **filters.parameters, count=_WORST_PER_KIND)
    call_ids = list(dict.fromkeys(row["call_id"] for row in worst))
    [headline], [cost] = (
        rows(connection, name, **filters.parameters) for name in ("headline", "headline_cost")
    )
    return Answers(
        filters,
        State(state.path, is_copy, fresh.get("published_at"), fresh["latest_call_at"]),
        _labels(known),
        headline | cost,
        {name: rows(connection, name, **filters.parameters) for name in CHARTED},
        worst,
        _calls(connection, call_ids),
    )


def rows(connection: Connection, name: str, **parameters: Any) -> list[Row]:
    """Return the rows of ``sql/report/<name>.sql``."""
    result = connection.exec_driver_sql(sql.read(f"report/{name}"), parameters or None)
    return [{column: _drawable(value) for column, value in row.items()} for row in result.mappings()]


def _drawable(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _calls(connection: Connection, call_ids: list[str]) -> list[Row]:
    """Return the calls, each with its rows of every other question about calls."""
    if not call_ids:
        return []
    found = {row["call_id"]: row for row in rows(connection, "calls", call_ids=call_ids)}
    for name in _OF_CALLS:
        for call in found.values():
            call[name] = []
        for row in rows(connection, name, call_ids=call_ids):
            found[row["call_id"]][name].append(row)
    return [found[call_id] for call_id in call_ids]


def _agent_id(known: list[Row], wanted: str) -> str:
    """Return the id of the agent that is meant by its id or by its name."""
    found = [row["agent_id"] for row in known if row["agent_id"] == wanted]
    found = found or [row["agent_id"] for row in known if row["agent_name"] == wanted]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UsageError(f"{len(found)} agents are called {wanted!r}: name one by its id: {', '.join(found)}")
    busiest = ", ".join(f"{row['agent_id']} ({row['agent_name']})" for row in known[:_MOST_NAMED])
    raise UsageError(f"no call is of an agent {wanted!r}: the busiest are {busiest or 'none yet'}")


def _labels(known: list[Row]) -> dict[str, str]:
    """Return what to call each agent: its name, with its id where the name alone does not tell."""
    names = [row["agent_name"] for row in known]
    return {
        row["agent_id"]: row["agent_name"]
        if row["agent_name"] and names.count(row["agent_name"]) == 1
        else f"{row['agent_name'] or 'agent'} {row['agent_id'][:8]}…"
        for row in known
    }
