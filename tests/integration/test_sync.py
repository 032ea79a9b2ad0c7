"""Sync and refresh against the simulated API: nothing listed is missed, and nothing is asked for twice."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.config import Settings, load_settings
from pipeline.errors import ListingFailed, UsageError
from pipeline.runs.backfill import refresh
from pipeline.runs.run import Observer
from pipeline.runs.sync import Sync
from pipeline.runs.sync_state import SyncFile, SyncState
from pipeline.simulator import CallBook, Simulator, running
from pipeline.times import parse_moment
from support.command_line import Cli
from support.warehouse_files import query, warehouse_in

UNTIL = datetime(2025, 6, 2, 15, tzinfo=UTC)
BOOK = CallBook(seed=11, count=80, until=UNTIL, days=14, not_connected=True)


def settings(server: Simulator, data_dir: Path) -> Settings:
    return load_settings(
        api_key=server.api_key, base_url=server.base_url, data_dir=data_dir, refresh_window_s=10**9
    )


def in_warehouse(data_dir: Path) -> set[str]:
    return {call_id for (call_id,) in query(warehouse_in(data_dir), "select call_id from calls")}


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 10)


def listed() -> set[str]:
    """Every call but those that are registered: no listing has them before they start."""
    payloads = [BOOK.payload(index) for index in range(BOOK.count)]
    return {
        payload["call_id"]
        for payload in payloads
        if payload["call_status"] == "not_connected"
        or (payload["call_status"] != "registered" and payload.get("start_timestamp") is not None)
    }


@pytest.mark.usefixtures("pages_of_ten")
def test_a_first_sync_fetches_every_call_that_is_listed(tmp_path: Path) -> None:
    with running(BOOK) as server:
        report = Sync(settings(server, tmp_path), Observer()).run()
    assert report.exit_code == 0
    assert in_warehouse(tmp_path) == listed()
    assert any(
        BOOK.payload(BOOK.index(call)).get("start_timestamp") is None for call in in_warehouse(tmp_path)
    )


@pytest.mark.usefixtures("pages_of_ten")
def test_a_second_sync_fetches_nothing_and_lists_from_the_watermark(tmp_path: Path) -> None:
    with running(BOOK) as server:
        Sync(settings(server, tmp_path), Observer()).run()
        served, pages = dict(server.requests.served), server.requests.listings
        report = Sync(settings(server, tmp_path), Observer()).run()
        assert dict(server.requests.served) == served
        assert server.requests.listings - pages < pages
    assert report.exit_code == 0


@pytest.mark.usefixtures("pages_of_ten")
@pytest.mark.parametrize("fault", ["repeated_key", pytest.param("missing_key", marks=pytest.mark.slow)])
def test_a_listing_that_cannot_go_on_is_an_error_and_keeps_what_it_brought(
    tmp_path: Path, fault: str
) -> None:
    with running(BOOK, listing_fault=fault) as server:
        report = Sync(settings(server, tmp_path), Observer()).run()
    assert isinstance(report.error, ListingFailed)
    assert report.exit_code == 1
    brought = in_warehouse(tmp_path)
    assert 0 < len(brought) < len(listed())
    latest = SyncFile(tmp_path / "sync.json").state.watermark
    starts = [BOOK.payload(BOOK.index(call))["start_timestamp"] for call in brought]
    assert latest is not None
    assert latest.timestamp() * 1000 == pytest.approx(max(starts))
    with running(BOOK) as server:
        assert Sync(settings(server, tmp_path), Observer()).run().exit_code == 0
        assert not set(server.requests.served) & brought
    assert in_warehouse(tmp_path) == listed()


def test_a_listing_that_is_unavailable_at_first_is_asked_again(tmp_path: Path) -> None:
    with running(BOOK, listing_fault="unavailable_once") as server:
        assert Sync(settings(server, tmp_path), Observer()).run().exit_code == 0
    assert in_warehouse(tmp_path) == listed()


def test_a_window_holds_the_calls_that_started_in_it_and_leaves_the_watermark(tmp_path: Path) -> None:
    SyncFile(tmp_path / "sync.json").save(SyncState(UNTIL - timedelta(days=9)))
    begin, end = UNTIL - timedelta(days=5), UNTIL - timedelta(days=2)
    with running(BOOK) as server:
        Sync(settings(server, tmp_path), Observer(), begin, end).run()
    expected = {
        payload["call_id"]
        for payload in map(BOOK.payload, range(BOOK.count))
        if begin.timestamp() * 1000 <= (payload.get("start_timestamp") or 0) <= end.timestamp() * 1000
    }
    assert in_warehouse(tmp_path) == expected
    assert SyncFile(tmp_path / "sync.json").state.watermark == UNTIL - timedelta(days=9)


def test_refresh_fetches_what_was_not_final_and_nothing_else(tmp_path: Path) -> None:
    with running(BOOK) as server:
        Sync(settings(server, tmp_path), Observer()).run()
    waiting = {
        call_id
        for (call_id,) in query(
            warehouse_in(tmp_path), "select call_id from etl_outcomes where outcome = 'not_final'"
        )
    }
    assert waiting
    later = CallBook(
        seed=11, count=80, until=UNTIL, days=14, as_of=UNTIL + timedelta(days=1), not_connected=True
    )
    with running(later) as server:
        report = refresh(settings(server, tmp_path), Observer())
        assert set(server.requests.served) == waiting
    assert report.exit_code == 0
    assert report.outcomes["loaded"] > 0
    assert not query(warehouse_in(tmp_path), "select 1 from calls where call_status = 'ongoing'")


def test_refresh_of_a_warehouse_without_open_calls_asks_nothing(tmp_path: Path) -> None:
    with running(BOOK) as server:
        report = refresh(settings(server, tmp_path), Observer())
        assert server.requests.total == 0
    assert (report.exit_code, report.requested) == (0, 0)


def test_a_watermark_in_which_a_bit_was_flipped_is_none(tmp_path: Path) -> None:
    path = tmp_path / "sync.json"
    SyncFile(path).save(SyncState(UNTIL, (), UNTIL))
    content = path.read_bytes()
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        said: list[str] = []
        assert (SyncFile(path, said.append).state, len(said)) == (SyncState(), 1), place


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-06-01", datetime(2025, 6, 1, tzinfo=UTC)),
        ("2025-06-01T09:30", datetime(2025, 6, 1, 9, 30, tzinfo=UTC)),
        ("2025-06-01T09:30+02:00", datetime(2025, 6, 1, 7, 30, tzinfo=UTC)),
        ("2d", UNTIL - timedelta(days=2)),
        ("90m", UNTIL - timedelta(minutes=90)),
    ],
)
def test_a_moment_is_a_date_a_time_or_how_long_ago(text: str, moment: datetime) -> None:
    assert parse_moment(text, UNTIL) == moment


@pytest.mark.parametrize("text", ["nonsense", "", "7 weeks", "99999999999d"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_moment(text, UNTIL)


def test_the_commands_sync_and_refresh_say_what_they_did(cli: Cli) -> None:
    with running(BOOK) as server:
        synced = cli("sync", "--json", "--since", "2025-05-01", "--until", "2025-06-03", server=server)
        refreshed = cli("refresh", "--json", server=server)
    assert (synced.code, refreshed.code) == (0, 0)
    assert json.loads(synced.out)["outcomes"]["loaded"] > 0
    assert json.loads(refreshed.out)["command"] == "refresh"


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_moments_without_a_zone_are_utc_wherever_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    begin, end = UNTIL.replace(tzinfo=None) - timedelta(days=7), UNTIL.replace(tzinfo=None)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        with running(BOOK) as server:
            given = settings(server, tmp_path)
            SyncFile(given.data_dir / "sync.json").save(SyncState(UNTIL))
            naive = Sync(given, Observer(), begin, end).run()
            aware = Sync(given, Observer(), begin.replace(tzinfo=UTC), end.replace(tzinfo=UTC)).run()
            with pytest.raises(UsageError, match="--until is before --since"):
                Sync(given, Observer(), end, begin).run()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (naive.status, aware.status) == ("succeeded", "succeeded")
    assert aware.requested == naive.requested > 0
    assert aware.fetched_count == 0


def test_a_sync_that_would_end_before_it_begins_is_refused(cli: Cli) -> None:
    ran = cli("sync", "--since", "2025-06-02", "--until", "2025-06-01")
    assert (ran.code, ran.out) == (2, "")
    assert "--until is before --since" in ran.err
