"""The pooled percentiles of daily_latency, held against numpy and against the laws they must obey.

The reference evaluates every call's distribution at one latency at a time and searches for the smallest that
reaches the level: it shares nothing with the view's sweep over running sums.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.warehouse import schema
from pipeline.warehouse.tables import metadata

LEVELS = (50, 90, 95, 99)
COLUMNS = tuple(f"p{level}_ms" for level in LEVELS)
POINTS = {"min_ms": 0, "p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}
DAY = datetime(2026, 3, 1)
# An error below a microsecond is far below what any latency is measured to.
TOLERANCE_MS = 1e-3
INSERTS = {
    "calls": "insert into calls by name from read_json(?, sample_size = -1)",
    "latency_stats": "insert into latency_stats by name from read_json(?, sample_size = -1)",
    "latency_values": "insert into latency_values by name from read_json(?, sample_size = -1)",
}

Rng = np.random.Generator


class Call(NamedTuple):
    """What one call says about one metric: no points at all where it sends no summary."""

    points: tuple[float | None, ...]
    num: int | None = 1
    values: tuple[float, ...] = ()


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("duckdb:///:memory:")
    with engine.connect() as opened:
        metadata.create_all(opened)
        schema.apply_views(opened)
        opened.commit()
        yield opened
    engine.dispose()


def land(connection: sa.Connection, folder: Path, groups: dict[str, list[Call]]) -> None:
    """Insert the calls through files, which takes thousands as fast as one; an agent is a group."""
    rows: dict[str, list[dict[str, Any]]] = {"calls": [], "latency_stats": [], "latency_values": []}
    for agent, members in groups.items():
        for number, call in enumerate(members):
            add(rows, f"{agent}_{number}", agent, call)
    for name, lines in rows.items():
        path = folder / f"{name}.ndjson"
        path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
        if lines:
            connection.exec_driver_sql(INSERTS[name], (str(path),))


def add(rows: dict[str, list[dict[str, Any]]], call_id: str, agent: str, call: Call) -> None:
    rows["calls"].append(
        {
            "call_id": call_id,
            "agent_id": agent,
            "call_status": "ended",
            "started_at": (DAY + timedelta(seconds=len(rows["calls"]) % 80_000)).isoformat(),
            "day": DAY.date().isoformat(),
            "payload_shape": "today",
            "payload_hash": "",
            "first_seen_at": DAY.isoformat(),
            "extracted_at": DAY.isoformat(),
            "load_id": "",
        }
    )
    if call.points:
        rows["latency_stats"].append(
            {"call_id": call_id, "metric": "e2e", "num": call.num}
            | dict(zip(POINTS, call.points, strict=True))
        )
    rows["latency_values"].extend(
        {"call_id": call_id, "metric": "e2e", "value_index": index, "value_ms": value}
        for index, value in enumerate(call.values)
    )


def by_agent(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    query = sa.select(sa.text("*")).select_from(sa.table("daily_latency"))
    return {row["agent_id"]: dict(row) for row in connection.execute(query).mappings()}


def slow_turns(connection: sa.Connection) -> dict[tuple[str, int], dict[str, Any]]:
    query = sa.select(sa.text("*")).select_from(sa.table("daily_slow_turns"))
    found = connection.execute(query).mappings()
    return {(row["agent_id"], row["threshold_ms"]): dict(row) for row in found}


def percentiles(row: dict[str, Any]) -> list[float]:
    return [row[column] for column in COLUMNS]


def pooled(connection: sa.Connection, groups: dict[str, list[Call]]) -> dict[str, list[float]]:
    try:
        with TemporaryDirectory() as folder:
            land(connection, Path(folder), groups)
        rows = by_agent(connection)
        return {agent: percentiles(rows[agent]) for agent in groups}
    finally:
        connection.rollback()


class Pool:
    """The sum of the calls' distributions, in hundredths of a sample."""

    def __init__(self, calls: Sequence[Call]) -> None:
        # A sample is a call of its own whose points are all the same.
        members = [call for call in calls if not call.values]
        members += [Call((value,) * 6) for call in calls for value in call.values]
        lines = [(self.line(call), 1 if call.num is None else call.num) for call in members]
        known = [(line, num) for line, num in lines if line and num > 0]
        width = max((len(line) for line, _ in known), default=0) + 2
        self.x = np.full((len(known), width), np.inf)
        self.f = np.full((len(known), width), 100.0)
        self.mass = np.array([float(num) for _, num in known])
        for row, (line, _) in enumerate(known):
            self.x[row, 0], self.f[row, 0] = -np.inf, 0.0
            for column, (x, level) in enumerate(line, start=1):
                self.x[row, column], self.f[row, column] = x, level
        self.grid = np.unique(self.x[np.isfinite(self.x)])

    @staticmethod
    def line(call: Call) -> list[tuple[float, int]]:
        line: list[tuple[float, int]] = []
        for x, level in zip(call.points, POINTS.values(), strict=True):
            if x is not None:
                line.append((max(x, line[-1][0]) if line else x, level))
        return line

    @property
    def samples(self) -> int:
        return int(self.mass.sum())

    def level(self, x: float, below: bool = False) -> float:
        """Return the mass at or below `x`, or strictly below it."""
        rows = np.arange(len(self.x))
        reached = (self.x < x) if below else (self.x <= x)
        left = reached.sum(axis=1) - 1
        x0, x1 = self.x[rows, left], self.x[rows, left + 1]
        f0, f1 = self.f[rows, left], self.f[rows, left + 1]
        inside = np.isfinite(x0) & np.isfinite(x1)
        share = np.divide(x - x0, x1 - x0, out=np.zeros_like(x0), where=inside)
        # Below the first known point lies nothing, above the last everything.
        f = np.where(inside, f0 + (f1 - f0) * share, np.where(np.isfinite(x0), 100.0, 0.0))
        return float((self.mass * f).sum())

    def percentile(self, percent: int) -> float:
        target = percent * self.mass.sum()
        low, high = 0, len(self.grid) - 1
        while low < high:
            middle = (low + high) // 2
            if self.level(self.grid[middle]) >= target:
                high = middle
            else:
                low = middle + 1
        right = float(self.grid[low])
        before_jump = self.level(right, below=True)
        if low == 0 or before_jump < target:
            return right
        left = float(self.grid[low - 1])
        start = self.level(left)
        return float(left + (right - left) * (target - start) / (before_jump - start))


def random_num(rng: Rng) -> int:
    return int(rng.integers(1, 60))


def plain_call(rng: Rng) -> Call:
    return Call(tuple(np.sort(rng.lognormal(6.5, 0.6, 6))), random_num(rng))


def tied_call(rng: Rng) -> Call:
    return Call(tuple(np.sort(rng.integers(3, 9, 6) * 100.0)), random_num(rng))


def gappy_call(rng: Rng) -> Call:
    points = np.sort(rng.lognormal(6.5, 0.6, 6).round(1))
    known = tuple(float(x) if rng.random() > 0.4 else None for x in points)
    return Call(known, [None, 0, random_num(rng)][int(rng.choice(3, p=[0.1, 0.1, 0.8]))])


def wide_call(rng: Rng) -> Call:
    return Call(tuple(np.sort(10 ** rng.uniform(0, 6, 6))), int(10 ** rng.uniform(0, 4)))


def falling_call(rng: Rng) -> Call:
    return Call(tuple(rng.lognormal(6.5, 0.3, 6)), random_num(rng))


def steep_call(rng: Rng) -> Call:
    """Almost everything within a fraction of a microsecond, and a tail of a quarter of an hour."""
    start = 100 + rng.random()
    steep = start + np.cumsum(10 ** rng.uniform(-8, -3, 5))
    return Call((*steep, float(rng.uniform(1e3, 1e6))), random_num(rng))


def copied_call(rng: Rng) -> Call:
    return Call((100.0, 200.0, 300.0, 400.0, 500.0, 600.0), 7)


MAKERS: dict[str, Callable[[Rng], Call]] = {
    "plain": plain_call,
    "tied": tied_call,
    "gappy": gappy_call,
    "wide": wide_call,
    "falling": falling_call,
    "steep": steep_call,
    "copied": copied_call,
}


def sampled_call(rng: Rng, with_values: bool = True) -> Call:
    values = rng.lognormal(6.5, 0.6, random_num(rng))
    points = (values.min(), *np.percentile(values, LEVELS), values.max())
    return Call(tuple(map(float, points)), len(values), tuple(values) if with_values else ())


def partly_sampled_call(rng: Rng) -> Call:
    """With some of its samples, or all of them without num, or without a summary."""
    call = sampled_call(rng)
    kinds = [call._replace(values=call.values[: rng.integers(1, 60)]), call._replace(num=None)]
    kinds += [call._replace(points=(), num=None), call._replace(num=0)]
    return kinds[rng.integers(0, 4)]


def assert_pooled(row: dict[str, Any], members: Sequence[Call], method: str = "summary") -> None:
    pool = Pool(members)
    assert row["method"] == method
    assert (row["calls"], row["samples"]) == (len(members), pool.samples)
    if pool.samples:
        expected = [pool.percentile(level) for level in LEVELS]
        assert percentiles(row) == pytest.approx(expected, rel=0, abs=TOLERANCE_MS)
    else:
        assert percentiles(row) == [None] * 4


@pytest.mark.parametrize("kind", MAKERS)
def test_pooled_summaries_agree_with_numpy(connection: sa.Connection, tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(20260301)
    sizes = [1, 1, 2, 2, 3, 3, 5, 8, 13, 40, 150, 600]
    groups = {f"agent_{n}": [MAKERS[kind](rng) for _ in range(size)] for n, size in enumerate(sizes)}
    try:
        land(connection, tmp_path, groups)
        rows = by_agent(connection)
    finally:
        connection.rollback()
    assert rows.keys() == groups.keys()
    for agent, members in groups.items():
        assert_pooled(rows[agent], members)


def test_a_pool_of_every_kind_agrees_with_numpy(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    members = [maker(rng) for maker in MAKERS.values() for _ in range(300)]
    try:
        land(connection, tmp_path, {"agent": members})
        row = by_agent(connection)["agent"]
    finally:
        connection.rollback()
    assert_pooled(row, members)


def test_exact_percentiles_are_those_of_all_values(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    groups = {f"agent_{n}": [sampled_call(rng) for _ in range(n * n + 1)] for n in range(12)}
    try:
        land(connection, tmp_path, groups)
        rows = by_agent(connection)
    finally:
        connection.rollback()
    for agent, members in groups.items():
        values = np.concatenate([call.values for call in members])
        assert (rows[agent]["method"], rows[agent]["samples"]) == ("exact", len(values))
        assert percentiles(rows[agent]) == pytest.approx(list(np.percentile(values, LEVELS)), rel=1e-12)


def test_samples_count_whatever_num_and_summary_say(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    groups = {f"agent_{n}": [partly_sampled_call(rng) for _ in range(n + 1)] for n in range(12)}
    try:
        land(connection, tmp_path, groups)
        rows = by_agent(connection)
    finally:
        connection.rollback()
    for agent, members in groups.items():
        values = np.concatenate([call.values for call in members])
        assert (rows[agent]["method"], rows[agent]["samples"]) == ("exact", len(values))
        assert percentiles(rows[agent]) == pytest.approx(list(np.percentile(values, LEVELS)), rel=1e-12)


@pytest.mark.parametrize("kind", MAKERS)
def test_samples_beside_summaries_agree_with_numpy(
    connection: sa.Connection, tmp_path: Path, kind: str
) -> None:
    rng = np.random.default_rng(13)
    sizes = [(1, 1), (1, 5), (5, 1), (3, 40), (40, 3), (100, 100)]
    groups = {
        f"agent_{n}": [MAKERS[kind](rng) for _ in range(summed)]
        + [(sampled_call if index % 2 else partly_sampled_call)(rng) for index in range(sampled)]
        + [Call((100.0, 200.0, 300.0, 400.0, 500.0, 600.0), 3)]
        for n, (summed, sampled) in enumerate(sizes)
    }
    try:
        land(connection, tmp_path, groups)
        rows = by_agent(connection)
        slow = slow_turns(connection)
    finally:
        connection.rollback()
    for agent, members in groups.items():
        assert_pooled(rows[agent], members, "mixed")
        pool = Pool(members)
        assert {threshold for owner, threshold in slow if owner == agent} == {800, 1500, 2000, 3000}
        for (owner, threshold), row in slow.items():
            if owner == agent:
                above = 1 - pool.level(threshold) / (100 * pool.samples)
                assert (row["samples"], row["method"]) == (pool.samples, "mixed")
                assert row["slow_rate"] == pytest.approx(above, abs=1e-9)


def test_one_call_without_values_makes_its_group_mixed(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    members = [sampled_call(rng, with_values=number != 50) for number in range(100)]
    try:
        land(connection, tmp_path, {"agent": members})
        row = by_agent(connection)["agent"]
    finally:
        connection.rollback()
    assert_pooled(row, members, "mixed")
    values = np.concatenate([call.values for call in members if call.values])
    assert percentiles(row) == pytest.approx(list(np.percentile(values, LEVELS)), rel=0.02)


def test_percentiles_over_calls_are_those_of_numpy(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    members = [plain_call(rng) for _ in range(500)]
    try:
        land(connection, tmp_path, {"agent": members})
        row = by_agent(connection)["agent"]
    finally:
        connection.rollback()
    p50, p99 = ([call.points[index] for call in members] for index in (1, 4))
    assert row["median_call_p50_ms"] == pytest.approx(np.median(np.array(p50)), rel=1e-12)
    assert row["p99_call_p99_ms"] == pytest.approx(np.percentile(np.array(p99), 99), rel=1e-12)


def test_the_mean_of_p99_is_not_the_pooled_p99(connection: sa.Connection, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    # One call in twenty is slow throughout: its turns are the tail, and a mean dilutes them.
    slow = rng.random(1000) < 0.05
    members = []
    for is_slow in slow:
        values = rng.lognormal(8.0 if is_slow else 6.5, 0.3, 20)
        points = (values.min(), *np.percentile(values, LEVELS), values.max())
        members.append(Call(tuple(map(float, points)), len(values), tuple(values)))
    summaries = [call._replace(values=()) for call in members]
    try:
        land(connection, tmp_path, {"exact": members, "summary": summaries})
        rows = by_agent(connection)
    finally:
        connection.rollback()
    truth = float(np.percentile(np.concatenate([call.values for call in members]), 99))
    mean = float(np.mean([call.points[4] or 0.0 for call in members]))
    assert rows["exact"]["p99_ms"] == pytest.approx(truth)
    assert rows["summary"]["p99_ms"] == pytest.approx(truth, rel=0.05)
    assert mean < 0.6 * truth


latencies = st.integers(0, 10**9).map(lambda microseconds: microseconds / 1000)
nums = st.integers(1, 1000)
whole_calls = st.builds(
    Call,
    points=st.lists(latencies, min_size=6, max_size=6).map(lambda points: tuple(sorted(points))),
    num=nums,
    values=st.just(()),
)
any_calls = st.builds(
    Call,
    points=st.lists(st.none() | latencies, min_size=6, max_size=6).map(tuple),
    num=st.none() | nums,
    values=st.just(()),
).filter(lambda call: any(point is not None for point in call.points))
# Many pools an example, each an agent's: a query costs far more than one pool more in it.
many_pools = st.lists(st.lists(any_calls, min_size=1, max_size=5), min_size=1, max_size=6)
law = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def agents(pools: Sequence[Sequence[Call]]) -> dict[str, list[Call]]:
    return {f"agent_{number}": list(members) for number, members in enumerate(pools)}


def assert_same_pools(
    connection: sa.Connection, pools: Sequence[Sequence[Call]], others: Sequence[Sequence[Call]]
) -> None:
    found = list(pooled(connection, agents([*pools, *others])).values())
    for one, other in zip(found[: len(pools)], found[len(pools) :], strict=True):
        assert one == pytest.approx(other, rel=0, abs=TOLERANCE_MS)


@law
@given(alone=st.lists(whole_calls, min_size=1, max_size=20))
def test_one_call_alone_gives_back_its_own_percentiles(connection: sa.Connection, alone: list[Call]) -> None:
    found = pooled(connection, agents([[call] for call in alone]))
    assert list(found.values()) == [list(call.points[1:5]) for call in alone]


@law
@given(pools=many_pools, copies=st.integers(2, 4))
def test_copies_of_every_call_change_nothing(
    connection: sa.Connection, pools: list[list[Call]], copies: int
) -> None:
    copied = [members * copies for members in pools]
    assert_same_pools(connection, copied, pools)


@law
@given(pools=many_pools)
def test_percentiles_rise_and_stay_within_the_calls(
    connection: sa.Connection, pools: list[list[Call]]
) -> None:
    groups = agents(pools)
    for agent, found in pooled(connection, groups).items():
        known = [point for call in groups[agent] for point in call.points if point is not None]
        assert found == sorted(found)
        assert min(known) - TOLERANCE_MS <= found[0]
        assert found[-1] <= max(known) + TOLERANCE_MS


@law
@given(data=st.data(), pools=many_pools)
def test_the_order_of_calls_does_not_matter(
    connection: sa.Connection, data: st.DataObject, pools: list[list[Call]]
) -> None:
    shuffled = [data.draw(st.permutations(members)) for members in pools]
    assert_same_pools(connection, shuffled, pools)


@law
@given(call=any_calls, pools=many_pools, first=nums, second=nums)
def test_a_call_split_in_two_weighs_the_same(
    connection: sa.Connection, call: Call, pools: list[list[Call]], first: int, second: int
) -> None:
    whole = [[*others, call._replace(num=first + second)] for others in pools]
    halves = [[*others, call._replace(num=first), call._replace(num=second)] for others in pools]
    assert_same_pools(connection, halves, whole)


@law
@given(pools=many_pools)
def test_small_pools_agree_with_numpy(connection: sa.Connection, pools: list[list[Call]]) -> None:
    for found, members in zip(pooled(connection, agents(pools)).values(), pools, strict=True):
        expected = [Pool(members).percentile(level) for level in LEVELS]
        assert found == pytest.approx(expected, rel=0, abs=TOLERANCE_MS)
