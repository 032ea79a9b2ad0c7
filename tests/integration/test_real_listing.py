"""Listings as real accounts may give them: nothing is lost or fetched twice, whatever a page holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.errors import ListingFailed, UsageError
from pipeline.landing.ndjson import read_lines
from pipeline.runs.offline import load_landed
from pipeline.runs.run import Observer
from pipeline.runs.sync_state import Gap, SyncFile, SyncState
from pipeline.simulator import Account, Simulator, running
from pipeline.simulator.rules import ListingRules
from support.accounts import (
    NOW,
    backfill,
    call,
    not_connected,
    ongoing,
    outcomes,
    reconciled,
    refreshed,
    rows,
    settings,
    start_ms,
    sync,
    whole,
)
from support.command_line import Cli, Start
from support.warehouse_files import warehouse_in

HOUR = 3600
FIXTURES = Path(__file__).parents[1] / "fixtures" / "warehouses"

# Dozens of runs against a server: `test_ledger.py` has what every change is tested with.
pytestmark = pytest.mark.slow


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def server(account: Account) -> Iterator[Simulator]:
    with running(account) as started:
        yield started


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.retell.retry.RetryPolicy.wait_s", lambda *_: 0.0)


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 10)


def put_hourly(account: Account, number: int) -> list[str]:
    """Put a call for each of the last hours, the newest first."""
    payloads = [call(f"{index:03d}", (index + 1) * HOUR) for index in range(number)]
    for payload in payloads:
        account.put(payload)
    return [payload["call_id"] for payload in payloads]


@pytest.mark.usefixtures("pages_of_ten")
@pytest.mark.parametrize("startless", ["first", "last", "omitted"])
def test_items_that_come_again_on_the_next_page_are_fetched_once(
    account: Account, server: Simulator, tmp_path: Path, startless: Any
) -> None:
    account.rules = ListingRules(repeated_items=3, startless=startless)
    ids = put_hourly(account, 35)
    silent = [not_connected(f"silent_{index}") for index in range(25)]
    for payload in silent:
        account.put(payload)
    report = sync(server, tmp_path)
    assert report.exit_code == 0
    assert whole(tmp_path) == {*ids, *(payload["call_id"] for payload in silent)}
    assert set(server.requests.by_call.values()) == {1}
    assert report.requested == 60
    proved = reconciled(server, tmp_path)
    assert proved.compared is not None
    assert (proved.compared.listed, proved.compared.unchanged) == (60, 60)


@pytest.mark.usefixtures("pages_of_ten")
def test_pages_that_are_empty_or_short_end_no_listing(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.rules = ListingRules(empty_pages=(1, 3), short_pages=(2, 4))
    ids = put_hourly(account, 45)
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == set(ids)


def test_calls_of_one_millisecond_fill_more_than_a_page(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 20)
    ids = [f"call_{index:03d}" for index in range(70)]
    for call_id in ids:
        account.put(call(call_id.removeprefix("call_"), 500))
    account.refuse_page(3, 503, times=6)
    assert isinstance(sync(server, tmp_path).error, ListingFailed)
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == set(ids)
    assert set(server.requests.by_call.values()) == {1}


@pytest.mark.usefixtures("pages_of_ten")
def test_a_window_inside_a_gap_leaves_what_lies_around_it(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    ids = put_hourly(account, 60)
    account.refuse_page(2, 503, times=6)
    assert isinstance(sync(server, tmp_path).error, ListingFailed)
    report = sync(
        server, tmp_path, since=NOW - timedelta(hours=40), until=NOW - timedelta(hours=30), numbers_only=True
    )
    assert report.exit_code == 0
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == set(ids)


def test_a_window_before_a_gap_leaves_the_gap(account: Account, server: Simulator, tmp_path: Path) -> None:
    ids = put_hourly(account, 60)
    file = SyncFile(tmp_path / "sync.json")
    gap = Gap(start_ms(20.5 * HOUR), start_ms(10.5 * HOUR))
    file.save(SyncState(NOW - timedelta(hours=1), (gap,), NOW))
    sync(server, tmp_path, since=NOW - timedelta(hours=50.5), until=NOW - timedelta(hours=40.5))
    assert sync(server, tmp_path).exit_code == 0
    assert set(ids[10:20]) | set(ids[40:50]) <= whole(tmp_path)


def test_an_end_before_the_beginning_by_the_watermark_is_refused(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    put_hourly(account, 10)
    assert sync(server, tmp_path).exit_code == 0
    with pytest.raises(UsageError, match="give --since too"):
        sync(server, tmp_path, until=NOW - timedelta(hours=5))
    account.put(call("new", 10))
    assert sync(server, tmp_path).exit_code == 0
    assert "call_new" in whole(tmp_path)


def test_a_start_in_the_future_hides_no_call_that_comes_after(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("future", -30 * 86_400))
    account.put(call("a", 5 * HOUR))
    assert sync(server, tmp_path).exit_code == 0
    account.put(call("b", 10))
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_future", "call_a", "call_b"}


@pytest.mark.usefixtures("pages_of_ten")
def test_an_odd_item_out_of_order_narrows_no_gap(account: Account, server: Simulator, tmp_path: Path) -> None:
    ids = put_hourly(account, 30)
    account.list_raw({"call_id": "call_odd", "start_timestamp": 1}, start_ms(2.5 * HOUR))
    account.refuse_page(2, 503, times=6)
    sync(server, tmp_path)
    sync(server, tmp_path)
    assert set(ids) <= whole(tmp_path)


@pytest.mark.usefixtures("pages_of_ten")
def test_a_clock_that_was_ahead_hides_no_call_without_a_start(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    ids = [f"call_{index:03d}" for index in range(30)]
    for call_id in ids:
        account.put(not_connected(call_id.removeprefix("call_")))
    SyncFile(tmp_path / "sync.json").save(SyncState(NOW - timedelta(hours=1), (), NOW + timedelta(days=1)))
    backfill(server, tmp_path, *ids[-10:])
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == set(ids)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "5",
        '{"gaps": []}',
        '{"started_at": 5}',
        '{"started_at": "soon"}',
        '{"started_at": null, "gaps": [[1e999, null]]}',
        '{"started_at": null, "gaps": [[5, 1]]}',
        '{"started_at": null, "gaps": [[1]]}',
        '{"started_at": null, "gaps": {"a": 1}}',
        '{"started_at": null, "swept_at": 7}',
        "\x00\x01",
        "[" * 100_000,
    ],
)
def test_a_watermark_that_cannot_be_read_is_told_and_all_is_listed_again(
    account: Account, server: Simulator, cli: Cli, tmp_path: Path, content: str
) -> None:
    account.put(call("a"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sync.json").write_text(content)
    ran = cli("sync", server=server)
    assert ran.code == 0, ran.err
    assert "sync.json, which says how far listings came, is damaged: all calls are listed again" in ran.err
    again = cli("sync", server=server)
    assert (again.code, "damaged" in again.err) == (0, False)


def test_a_watermark_of_the_first_year_begins_with_the_oldest_call(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 86_400))
    (tmp_path / "sync.json").write_text('{"started_at": "0001-01-01T00:00:00+00:00"}')
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_a"}


def test_a_watermark_of_an_earlier_version_goes_on(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("old", 5 * HOUR))
    account.put(call("new", 60))
    account.put(not_connected("silent"))
    moment = (NOW - timedelta(hours=2)).isoformat()
    (tmp_path / "sync.json").write_text(json.dumps({"started_at": moment}))
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_new", "call_silent"}


def odd_items() -> dict[str, Any]:
    start = start_ms(2000)
    return {
        "no object": "text",
        "null": None,
        "number": 7,
        "list": [1, 2],
        "no id": {"call_status": "ended", "start_timestamp": start, "access_token": "hush"},
        "bad id": {"call_id": "../../delete-agent", "start_timestamp": start},
        "id of a wrong type": {"call_id": 5, "start_timestamp": start},
        "too deep": b"[" * 300 + b"]" * 300,
        "deep with id": b'{"call_id": "call_deep", "x": ' + b"[" * 300 + b"]" * 300 + b"}",
        "twice the same key": b'{"call_id": "call_dup", "call_status": "ended", "call_status": "error"}',
        "lone surrogate": b'{"call_id": "call_lone", "agent_id": "\\ud800"}',
        "surrogate in the id": b'{"call_id": "call_\\ud800"}',
        "token": {"call_id": "call_token", "access_token": "hush", "start_timestamp": start},
        "nested token": b'{"call_id": "call_t2", "a": {"access_token": "hush"}, "b": 1, "b": 2}',
        "wrong types": {
            "call_id": "call_types",
            "start_timestamp": "yesterday",
            "call_analysis": 7,
            "latency": "slow",
            "call_cost": [],
        },
        "huge": b'{"call_id": "call_big", "start_timestamp": 1e400, "duration_ms": 999999999999999999999}',
        "signed": {
            "call_id": 9,
            "recording_url": "https://x.example/a.wav?X-Amz-Signature=hush&X-Amz-Date=1",
        },
        "empty": {},
        "nan": b'{"call_id": "call_nan", "duration_ms": NaN}',
    }


@pytest.mark.parametrize("kind", odd_items())
def test_each_odd_item_is_kept_and_known_again(
    account: Account, server: Simulator, tmp_path: Path, kind: str
) -> None:
    account.put(call("a"))
    account.put(call("b", 1800))
    account.list_raw(odd_items()[kind], start_ms(2000))
    report = sync(server, tmp_path)
    assert whole(tmp_path) >= {"call_a", "call_b"}
    assert report.exit_code in (0, 3)
    landed = len(list((tmp_path / "landing").glob("*/*listed*.json")))
    asked = server.requests.by_call.copy()
    again = sync(server, tmp_path, refetch_after_s=900)
    assert again.exit_code == 0
    assert len(list((tmp_path / "landing").glob("*/*listed*.json"))) == landed
    assert server.requests.by_call == asked
    assert not any(b"hush" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_all_odd_items_together_lose_no_neighbour(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a"))
    account.put(call("b", 1800))
    account.list_raw({"call_status": "ended", "start_timestamp": start_ms(2000), "access_token": "hush"})
    account.list_raw({"call_status": "error", "n": 1}, start_ms(2000))
    sync(server, tmp_path)
    kept = len(list((tmp_path / "quarantine").glob("*/*.body")))
    # What comes beside an item, and how its page is written, makes no other item of it.
    for item in odd_items().values():
        account.list_raw(item, start_ms(2000))
    report = sync(server, tmp_path)
    assert report.exit_code == 3
    again = sync(server, tmp_path, refetch_after_s=900)
    assert again.exit_code == 0
    assert kept == 2
    names = [path.name for path in (tmp_path / "quarantine").glob("*/no_id_*.body")]
    assert len(names) == len(set(names))
    assert not any(b"hush" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_an_item_without_an_id_is_known_again_whatever_its_token_and_signature(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for number in range(3):
        account.delete_raw()
        account.list_raw(
            {
                "call_status": "ended",
                "access_token": f"hush{number}",
                "recording_url": f"https://x.example/a.wav?X-Amz-Signature=hush{number}",
            },
            start_ms(100),
        )
        # Of a call whose item cannot be loaded the same holds.
        account.list_raw(
            {
                "call_id": "call_types",
                "call_analysis": 7,
                "start_timestamp": "x",
                "access_token": f"hush{number}",
                "public_log_url": f"https://x.example/a.log?X-Amz-Signature=hush{number}",
            },
            start_ms(100),
        )
        assert sync(server, tmp_path).exit_code == (0 if number else 3)
    # The runs after the first landed nothing.
    assert len({path.parent for path in (tmp_path / "landing").glob("*/*listed*.json")}) == 1
    assert server.requests.by_call == {"call_types": 1}


def test_a_sound_item_counts_before_an_odd_one_of_the_same_call(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 500))
    account.list_raw({"call_id": "call_a", "call_status": 7, "call_analysis": 7}, start_ms(400))
    sync(server, tmp_path, numbers_only=True)
    assert rows(tmp_path, "select call_id, detail from calls") == [("call_a", "listed")]


def test_a_huge_item_keeps_no_other_call_from_being_listed(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 100))
    account.put(call("b", 3000))
    account.put(call("huge", 2000, metadata={"text": "x" * 3_000_000}))
    report = sync(server, tmp_path)
    assert {"call_a", "call_b"} <= whole(tmp_path)
    assert report.exit_code in (0, 3)


def test_a_call_that_ends_between_listing_and_fetch_is_fetched_once(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(ongoing("a"))
    sync(server, tmp_path, numbers_only=True)
    account.put(call("a", 600))
    assert sync(server, tmp_path).exit_code == 0
    again = sync(server, tmp_path)
    assert again.outcomes == {"unchanged": 1}
    assert server.requests.by_call == {"call_a": 1}
    assert outcomes(tmp_path) == {"call_a": "loaded"}


def test_what_goes_back_to_what_it_was_is_fetched_each_time_it_changes(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 600, metadata={"v": 1}))
    sync(server, tmp_path)
    for value in (2, 1, 2, 1):
        account.change("call_a", metadata={"v": value})
        assert sync(server, tmp_path).outcomes == {"loaded": 1}
        assert rows(tmp_path, "select metadata ->> '$.v' from calls") == [(str(value),)]
        assert sync(server, tmp_path).outcomes == {"unchanged": 1}
    assert server.requests.by_call["call_a"] == 5


@pytest.mark.parametrize("status", [404, 422])
def test_a_call_that_is_deleted_between_listing_and_fetch_is_settled(
    account: Account, server: Simulator, tmp_path: Path, status: int
) -> None:
    account.missing_status = status
    account.put(call("a"))
    account.put(call("b"))
    sync(server, tmp_path, numbers_only=True)
    account.delete("call_a")
    report = sync(server, tmp_path)
    assert (report.exit_code, outcomes(tmp_path)) == (0, {"call_a": "deleted", "call_b": "loaded"})
    for run in (sync, refreshed, reconciled):
        again = run(server, tmp_path)
        assert again.exit_code == 0
    assert server.requests.by_call == {"call_a": 1, "call_b": 1}


def test_analysis_that_arrives_late_is_fetched_by_the_sync_that_lists_it(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    analysis = call("x")["call_analysis"]
    account.put(call("near", 600, call_analysis=None))
    account.put(call("new", 10))
    account.put(call("far", 20 * HOUR, call_analysis=None))
    sync(server, tmp_path)
    for name in ("near", "far"):
        account.change(f"call_{name}", call_analysis=analysis)
    assert sync(server, tmp_path).exit_code == 0
    assert outcomes(tmp_path) == {"call_near": "loaded", "call_new": "loaded", "call_far": "not_final"} or (
        outcomes(tmp_path)["call_new"] == "unchanged"
    )
    assert refreshed(server, tmp_path).exit_code == 0
    assert outcomes(tmp_path)["call_far"] == "loaded"


def test_a_sync_of_a_window_after_the_watermark_leaves_the_calls_before_it_to_the_next(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("old", 50 * HOUR))
    sync(server, tmp_path)
    for name, ago_s in (("between", 40 * HOUR), ("window", 5 * HOUR), ("after", HOUR)):
        account.put(call(name, ago_s))
    sync(server, tmp_path, since=NOW - timedelta(hours=10), until=NOW - timedelta(hours=2))
    assert whole(tmp_path) == {"call_old", "call_window"}
    sync(server, tmp_path)
    assert whole(tmp_path) == {"call_old", "call_window", "call_between", "call_after"}


@pytest.mark.parametrize("kind", ["registered", "ongoing"])
def test_a_call_that_has_gone_on_for_60_days_is_settled_by_refresh(
    account: Account, server: Simulator, tmp_path: Path, kind: str
) -> None:
    account.put(ongoing("long", 60 * 86_400, call_status=kind))
    account.put(ongoing("lately", 600, call_status=kind))
    backfill(server, tmp_path, "call_long", "call_lately")
    refreshed(server, tmp_path)
    again = refreshed(server, tmp_path)
    assert again.requested == 1
    assert outcomes(tmp_path) == {"call_long": "unchanged", "call_lately": "not_final"}
    reason = rows(tmp_path, "select reason from etl_outcomes where call_id = 'call_long'")
    assert reason == [(f"never ended: {kind} when it was last fetched",)]


def test_a_second_reconcile_of_an_unchanged_account_asks_for_no_call(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    put_hourly(account, 20)
    account.put(not_connected("silent"))
    account.put(call("startless", None))
    account.put(ongoing("waiting", None, call_status="registered"))
    backfill(server, tmp_path, "call_startless", "call_waiting")
    sync(server, tmp_path)
    reconciled(server, tmp_path)
    asked = server.requests.by_call.copy()
    report = reconciled(server, tmp_path)
    assert report.compared is not None
    assert report.compared.is_proved
    assert (report.compared.missing, report.compared.changed, report.compared.deleted) == (0, 0, 0)
    assert server.requests.by_call == asked


def test_nothing_is_proved_while_calls_are_left_to_another_run(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a"))
    sync(server, tmp_path, numbers_only=True)
    with warehouse_in(tmp_path).writing() as connection:
        connection.exec_driver_sql("update etl_runs set status = 'running', pid = 1, started_at = now()")
    report = reconciled(server, tmp_path)
    assert report.compared is not None
    assert not report.compared.is_proved


@pytest.mark.parametrize(
    "rules",
    [
        ListingRules(refuses_id_filter=400),
        ListingRules(refuses_id_filter=422),
        ListingRules(refuses_id_filter=404),
        ListingRules(ignores_id_filter=True),
        ListingRules(most_ids_in_filter=5),
    ],
)
def test_a_listing_without_a_filter_by_ids_is_given_up_with_one_line(
    account: Account, server: Simulator, cli: Cli, rules: ListingRules
) -> None:
    account.rules = rules
    ids = put_hourly(account, 30)
    account.put(call("other"))
    ran = cli("backfill", *ids, "--numbers-only", server=server)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert sum("no numbers before whole calls" in line for line in ran.err.splitlines()) <= 1
    assert not server.requests.by_call
    again = cli("backfill", *ids, server=server)
    assert again.code == 0


def test_a_filter_of_few_ids_lists_all_of_many(account: Account, server: Simulator, tmp_path: Path) -> None:
    account.rules = ListingRules(most_ids_in_filter=100)
    payloads = [call(f"{index:04d}", 100 + index) for index in range(1300)]
    for payload in payloads:
        account.put(payload)
    ids = [payload["call_id"] for payload in payloads]
    report = backfill(server, tmp_path, *ids, numbers_only=True)
    assert (report.exit_code, report.outcomes) == (0, {"listed": 1300})
    assert not server.requests.by_call


def test_a_call_that_failed_keeps_no_other_open_call_from_being_fetched(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    bad = [call(f"bad_{index:02d}", 10 * HOUR + index) for index in range(40)]
    good = [call(f"good_{index:02d}", 20 * HOUR + index) for index in range(40)]
    for payload in (*bad, *good):
        account.put(payload)
        if payload in bad:
            account.fail(payload["call_id"], 503, times=None)
    # The next syncs list no call but this one.
    account.put(call("new", 10))
    sync(server, tmp_path, numbers_only=True)
    for _ in range(2):
        sync(server, tmp_path)
    assert {payload["call_id"] for payload in good} <= whole(tmp_path)


def test_deleting_and_showing_calls_follows_the_setting_at_every_run(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for name in ("kept", "gone"):
        account.put(call(name, 5 * HOUR))
    sync(server, tmp_path)
    account.delete("call_gone")
    for deleted, shown in (("keep", 2), ("hide", 1), ("keep", 2)):
        reconciled(server, tmp_path, deleted=deleted)
        assert rows(tmp_path, "select count(*) from conversation_details") == [(shown,)]
        assert rows(tmp_path, "select sum(calls) from daily_conversations") == [(shown,)]


def test_a_call_that_comes_back_is_no_longer_marked_as_deleted(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 5 * HOUR))
    sync(server, tmp_path)
    payload = account.payload("call_a")
    account.delete("call_a")
    reconciled(server, tmp_path, deleted="hide")
    assert outcomes(tmp_path) == {"call_a": "deleted"}
    account.put(payload)
    report = reconciled(server, tmp_path, deleted="hide")
    assert report.exit_code == 0
    assert outcomes(tmp_path)["call_a"] != "deleted"
    assert rows(tmp_path, "select is_hidden, deleted_at_source_at from calls") == [(False, None)]


def test_a_watermark_in_the_future_lists_all_again(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 5 * HOUR))
    SyncFile(tmp_path / "sync.json").save(SyncState(NOW + timedelta(days=400), (), NOW))
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_a"}
    account.put(call("b", 10))
    sync(server, tmp_path)
    assert whole(tmp_path) == {"call_a", "call_b"}


def test_a_ledger_that_is_built_again_from_what_is_landed_has_what_is_open(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("flipped", 600, metadata={"v": 1}))
    account.put(call("gone", 700))
    account.put(call("kept", 800))
    sync(server, tmp_path)
    account.change("call_flipped", metadata={"v": 2})
    account.delete("call_gone")
    backfill(server, tmp_path, "call_flipped", "call_gone", force=True)
    backfill(server, tmp_path, "call_gone", force=True)
    account.change("call_flipped", metadata={"v": 1})
    sync(server, tmp_path, numbers_only=True)
    stands = {"call_flipped": "changed", "call_gone": "deleted", "call_kept": "loaded"}
    asked = "select call_id, deleted_at_source_at, first_seen_at, extracted_at from calls order by all"
    before = rows(tmp_path, asked)
    assert outcomes(tmp_path) == stands
    for path in tmp_path.glob("warehouse.duckdb*"):
        path.unlink()
    assert load_landed(settings(server, tmp_path), Observer()).exit_code == 0
    assert outcomes(tmp_path) == stands
    assert rows(tmp_path, asked) == before
    assert sync(server, tmp_path).outcomes == {"loaded": 1, "unchanged": 1}


def test_two_syncs_at_once_fetch_each_call_once(
    account: Account, server: Simulator, start: Start, tmp_path: Path
) -> None:
    ids = put_hourly(account, 60)
    both = [start("sync", server=server, PIPELINE_DATA_DIR=tmp_path / "data") for _ in range(2)]
    assert [process.wait().code for process in both] == [0, 0]
    assert whole(tmp_path / "data") == set(ids)
    assert set(server.requests.by_call.values()) == {1}


def test_a_warehouse_of_an_earlier_version_is_compared_and_nothing_is_fetched_again(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(
        zstandard.decompress((FIXTURES / "20261130_reference.duckdb.zst").read_bytes(), 2**28)
    )
    shutil.copytree(FIXTURES / "landing", tmp_path / "landing")
    for path in (tmp_path / "landing").glob("*/*.ndjson.zst"):
        for line in read_lines(path):
            account.put(json.loads(line))
    report = reconciled(server, tmp_path, days=3000)
    assert report.compared is not None
    assert (report.compared.changed, report.compared.deleted) == (0, 0)
    again = reconciled(server, tmp_path, days=3000)
    assert again.compared is not None
    assert (again.compared.missing, again.compared.changed, again.compared.deleted) == (0, 0, 0)
    assert sync(server, tmp_path).exit_code == 0
    assert refreshed(server, tmp_path).exit_code == 0
