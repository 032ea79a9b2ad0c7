"""Days, weeks and hours are those of the configured time zone, across the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from pipeline import sql
from pipeline.config import load_settings
from pipeline.errors import ConfigurationError
from pipeline.runs.offline import load_landed
from support.warehouse_files import Payload, Place, as_body

BERLIN = "Europe/Berlin"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def land_calls(place: Place, *starts: datetime) -> None:
    place.land(
        Payload(
            f"call_{number}",
            as_body(
                {
                    "call_id": f"call_{number}",
                    "agent_id": "a",
                    "call_status": "ended",
                    "disconnection_reason": "user_hangup",
                    "start_timestamp": int(start.timestamp() * 1000),
                    "end_timestamp": int(start.timestamp() * 1000) + 60_000,
                    "latency": {"e2e": {"values": [number], "num": 1, "p50": number}},
                }
            ),
        )
        for number, start in enumerate(starts)
    )


def run(place: Place, time_zone: str | None) -> None:
    report = load_landed(load_settings(data_dir=place.folder, time_zone=time_zone, publish="off"))
    assert report.exit_code == 0


def days(place: Place) -> list[tuple[Any, ...]]:
    return place.rows("select day, calls from daily_outcomes order by day")


def test_days_are_those_of_the_zone_where_clocks_go_forward_and_back(place: Place) -> None:
    # The 29th of March has 23 hours in Berlin and the 25th of October 25: each is cut out to the minute.
    edges = [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ]
    minute = timedelta(minutes=1)
    starts = [
        moment
        for _, begin, hours in edges
        for moment in (
            begin - minute,
            begin,
            begin + timedelta(hours=hours) - minute,
            begin + timedelta(hours=hours),
        )
    ]
    land_calls(place, *starts)
    run(place, BERLIN)
    expected = [
        (day + timedelta(days=by), count) for day, _, _ in edges for by, count in ((-1, 1), (0, 2), (1, 1))
    ]
    assert days(place) == expected


def test_an_hour_that_comes_twice_is_two_hours(place: Place) -> None:
    before, after = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    land_calls(place, before, after)
    run(place, BERLIN)
    rows = place.rows("select hour, hour_starts_at, p50_ms from hourly_latency order by hour_starts_at")
    two = datetime(2026, 10, 25, 2)
    assert rows == [(two, datetime(2026, 10, 25, 0), 0), (two, datetime(2026, 10, 25, 1), 1)]
    assert place.rows("select hour_of_day, calls from hour_of_day_latency") == [(2, 2)]


@pytest.mark.parametrize(
    ("zone", "minutes"), [(BERLIN, 60), ("Asia/Kathmandu", 345), ("America/New_York", -300)]
)
def test_hours_of_simultaneous_calls_are_those_of_the_zone(place: Place, zone: str, minutes: int) -> None:
    start = datetime(2026, 1, 31, 23, 14, 30, tzinfo=UTC)
    land_calls(place, start, start + timedelta(seconds=10))
    run(place, zone)
    found = place.rows(
        "select hour, hour_starts_at, peak_calls, peak_at, started_calls from hourly_concurrency order by 2"
    )
    local = start.replace(tzinfo=None) + timedelta(minutes=minutes)
    hour = local.replace(minute=0, second=0)
    assert found[0][:2] == (hour, hour - timedelta(minutes=minutes))
    assert found[0][2:4] == (2, start.replace(tzinfo=None) + timedelta(seconds=10))
    assert sum(row[4] for row in found) == 2


def test_a_zone_that_is_changed_changes_every_day_and_none_that_is_named_keeps_it(place: Place) -> None:
    land_calls(place, datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    run(place, None)
    assert days(place) == [(date(2026, 1, 31), 1)]
    with place.warehouse.writing() as connection:
        store_everything(connection)
    run(place, BERLIN)
    assert days(place) == [(date(2026, 2, 1), 1)]
    run(place, None)
    assert days(place) == [(date(2026, 2, 1), 1)]
    assert place.rows("select time_zone from freshness") == [(BERLIN,)]
    run(place, "UTC")
    assert days(place) == [(date(2026, 1, 31), 1)]


def store_everything(connection: Connection) -> None:
    connection.exec_driver_sql("insert into stored_daily_outcomes from outcomes_by_day()")
    connection.exec_driver_sql("insert into stored_days select distinct day from calls")


@pytest.mark.parametrize("name", ["Berlin", "localtime", "+02:00"])
def test_a_zone_that_is_none_is_refused_with_what_to_write(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"PIPELINE_TIMEZONE cannot be used: name one of the IANA"):
        load_settings(time_zone=name)


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from(
        [BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
    ),
)
def test_local_time_is_what_clocks_of_the_zone_say(macros: Any, moment: datetime, zone: str) -> None:
    (found,) = macros.execute("select local_time(cast($1 as timestamp), $2)", [moment, zone]).fetchone()
    assert found == moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@pytest.fixture(scope="module")
def macros() -> Any:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(sql.read("macros/calls/local_time"))
        yield connection
