"""Versions and periods are compared as numpy does it on the same rows, and intervals hold what they say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from support.random_rows import AGENTS, Row, Rows, ask, joined, make_call, make_measures, warehouse_with

COUNT = 1_500
Z = NormalDist().inv_cdf(0.975)
RATES: dict[str, tuple[Callable[[Row], bool], Callable[[Row], bool]]] = {
    "connect_rate": (lambda call: call["is_over"], lambda call: call["is_connected"]),
    "success_rate": (lambda call: call["is_successful"] is not None, lambda call: call["is_successful"]),
    "conversation_success_rate": (
        lambda call: call["is_conversation"] and call["is_successful"] is not None,
        lambda call: call["is_successful"],
    ),
    "containment_rate": (lambda call: call["is_conversation"], lambda call: call["is_contained"]),
    "early_hangup_rate": (lambda call: call["is_conversation"], lambda call: call["is_early_hangup"]),
    "voicemail_rate": (
        lambda call: call["is_over"] and call["is_connected"],
        lambda call: call["is_voicemail"],
    ),
    "transfer_success_rate": (lambda call: call["is_transfer_attempt"], lambda call: call["is_transferred"]),
    "negative_rate": (
        lambda call: call["user_sentiment"] in ("Positive", "Neutral", "Negative"),
        lambda call: call["user_sentiment"] == "Negative",
    ),
}
OTHERS = {"calls", "cents_per_connected_minute", "dead_air_rate", "e2e_p50_ms", "e2e_p95_ms"}


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(7)
    calls = [make_call(rng, number, days=200) for number in range(COUNT)]
    return joined([{"calls": calls}, *(make_measures(rng, call) for call in calls)])


@pytest.fixture(scope="module")
def connection(rows: Rows) -> Iterator[sa.Connection]:
    with warehouse_with(rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def facts(connection: sa.Connection, rows: Rows) -> list[Row]:
    """What is known of each call: its flags are those of outcome_details, the rest is from the rows."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows["latency_values"]:
        if row["metric"] == "e2e":
            values[row["call_id"]].append(row["value_ms"])
    lines: dict[str, list[Row]] = defaultdict(list)
    for row in rows["call_costs"]:
        lines[row["call_id"]].append(row)
    talks = {row["call_id"]: row for row in rows["conversations"]}
    flags = {row["call_id"]: row for row in ask(connection, "from outcome_details")}
    found = []
    for call in rows["calls"]:
        call_id, cost = call["call_id"], call["combined_cost_cents"]
        if cost is None and lines[call_id]:
            cost = sum(line["cost_cents"] for line in lines[call_id])
        leg = sum(line["cost_cents"] for line in lines[call_id] if line["is_transfer_leg_cost"])
        found.append(
            flags[call_id]
            | {
                "agent_version": {"3.0": "3"}.get(call["agent_version"], call["agent_version"]),
                "duration_ms": call["duration_ms"],
                "cents": None if cost is None else cost - leg,
                "values": values[call_id],
                "talk": talks.get(call_id),
            }
        )
    return found


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the rates at which the part that was seen is 1.96 standard errors away, found by halving."""
    if whole == 0:
        return None, None
    seen = part / whole
    ends = []
    for far in (0.0, 1.0):
        near = seen
        for _ in range(80):
            middle = (near + far) / 2
            if abs(seen - middle) <= Z * math.sqrt(middle * (1 - middle) / whole):
                near = middle
            else:
                far = middle
        ends.append(near)
    return ends[0], ends[1]


def latency_interval(values: list[float], level: float) -> tuple[float | None, float | None]:
    count, ordered = len(values), sorted(values)
    spread = Z * math.sqrt(count * level * (1 - level))
    low, high = math.floor(count * level - spread + 0.5), math.ceil(count * level + spread + 0.5)
    return (ordered[low - 1] if low >= 1 else None), (ordered[high - 1] if high <= count else None)


def measured(calls: list[Row]) -> dict[str, tuple[float | None, float | None, float | None, int]]:
    """Return value, low, high and count of every metric, over these calls."""
    found: dict[str, tuple[float | None, float | None, float | None, int]] = {}
    for name, (is_whole, is_part) in RATES.items():
        whole = [call for call in calls if is_whole(call)]
        part = sum(bool(is_part(call)) for call in whole)
        value = part / len(whole) if whole else None
        found[name] = (value, *wilson(part, len(whole)), len(whole))
    values = [value for call in calls for value in call["values"]]
    for name, level in (("e2e_p50_ms", 0.5), ("e2e_p95_ms", 0.95)):
        at = float(np.quantile(values, level)) if values else None
        found[name] = (at, *(latency_interval(values, level) if values else (None, None)), len(values))
    priced = [c for c in calls if c["cents"] is not None and c["duration_ms"] and c["is_connected"]]
    minutes = sum(call["duration_ms"] for call in priced) / 60_000
    each = sum(call["cents"] for call in priced) / minutes if priced else None
    found["cents_per_connected_minute"] = (each, None, None, len(priced))
    talks = [call["talk"] for call in calls if call["talk"]]
    length = sum(talk["last_word_s"] - talk["first_word_s"] for talk in talks)
    silent = sum(talk["dead_air_s"] for talk in talks) / length if talks else None
    found["dead_air_rate"] = (silent, None, None, len(talks))
    found["calls"] = (float(len(calls)), None, None, len(calls))
    return found


def of_row(row: Row, prefix: str = "") -> tuple[Any, ...]:
    return tuple(row[f"{prefix}{name}"] for name in ("value", "low", "high", "count"))


def same(found: tuple[Any, ...], wanted: tuple[Any, ...]) -> None:
    assert [value is None for value in found] == [value is None for value in wanted], (found, wanted)
    assert [value or 0 for value in found] == pytest.approx([value or 0 for value in wanted], abs=1e-9)


def says_clear(row: Row) -> bool | None:
    low, high, before_low, before_high = (
        math.nan if row[name] is None else row[name]
        for name in ("low", "high", "previous_low", "previous_high")
    )
    if low > before_high or high < before_low:
        return True
    return False if low <= before_high and high >= before_low else None


def test_each_version_stands_beside_the_one_before(connection: sa.Connection, facts: list[Row]) -> None:
    groups: dict[tuple[str | None, str | None], list[Row]] = defaultdict(list)
    for call in facts:
        groups[call["agent_id"], call["agent_version"]].append(call)
    wanted = {key: measured(calls) for key, calls in groups.items()}
    before = {"2": None, "3": "2", "10": "3", "draft": "10", None: None}
    found = ask(connection, "from version_comparison")
    assert len(found) == len(AGENTS) * len(before) * len({*RATES, *OTHERS})
    for row in found:
        agent, version, metric = row["agent_id"], row["agent_version"], row["metric"]
        same(of_row(row), wanted[agent, version][metric])
        assert row["previous_version"] == before[version]
        if row["previous_version"] is None:
            assert {row[f"previous_{name}"] for name in ("value", "low", "high", "count")} == {None}
        else:
            same(of_row(row, "previous_"), wanted[agent, before[version]][metric])
            if row["change"] is not None:
                assert row["change"] == pytest.approx(row["value"] - row["previous_value"])
        assert row["is_clear"] == says_clear(row)


def test_any_two_versions_are_compared_as_those_that_follow_each_other(connection: sa.Connection) -> None:
    asked = "select * from {} order by metric asc nulls last"
    of_view = ask(
        connection,
        asked.format("version_comparison where agent_id = 'agent_a' and agent_version = '3'"),
    )
    of_macro = ask(connection, asked.format("compare_versions('agent_a', 3.0, '2')"))
    assert of_macro == of_view
    backward = ask(connection, asked.format("compare_versions('agent_a', '2', '3')"))
    assert [of_row(row) for row in backward] == [of_row(row, "previous_") for row in of_view]


def check_periods(found: list[Row], facts: list[Row], ranges: list[tuple[date, date]]) -> None:
    """Compare rows with the metrics of two ranges of days, by agent and for all."""
    now, before = (
        [call for call in facts if call["day"] is not None and since <= call["day"] <= to]
        for since, to in ranges
    )
    keys = [(agent, False) for agent in AGENTS] + [(None, True)]
    seen = set()
    for agent, is_all in keys:
        of_now, of_before = (
            measured([call for call in calls if is_all or call["agent_id"] == agent])
            for calls in (now, before)
        )
        for row in found:
            if (row["agent_id"], row["is_all_agents"]) == (agent, is_all):
                seen.add((agent, is_all, row["metric"]))
                for prefix, wanted in (("", of_now), ("previous_", of_before)):
                    value = wanted[row["metric"]]
                    # Of no calls there is no row: not even that they are 0.
                    same(of_row(row, prefix), value if wanted["calls"][3] else (None, None, None, 0))
                assert row["is_clear"] == says_clear(row)
    assert len(seen) == len(found) == len(keys) * len({*RATES, *OTHERS})


@pytest.mark.parametrize("days", [7, 28, 90])
def test_a_period_stands_beside_as_many_days_before(
    connection: sa.Connection, facts: list[Row], days: int
) -> None:
    newest = max(call["day"] for call in facts if call["day"] is not None)
    since = newest - timedelta(days=days - 1)
    ranges = [(since, newest), (since - timedelta(days=days), since - timedelta(days=1))]
    found = ask(connection, f"select * from period_comparison where period_days = {days}")
    assert {row["day"] for row in found} == {newest}
    check_periods(found, facts, ranges)


def test_any_two_ranges_are_compared_also_where_they_overlap(
    connection: sa.Connection, facts: list[Row]
) -> None:
    ranges = [(date(2026, 2, 1), date(2026, 3, 10)), (date(2026, 1, 15), date(2026, 3, 20))]
    days = ", ".join(f"date '{day}'" for pair in ranges for day in pair)
    check_periods(ask(connection, f"from compare_periods({days})"), facts, ranges)


def test_latency_without_samples_has_no_interval(rows: Rows) -> None:
    bare = {name: lines for name, lines in rows.items() if name != "latency_values"}
    with warehouse_with(bare) as connection:
        found = ask(connection, "select * from version_comparison where metric like 'e2e%'")
    assert {row["value"] is None for row in found} == {False}
    assert {(row["low"], row["high"], row["is_clear"]) for row in found} == {(None, None, None)}


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_ranks_hold_the_true_percentile_in_95_of_100_draws(connection: sa.Connection, level: float) -> None:
    found = ask(
        connection,
        f"select n, bound_rank(n, {level}, -1) as low, bound_rank(n, {level}, 1) as high "
        "from range(1, 1500) as t(n)",
    )
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 1500)))])
    for row in found:
        n, low, high = row["n"], int(row["low"]), int(row["high"])
        if low >= 1 and high <= n:
            k = np.arange(low, high)
            terms = logs[n] - logs[k] - logs[n - k] + k * math.log(level) + (n - k) * math.log(1 - level)
            held = float(np.exp(terms).sum())
            assert 0.94 < held < 0.995, (n, held)
    # Below that, the largest sample is no bound.
    assert min(row["n"] for row in found if row["high"] <= row["n"]) == {0.5: 6, 0.95: 92}[level]
