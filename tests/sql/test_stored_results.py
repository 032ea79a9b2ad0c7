"""Whether a daily view's answer is stored or computed makes no difference, and a load forgets its days."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import sql
from pipeline.config import Settings
from pipeline.load import loads
from pipeline.runs.offline import load_landed
from pipeline.simulator import breakage
from pipeline.simulator.book import CallBook
from pipeline.warehouse import schema, stored_results
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import NOON, Payload, Place, as_body, query

RESULTS = stored_results.list_result_tables()
VIEWS = [table.removeprefix("stored_") for table in RESULTS]
# One shape says most; all of them take their time.
SHAPES = ("mixed", *(pytest.param(name, marks=pytest.mark.slow) for name in ("v1", "early_v2", "today")))


def answers(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    with place.warehouse.reading() as connection:
        return {
            name: [tuple(row) for row in connection.exec_driver_sql(f"select * from {name} order by all")]
            for name in VIEWS
        }


def computed(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    """What the views answer when nothing is stored."""
    with place.warehouse.writing() as connection:
        stored = connection.exec_driver_sql("select day from stored_days").scalars().all()
        connection.exec_driver_sql("delete from stored_days")
    found = answers(place)
    with place.warehouse.writing() as connection:
        for day in stored:
            connection.exec_driver_sql("insert into stored_days values ($day)", {"day": day})
    return found


def same(some: dict[str, list[tuple[Any, ...]]], others: dict[str, list[tuple[Any, ...]]]) -> None:
    """Sums of doubles may differ in the last digits, as the order of rows does."""
    assert some.keys() == others.keys()
    for name in some:
        assert len(some[name]) == len(others[name]), name
        for row, other in zip(some[name], others[name], strict=True):
            for value, expected in zip(row, other, strict=True):
                if isinstance(expected, float):
                    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9), name
                else:
                    assert value == expected, name


def days(place: Place) -> list[str]:
    return [str(day) for (day,) in place.rows("select day from stored_days order by day")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    schema.ensure(made.warehouse)
    return made


def test_costs_are_the_same_to_the_last_bit_in_whatever_order_calls_were_loaded(tmp_path: Path) -> None:
    book = CallBook(seed=3, count=150, days=2, until=datetime(2026, 3, 1, tzinfo=UTC), shape="today")
    payloads = [Payload(book.call_id(index), breakage.encode(book.payload(index))) for index in range(150)]
    found = []
    for name, ordered in (("forward", payloads), ("backward", payloads[::-1])):
        place = Place(tmp_path / name)
        schema.ensure(place.warehouse)
        place.land(ordered)
        place.load()
        found.append(
            [
                place.rows(f"select * from {view} order by all")
                for view in ("daily_costs", "daily_product_costs")
            ]
            + [
                place.rows(
                    "select week, agent_id, agent_version, cost_cents from weekly_scorecard order by all"
                )
            ]
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_stored_and_computed_answers_are_the_same(place: Place, shape: str) -> None:
    book = CallBook(seed=3, count=40, until=datetime(2026, 3, 1, tzinfo=UTC), shape=shape)
    bodies = [(book.call_id(index), breakage.encode(book.payload(index))) for index in range(40)]
    place.land([Payload(call_id, body) for call_id, body in bodies[:28]])
    place.load()
    live = answers(place)
    assert days(place) == []
    stored_results.store(place.warehouse)
    assert days(place) == [
        str(day)
        for (day,) in place.rows("select distinct day as d from calls where day is not null order by d")
    ]
    same(answers(place), live)
    # More calls, and some again with another agent: their days are computed until they are stored.
    changed = []
    for call_id, body in bodies[20:]:
        document = json.loads(body)
        document["agent_id"] = "agent_of_later"
        changed.append(Payload(call_id, as_body(document), NOON + timedelta(hours=1)))
    place.land(changed)
    place.load()
    same(answers(place), computed(place))
    stored_results.store(place.warehouse)
    same(answers(place), computed(place))


def body(call_id: str, start: datetime | None, agent: str = "a") -> bytes:
    times = (
        {}
        if start is None
        else {
            "start_timestamp": int(start.timestamp() * 1000),
            "end_timestamp": int(start.timestamp() * 1000) + 60_000,
        }
    )
    latency = {"e2e": {"p50": 500, "p90": 600, "p95": 700, "p99": 800, "max": 900, "min": 400, "num": 9}}
    return as_body(
        {"call_id": call_id, "agent_id": agent, "call_status": "ended", "latency": latency} | times
    )


def test_a_load_forgets_the_days_that_its_calls_leave_and_those_they_come_to(place: Place) -> None:
    first, second, third = (datetime(2025, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3))
    place.land([Payload("c1", body("c1", first)), Payload("c2", body("c2", second))])
    place.land([Payload("c3", body("c3", third))])
    place.load()
    stored_results.store(place.warehouse)
    assert days(place) == ["2025-01-01", "2025-01-02", "2025-01-03"]
    # The same payload again changes nothing; another moves the call to another day.
    place.land([Payload("c3", body("c3", third), NOON + timedelta(hours=1))])
    place.load()
    assert len(days(place)) == 3
    place.land([Payload("c1", body("c1", third), NOON + timedelta(hours=1))])
    place.load()
    assert days(place) == ["2025-01-02"]
    assert place.rows("select day, calls from daily_latency order by day") == [
        (second.date(), 1),
        (third.date(), 2),
    ]


def test_a_call_without_a_date_has_no_day_until_a_payload_brings_one(place: Place) -> None:
    place.land([Payload("c1", body("c1", None), NOON)])
    place.load()
    stored_results.store(place.warehouse)
    assert days(place) == []
    assert place.rows("select day, agent_id, calls from daily_latency") == [(None, "a", 1)]
    place.land([Payload("c1", body("c1", NOON), NOON + timedelta(hours=1))])
    place.load()
    stored_results.store(place.warehouse)
    assert days(place) == ["2025-01-01"]
    assert place.rows("select day, agent_id, calls from daily_latency") == [(NOON.date(), "a", 1)]


def test_a_stored_day_is_not_computed_again(place: Place) -> None:
    place.land([Payload("c1", body("c1", NOON))])
    place.load()
    stored_results.store(place.warehouse)
    with place.warehouse.writing() as connection:
        for table in RESULTS:
            period = next(iter(connection.exec_driver_sql(f"select * from {table}").keys()))
            connection.exec_driver_sql(f"delete from {table}")
            connection.exec_driver_sql(
                f"insert into {table} by name select timestamp '2025-01-01 12:00' as {period}"
            )
    for name, rows in answers(place).items():
        assert [set(row[1:]) for row in rows] == [{None}], name


def test_days_are_stored_in_parts_of_bounded_size(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_results, "_MOST_CALLS", 2)
    monkeypatch.setattr(stored_results, "_MOST_GATHERED", 4)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    place.land([Payload(f"c{n}", body(f"c{n}", start + timedelta(hours=8 * n))) for n in range(15)])
    place.load()
    live = answers(place)
    stored = []
    monkeypatch.setattr(Warehouse, "make_way", lambda self: stored.append(len(days(place))))
    at_once: list[list[str]] = []
    read = sql.read

    def watched(name: str) -> str:
        if name == "stored/refreshed_days":
            at_once.append([])
        elif name.startswith("stored/stored_"):
            at_once[-1].append(name)
        return read(name)

    monkeypatch.setattr(sql, "read", watched)
    stored_results.store(place.warehouse)
    assert [*stored, len(days(place))] == [2, 4, 5]
    # Each day has three calls, one more than a part has.
    assert at_once == [[*(f"stored/{table}" for table in RESULTS), "stored/stored_days"]] * 5
    same(answers(place), live)


def test_a_run_stores_what_pays_in_proportion_to_what_it_loaded_and_later_runs_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = {"_LEAST_CALLS": 5, "_CALLS_PER_LOADED": 2, "_CALLS_PER_RUN": 3, "_CALLS_PER_IDLE_RUN": 4}
    for name, value in bounds.items():
        monkeypatch.setattr(stored_results, name, value)
    # Loads of one second are told apart by chance otherwise, and their order counts here.
    numbers = count()
    monkeypatch.setattr(loads.secrets, "token_hex", lambda size: f"{next(numbers):06x}")
    # Which days, not what: that takes its time.
    monkeypatch.setattr(stored_results, "list_result_tables", list)
    settings = Settings(PIPELINE_DATA_DIR=tmp_path, PIPELINE_PUBLISH="off")
    place = Place(tmp_path)
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)

    def land(hour: int, *numbers: int) -> None:
        place.land(
            [
                Payload(f"c{hour}_{n}", body(f"c{hour}_{n}", start + timedelta(days=n, hours=hour)))
                for n in numbers
            ]
        )

    land(0, *range(4))
    assert load_landed(settings).calls_loaded == 4
    assert days(place) == []
    land(0, 4, 5)
    land(1, *range(6))
    land(2, *range(6))
    assert load_landed(settings).calls_loaded == 14
    assert len(days(place)) == 6
    # Two late calls lie in days of four: four calls are one day's.
    land(4, 1, 2)
    assert load_landed(settings).calls_loaded == 2
    assert days(place) == ["2025-01-01", "2025-01-03", "2025-01-04", "2025-01-05", "2025-01-06"]
    # Each run adds to the last day, which has to wait: the others come first.
    land(5, 0, 5)
    assert load_landed(settings).calls_loaded == 2
    land(6, 5)
    assert load_landed(settings).calls_loaded == 1
    assert days(place) == ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04", "2025-01-05"]
    # So does a run that loads nothing, until all are stored.
    assert load_landed(settings).calls_loaded == 0
    assert len(days(place)) == 6
    # After an upgrade no day is stored: then it is a share of all that wait, and readers get it too.
    published = Settings(PIPELINE_DATA_DIR=tmp_path, PIPELINE_PUBLISH="run")
    load_landed(published)
    with place.warehouse.writing() as connection:
        connection.exec_driver_sql("delete from stored_days")
    monkeypatch.setattr(stored_results, "_SHARE_OF_WAITING", 0.6)
    assert load_landed(published).calls_loaded == 0
    assert len(days(place)) == 4
    copy = query(Warehouse.at(published.readers_copy), "select count(*) from stored_days")
    assert copy == [(4,)]


@hypothesis.settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(
    calls=st.lists(st.tuples(st.integers(1, 9), st.sampled_from([None, "a", "b", "c"])), max_size=40),
    most=st.lists(st.integers(1, 12), min_size=1, max_size=9),
    part_calls=st.integers(1, 9),
)
def test_days_are_chosen_whole_within_a_bound_and_all_in_the_end(
    calls: list[tuple[int, str | None]], most: list[int], part_calls: int
) -> None:
    held = Counter(day for day, _ in calls)
    last_load = {day: max(loads or "" for other, loads in calls if other == day) for day in held}
    waiting = sorted(held, key=lambda day: (last_load[day], -day))
    with duckdb.connect() as connection:
        connection.execute("create table calls (day date, load_id varchar)")
        connection.execute("create table stored_days (day date)")
        if calls:
            connection.executemany(
                "insert into calls values (date '2025-01-01' + cast($1 as integer), $2)", calls
            )
        for bound in cycle(most):
            connection.execute(
                sql.read("stored/gathered_days"), {"most_calls": bound, "part_calls": part_calls}
            )
            found = connection.execute(
                "select day - date '2025-01-01', calls from gathered_days order by all"
            ).fetchall()
            chosen = [day for day, _ in found]
            assert dict(found) == {day: held[day] for day in chosen}
            assert sorted(waiting[: len(chosen)]) == chosen
            assert sum(held[day] for day in waiting[: len(chosen) - 1]) < bound
            in_parts = []
            for part, part_of_calls in connection.execute(sql.read("stored/gathered_parts")).fetchall():
                connection.execute(sql.read("stored/refreshed_days"), {"part": part})
                of_part = connection.execute("select day - date '2025-01-01' from refreshed_days").fetchall()
                of_part = sorted((day for (day,) in of_part), key=waiting.index)
                assert sum(held[day] for day in of_part) == part_of_calls
                assert sum(held[day] for day in of_part[:-1]) < part_calls
                in_parts += of_part
                connection.execute(sql.read("stored/stored_days"))
            assert in_parts == waiting[: len(chosen)]
            waiting = waiting[len(chosen) :]
            if not chosen:
                break
    assert not waiting
