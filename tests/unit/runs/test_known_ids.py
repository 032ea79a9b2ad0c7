"""What a run asks of the ledger is found wherever it is written, though one place is looked at first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from pipeline import sql
from pipeline.runs.plan import Plan, make_plan, record_skipped
from pipeline.runs.record import read_outcomes
from pipeline.runs.run_report import RunReport
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

NOW = datetime(2026, 11, 30, 12)
FETCHED = NOW - timedelta(days=30)
CALL = """
insert into calls by name
select
    $call_id as call_id, 'ended' as call_status, cast($at as timestamp) as started_at,
    cast($at as timestamp) as ended_at, cast($at as timestamp) as first_seen_at,
    cast($at as timestamp) as extracted_at, 'today' as payload_shape, 'hash' as payload_hash,
    'load' as load_id
"""
OUTCOME = """
insert into etl_outcomes by name
select
    $call_id as call_id, 'before' as run_id, 'loaded' as outcome, 1 as attempts,
    cast($at as timestamp) as fetched_at, cast($at as timestamp) as recorded_at,
    case when $has_key then key_of_id($call_id) end as id_key
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse.at(tmp_path / "warehouse.duckdb")
    schema.ensure(made)
    return made


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.writing() as opened:
        yield opened


def put(connection: Connection, call_id: str, *, at: datetime = FETCHED, has_key: bool = True) -> None:
    connection.exec_driver_sql(CALL, {"call_id": call_id, "at": FETCHED})
    connection.exec_driver_sql(OUTCOME, {"call_id": call_id, "at": at, "has_key": has_key})


def plan_for(connection: Connection, folder: Path, *call_ids: str) -> Plan:
    spool = folder / "ids.csv"
    spool.write_text("".join(f"{place},{call_id}\n" for place, call_id in enumerate(call_ids)))
    return make_plan(
        connection,
        spool,
        len(call_ids),
        as_of=NOW,
        force=False,
        refresh_window_s=86_400,
        refetch_after_s=3600,
    )


def read_ledger(connection: Connection) -> list[tuple[str, str, bool]]:
    rows = connection.exec_driver_sql(
        "select call_id, outcome, id_key = key_of_id(call_id) from etl_outcomes order by call_id"
    )
    return [tuple(row) for row in rows]


def test_an_id_whose_row_has_no_key_is_found(connection: Connection, tmp_path: Path) -> None:
    put(connection, "call_old", has_key=False)
    assert plan_for(connection, tmp_path, "call_old").final == 1
    record_skipped(connection, "now", NOW)
    assert read_ledger(connection) == [("call_old", "unchanged", True)]


def test_a_call_that_came_at_another_moment_than_the_ledger_says_is_found(
    connection: Connection, tmp_path: Path
) -> None:
    put(connection, "call_moved", at=FETCHED + timedelta(days=1))
    assert plan_for(connection, tmp_path, "call_moved").final == 1


def test_a_call_that_the_ledger_does_not_know_is_found(connection: Connection, tmp_path: Path) -> None:
    connection.exec_driver_sql(CALL, {"call_id": "call_unlisted", "at": FETCHED})
    assert plan_for(connection, tmp_path, "call_unlisted", "call_new").final == 1
    record_skipped(connection, "now", NOW)
    assert read_ledger(connection) == [("call_unlisted", "unchanged", True)]


def test_ids_with_the_same_key_are_told_apart(connection: Connection, tmp_path: Path) -> None:
    put(connection, "call_one")
    connection.exec_driver_sql(
        "update etl_outcomes set call_id = 'call_other', id_key = key_of_id('call_one')"
    )
    connection.exec_driver_sql("delete from calls")
    assert plan_for(connection, tmp_path, "call_one").to_fetch == 1


@pytest.mark.parametrize("known_since", [FETCHED, FETCHED + timedelta(days=1), None])
def test_an_id_that_was_listed_and_settled_before_is_unchanged(
    connection: Connection, tmp_path: Path, known_since: datetime | None
) -> None:
    put(connection, "call_settled")
    spool = tmp_path / "ids.csv"
    spool.write_text(f"0,call_settled,{known_since or ''}\n1,call_unknown,\n")
    report = RunReport("now", "sync", "warehouse", started_at=NOW)
    read_outcomes(connection, report, spool, is_listing=True)
    assert report.outcomes == {"unchanged": 1}
    read_outcomes(connection, report, spool)
    assert report.outcomes == {}


def test_days_without_calls_and_days_of_any_year_wait_or_not(connection: Connection) -> None:
    days = ["1970-01-01", "2026-11-01", "2026-11-03", "2026-11-04", "2150-01-01"]
    for place, day in enumerate(days):
        connection.exec_driver_sql(CALL, {"call_id": f"call_{place}", "at": datetime.fromisoformat(day)})
    connection.exec_driver_sql("update calls set day = cast(started_at as date)")
    connection.exec_driver_sql(CALL, {"call_id": "call_undated", "at": NOW})
    connection.exec_driver_sql("insert into stored_days values ('2026-11-03')")
    assert connection.exec_driver_sql(sql.read("stored/computed_call_count")).scalar() == 4


def test_what_a_run_writes_first_is_in_the_log_until_its_last_transaction(warehouse: Warehouse) -> None:
    log = Path(f"{warehouse.path}.wal")
    with warehouse.writing(is_followed=True) as connection:
        connection.exec_driver_sql("insert into stored_days values ('2026-11-30')")
    assert log.exists()
    with warehouse.reading() as connection:
        assert connection.exec_driver_sql("select count(*) from stored_days").scalar() == 1
    with warehouse.writing() as connection:
        connection.exec_driver_sql("delete from stored_days")
    assert not log.exists()
