"""No view fails or misleads where only some kinds of calls are: v1, today's, unconnected ones, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from pipeline import sql
from pipeline.warehouse.tables import metadata
from support.simulated import Call, as_today, loaded, v1_calls

VIEWS = sql.list_names("views")
SUFFIXES = ("_rate", "_ratio", "share", "_share")


def unconnected(call_id: str) -> Call:
    """Return a call that nobody answered, as real accounts send it."""
    return {
        "call_id": call_id,
        "agent_id": "agent",
        "agent_version": 3,
        "call_type": "phone_call",
        "call_status": "not_connected",
        "direction": "outbound",
        "to_number": "+12137771234",
        "duration_ms": 0,
        "transcript": "",
        "latency": {},
        "call_cost": {"combined_cost": 0},
        "disconnection_reason": "dial_no_answer",
        "call_analysis": {
            "call_summary": "",
            "user_sentiment": "Unknown",
            "call_successful": False,
            "custom_analysis_data": {},
        },
    }


def calls_of(kind: str) -> list[Call]:
    rng = np.random.default_rng(3)
    return {
        "empty": lambda: [],
        "v1": lambda: v1_calls(50),
        "today": lambda: [as_today(call, rng) for call in v1_calls(50)],
        "unconnected": lambda: [unconnected(f"c{number}") for number in range(5)],
    }[kind]()


@pytest.fixture(scope="module", params=["empty", "v1", "today", "unconnected"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def connection(kind: str) -> Iterator[Connection]:
    with TemporaryDirectory() as folder:
        place = loaded(Path(folder), calls_of(kind))
        with place.warehouse.reading() as opened:
            yield opened


def ask(connection: Connection, statement: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def test_every_view_answers_and_every_rate_is_one(connection: Connection) -> None:
    for view in VIEWS:
        for row in ask(connection, f"select * from {view}"):
            for name, value in row.items():
                if name.endswith(SUFFIXES) and value is not None:
                    assert 0 <= value <= 1 + 1e-9, (view, name, row)
                if name.endswith(("_count", "calls", "_ms", "_s", "_cents")) and "change" not in name:
                    assert value is None or value >= 0, (view, name, row)


def test_what_is_not_known_is_null_and_not_0(connection: Connection, kind: str) -> None:
    told = ask(
        connection,
        "select max(success_rate) as success, max(call_complete_rate) as complete, "
        "max(judged_calls) as judged, max(voicemail_rate) as voicemail from daily_outcomes",
    )
    cost = ask(
        connection,
        "select max(cents_per_connected_minute) as minute, max(cost_cents) as all_cents from daily_costs",
    )
    found = told[0] | cost[0]
    known: dict[str, set[str]] = {
        "empty": set(),
        "v1": {"complete", "judged", "voicemail"},
        "today": {"success", "judged", "voicemail", "minute", "all_cents"},
        "unconnected": {"judged", "all_cents"},
    }
    assert {name for name, value in found.items() if value is not None} == known[kind]
    if kind in ("v1", "unconnected"):
        assert found["judged"] == 0
    if kind == "unconnected":
        assert found["all_cents"] == 0


@pytest.mark.parametrize("kind", ["unconnected"], indirect=True)
def test_unconnected_calls_have_a_day_and_no_verdict(connection: Connection) -> None:
    (row,) = ask(connection, "select * from daily_outcomes")
    assert (row["calls"], row["connected_calls"], row["connect_rate"]) == (5, 0, 0)
    assert row["success_rate"] is None
    (row,) = ask(connection, "select attempts, pickup_rate, numbers, number_pickup_rate from daily_pickups")
    assert tuple(row.values()) == (5, 0, 1, 0)
    for view in ("daily_latency", "hourly_concurrency", "daily_ratings", "daily_conversations"):
        assert ask(connection, f"select * from {view}") == []


def test_every_metric_that_calls_bring_has_rows(connection: Connection, kind: str) -> None:
    wanted = {
        "v1": {"e2e", "llm", "llm_websocket_network_rtt"},
        "today": {"e2e", "llm", "llm_websocket_network_rtt", "asr", "tts", "knowledge_base", "s2s"},
    }.get(kind, set())
    for view in ("daily_latency", "hour_of_day_latency", "version_latency", "daily_slow_turns"):
        assert {row["metric"] for row in ask(connection, f"select metric from {view}")} == wanted, view


def test_no_check_fails_on_sound_calls(connection: Connection) -> None:
    failing = ask(connection, "select * from check_results where severity = 'fail' and offending_rows > 0")
    assert failing == []
    assert {row["check_name"] for row in ask(connection, "from check_results")} == set(
        sql.list_names("checks")
    )


def test_a_table_has_what_its_kind_brings(connection: Connection, kind: str) -> None:
    counted = {name: ask(connection, f"select count(*) as n from {name}")[0]["n"] for name in metadata.tables}
    assert bool(counted["latency_values"]) == (kind == "today")
    assert bool(counted["conversations"]) == (kind in ("v1", "today"))
