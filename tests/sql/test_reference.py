"""What is known of disconnection reasons stands in one file, and whoever asks gets what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from pipeline import sql
from pipeline.report import labels
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata

REASONS: dict[str, list[str | None]] = {
    "completed": ["user_hangup", "agent_hangup"],
    "asked_to_stop": ["user_requested_dnc", "user_requested_callback"],
    "transferred": ["call_transfer", "transfer_bridged", "transfer_cancelled"],
    "automated_answer": ["voicemail_reached", "ivr_reached", "machine_detected"],
    "timeout": ["inactivity", "max_duration_reached"],
    "not_connected": [
        "dial_busy",
        "dial_failed",
        "dial_no_answer",
        "invalid_destination",
        "telephony_provider_permission_denied",
        "telephony_provider_unavailable",
        "sip_routing_error",
        "marked_as_spam",
        "network_blocked",
        "user_declined",
    ],
    "capacity_or_account": [
        "concurrency_limit_reached",
        "no_concurrency_fallback",
        "no_valid_payment",
        "credit_exhausted",
        "budget_reached",
        "scam_detected",
    ],
    "platform_error": [
        "error_llm_websocket_open",
        "error_llm_websocket_lost_connection",
        "error_llm_websocket_runtime",
        "error_llm_websocket_corrupt_payload",
        "error_frontend_corrupted_payload",
        "error_twilio",
        "error_no_audio_received",
        "error_asr",
        "error_retell",
        "error_unknown",
        "error_user_not_joined",
        "registered_call_timeout",
        "error_inbound_webhook",
    ],
    "operator": ["manual_stopped", "call_take_over"],
    "unknown": ["something_newer", "", "USER_HANGUP"],
    "none": [None],
}
_REACHED = {"nobody", "voicemail", "ivr", "transfer_target", None}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with Warehouse.in_memory().exclusive() as opened, opened.begin():
        metadata.create_all(opened)
        schema.apply_views(opened)
        yield opened


def known(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.exec_driver_sql("select * from known_disconnection_reasons order by all")
    return [tuple(row) for row in rows]


def test_every_reason_is_listed_once_with_a_category_of_the_report(connection: Connection) -> None:
    found = {str(reason): category for reason, category, *_ in known(connection)}
    assert len(found) == len(known(connection))
    wanted = {
        reason: category
        for category, reasons in REASONS.items()
        for reason in reasons
        if category not in ("none", "unknown")
    }
    assert found == wanted
    assert {category.key for category in labels.CATEGORIES} == set(REASONS)


def test_what_a_reason_says_was_reached_is_one_of_few_words(connection: Connection) -> None:
    assert {reached for _, _, reached, *_ in known(connection)} == _REACHED
    assert {source for *_, source in known(connection)} == {"v1 reference", "reference", "SDK types"}


def test_whoever_was_not_reached_was_never_on_the_line(connection: Connection) -> None:
    asked = """
    select disconnection_reason, category, ends_before_connection(disconnection_reason)
    from known_disconnection_reasons
    """
    ended = {reason: (category, before) for reason, category, before in connection.exec_driver_sql(asked)}
    assert {reason for reason, (category, before) in ended.items() if category == "not_connected"} <= {
        reason for reason, (_, before) in ended.items() if before
    }
    assert ended["user_hangup"] == ("completed", False)
    for odd in (None, "", "something_newer"):
        found = connection.execute(sa.select(sa.func.ends_before_connection(sa.cast(odd, sa.String))))
        assert found.scalar() is False


@pytest.mark.parametrize("name", ["reason", "category", "disconnection_reason", "known", "reached"])
def test_a_column_of_any_name_can_be_asked_about(connection: Connection, name: str) -> None:
    asked = f"""
    with asked({name}) as (values ('user_hangup'), ('dial_busy'), (null))
    select disconnection_category({name}), ends_before_connection({name}) from asked order by all
    """
    assert connection.exec_driver_sql(asked).all() == [
        ("completed", False),
        ("none", False),
        ("not_connected", True),
    ]


def test_applying_the_views_again_brings_the_rows_of_the_file_and_no_others(connection: Connection) -> None:
    before = known(connection)
    connection.exec_driver_sql("update known_disconnection_reasons set category = 'other'")
    connection.exec_driver_sql(
        "insert into known_disconnection_reasons by name (from known_disconnection_reasons)"
    )
    schema.apply_views(connection)
    assert known(connection) == before


def test_a_changed_file_reaches_a_warehouse_that_is_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse.at(tmp_path / "warehouse.duckdb")
    schema.ensure(warehouse)
    name = "reference/known_disconnection_reasons"
    changed = sql.read(name).replace("('inactivity', 'timeout'", "('inactivity', 'completed'")
    read = sql.read
    monkeypatch.setattr(sql, "read", lambda asked: changed if asked == name else read(asked))
    schema._hash_views.cache_clear()
    try:
        schema.ensure(warehouse)
        with warehouse.reading() as connection:
            asked = "select disconnection_category('inactivity')"
            assert connection.exec_driver_sql(asked).scalar() == "completed"
    finally:
        schema._hash_views.cache_clear()


@pytest.mark.parametrize(
    ("reason", "category"), [(reason, category) for category in REASONS for reason in REASONS[category]]
)
def test_reason_has_its_category(connection: sa.Connection, reason: str | None, category: str) -> None:
    found = connection.execute(sa.select(sa.func.disconnection_category(sa.cast(reason, sa.String)))).scalar()
    assert found == category
