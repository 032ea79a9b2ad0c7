"""The numeric views over simulated calls of both generations, held against numpy on the payloads themselves.

The reference shares nothing with the SQL: it draws every call as a line of milliseconds, one array a party,
and reads talk, silence and overlap off it; it counts what goes on at once by asking at every start.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest

from support.simulated import METRICS, Call, as_today, loaded, v1_calls
from support.warehouse_files import Place

NEVER = {"dial_busy", "dial_failed", "dial_no_answer", "concurrency_limit_reached"}
# More of them, as in `SIMULATED_CALLS=4000 pytest tests/sql/test_views_numpy.py`, take longer.
COUNT = int(os.environ.get("SIMULATED_CALLS", "500"))


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    rng = np.random.default_rng(5)
    return [as_today(call, rng) if index % 2 else call for index, call in enumerate(v1_calls(COUNT))]


@pytest.fixture(scope="module")
def place(calls: list[Call]) -> Iterator[Place]:
    with TemporaryDirectory() as folder:
        yield loaded(Path(folder), calls)


def ask(place: Place, statement: str) -> list[dict[str, Any]]:
    with place.warehouse.reading() as connection:
        return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def start(call: Call) -> datetime | None:
    stamp = call.get("start_timestamp")
    return None if stamp is None else datetime.fromtimestamp(stamp / 1000, UTC).replace(tzinfo=None)


def end(call: Call) -> datetime | None:
    stamp = call.get("end_timestamp")
    return None if stamp is None else datetime.fromtimestamp(stamp / 1000, UTC).replace(tzinfo=None)


def day(call: Call) -> date | None:
    """Return the day of the start, else of the end: a backfill knows no other."""
    started = start(call) or end(call)
    return started and started.date()


def is_over(call: Call) -> bool:
    return call["call_status"] not in ("registered", "ongoing")


def is_connected(call: Call) -> bool:
    return (
        start(call) is not None
        and call["call_status"] != "registered"
        and call.get("disconnection_reason") not in NEVER
    )


class Talk(NamedTuple):
    """What the line of milliseconds says of a call."""

    measures: dict[str, float]
    gaps: dict[tuple[int, str], int]


def drawn(call: Call, tool_turns: set[int]) -> Talk | None:
    """Measure a call on a line of milliseconds; None without a word. Simulated calls have two parties."""
    spoken = [
        (turn["role"], index, round(word["start"] * 1000), round(word["end"] * 1000))
        for index, turn in enumerate(call.get("transcript_object", []))
        for word in turn["words"]
    ]
    if not spoken:
        return None
    end = max(word[3] for word in spoken)
    lines = {role: np.full(end, -1, dtype=np.int16) for role in ("agent", "user")}
    for role, index, from_ms, to_ms in spoken:
        lines[role][from_ms:to_ms] = index
    agent, user = lines["agent"] >= 0, lines["user"] >= 0
    first = min(word[2] for word in spoken)
    heard = (agent | user)[first:]
    both = agent & user
    interrupting = np.maximum(lines["agent"], lines["user"])[both]
    by = {
        "agent": interrupting[lines["agent"][both] == interrupting],
        "user": interrupting[lines["user"][both] == interrupting],
    }
    edges = np.flatnonzero(np.diff(heard.astype(int)))
    silences = list(zip(edges[::2] + 1 + first, edges[1::2] + 1 + first, strict=True))
    lengths = np.array([to - since for since, to in silences])
    owner: Counter[str] = Counter()
    for since, to in silences:
        owner[turn_of(lines, int(since), int(to), tool_turns)] += int(to - since)
    gaps = answers(spoken)
    measures: dict[str, float] = {
        "agent_talk_s": agent.sum() / 1000,
        "user_talk_s": user.sum() / 1000,
        "overlap_s": both.sum() / 1000,
        "silence_s": (~heard).sum() / 1000,
        "longest_silence_s": lengths.max(initial=0) / 1000,
        "long_silence_s": lengths[lengths > 2000].sum() / 1000,
        "dead_air_s": lengths[lengths > 5000].sum() / 1000,
        "agent_silence_s": owner["agent"] / 1000,
        "user_silence_s": owner["user"] / 1000,
        "agent_interruption_count": len(set(by["agent"].tolist())),
        "user_interruption_count": len(set(by["user"].tolist())),
        "agent_interruption_ms": len(by["agent"]),
        "user_interruption_ms": len(by["user"]),
    }
    for role in ("agent", "user"):
        of_role = [gap for (_, said_by), gap in gaps.items() if said_by == role]
        measures[f"{role}_response_count"] = len(of_role)
        if of_role:
            measures[f"{role}_response_p50_ms"] = float(np.percentile(of_role, 50))
            measures[f"{role}_response_p95_ms"] = float(np.percentile(of_role, 95))
        longest = monologue(spoken, role)
        if longest is not None:
            measures[f"{role}_longest_monologue_s"] = longest / 1000
    return Talk(measures, gaps)


def turn_of(lines: dict[str, np.ndarray[Any, Any]], since: int, to: int, tool_turns: set[int]) -> str:
    """Whose turn a silence was, by who is on the line right before and right after it."""
    before = max(lines, key=lambda role: lines[role][since - 1])
    # Where both begin at once, the earlier turn comes first.
    after = min((role for role in lines if lines[role][to] >= 0), key=lambda role: lines[role][to])
    if before != after or lines[before][since - 1] == lines[after][to]:
        return after
    if after == "agent" and lines[before][since - 1] not in tool_turns:
        return "user"
    return "agent"


def answers(spoken: list[tuple[str, int, int, int]]) -> dict[tuple[int, str], int]:
    """Return the gap before each turn that answers the other party."""
    begins: dict[int, tuple[int, str]] = {}
    for role, index, from_ms, _ in spoken:
        begins[index] = min(begins.get(index, (from_ms, role)), (from_ms, role))
    places = np.array([(from_ms, index, to_ms) for _, index, from_ms, to_ms in spoken])
    roles = {index: role for role, index, _, _ in spoken}
    found = {}
    for index, (from_ms, role) in begins.items():
        is_earlier = (places[:, 0] < from_ms) | ((places[:, 0] == from_ms) & (places[:, 1] < index))
        earlier = places[is_earlier]
        if len(earlier):
            ended = int(earlier[:, 2].max())
            last = int(earlier[earlier[:, 2] == ended, 1].max())
            if roles[last] != role and ended <= from_ms:
                found[index, role] = from_ms - ended
    return found


def monologue(spoken: list[tuple[str, int, int, int]], role: str) -> int | None:
    """Return the longest stretch of words of one role in the order in which words begin."""
    longest: int | None = None
    since = until = -1
    before = ""
    for said_by, _, from_ms, to_ms in sorted(spoken, key=lambda word: (word[2], word[1])):
        if said_by == role:
            if before != role:
                since, until = from_ms, to_ms
            until = max(until, to_ms)
            longest = max(longest or 0, until - since)
        before = said_by
    return longest


@pytest.fixture(scope="module")
def talks(calls: list[Call], place: Place) -> dict[str, Talk]:
    tool_turns: dict[str, set[int]] = defaultdict(set)
    for row in ask(place, "select call_id, utterance_index from tool_calls"):
        tool_turns[row["call_id"]].add(row["utterance_index"])
    found = {call["call_id"]: drawn(call, tool_turns[call["call_id"]]) for call in calls}
    return {call_id: talk for call_id, talk in found.items() if talk is not None}


def test_conversations_are_those_of_the_line_of_milliseconds(place: Place, talks: dict[str, Talk]) -> None:
    rows = {row["call_id"]: row for row in ask(place, "select * from conversations")}
    assert {call_id for call_id, row in rows.items() if row["first_word_s"] is not None} == set(talks)
    assert len(talks) > COUNT / 2
    for call_id, talk in talks.items():
        row = rows[call_id]
        assert {name: row[name] for name in talk.measures} == pytest.approx(talk.measures, abs=1e-6), call_id
    assert sum(talk.measures["overlap_s"] for talk in talks.values()) > COUNT / 20
    assert sum(talk.measures["dead_air_s"] for talk in talks.values()) > 100


def test_response_gaps_of_a_day_are_pooled_over_turns(
    calls: list[Call], place: Place, talks: dict[str, Talk]
) -> None:
    pooled: dict[tuple[date | None, str, str], list[int]] = defaultdict(list)
    for call in calls:
        if call["call_id"] in talks:
            for (_, role), gap in talks[call["call_id"]].gaps.items():
                pooled[day(call), call["agent_id"], role].append(gap)
    rows = {(row["day"], row["agent_id"]): row for row in ask(place, "select * from daily_conversations")}
    assert len(pooled) > 100
    for (on, agent, role), gaps in pooled.items():
        found = [rows[on, agent][f"{role}_response_{level}_ms"] for level in ("p50", "p95")]
        assert found == pytest.approx(np.percentile(gaps, (50, 95)).tolist())


def test_ratios_of_a_day_are_of_sums(calls: list[Call], place: Place, talks: dict[str, Talk]) -> None:
    sums: dict[tuple[date | None, str], np.ndarray[Any, Any]] = defaultdict(lambda: np.zeros(4))
    for call in calls:
        if call["call_id"] in talks:
            told = talks[call["call_id"]].measures
            names = ("agent_talk_s", "user_talk_s", "silence_s", "overlap_s")
            sums[day(call), call["agent_id"]] += [told[name] for name in names]
    for row in ask(place, "select * from daily_conversations where timed_calls > 0"):
        agent, user, silence, overlap = sums[row["day"], row["agent_id"]]
        assert row["agent_talk_ratio"] == pytest.approx(agent / (agent + user))
        assert row["silence_rate"] == pytest.approx(silence / (agent + user - overlap + silence))


def test_outcomes_of_a_day_are_those_of_the_payloads(calls: list[Call], place: Place) -> None:
    groups: dict[tuple[date | None, str], list[Call]] = defaultdict(list)
    for call in calls:
        groups[day(call), call["agent_id"]].append(call)
    rows = ask(place, "select * from daily_outcomes")
    assert {(row["day"], row["agent_id"]) for row in rows} == set(groups)
    for row in rows:
        members = groups[row["day"], row["agent_id"]]
        over = [call for call in members if is_over(call)]
        connected = [call for call in over if is_connected(call)]
        told = [call.get("call_analysis", {}) for call in connected]
        verdicts = [one["call_successful"] for one in told if "call_successful" in one]
        ratings = [one["call_completion_rating"] for one in told if one.get("call_completion_rating")]
        people = [call for call in connected if call["disconnection_reason"] != "machine_detected"]
        durations = [call["end_timestamp"] - call["start_timestamp"] for call in connected]
        early = [
            call
            for call in people
            if call["disconnection_reason"] == "user_hangup"
            and call["end_timestamp"] - call["start_timestamp"] < 10_000
        ]
        assert (row["calls"], row["over_calls"]) == (len(members), len(over))
        assert (row["connected_calls"], row["conversations"]) == (len(connected), len(people))
        assert row["success_rate"] == (np.mean(verdicts) if verdicts else None)
        assert row["early_hangups"] == len(early)
        complete = [rating == "Complete" for rating in ratings]
        assert row["call_complete_rate"] == (pytest.approx(np.mean(complete)) if ratings else None)
        assert row["median_connected_ms"] == (np.median(durations) if durations else None)


def test_peaks_are_what_a_count_at_every_start_finds(calls: list[Call], place: Place) -> None:
    spans = [
        (
            call["start_timestamp"],
            call.get("end_timestamp", int(datetime(2026, 3, 1, 1, tzinfo=UTC).timestamp() * 1000)),
        )
        for call in calls
        if is_connected(call) and ("end_timestamp" in call or call["call_status"] == "ongoing")
    ]
    begins, ends = (np.array(stamps) for stamps in zip(*spans, strict=True))
    peaks: dict[int, int] = defaultdict(int)
    for hour in range(int(begins.min() // 3_600_000), int(ends.max() // 3_600_000) + 1):
        asked = [hour * 3_600_000, *begins[(begins // 3_600_000) == hour]]
        peaks[hour] = max(int(((begins <= moment) & (moment < ends)).sum()) for moment in asked)
    rows = ask(place, "select epoch(hour) / 3600 as hour, peak_calls from hourly_concurrency")
    assert {int(row["hour"]): row["peak_calls"] for row in rows} == {
        hour: peak for hour, peak in peaks.items() if peak
    }
    assert max(peaks.values()) > 1


def test_shares_of_slow_turns_are_those_of_numpy(calls: list[Call], place: Place) -> None:
    # Exact where every call of the group brings its samples, which v1 never does.
    pooled: dict[tuple[date | None, str, str], list[float]] = defaultdict(list)
    masses: dict[tuple[date | None, str, str], list[tuple[float, float]]] = defaultdict(list)
    for call in calls:
        for metric in METRICS:
            key = (day(call), call["agent_id"], metric)
            values = call.get("latency", {}).get(metric, {}).get("values", [])
            pooled[key].extend(values)
            masses[key].append((len(values), float(np.sum(np.array(values) > 1500))))
            summary = call.get(f"{metric}_latency")
            if summary and summary["num"]:
                points = [summary[name] for name in ("min", "p50", "p90", "p95", "p99", "max")]
                below = 1.0 if points[-1] <= 1500 else np.interp(1500, points, (0, 0.5, 0.9, 0.95, 0.99, 1))
                masses[key].append((summary["num"], summary["num"] * (1 - float(below))))
    rows = ask(place, "select * from daily_slow_turns where threshold_ms = 1500 and samples > 0")
    assert len(rows) > 100
    for row in rows:
        key = (row["day"], row["agent_id"], row["metric"])
        total, slow = np.sum(masses[key], axis=0)
        assert row["samples"] == total
        assert row["slow_rate"] == pytest.approx(slow / total, abs=1e-9)
        if row["method"] == "exact":
            assert row["slow_rate"] == pytest.approx(np.mean(np.array(pooled[key]) > 1500))


def test_versions_are_compared_by_exact_percentiles(calls: list[Call], place: Place) -> None:
    pooled: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for call in calls:
        for metric, told in call.get("latency", {}).items():
            pooled[call["agent_id"], str(call["agent_version"]), metric].extend(told["values"])
    rows = ask(place, "select * from version_latency where agent_version is not null")
    assert {row["metric"] for row in rows} == set(METRICS)
    for row in rows:
        values = pooled[row["agent_id"], row["agent_version"], row["metric"]]
        assert (row["samples"], row["method"]) == (len(values), "exact")
        assert [row["p50_ms"], row["p95_ms"]] == pytest.approx(np.percentile(values, (50, 95)).tolist())
        if row["agent_version"] != "1":
            before = pooled[row["agent_id"], row["previous_version"], row["metric"]]
            assert int(row["previous_version"]) == int(row["agent_version"]) - 1
            change = np.percentile(values, 50) - np.percentile(before, 50)
            assert row["p50_change_ms"] == pytest.approx(change, abs=1e-6)


def test_costs_of_a_day_are_those_of_the_payloads(calls: list[Call], place: Place) -> None:
    groups: dict[tuple[date | None, str], list[Call]] = defaultdict(list)
    for call in calls:
        if "call_cost" in call:
            groups[day(call), call["agent_id"]].append(call)
    rows = ask(place, "select * from daily_costs where costed_calls > 0")
    assert {(row["day"], row["agent_id"]) for row in rows} == set(groups)
    for row in rows:
        members = groups[row["day"], row["agent_id"]]
        costs = [call["call_cost"]["combined_cost"] for call in members]
        legs = [
            line["cost"]
            for call in members
            for line in call["call_cost"]["product_costs"]
            if line["is_transfer_leg_cost"]
        ]
        minutes = sum(call["duration_ms"] for call in members if is_connected(call)) / 60_000
        tokens = sum(call["llm_token_usage"]["average"] * 7 for call in members)
        assert row["cost_cents"] == pytest.approx(sum(costs))
        assert row["transfer_leg_cents"] == pytest.approx(sum(legs))
        assert row["llm_tokens"] == pytest.approx(tokens)
        if minutes:
            wanted = (sum(costs) - sum(legs)) / minutes
            assert row["cents_per_connected_minute"] == pytest.approx(wanted)


def test_tools_are_counted_as_in_the_woven_transcripts(calls: list[Call], place: Place) -> None:
    invoked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for call in calls:
        woven = call.get("transcript_with_tool_calls", [])
        results = {item["tool_call_id"] for item in woven if item.get("role") == "tool_call_result"}
        for item in woven:
            if item.get("role") == "tool_call_invocation":
                invoked[item["name"]] += 1
                answered[item["name"]] += item["tool_call_id"] in results
    for view in ("daily_tools", "tool_positions"):
        rows = ask(place, f"select name, sum(invocations) as n, sum(orphans) as o from {view} group by name")
        found = {row["name"]: (row["n"], row["n"] - row["o"]) for row in rows}
        assert found == {name: (count, answered[name]) for name, count in invoked.items()}


def test_words_are_counted_and_found_as_in_the_transcripts(calls: list[Call], place: Place) -> None:
    said: Counter[tuple[str, str]] = Counter()
    contexts = []
    for call in calls:
        for turn in call.get("transcript_object", []):
            words = [word["word"] for word in turn["words"]]
            for place_in_turn, word in enumerate(words):
                term = word.lower().strip(".,;:!?\"'()…–—-*")
                said[turn["role"], term] += term != ""
                if term == "appointment":
                    contexts.append(" ".join(words[max(0, place_in_turn - 5) : place_in_turn + 6]))
    rows = ask(place, "select role, term, uses from top_words")
    assert {(row["role"], row["term"]): row["uses"] for row in rows} == dict(+said)
    hits = ask(place, "select context from word_hits where term = 'appointment'")
    assert contexts
    assert sorted(row["context"] for row in hits) == sorted(contexts)


def test_reported_latency_is_over_the_p50_of_calls(calls: list[Call], place: Place) -> None:
    typical: dict[tuple[date | None, str, str], list[float]] = defaultdict(list)
    for call in calls:
        for metric in METRICS:
            told = call.get("latency", {}).get(metric) or call.get(f"{metric}_latency") or {}
            if told.get("p50") is not None:
                typical[day(call), call["agent_id"], metric].append(told["p50"])
    rows = ask(place, "select * from reported_latency")
    assert len(rows) > 100
    for row in rows:
        found = typical[row["day"], row["agent_id"], row["metric"]]
        assert row["reporting_calls"] == len(found)
        shown = [row[f"{name}_call_p50_ms"] for name in ("avg", "median", "p90")]
        expected = [np.mean(found), *np.percentile(found, (50, 90))] if found else [None] * 3
        assert shown == (pytest.approx(expected) if found else expected)
    assert any(row["p50_ms"] != row["median_call_p50_ms"] for row in rows)


def test_success_of_conversations_leaves_machines_out(calls: list[Call], place: Place) -> None:
    verdicts: dict[tuple[date | None, str], list[bool]] = defaultdict(list)
    for call in calls:
        told = call.get("call_analysis", {})
        is_machine = call.get("disconnection_reason") == "machine_detected" or told.get("in_voicemail")
        if is_over(call) and is_connected(call) and not is_machine and "call_successful" in told:
            verdicts[day(call), call["agent_id"]].append(told["call_successful"])
    rows = ask(place, "select * from daily_outcomes")
    for row in rows:
        found = verdicts[row["day"], row["agent_id"]]
        assert (row["judged_conversations"], row["successful_conversations"]) == (len(found), sum(found))
        assert row["conversation_success_rate"] == (pytest.approx(np.mean(found)) if found else None)
    assert sum(map(len, verdicts.values())) > COUNT / 10
