"""Latency of odd calls, held against numpy on the payloads themselves: samples, summaries and both together.

The reference draws every call as a share of its samples below a latency, adds the calls up, and reads a
percentile where that curve reaches its level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pytest

from support.odd_calls import Told
from support.read_calls import Item, Read

LEVELS = (50, 90, 95, 99)
POINTS = (("min", 0), ("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("max", 100))
Floats = np.ndarray[Any, Any]


class Part(NamedTuple):
    """What a call brings to a group: samples, or points of its own curve and what they weigh."""

    values: list[float]
    points: list[tuple[float, float]]
    weight: float

    def below(self, at: Floats, *, is_touching: bool) -> Floats:
        """Return how many samples lie below a latency, or on it too."""
        if self.values:
            side = "right" if is_touching else "left"
            return np.searchsorted(np.sort(self.values), at, side).astype(float)
        places, levels = (np.array(column) for column in zip(*self.points, strict=True))
        share = np.interp(at, places, levels)
        # What lies below the first known point, or above the last one, sits on it; equal points are a jump.
        for place in np.unique(places):
            on = levels[places == place]
            low = 0.0 if place == places[0] else on.min()
            high = 100.0 if place == places[-1] else on.max()
            share = np.where(at == place, high if is_touching else low, share)
        share = np.where(at < places[0], 0.0, np.where(at > places[-1], 100.0, share))
        return np.asarray(share * self.weight / 100)


def part_of(stats: Item) -> Part:
    values = [value for value in stats.get("values") or [] if value is not None]
    if values:
        return Part(values, [], len(values))
    points: list[tuple[float, float]] = []
    for name, level in POINTS:
        if stats.get(name) is not None:
            points.append((max(stats[name], points[-1][0] if points else stats[name]), level))
    num = stats.get("num")
    return Part([], points, (1 if num is None else num) if points else 0)


class Pool:
    """The samples of a group of calls."""

    def __init__(self, stats: Sequence[Item]) -> None:
        self.calls = len(stats)
        self.parts = [part for part in map(part_of, stats) if part.weight]
        self.samples = sum(part.weight for part in self.parts)
        kinds = {bool(part.values) for part in self.parts}
        self.method = {frozenset({True}): "exact", frozenset({False}): "summary"}.get(
            frozenset(kinds), "mixed"
        )

    def percentile(self, level: float) -> float | None:
        if not self.parts:
            return None
        if self.method == "exact":
            values = [value for part in self.parts for value in part.values]
            return float(np.percentile(values, level))
        edges, before, on = self.curve
        wanted = self.samples * level / 100
        # Sums of shares are right to their last digits only.
        place = int(np.argmax(on >= wanted - 1e-9))
        if before[place] < wanted - 1e-9 or place == 0:
            return float(edges[place])
        since = on[place - 1]
        share = min(1.0, (wanted - since) / (before[place] - since))
        return float(edges[place - 1] + share * (edges[place] - edges[place - 1]))

    @cached_property
    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Return the latencies at which the curve turns, and how many samples lie below and on each."""
        edges = np.unique([at for part in self.parts for at in (*part.values, *dict(part.points))])
        before, on = (
            sum((part.below(edges, is_touching=touch) for part in self.parts), np.zeros(len(edges)))
            for touch in (False, True)
        )
        return edges, before, on

    def slow_rate(self, threshold: float) -> float | None:
        if not self.parts:
            return None
        at = np.array([float(threshold)])
        return 1 - float(sum(part.below(at, is_touching=True)[0] for part in self.parts)) / self.samples


def pools(reads: Sequence[Read], period_of: Callable[[Read], Any]) -> dict[Any, Pool]:
    """Return the pools by period, agent and metric."""
    groups: dict[Any, list[Item]] = defaultdict(list)
    for read in reads:
        for metric, stats in read.latency.items():
            groups[period_of(read), read.agent, metric].append(stats)
    return {key: Pool(stats) for key, stats in groups.items()}


def own(stats: Sequence[Item], name: str, level: float) -> Any:
    values = [one[name] for one in stats if one.get(name) is not None]
    return near(float(np.percentile(values, level)) if values else None)


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-5, rel=1e-9)


def hour_of(read: Read) -> Any:
    return read.local_at and read.local_at.replace(minute=0, second=0, microsecond=0)


def hour_of_day(read: Read) -> Any:
    return read.local_at and read.local_at.hour


def test_percentiles_of_all_periods_are_pooled_from_the_payloads(told_by_day: Told) -> None:
    methods = set()
    for view, column, period_of in (
        ("daily_latency", "day", lambda read: read.day),
        ("hourly_latency", "hour", hour_of),
        ("hour_of_day_latency", "hour_of_day", hour_of_day),
    ):
        wanted = pools(told_by_day.reads, period_of)
        rows = told_by_day.ask(f"from {view}")
        found = {(row[column], row["agent_id"], row["metric"]): row for row in rows}
        assert found.keys() == wanted.keys()
        assert len(found) == len(rows)
        for key, pool in wanted.items():
            row = found[key]
            assert (row["calls"], row["samples"]) == (pool.calls, pool.samples), key
            if pool.samples:
                assert row["method"] == pool.method, key
                methods.add(pool.method)
            assert [row[f"p{level}_ms"] for level in LEVELS] == [
                near(pool.percentile(level)) for level in LEVELS
            ], (view, key, pool.method)
    assert methods == {"exact", "summary", "mixed"}


def test_an_hour_begins_where_its_clocks_say(told_by_day: Told) -> None:
    begins = {}
    for read in told_by_day.reads:
        if read.dated_at and read.latency:
            into = timedelta(minutes=read.local_at.minute, seconds=read.local_at.second)
            moment = read.dated_at.replace(microsecond=0, tzinfo=None) - into
            begins[moment] = hour_of(read)
    rows = told_by_day.ask("select distinct hour, hour_starts_at from hourly_latency where hour is not null")
    assert {row["hour_starts_at"]: row["hour"] for row in rows} == begins


def test_shares_of_slow_turns_are_over_the_same_samples(told_by_day: Told) -> None:
    wanted = pools(told_by_day.reads, lambda read: read.day)
    rows = told_by_day.ask("from daily_slow_turns")
    assert len(rows) == 4 * len(wanted)
    for row in rows:
        pool = wanted[row["day"], row["agent_id"], row["metric"]]
        assert (row["calls"], row["samples"]) == (pool.calls, pool.samples)
        assert row["slow_rate"] == near(pool.slow_rate(row["threshold_ms"])), row


def test_what_a_dashboard_shows_is_over_the_p50_of_calls(told_by_day: Told) -> None:
    groups: dict[Any, list[Item]] = defaultdict(list)
    for read in told_by_day.reads:
        for metric, stats in read.latency.items():
            groups[*read.key, metric].append(stats)
    rows = told_by_day.ask("from reported_latency")
    assert len(rows) == len(groups)
    for row in rows:
        stats = groups[row["day"], row["agent_id"], row["metric"]]
        typical = [one["p50"] for one in stats if one.get("p50") is not None]
        assert (row["calls"], row["reporting_calls"]) == (len(stats), len(typical))
        assert row["avg_call_p50_ms"] == near(float(np.mean(typical)) if typical else None)
        assert row["median_call_p50_ms"] == own(stats, "p50", 50)
        assert row["p90_call_p50_ms"] == own(stats, "p50", 90)
        assert row["p50_ms"] == near(Pool(stats).percentile(50))
    for row in told_by_day.ask("from daily_latency"):
        stats = groups[row["day"], row["agent_id"], row["metric"]]
        assert row["median_call_p50_ms"] == own(stats, "p50", 50)
        assert row["p99_call_p99_ms"] == own(stats, "p99", 99)


def test_versions_have_the_latency_of_their_calls(told: Told) -> None:
    wanted = pools(told.reads, lambda read: read.version)
    rows = told.ask("from version_latency")
    assert {(row["agent_version"], row["agent_id"], row["metric"]) for row in rows} == wanted.keys()
    for row in rows:
        pool = wanted[row["agent_version"], row["agent_id"], row["metric"]]
        assert row["samples"] == pool.samples
        assert row["p50_ms"] == near(pool.percentile(50))
        assert row["p95_ms"] == near(pool.percentile(95))
        if row["previous_version"] is not None:
            before = wanted[row["previous_version"], row["agent_id"], row["metric"]]
            known = [pool.percentile(50), before.percentile(50)]
            change = None if None in known else known[0] - known[1]
            assert row["p50_change_ms"] == near(change)
            older = [
                int(version)
                for version, agent, metric in wanted
                if (agent, metric) == (row["agent_id"], row["metric"])
                and version is not None
                and int(version) < int(row["agent_version"])
            ]
            assert int(row["previous_version"]) == max(older)
