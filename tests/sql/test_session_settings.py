"""Every view gives the same rows whatever a reader's session has set, with days stored and without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pytest

from pipeline import sql
from pipeline.simulator import RATES, CallBook
from pipeline.warehouse import stored_results
from support.simulated import Call, as_today, loaded, v1_calls

COUNT = 90
UNTIL = datetime(2026, 3, 14, 18, tzinfo=UTC)
SETTINGS = {
    "order": ["set default_order = 'desc'"],
    "nulls_first": ["set default_null_order = 'nulls_first'"],
    "nulls_turned": ["set default_null_order = 'nulls_first_on_asc_last_on_desc'"],
    "arithmetic": ["set integer_division = true", "set ieee_floating_point_ops = false"],
    "clocks": ["set TimeZone = 'Asia/Kathmandu'", "set Calendar = 'buddhist'"],
    "reading": ["set preserve_insertion_order = false", "set threads = 1", "pragma disable_optimizer"],
    "types": ["set old_implicit_casting = true", "set scalar_subquery_error_on_multiple_rows = false"],
}

Rows = Counter[tuple[str, ...]]


def odd_calls() -> list[Call]:
    """Return calls of both generations, some without an agent, a version, a date, samples or a sum."""
    rng = np.random.default_rng(5)
    calls = [as_today(call, rng) if index % 3 else call for index, call in enumerate(v1_calls(COUNT))]
    for index, call in enumerate(calls):
        if index % 7 == 0:
            call.pop("agent_id", None)
        if index % 11 == 0:
            call.pop("agent_version", None)
        if index % 13 == 0:
            call.pop("start_timestamp", None)
            call.pop("end_timestamp", None)
        if index % 5 == 0:
            for metric in call.get("latency", {}).values():
                metric.pop("values", None)
        if index % 17 == 0:
            call.get("call_cost", {}).pop("combined_cost", None)
    return calls + quirky_calls()


def quirky_calls() -> list[Call]:
    """Return calls that have often what real accounts send seldom."""
    book = CallBook(count=60, until=UNTIL, shape="today", quirks=dict.fromkeys(RATES, 0.3))
    calls = [book.payload(index) for index in range(book.count)]
    for call, reason in zip(calls, ("user_requested_dnc", "user_requested_callback"), strict=False):
        call["disconnection_reason"] = reason
    return calls


@pytest.fixture(scope="module", params=["computed", "stored"])
def warehouse(request: pytest.FixtureRequest) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        place = loaded(Path(folder), odd_calls())
        if request.param == "stored":
            stored_results.store(place.warehouse)
        yield Path(folder) / "warehouse.duckdb"


def told(value: Any) -> str:
    # The last digits of a sum of doubles depend on the order of rows.
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def read_views(connection: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    return {
        view: Counter(
            tuple(told(value) for value in row)
            for row in connection.execute(f"from warehouse.main.{view}").fetchall()
        )
        for view in sql.list_names("views")
    }


def assert_same(found: dict[str, Rows], usual: dict[str, Rows]) -> None:
    assert {view for view in usual if found[view] != usual[view]} == set()


@pytest.fixture(scope="module")
def usual(warehouse: Path) -> dict[str, Rows]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return read_views(connection)


def test_a_usual_session_has_rows_to_compare(usual: dict[str, Rows]) -> None:
    assert {view for view, rows in usual.items() if not rows} == set()
    assert any(row[0] == "None" for row in usual["daily_latency"])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_changes_no_row(warehouse: Path, usual: dict[str, Rows], name: str) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for statement in SETTINGS[name]:
            connection.execute(statement)
        assert_same(read_views(connection), usual)


def test_settings_of_a_whole_process_change_no_row(warehouse: Path, usual: dict[str, Rows]) -> None:
    config: dict[str, str | bool | int | float | list[str]] = {
        "integer_division": True,
        "default_order": "desc",
        "default_null_order": "nulls_first",
    }
    with duckdb.connect(str(warehouse), read_only=True, config=config) as connection:
        assert_same(read_views(connection), usual)


def test_another_database_in_use_changes_no_row(warehouse: Path, usual: dict[str, Rows]) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' (read_only)")
        connection.execute("create schema apart; create table apart.calls (call_id varchar)")
        connection.execute("set search_path = 'apart,main'")
        assert_same(read_views(connection), usual)
