"""Reads the rows that the report shows: each query is a file in `sql/report/` and reads the views.

Where there is a readers' copy it is read, so that a report never waits for a load; the page says which file
was read. A number that cannot be drawn, an infinite one, becomes None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
    "tool_times",
    "nodes",
    "costs",
)
# What is shown of the period before, too.
_BEFORE = ("latency", "success")
_OF_CALLS = ("turns", "speech", "gaps", "call_tools", "call_latency", "samples")
# For each kind of fault; a call can have several.
_WORST_PER_KIND = 6
_MOST_NAMED = 5


@dataclass(frozen=True)
class Filters:
    """The calls to report on: from a day on, of one agent; None means all."""

    since: date | None = None
    agent_id: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The filters as the SQL files name them."""
        return {"since": self.since, "agent_id": self.agent_id}

    def list_parameters(self, name: str) -> dict[str, Any]:
        """Return the filters as the file of a chart names them."""
        # Only what is shown of the period before has an end.
        return self.parameters | ({"until": None} if name in _BEFORE else {})


@dataclass(frozen=True)
class State:
    """The file that was read, how fresh it is (UTC), and the zone of its days and local times."""

    path: Path
    is_copy: bool
    published_at: datetime | None
    newest_call_at: datetime | None
    time_zone: str


@dataclass(frozen=True)
class Answers:
    """All rows of a report: those of each chart, of the period before, and of the worst calls."""

    filters: Filters
    state: State
    agents: dict[str, str]
    headline: Row
    charts: dict[str, list[Row]]
    worst: list[Row]
    calls: list[Row]
    before: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def period(self) -> str:
        """The days whose calls these are."""
        first, last = self.headline["first_day"], self.headline["last_day"]
        if first is None and self.headline["calls"]:
            return "no known day"
        if first is None:
            return "none" if self.filters.since is None else f"none since {self.filters.since}"
        return f"{first}" if first == last else f"{first} to {last}"

    def label_agent(self, agent_id: str | None) -> str:
        """Return what the page calls an agent."""
        return self.agents.get(agent_id or "", "no agent named")


def ask(
    settings: Settings,
    say: Callable[[str], None],
    since: date | None,
    agent: str | None,
    *,
    is_live: bool = False,
) -> Answers:
    """Read the readers' copy, or the warehouse itself where there is no copy or `is_live` asks for it.

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
        return _read_answers(connection, Path(str(warehouse.path)), is_copy, since, agent)


def _read_answers(
    connection: Connection, path: Path, is_copy: bool, since: date | None, agent: str | None
) -> Answers:
    known = read_rows(connection, "agents")
    filters = Filters(since, None if agent is None else _find_agent_id(known, agent))
    [fresh] = read_rows(connection, "published" if is_copy else "newest_call")
    worst = read_rows(connection, "worst_calls", **filters.parameters, count=_WORST_PER_KIND)
    call_ids = list(dict.fromkeys(row["call_id"] for row in worst))
    [headline], [cost] = (
        read_rows(connection, name, **filters.parameters) for name in ("headline", "headline_cost")
    )
    return Answers(
        filters,
        State(path, is_copy, fresh.get("published_at"), fresh["latest_call_at"], fresh["time_zone"]),
        _label_agents(known),
        headline | cost,
        {
            **{name: read_rows(connection, name, **filters.list_parameters(name)) for name in CHARTED},
            # Versions are compared whenever their calls were.
            "versions": read_rows(connection, "versions", agent_id=filters.agent_id),
        },
        worst,
        _read_calls(connection, call_ids),
        _read_before(connection, filters, headline["last_day"]),
    )


def _read_before(connection: Connection, filters: Filters, last_day: date | None) -> dict[str, list[Row]]:
    """Return the rows of as many days before the report's; a report of all days has none before it."""
    if filters.since is None or last_day is None:
        return {}
    length = last_day - filters.since + timedelta(days=1)
    earlier = {"since": filters.since - length, "until": filters.since, "agent_id": filters.agent_id}
    return {
        name: [
            # Each on the day of the report that is as far from its beginning.
            row | {"day": row["day"] + length, "before_day": row["day"]}
            for row in read_rows(connection, name, **earlier)
        ]
        for name in _BEFORE
    }


def read_rows(connection: Connection, name: str, **parameters: Any) -> list[Row]:
    """Return the rows of ``sql/report/<name>.sql``."""
    result = connection.exec_driver_sql(sql.read(f"report/{name}"), parameters or None)
    return [{column: _drop_infinite(value) for column, value in row.items()} for row in result.mappings()]


def _drop_infinite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read_calls(connection: Connection, call_ids: list[str]) -> list[Row]:
    """Return the calls, each with the rows of the other queries about it."""
    if not call_ids:
        return []
    found = {row["call_id"]: row for row in read_rows(connection, "calls", call_ids=call_ids)}
    for name in _OF_CALLS:
        for call in found.values():
            call[name] = []
        for row in read_rows(connection, name, call_ids=call_ids):
            found[row["call_id"]][name].append(row)
    return [found[call_id] for call_id in call_ids]


def _find_agent_id(known: list[Row], wanted: str) -> str:
    """Return the id of the agent with this id or this name."""
    found = [row["agent_id"] for row in known if row["agent_id"] == wanted]
    found = found or [row["agent_id"] for row in known if row["agent_name"] == wanted]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UsageError(f"{len(found)} agents are called {wanted!r}: name one by its id: {', '.join(found)}")
    busiest = ", ".join(f"{row['agent_id']} ({row['agent_name']})" for row in known[:_MOST_NAMED])
    raise UsageError(f"no call is of an agent {wanted!r}: the busiest are {busiest or 'none yet'}")


def _label_agents(known: list[Row]) -> dict[str, str]:
    """Return a label for each agent: its name, with the id where several have that name or it has none."""
    names = [row["agent_name"] for row in known]
    return {
        row["agent_id"]: row["agent_name"]
        if row["agent_name"] and names.count(row["agent_name"]) == 1
        else f"{row['agent_name'] or 'agent'} {row['agent_id'][:8]}…"
        for row in known
    }
