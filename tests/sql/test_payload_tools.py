"""Tools, models and nodes of odd calls, held against plain Python on the payloads themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest

from support.odd_calls import Told
from support.read_calls import Item, Read, Tool


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-6)


def levels(values: list[float], *percents: float) -> list[Any]:
    return [near(float(np.percentile(values, percent)) if values else None) for percent in percents]


def wait_after(read: Read, tool: Tool) -> float | None:
    """Return the seconds without a word after an invocation, where a word follows."""
    if tool.invoked_at_s is None or tool.phase != "session":
        return None
    words = [word for turn in read.turns for word in turn.spoken]
    at = round(tool.invoked_at_s * 1000)
    since = max([at, *(word.end_ms for word in words if word.start_ms <= at < word.end_ms)])
    follows = min((word.start_ms for word in words if word.start_ms > at), default=None)
    return None if follows is None else max(0, follows - since) / 1000


def has_dead_air(read: Read, tool: Tool) -> bool | None:
    if tool.invoked_at_s is None or tool.phase != "session":
        return None
    return (wait_after(read, tool) or 0) > 5


def test_every_invocation_is_told_with_what_was_said_around_it(told: Told) -> None:
    rows = {(row["call_id"], row["tool_call_index"]): row for row in told.ask("from tool_details")}
    assert len(rows) == sum(len(read.tools) for read in told.reads)
    dead = 0
    for read in told.reads:
        for index, tool in enumerate(read.tools):
            row, result = rows[read.call_id, index], tool.result or {}
            assert {name: row[name] for name in ("name", "type", "arguments")} == {
                name: tool.item.get(name) for name in ("name", "type", "arguments")
            }
            assert (row["phase"], row["is_orphan"]) == (tool.phase, tool.result is None)
            assert (row["result"], row["successful"]) == (result.get("content"), result.get("successful"))
            for side, place in (("before", tool.before), ("after", tool.after)):
                assert row[f"utterance_index_{side}"] == place, (read.call_id, index, side)
                turn = None if place is None else read.turns[place]
                assert row[f"role_{side}"] == (turn and turn.role)
                assert row[f"said_{side}"] == (turn and turn.content)
            assert (row["invoked_at_s"], row["result_at_s"]) == (tool.invoked_at_s, tool.result_at_s)
            assert row["latency_ms"] == near(tool.latency_ms)
            wait = wait_after(read, tool)
            assert row["has_dead_air"] == has_dead_air(read, tool), (read.call_id, index)
            assert row["dead_air_s"] == near(wait if wait is not None and wait > 5 else None)
            dead += bool(row["has_dead_air"])
    assert dead


def test_an_id_that_is_used_again_has_the_next_result(told: Told) -> None:
    repeated = 0
    for read in told.reads:
        ids = Counter(tool.item["tool_call_id"] for tool in read.tools)
        repeated += any(count > 1 for count in ids.values())
    assert repeated
    [row] = told.ask(
        'select count(*) as calls from tool_calls where result = \'{"status": "ok", "attempt": 2}\''
    )
    assert row["calls"] == repeated


def test_tools_of_a_day_are_those_of_its_payloads(told_by_day: Told) -> None:
    groups: dict[Any, list[tuple[Read, Tool]]] = defaultdict(list)
    for read in told_by_day.reads:
        for tool in read.tools:
            groups[*read.key, tool.item["name"]].append((read, tool))
    rows = told_by_day.ask("from daily_tools")
    assert {(row["day"], row["agent_id"], row["name"]) for row in rows} == groups.keys()
    for row in rows:
        tools = groups[row["day"], row["agent_id"], row["name"]]
        results = [tool.result for _, tool in tools if tool.result is not None]
        judged = [result["successful"] for result in results if result.get("successful") is not None]
        took = [tool.latency_ms for _, tool in tools if tool.latency_ms is not None]
        assert (row["invocations"], row["results"]) == (len(tools), len(results))
        assert (row["judged_invocations"], row["successful_invocations"]) == (len(judged), sum(judged))
        assert row["success_rate"] == near(sum(judged) / len(judged) if judged else None)
        assert row["orphan_rate"] == near(1 - len(results) / len(tools))
        assert row["timed_invocations"] == len(took)
        found = [row[f"latency_p{percent}_ms"] for percent in (50, 95, 99)]
        assert found == levels(took, 50, 95, 99)
        assert row["dead_air_invocations"] == sum(bool(has_dead_air(*pair)) for pair in tools)


def test_tools_by_their_position_are_those_of_the_payloads(told: Told) -> None:
    groups: dict[Any, list[Tool]] = defaultdict(list)
    for read in told.reads:
        for index, tool in enumerate(read.tools):
            groups[tool.item["name"], index].append(tool)
    rows = told.ask("from tool_positions")
    assert len(rows) == len(groups)
    for row in rows:
        tools = groups[row["name"], row["tool_call_index"]]
        assert row["invocations"] == len(tools)
        assert row["orphans"] == sum(tool.result is None for tool in tools)
        assert row["before_any_word"] == sum(tool.before is None for tool in tools)


def test_models_that_took_the_place_of_others_are_those_of_the_payloads(told_by_day: Told) -> None:
    groups: dict[Any, list[tuple[str, str, float | None]]] = defaultdict(list)
    for read in told_by_day.reads:
        noted = [("turns", turn.metadata) for turn in read.turns]
        noted += [("tool_invocations", tool.item.get("metadata")) for tool in read.tools]
        for kind, metadata in noted:
            used = (metadata or {}).get("backup_model_used")
            if used:
                key = (*read.key, used["primary_model"], used["backup_model"], used["reason"])
                groups[key].append((kind, read.call_id, used.get("selection_latency_ms")))
    rows = told_by_day.ask("from daily_model_fallbacks")
    assert len(rows) == len(groups) > 10
    for row in rows:
        names = ("day", "agent_id", "primary_model", "backup_model", "fallback_reason")
        noted_here = groups[tuple(row[name] for name in names)]
        kinds = Counter(kind for kind, _, _ in noted_here)
        assert (row["turns"], row["tool_invocations"]) == (kinds["turns"], kinds["tool_invocations"])
        assert row["calls"] == len({call_id for _, call_id, _ in noted_here})
        took = [ms for _, _, ms in noted_here if ms is not None]
        assert [row["fallback_p50_ms"], row["fallback_p95_ms"]] == levels(took, 50, 95)


def test_what_else_is_woven_is_an_event(told: Told) -> None:
    rows: dict[str, list[Any]] = defaultdict(list)
    columns = "call_id, phase, role, utterance_index, at_s"
    for row in told.ask(f"select {columns} from transcript_events order by call_id, event_index"):
        rows[row.pop("call_id")].append(tuple(row.values()))
    for read in told.reads:
        wanted = [
            (event.phase, event.item["role"], event.before, event.item.get("time_sec"))
            for event in read.events
        ]
        assert rows[read.call_id] == wanted, read.call_id
    only_woven = [event for read in told.reads for event in read.events if "words" in event.item]
    [check] = told.ask(
        "select offending_rows from check_results where check_name = 'turns_without_utterance'"
    )
    assert check["offending_rows"] == len(only_woven) > 10


class Visit(NamedTuple):
    """A visit of a node."""

    item: tuple[str | None, str | None]
    entered_at_s: float | None
    left_at_s: float | None
    next_node: tuple[str | None, str | None]
    is_call_end: bool
    turns: int

    @property
    def dwell_s(self) -> float | None:
        if self.entered_at_s is None or self.left_at_s is None or self.left_at_s < self.entered_at_s:
            return None
        return self.left_at_s - self.entered_at_s


def visits_of(read: Read) -> list[Visit]:
    """Walk through the transitions of a call."""
    entries: list[tuple[tuple[str | None, str | None], float | None, int]] = []
    for _, item, before in read.events:
        if item["role"] == "node_transition":
            if not entries:
                entries.append((node(item, "former"), 0.0, 0))
            spoken = [] if before is None else read.turns[before].spoken
            said_until = max((word.end_ms for word in spoken), default=None)
            at = item.get("time_sec", None if said_until is None else said_until / 1000)
            entries.append((node(item, "new"), at, 0 if before is None else before + 1))
    words = [word.end_ms for turn in read.turns if turn.role in ("agent", "user") for word in turn.spoken]
    end = None
    if read.is_over:
        last_s = max(words) / 1000 if words else None
        end = last_s if read.duration_ms is None else read.duration_ms / 1000
    visits = []
    for number, (name, entered, turns) in enumerate(entries):
        follows = entries[number + 1] if number + 1 < len(entries) else None
        left, until = (follows[1], follows[2]) if follows else (end, len(read.turns))
        next_node = follows[0] if follows else (None, None)
        is_end = follows is None and read.is_over
        visits.append(Visit(name, entered, left, next_node, is_end, until - turns))
    return visits


def node(item: Item, which: str) -> tuple[str | None, str | None]:
    return item.get(f"{which}_node_id"), item.get(f"{which}_node_name")


def test_visits_of_nodes_are_those_of_a_walk_through_the_payload(told: Told) -> None:
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in told.ask("from node_visits order by call_id, visit_index"):
        rows[row["call_id"]].append(row)
    assert sum(map(len, rows.values())) > 100
    for read in told.reads:
        visits = visits_of(read)
        assert len(rows[read.call_id]) == len(visits)
        for row, visit in zip(rows[read.call_id], visits, strict=True):
            assert (row["node_id"], row["node_name"]) == visit.item
            assert (row["next_node_id"], row["next_node_name"]) == visit.next_node
            assert row["entered_at_s"] == near(visit.entered_at_s), (read.call_id, visit)
            assert row["left_at_s"] == near(visit.left_at_s), (read.call_id, visit)
            assert row["dwell_s"] == near(visit.dwell_s)
            assert (row["is_call_end"], row["turns"]) == (visit.is_call_end, visit.turns), read.call_id


def test_the_funnel_counts_the_visits_of_the_payloads(told: Told) -> None:
    groups: dict[Any, list[tuple[Read, Visit]]] = defaultdict(list)
    for read in told.reads:
        for visit in visits_of(read):
            groups[read.agent, read.version, visit.item[0] or visit.item[1]].append((read, visit))
    rows = told.ask("from node_funnel")
    assert len(rows) == len(groups)
    for row in rows:
        pairs = groups[row["agent_id"], row["agent_version"], row["node_id"] or row["node_name"]]
        ends = sum(visit.is_call_end for _, visit in pairs)
        dwells = [visit.dwell_s for _, visit in pairs if visit.dwell_s is not None]
        onward = Counter(visit.next_node[0] for _, visit in pairs if visit.next_node[0] is not None)
        assert (row["entries"], row["drop_offs"]) == (len(pairs), ends)
        assert row["drop_off_rate"] == near(ends / len(pairs))
        assert row["calls"] == len({read.call_id for read, _ in pairs})
        assert row["timed_entries"] == len(dwells)
        assert [row["dwell_p50_s"], row["dwell_p95_s"]] == levels(dwells, 50, 95)
        most = max(onward.values(), default=0)
        assert row["next_node_entries"] == most
        wanted = min((name for name, count in onward.items() if count == most), default=None)
        assert row["next_node_id"] == wanted
