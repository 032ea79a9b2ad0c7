"""Tools by time, flows through nodes, fallbacks and custom analysis, held against plain Python."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from pipeline import sql
from support.random_rows import Row, Rows, ask, joined, make_call, warehouse_with

COUNT = 600
NODES = (("n1", "Ask"), ("n2", "Ask"), ("n3", "Book"), (None, "Bye"), ("n4", None))
MODELS = ("model_a", "model_b")
NAMES = ("intent", "score", "booked", "a/b", 'say "~1"', "9.$[*]")
Rng = np.random.Generator


def make_talk(rng: Rng, call_id: str) -> Rows:
    """Return turns and words; some overlap, some words have no time or were never spoken."""
    utterances, words = [], []
    now = 1.0
    for index in range(int(rng.integers(0, 9))):
        role = ("agent", "user")[index % 2]
        now = max(0.0, now + float(rng.choice([-0.5, 0.25, 2.0, 7.5])))
        at, spoken = now, []
        for word in range(int(rng.integers(1, 7))):
            kind = rng.random()
            length = 0.0 if kind < 0.1 else float(rng.integers(1, 9)) / 8
            is_timed = kind < 0.9
            words.append(
                {
                    "call_id": call_id,
                    "utterance_index": index,
                    "word_index": word,
                    "word": "said",
                    "start_s": at if is_timed else None,
                    "end_s": at + length if is_timed else None,
                    "role": role,
                    # Not known of words loaded before it was kept.
                    "is_spoken": None if kind > 0.5 else length > 0,
                }
            )
            if is_timed and length > 0:
                spoken.append((at, at + length))
            at += length + float(rng.choice([0.0, 0.125, 6.5], p=[0.5, 0.4, 0.1]))
        fallback = make_fallback(rng)
        utterances.append(
            fallback
            | {
                "call_id": call_id,
                "utterance_index": index,
                "role": role,
                "content": "said",
                "word_count": 1,
                "start_s": spoken[0][0] if spoken else None,
                "end_s": spoken[-1][1] if spoken else None,
            }
        )
        now = max(now, at)
    return {"utterances": utterances, "words": words}


def make_fallback(rng: Rng) -> Row:
    happened = rng.random() < 0.1
    return {
        "primary_model": MODELS[0] if happened else None,
        "backup_model": MODELS[int(rng.integers(2))] if happened else None,
        "fallback_reason": ["timeout", None][int(rng.integers(2))] if happened else None,
        "fallback_latency_ms": float(rng.integers(50, 900)) if happened and rng.random() < 0.8 else None,
    }


def make_tools(rng: Rng, call_id: str) -> list[Row]:
    tools = []
    for index in range(int(rng.integers(0, 5))):
        at = float(rng.integers(0, 240)) / 8 if rng.random() > 0.2 else None
        took = float(rng.integers(1, 80)) / 8 if at is not None and rng.random() > 0.2 else None
        tools.append(
            make_fallback(rng)
            | {
                "call_id": call_id,
                "tool_call_index": index,
                "name": ("book", "look_up")[int(rng.integers(2))],
                "result": None if took is None else "ok",
                "phase": "session" if rng.random() > 0.1 else "post_session",
                "invoked_at_s": at,
                "result_at_s": None if at is None or took is None else at + took,
                "latency_ms": None if took is None else took * 1000,
            }
        )
    return tools


def make_events(rng: Rng, call_id: str, turn_count: int) -> list[Row]:
    events: list[Row] = []
    node, at, turn = NODES[int(rng.integers(5))], 0.0, -1
    for index in range(int(rng.integers(0, 7))):
        if rng.random() < 0.2:
            events.append({"call_id": call_id, "event_index": index, "role": "dtmf", "event": {"digit": "1"}})
            continue
        new = NODES[int(rng.integers(5))]
        at += float(rng.integers(0, 80)) / 8
        turn = min(turn + int(rng.integers(0, 3)), turn_count - 1)
        events.append(
            {
                "call_id": call_id,
                "event_index": index,
                "role": "node_transition",
                "utterance_index": turn if turn >= 0 else None,
                "phase": "session",
                "at_s": at if rng.random() > 0.3 else None,
                "event": {
                    "role": "node_transition",
                    "former_node_id": node[0],
                    "former_node_name": node[1],
                    "new_node_id": new[0],
                    "new_node_name": new[1],
                },
            }
        )
        node = new
    return [{"phase": "session", "utterance_index": None, "at_s": None} | event for event in events]


def make_analysis(rng: Rng, call_id: str) -> Row:
    values: list[Any] = [
        "book",
        " book",
        "cancel",
        "",
        " ",
        "4",
        True,
        False,
        4,
        2.5,
        -1,
        None,
        ["x"],
        {"y": 1},
    ]
    found = {name: values[int(rng.integers(len(values)))] for name in NAMES if rng.random() > 0.3}
    return {"call_id": call_id, "custom_analysis_data": found if rng.random() > 0.1 else None}


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(11)
    parts: list[Rows] = []
    for number in range(COUNT):
        call = make_call(rng, number, days=5)
        call_id = call["call_id"]
        talk = make_talk(rng, call_id)
        parts.append(talk | {"calls": [call], "call_analysis": [make_analysis(rng, call_id)]})
        parts.append({"tool_calls": make_tools(rng, call_id)})
        parts.append({"transcript_events": make_events(rng, call_id, len(talk["utterances"]))})
    return joined(parts)


@pytest.fixture(scope="module")
def connection(rows: Rows) -> Iterator[sa.Connection]:
    with warehouse_with(rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def calls(rows: Rows) -> dict[str, Row]:
    return {call["call_id"]: call for call in rows["calls"]}


def key_of(call: Row) -> tuple[str | None, str | None]:
    return call["day"], call["agent_id"]


def key_of_row(row: Row) -> tuple[str | None, str | None]:
    return None if row["day"] is None else row["day"].isoformat(), row["agent_id"]


def by_call(lines: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        grouped[line["call_id"]].append(line)
    return grouped


def quantiles(values: list[float], *levels: float) -> list[float | None]:
    return [float(np.quantile(values, level)) for level in levels] if values else [None] * len(levels)


def near(found: list[float | None], wanted: list[float | None]) -> bool:
    if [value is None for value in found] != [value is None for value in wanted]:
        return False
    return [value or 0 for value in found] == pytest.approx([value or 0 for value in wanted], abs=1e-6)


def dead_air(tool: Row, words: list[Row]) -> float | None:
    """Return the silence after an invocation, on the line of all spoken words of the call; None up to 5 s."""
    at = tool["invoked_at_s"]
    spoken = [(word["start_s"], word["end_s"]) for word in words if word["start_s"] is not None]
    spoken = [(start, end) for start, end in spoken if end > start]
    later = [start for start, _ in spoken if start > at]
    if not later:
        return None
    since = max([at, *(end for start, end in spoken if start <= at)])
    silence = min(later) - since
    return silence if silence > 5 else None


def test_dead_air_after_a_tool_is_that_of_the_words(connection: sa.Connection, rows: Rows) -> None:
    words = by_call(rows["words"])
    found = {(row["call_id"], row["tool_call_index"]): row for row in ask(connection, "from tool_details")}
    assert len(found) == len(rows["tool_calls"])
    counted: Counter[bool | None] = Counter()
    for tool in rows["tool_calls"]:
        row = found[tool["call_id"], tool["tool_call_index"]]
        is_asked = tool["invoked_at_s"] is not None and tool["phase"] == "session"
        wanted = dead_air(tool, words[tool["call_id"]]) if is_asked else None
        assert near([row["dead_air_s"]], [wanted]), tool
        assert row["has_dead_air"] is ((wanted is not None) if is_asked else None)
        assert row["latency_ms"] == tool["latency_ms"]
        counted[row["has_dead_air"]] += 1
    assert min(counted.values()) > 50
    assert len(counted) == 3


def test_latency_of_tools_is_pooled_over_invocations(
    connection: sa.Connection, rows: Rows, calls: dict[str, Row]
) -> None:
    words = by_call(rows["words"])
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for tool in rows["tool_calls"]:
        groups[(*key_of(calls[tool["call_id"]]), tool["name"])].append(tool)
    found = ask(connection, "from daily_tools")
    assert {(*key_of_row(row), row["name"]) for row in found} == set(groups)
    for row in found:
        tools = groups[(*key_of_row(row), row["name"])]
        took = [tool["latency_ms"] for tool in tools if tool["latency_ms"] is not None]
        assert (row["invocations"], row["timed_invocations"]) == (len(tools), len(took))
        names = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms")
        assert near([row[name] for name in names], quantiles(took, 0.5, 0.95, 0.99))
        dead = [
            tool
            for tool in tools
            if tool["phase"] == "session"
            and tool["invoked_at_s"] is not None
            and dead_air(tool, words[tool["call_id"]]) is not None
        ]
        assert row["dead_air_invocations"] == len(dead)


def test_fallbacks_are_counted_over_turns_and_tools(
    connection: sa.Connection, rows: Rows, calls: dict[str, Row]
) -> None:
    groups: dict[tuple[Any, ...], list[tuple[str, Row]]] = defaultdict(list)
    models = ("primary_model", "backup_model", "fallback_reason")
    for table in ("utterances", "tool_calls"):
        for line in rows[table]:
            if line["primary_model"]:
                key = (*key_of(calls[line["call_id"]]), *(line[name] for name in models))
                groups[key].append((table, line))
    found = ask(connection, "from daily_model_fallbacks")
    assert {(*key_of_row(row), *(row[name] for name in models)) for row in found} == set(groups)
    for row in found:
        lines = groups[(*key_of_row(row), *(row[name] for name in models))]
        tables = Counter(table for table, _ in lines)
        assert (row["turns"], row["tool_invocations"]) == (tables["utterances"], tables["tool_calls"])
        assert row["calls"] == len({line["call_id"] for _, line in lines})
        took = [line["fallback_latency_ms"] for _, line in lines if line["fallback_latency_ms"] is not None]
        assert near([row["fallback_p50_ms"], row["fallback_p95_ms"]], quantiles(took, 0.5, 0.95))


def test_custom_values_come_back_as_they_were_sent(connection: sa.Connection, rows: Rows) -> None:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in ask(connection, "from custom_analysis_values"):
        column = {"text": "text_value", "number": "number_value", "flag": "flag_value"}.get(row["type"])
        value = row[column] if column else row["text_value"] and json.loads(row["text_value"])
        found[row["call_id"]][row["name"]] = value
        kinds = {"list": list, "object": dict, "null": type(None), "text": str, "number": float, "flag": bool}
        assert type(value) is kinds[row["type"]]
    wanted = {row["call_id"]: row["custom_analysis_data"] for row in rows["call_analysis"]}
    assert found == {call_id: values for call_id, values in wanted.items() if values}


def test_custom_analysis_of_a_day_is_that_of_its_calls(
    connection: sa.Connection, rows: Rows, calls: dict[str, Row]
) -> None:
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows["call_analysis"]:
        for name, value in (row["custom_analysis_data"] or {}).items():
            if value is not None and not (isinstance(value, str) and not value.strip()):
                groups[(*key_of(calls[row["call_id"]]), name)].append(value)
    found = ask(connection, "from daily_custom_analysis")
    assert {(*key_of_row(row), row["name"]) for row in found} == set(groups)
    for row in found:
        values = groups[(*key_of_row(row), row["name"])]
        flags = [value for value in values if isinstance(value, bool)]
        numbers = [
            value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        texts = Counter(value.strip() for value in values if isinstance(value, str))
        assert (row["calls"], row["flag_calls"], row["true_calls"]) == (len(values), len(flags), sum(flags))
        assert (row["number_calls"], row["text_calls"]) == (len(numbers), texts.total())
        assert near([row["true_rate"]], [sum(flags) / len(flags) if flags else None])
        assert near([row["average_number"]], [sum(numbers) / len(numbers) if numbers else None])
        top = min(texts, key=lambda text: (-texts[text], text)) if texts else None
        assert (row["distinct_texts"], row["top_text"]) == (len(texts), top)
        assert row["top_text_calls"] == (texts[top] if top else 0)


def walked(rows: Rows, calls: dict[str, Row]) -> list[Row]:
    """Return the visits of all calls, walking through the events of each."""
    turns = by_call(rows["utterances"])
    visits = []
    for call_id, events in by_call(rows["transcript_events"]).items():
        of_call: list[Row] = []
        is_over = calls[call_id]["call_status"] == "ended"
        for event in events:
            if event["role"] != "node_transition":
                continue
            item, turn = event["event"], event["utterance_index"]
            if not of_call:
                names = (item["former_node_id"], item["former_node_name"])
                of_call.append({"node": names, "entered": 0.0, "turns": 0})
            said = turns[call_id][turn]["end_s"] if turn is not None else None
            at = event["at_s"] if event["at_s"] is not None else said
            names = (item["new_node_id"], item["new_node_name"])
            of_call.append({"node": names, "entered": at, "turns": 0 if turn is None else turn + 1})
        for index, visit in enumerate(of_call):
            after = of_call[index + 1] if index + 1 < len(of_call) else None
            if after:
                left, until = after["entered"], after["turns"]
            else:
                length = calls[call_id]["duration_ms"]
                left = length / 1000 if is_over and length is not None else None
                until = len(turns[call_id])
            is_known = left is not None and visit["entered"] is not None and left >= visit["entered"]
            visits.append(
                {
                    "call_id": call_id,
                    "visit_index": index,
                    "node": visit["node"],
                    "entered_at_s": visit["entered"],
                    "left_at_s": left,
                    "dwell_s": left - visit["entered"] if is_known else None,
                    "next": after["node"] if after else (None, None),
                    "is_call_end": after is None and is_over,
                    "turns": until - visit["turns"],
                }
            )
    return visits


def test_visits_are_those_of_a_walk_through_the_events(
    connection: sa.Connection, rows: Rows, calls: dict[str, Row]
) -> None:
    wanted = {(visit["call_id"], visit["visit_index"]): visit for visit in walked(rows, calls)}
    found = ask(connection, "from node_visits")
    assert len(found) == len(wanted) > COUNT
    for row in found:
        visit = wanted[row["call_id"], row["visit_index"]]
        assert (row["node_id"], row["node_name"]) == visit["node"]
        assert (row["next_node_id"], row["next_node_name"]) == visit["next"]
        assert (row["is_call_end"], row["turns"]) == (visit["is_call_end"], visit["turns"])
        times = ("entered_at_s", "left_at_s", "dwell_s")
        assert near([row[name] for name in times], [visit[name] for name in times])


def test_the_funnel_counts_visits_by_the_id_of_the_node(
    connection: sa.Connection, rows: Rows, calls: dict[str, Row]
) -> None:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for visit in walked(rows, calls):
        call, (node_id, name) = calls[visit["call_id"]], visit["node"]
        version = {"3.0": "3"}.get(call["agent_version"], call["agent_version"])
        groups[call["agent_id"], version, node_id or f"named {name}"].append(visit)
    found = ask(connection, "from node_funnel")
    assert len(found) == len(groups)
    for row in found:
        node = row["node_id"] or f"named {row['node_name']}"
        visits = groups[row["agent_id"], row["agent_version"], node]
        ended = sum(visit["is_call_end"] for visit in visits)
        assert (row["entries"], row["drop_offs"]) == (len(visits), ended)
        assert row["drop_off_rate"] == pytest.approx(ended / len(visits))
        assert row["calls"] == len({visit["call_id"] for visit in visits})
        dwells = [visit["dwell_s"] for visit in visits if visit["dwell_s"] is not None]
        assert row["timed_entries"] == len(dwells)
        assert near([row["dwell_p50_s"], row["dwell_p95_s"]], quantiles(dwells, 0.5, 0.95))
        steps = Counter(visit["next"] for visit in visits if visit["next"] != (None, None))
        assert row["next_node_entries"] == max(steps.values(), default=0)
        if steps:
            most = {step for step, times in steps.items() if times == row["next_node_entries"]}
            first = min(most, key=lambda step: (step[0] is None, step[0]))
            assert (row["next_node_id"], row["next_node_name"]) == first


def test_agents_and_versions_are_those_of_the_calls(connection: sa.Connection, rows: Rows) -> None:
    versions: dict[tuple[str | None, str | None], list[Row]] = defaultdict(list)
    for call in rows["calls"]:
        version = {"3.0": "3"}.get(call["agent_version"], call["agent_version"])
        versions[call["agent_id"], version].append(call)
    found = ask(connection, "from agent_versions")
    assert {(row["agent_id"], row["agent_version"]): row["calls"] for row in found} == {
        key: len(of_version) for key, of_version in versions.items()
    }
    for row in ask(connection, "from agents"):
        of_agent = [call for call in rows["calls"] if call["agent_id"] == row["agent_id"]]
        named = {version for agent, version in versions if agent == row["agent_id"] and version is not None}
        assert (row["calls"], row["versions"]) == (len(of_agent), len(named))
        moments = [call["dated_at"] for call in of_agent if call["dated_at"]]
        assert (row["first_call_at"].isoformat(), row["last_call_at"].isoformat()) == (
            min(moments),
            max(moments),
        )
        names = [call for call in of_agent if call["agent_name"] and call["dated_at"]]
        assert (
            row["agent_name"]
            == max(names, key=lambda call: (call["dated_at"], call["call_id"]))["agent_name"]
        )


def test_stored_answers_are_those_that_are_computed(rows: Rows) -> None:
    views = ("daily_tools", "daily_model_fallbacks", "daily_custom_analysis")
    # A day that is not known is never stored, and what is gathered hides its calls.
    asked = "select * from {} where day is not null order by all"
    with warehouse_with(rows) as connection:
        computed = {view: ask(connection, asked.format(view)) for view in views}
        bounds = {"most_calls": COUNT, "part_calls": COUNT}
        connection.exec_driver_sql(sql.read("stored/gathered_days"), bounds)
        connection.exec_driver_sql(sql.read("stored/gathered_calls"))
        connection.exec_driver_sql(sql.read("stored/refreshed_days"), {"part": 0})
        for name in (*(f"stored_{view}" for view in views), "stored_days"):
            connection.exec_driver_sql(sql.read(f"stored/{name}"))
        for view in views:
            assert len(ask(connection, f"from stored_{view}")) == len(computed[view])
            stored = ask(connection, asked.format(view))
            for row, wanted in zip(stored, computed[view], strict=True):
                assert row == pytest.approx(wanted)
