"""No id that was ever seen is forgotten: what failed, was interrupted or never reached is asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import ListingFailed
from pipeline.runs.backfill import refresh
from pipeline.runs.offline import load_landed
from pipeline.runs.reconcile import Reconcile
from pipeline.runs.run import Observer
from pipeline.runs.sync import Sync
from pipeline.simulator import Account, Simulator, running
from pipeline.times import utc_now
from support.accounts import NOW, backfill, call, not_connected, outcomes, rows, settings, sync, whole
from support.warehouse_files import warehouse_in


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def server(account: Account) -> Iterator[Simulator]:
    with running(account) as started:
        yield started


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.retell.retry.RetryPolicy.wait_s", lambda *_: 0.0)


def put_many(account: Account, number: int) -> list[str]:
    payloads = [not_connected(f"{index:04d}") for index in range(number)]
    for payload in payloads:
        account.put(payload)
    return [payload["call_id"] for payload in payloads]


@pytest.mark.usefixtures("quick_retries")
def test_a_page_that_was_refused_is_listed_by_the_next_sync(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 50)
    ids = put_many(account, 160)
    # The first listing, of calls with a start, has one page.
    account.refuse_page(2, 503, times=6)
    report = sync(server, tmp_path)
    assert isinstance(report.error, ListingFailed)
    assert (report.exit_code, len(whole(tmp_path))) == (1, 50)
    again = sync(server, tmp_path)
    assert again.exit_code == 0
    assert whole(tmp_path) == set(ids)
    assert again.outcomes["loaded"] == 110


def test_calls_that_were_backfilled_before_the_first_sync_do_not_hide_older_ones(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 50)
    ids = put_many(account, 160)
    assert backfill(server, tmp_path, *ids[-50:]).exit_code == 0
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == set(ids)
    # Nor do they after a complete sweep.
    more = [f"call_later_{index:03d}" for index in range(120)]
    for call_id in more:
        account.put(not_connected(call_id.removeprefix("call_")))
    backfill(server, tmp_path, *more[-50:])
    sync(server, tmp_path)
    assert whole(tmp_path) == {*ids, *more}


def test_a_sweep_stops_where_the_last_one_came_to(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runs.listing.PAGE_SIZE", 50)
    put_many(account, 160)
    sync(server, tmp_path)
    before = server.requests.listings
    report = sync(server, tmp_path)
    assert server.requests.listings - before == 2
    assert (report.requested, report.outcomes) == (50, {"unchanged": 50})


@pytest.mark.usefixtures("quick_retries")
def test_a_call_that_failed_is_asked_for_again_however_old_it_is(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for name, ago_s in (("old", 40_000), ("middle", 30_000), ("new", 100)):
        account.put(call(name, ago_s))
    account.fail("call_middle", 503, times=6)
    report = sync(server, tmp_path)
    assert (report.exit_code, outcomes(tmp_path)["call_middle"]) == (3, "failed")
    # Its numbers are there all the same.
    assert rows(tmp_path, "select detail from calls where call_id = 'call_middle'") == [("listed",)]
    again = sync(server, tmp_path)
    assert (again.exit_code, outcomes(tmp_path)["call_middle"]) == (0, "loaded")
    assert "call_middle" in whole(tmp_path)


@pytest.mark.usefixtures("quick_retries")
def test_refresh_asks_for_what_failed_too(account: Account, server: Simulator, tmp_path: Path) -> None:
    account.put(call("a"))
    account.fail("call_a", 503, times=6)
    assert backfill(server, tmp_path, "call_a").exit_code == 1
    assert refresh(settings(server, tmp_path), Observer()).exit_code == 0
    assert whole(tmp_path) == {"call_a"}


def test_calls_of_every_status_are_listed_once_with_a_start_or_without(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(not_connected("silent"))
    account.put(not_connected("dialled", 500))
    account.put(call("broken", None, call_status="error", disconnection_reason="error_user_not_joined"))
    report = sync(server, tmp_path)
    assert whole(tmp_path) == {"call_silent", "call_dialled", "call_broken"}
    assert (report.requested, report.fetched_count, report.outcomes) == (3, 3, {"loaded": 3})
    assert set(server.requests.by_call.values()) == {1}


def test_ids_that_a_killed_backfill_never_reached_are_fetched_by_the_next_sync(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        account.put(call(name, None))
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.runs.by_id.ById.fetch", die)
        with pytest.raises(SystemError):
            backfill(server, tmp_path, "call_a", "call_b", "call_c")
    with warehouse_in(tmp_path).writing() as connection:
        connection.exec_driver_sql("update etl_runs set pid = 2147483646")  # as if its process was killed
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_a", "call_b", "call_c"}


def die(*_: object) -> None:
    raise SystemError


@pytest.mark.parametrize("status", ["registered", "ongoing"])
def test_a_call_that_never_ends_is_settled_in_the_end(
    account: Account, server: Simulator, tmp_path: Path, status: str
) -> None:
    account.put(call("long", 60 * 86_400, call_status=status, call_analysis=None, end_timestamp=None))
    account.put(call("lately", 600, call_status=status, call_analysis=None, end_timestamp=None))
    backfill(server, tmp_path, "call_long", "call_lately")
    assert outcomes(tmp_path) == {"call_long": "not_final", "call_lately": "not_final"}
    # As if it had been seen 60 days ago for the first time.
    with warehouse_in(tmp_path).writing() as connection:
        connection.exec_driver_sql(
            "update calls set first_seen_at = first_seen_at - interval 60 day where call_id = 'call_long'"
        )
    said: list[str] = []
    report = refresh(settings(server, tmp_path), Observer(say=said.append))
    assert report.exit_code == 0
    assert report.requested == 1
    assert outcomes(tmp_path) == {"call_long": "unchanged", "call_lately": "not_final"}
    assert any("1 calls never ended" in line for line in said)


def test_a_call_that_was_deleted_before_it_was_final_is_settled(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a", 600, call_status="ongoing", call_analysis=None, end_timestamp=None))
    sync(server, tmp_path)
    account.delete("call_a")
    report = refresh(settings(server, tmp_path), Observer())
    assert (report.exit_code, report.outcomes) == (0, {"deleted": 1})
    assert rows(tmp_path, "select deleted_at_source_at is not null from calls") == [(True,)]
    again = refresh(settings(server, tmp_path), Observer())
    assert (again.exit_code, again.requested, again.request_count) == (0, 0, 0)


def test_a_transferred_call_is_not_final_before_its_transferred_leg_ends(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    cost = {"combined_cost": 30, "product_costs": [{"product": "retell_platform", "cost": 30}]}
    account.put(call("t", disconnection_reason="call_transfer", call_cost=cost))
    sync(server, tmp_path)
    assert outcomes(tmp_path) == {"call_t": "not_final"}
    leg = {"product": "twilio_telephony", "cost": 20, "is_transfer_leg_cost": True}
    account.change(
        "call_t",
        call_cost={"combined_cost": 50, "product_costs": [*cost["product_costs"], leg]},  # type: ignore[misc]
        transfer_end_timestamp=int(NOW.timestamp() * 1000),
    )
    assert refresh(settings(server, tmp_path), Observer()).outcomes == {"loaded": 1}
    assert rows(tmp_path, "select combined_cost_cents, transfer_ended_at is not null from calls") == [
        (50.0, True)
    ]


def test_numbers_only_leaves_whole_calls_to_the_next_run(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a"))
    report = Sync(settings(server, tmp_path), numbers_only=True).run()
    assert (report.exit_code, report.outcomes, server.requests.by_call) == (0, {"listed": 1}, {})
    assert rows(tmp_path, "select detail, disconnection_reason from calls") == [("listed", "user_hangup")]
    assert rows(tmp_path, "select count(*) from call_analysis") == [(1,)]
    assert sync(server, tmp_path).exit_code == 0
    assert whole(tmp_path) == {"call_a"}


def test_a_backfill_of_numbers_only_lists_by_id(account: Account, server: Simulator, tmp_path: Path) -> None:
    ids = [f"call_{index:04d}" for index in range(30)]
    for call_id in ids:
        account.put(call(call_id.removeprefix("call_")))
    report = backfill(server, tmp_path, *ids, "call_unknown", numbers_only=True)
    assert (report.exit_code, report.outcomes) == (0, {"listed": 30, "waiting": 1})
    assert (server.requests.listings, server.requests.by_call) == (1, {})
    again = backfill(server, tmp_path, *ids, "call_unknown")
    assert (again.exit_code, again.outcomes) == (3, {"loaded": 30, "not_found": 1})


def test_what_changed_at_the_source_is_fetched_again_by_a_sync_that_lists_it(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a"))
    sync(server, tmp_path)
    account.change("call_a", metadata={"order": 7})
    report = sync(server, tmp_path)
    assert report.outcomes == {"loaded": 1}
    assert rows(tmp_path, "select metadata ->> '$.order' from calls") == [("7",)]


def test_reconcile_puts_right_what_differs_and_proves_it(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for name in ("kept", "changed", "deleted"):
        account.put(call(name))
    account.put(not_connected("gone"))
    sync(server, tmp_path)
    account.change("call_changed", call_analysis={"call_summary": "run again", "call_successful": False})
    account.put(call("missing", 7200))
    account.delete("call_deleted")
    account.delete("call_gone")
    before = server.requests.by_call.copy()
    report = Reconcile(settings(server, tmp_path), Observer(), NOW - timedelta(days=30)).run()
    assert report.exit_code == 0
    assert report.compared is not None
    found = report.compared.as_facts()
    assert {name: found[name] for name in ("listed", "unchanged", "missing", "changed", "deleted")} == {
        "listed": 3,
        "unchanged": 1,
        "missing": 1,
        "changed": 1,
        "deleted": 2,
    }
    assert server.requests.by_call - before == {
        "call_changed": 1,
        "call_missing": 1,
        "call_deleted": 1,
        "call_gone": 1,
    }
    assert rows(tmp_path, "select call_id from calls where deleted_at_source_at is not null order by 1") == [
        ("call_deleted",),
        ("call_gone",),
    ]
    assert rows(tmp_path, "select call_summary from call_analysis where call_id = 'call_changed'") == [
        ("run again",)
    ]
    assert rows(tmp_path, "select listed_count, deleted_count from etl_reconciliations") == [(3, 2)]
    again = Reconcile(settings(server, tmp_path), Observer(), NOW - timedelta(days=30)).run()
    assert again.compared is not None
    assert (again.compared.unchanged, again.compared.changed, again.compared.deleted) == (3, 0, 0)
    assert server.requests.by_call.total() == before.total() + 4


def test_an_odd_item_of_a_listing_is_quarantined_and_its_neighbours_load(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    account.put(call("a"))
    account.put(call("b", 1800))
    start = call("x", 2000)["start_timestamp"]
    account.list_raw({"call_id": "../../delete-agent", "start_timestamp": start}, start)
    account.list_raw({"call_status": "ended", "start_timestamp": start, "access_token": "hush"}, start)
    account.list_raw(b"[" * 300 + b"]" * 300, start)
    account.list_raw("text", start)
    report = sync(server, tmp_path)
    assert whole(tmp_path) == {"call_a", "call_b"}
    assert report.exit_code == 3
    assert report.outcomes == {"loaded": 2, "rejected": 4}
    assert len(list((tmp_path / "quarantine").glob("*/*.body"))) == 4
    again = sync(server, tmp_path)
    assert (again.exit_code, again.outcomes) == (0, {"unchanged": 6})
    assert not any(b"hush" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_deleted_calls_leave_the_views_and_come_back_as_the_setting_says(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for name in ("kept", "deleted"):
        account.put(call(name))
    sync(server, tmp_path)
    account.delete("call_deleted")
    Reconcile(settings(server, tmp_path), Observer(), NOW - timedelta(days=30)).run()
    shown = {
        "select sum(calls) from disconnection_breakdown": (2, 1),
        "select sum(calls) from daily_outcomes": (2, 1),
        "select sum(uses) from top_words": (2, 1),
        "select count(*) from turn_details": (2, 1),
        "select count(*) from calls": (2, 2),
    }
    for setting, place in (("keep", 0), ("hide", 1), ("keep", 0)):
        sync(server, tmp_path, deleted=setting)
        found = {statement: int(rows(tmp_path, statement)[0][0]) for statement in shown}
        assert found == {statement: counts[place] for statement, counts in shown.items()}, setting


def test_the_newest_calls_are_fetched_first(account: Account, server: Simulator, tmp_path: Path) -> None:
    for hours in range(1, 30):
        account.put(call(f"{hours:02d}", hours * 3600))
    Sync(settings(server, tmp_path, concurrency=1)).run()
    fetched = [row[0] for row in rows(tmp_path, "select call_id from etl_outcomes order by fetched_at")]
    assert fetched == [f"call_{hours:02d}" for hours in range(1, 30)]


def test_the_ledger_is_built_again_from_what_is_landed(
    account: Account, server: Simulator, tmp_path: Path
) -> None:
    for name in "abcd":
        account.put(call(name))
    sync(server, tmp_path)
    account.delete("call_a")
    account.change("call_b", metadata={"order": 7})
    Sync(settings(server, tmp_path), numbers_only=True).run()
    backfill(server, tmp_path, "call_unknown", numbers_only=True)
    refresh(settings(server, tmp_path), Observer())
    ledger = (
        "select call_id, replace(outcome, 'unchanged', 'loaded'), fetched_at, listed_at, listed_hash, "
        "given_at, first_seen_at from etl_outcomes order by 1"
    )
    before = rows(tmp_path, ledger)
    assert {row[1] for row in before} == {"loaded", "not_found"}
    (tmp_path / "warehouse.duckdb").unlink()
    assert load_landed(settings(server, tmp_path)).exit_code == 0
    assert rows(tmp_path, ledger) == before


def test_a_call_without_times_is_dated_by_the_sync_that_saw_it_fresh(
    account: Account, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.put(not_connected("before"))
    sync(server, tmp_path)
    account.put(not_connected("fresh"))
    before = utc_now()
    sync(server, tmp_path)
    # Whoever looks seldom does not know when what is new was made.
    monkeypatch.setattr("pipeline.runs.listing._FRESH_FOR", timedelta(0))
    account.put(not_connected("late"))
    sync(server, tmp_path)
    dated = "select call_id, dated_at, day from calls order by call_id"
    found = rows(tmp_path, dated)
    (at,) = [row[1] for row in found if row[0] == "call_fresh"]
    assert before <= at <= utc_now()
    assert found == [("call_before", None, None), ("call_fresh", at, at.date()), ("call_late", None, None)]
    # What is landed says so too.
    (tmp_path / "warehouse.duckdb").unlink()
    assert load_landed(settings(server, tmp_path)).exit_code == 0
    assert rows(tmp_path, dated) == found
