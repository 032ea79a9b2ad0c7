"""A payload that is rejected again as it was is one reject: named until it is settled, and no alarm."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.runs.offline import load_landed, replay_landed, replay_quarantine
from pipeline.runs.run import Observer
from pipeline.simulator import Account, Simulator, running
from support.accounts import (
    backfill,
    call,
    outcomes,
    reconciled,
    refreshed,
    rows,
    settings,
    start_ms,
    sync,
    whole,
)
from support.warehouse_files import put_in_quarantine

HOURS = 12


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def server(account: Account) -> Iterator[Simulator]:
    with running(account) as started:
        yield started


def secrets(hour: int) -> dict[str, Any]:
    """Return what is another in every answer: a token, and a URL that is signed anew."""
    return {
        "access_token": f"token-{hour}",
        "recording_url": f"https://x.example/a.wav?X-Amz-Date={hour}&X-Amz-Signature={hour:064x}",
    }


def serve_bad(account: Account, hour: int, **fields: Any) -> None:
    """Let the listing say something new of call_bad, whose whole payload stays bad and has new secrets."""
    account.put(call("bad", 1800, duration_ms=60_000 + hour))
    bad = call("bad", 1800, start_timestamp="soon") | secrets(hour) | fields
    account.fail("call_bad", 200, None, body=dict(sorted(bad.items(), reverse=bool(hour % 2))))


def kept(folder: Path) -> list[Path]:
    """Return the files in quarantine."""
    return [path for path in (folder / "quarantine").rglob("*") if path.is_file()]


def restart(account: Account) -> None:
    """Forget what was planned for the call."""
    account._failures._plans.clear()


def test_a_call_whose_payload_stays_bad_is_one_reject_and_alarms_once(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("good"))
    for hour in range(HOURS):
        restart(account)
        serve_bad(account, hour)
        report = sync(server, tmp_path)
        assert report.exit_code == (0 if hour else 3)
        assert [item.call_id for item in report.unaccounted] == ([] if hour else ["call_bad"])
        assert len(kept(tmp_path)) == 2
        assert rows(tmp_path, "select call_id, seen_count, resolved_at from etl_rejects") == [
            ("call_bad", hour + 1, None)
        ]
    assert server.requests.by_call["call_bad"] == HOURS
    assert outcomes(tmp_path) == {"call_good": "loaded", "call_bad": "rejected"}
    [(first, last, first_run, path)] = rows(
        tmp_path, "select rejected_at, last_seen_at, run_id, path from etl_rejects"
    )
    assert first < last
    assert [first_run] == [run for (run,) in rows(tmp_path, "select min(run_id) from etl_runs")]
    body = (tmp_path / "quarantine" / path).read_bytes()
    assert b"token-" not in body
    assert b"X-Amz" not in body


@pytest.mark.parametrize("run", [refreshed, reconciled], ids=["refresh", "reconcile"])
def test_refresh_and_reconcile_alarm_for_what_is_new_too(
    account: Account, server: Simulator, tmp_path: Path, run: Any
) -> None:
    serve_bad(account, 0)
    assert sync(server, tmp_path).exit_code == 3
    for hour in range(1, 4):
        restart(account)
        serve_bad(account, hour)
        assert run(server, tmp_path).exit_code == 0
    assert rows(tmp_path, "select count(*) from etl_rejects") == [(1,)]


def test_odd_items_of_a_listing_are_one_reject_each_whatever_their_secrets(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("good"))
    for hour in range(HOURS):
        account.delete_raw()
        start = start_ms(2000)
        account.list_raw({"call_status": "ended", "start_timestamp": start} | secrets(hour), start)
        account.list_raw({"call_id": "../up", "start_timestamp": start} | secrets(hour), start)
        account.list_raw(b'{"n": NaN, "access_token": "token-%d"}' % hour, start)
        account.list_raw("text", start)
        report = sync(server, tmp_path)
        assert report.exit_code == (0 if hour else 3)
        assert len(kept(tmp_path)) == 8
        assert rows(tmp_path, "select count(*), count(distinct call_id) from etl_rejects") == [(4, 4)]


def test_an_item_and_the_whole_call_that_are_both_bad_are_two_rejects(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for hour in range(3):
        restart(account)
        account.put(call("bad", 1800, agent_id=5, duration_ms="x") | secrets(hour))
        account.fail("call_bad", 200, None, body=call("bad", 1800, start_timestamp="soon") | secrets(hour))
        assert sync(server, tmp_path).exit_code == (0 if hour else 3)
        assert len(kept(tmp_path)) == 4
        assert rows(tmp_path, "select count(*), count(distinct body_hash) from etl_rejects") == [(2, 2)]


def test_another_bad_payload_of_the_same_call_is_a_new_reject(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for hour in range(3):
        restart(account)
        serve_bad(account, hour, transcript=f"Agent: Hello {hour}")
        report = sync(server, tmp_path)
        assert (report.exit_code, report.outcomes) == (3, {"rejected": 1})
    assert rows(tmp_path, "select count(*) from etl_rejects where resolved_at is null") == [(3,)]
    assert len(kept(tmp_path)) == 6


def test_a_call_that_was_asked_for_and_is_still_bad_is_said_and_counted(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for hour in range(4):
        restart(account)
        serve_bad(account, hour)
        report = backfill(server, tmp_path, "call_bad")
        assert (report.exit_code, report.outcomes) == (3, {"rejected": 1})
        [said] = report.unaccounted
        assert (said.json_path, said.value) == ("$.start_timestamp", '"soon"')
    assert rows(tmp_path, "select seen_count from etl_rejects") == [(4,)]
    assert len(kept(tmp_path)) == 2


def test_a_sound_payload_settles_it_and_the_bad_one_again_is_news(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    serve_bad(account, 0)
    assert sync(server, tmp_path).exit_code == 3
    restart(account)
    account.put(call("bad", 1800, duration_ms=1))
    assert sync(server, tmp_path).exit_code == 0
    assert rows(tmp_path, "select resolved_at is null from etl_rejects") == [(False,)]
    serve_bad(account, 2)
    assert sync(server, tmp_path).exit_code == 3
    restart(account)
    serve_bad(account, 3)
    assert sync(server, tmp_path).exit_code == 0
    assert rows(tmp_path, "select seen_count, resolved_at from etl_rejects") == [(3, None)]


def test_status_and_the_check_name_it_until_it_is_settled(
    account: Account, server: Simulator, tmp_path: Path, cli: Any
) -> None:
    for hour in range(3):
        restart(account)
        serve_bad(account, hour)
        sync(server, tmp_path)
    shown = cli("status", "--data-dir", tmp_path).out
    assert "call_bad" in shown
    assert "$.start_timestamp" in shown
    checked = cli("check", "--data-dir", tmp_path).out
    assert "open_rejects: the first 1 of 1 rows" in checked
    # The next version accepts it: as fetched when it came last, it settles the reject.
    [body] = [path for path in kept(tmp_path) if path.suffix == ".body"]
    put_in_quarantine(
        tmp_path, body, b'{"call_id": "call_bad", "call_status": "ended", "agent_id": "a", "call_type": "x"}'
    )
    assert replay_quarantine(settings(server, tmp_path)).exit_code == 0
    assert whole(tmp_path) == {"call_bad"}
    assert rows(tmp_path, "select count(*) from etl_rejects where resolved_at is null") == [(0,)]


def test_a_replay_and_a_new_warehouse_count_the_same(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for hour in range(4):
        restart(account)
        serve_bad(account, hour)
        sync(server, tmp_path)
    counted = "select call_id, path, rejected_at, last_seen_at, seen_count, run_id from etl_rejects"
    before = rows(tmp_path, counted)
    assert replay_landed(settings(server, tmp_path)).exit_code == 0
    assert rows(tmp_path, counted) == before
    new = tmp_path / "new"
    shutil.copytree(tmp_path / "landing", new / "landing")
    assert load_landed(settings(server, new)).exit_code == 0
    assert rows(new, counted) == before


def test_a_body_that_was_changed_in_quarantine_is_named_and_not_landed(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    serve_bad(account, 0)
    sync(server, tmp_path)
    [body] = [path for path in kept(tmp_path) if path.suffix == ".body"]
    body.write_bytes(b'{"call_id": "call_bad", "call_status": "ended", "agent_id": "a", "call_type": "x"}')
    said: list[str] = []
    assert replay_quarantine(settings(server, tmp_path), Observer(say=said.append)).exit_code == 0
    assert f"{body} is not the payload that was put there: fetch call_bad again with `backfill`" in said
    assert whole(tmp_path) == set()
