"""The tables that keep results of daily views, so that a view need not compute again what is final.

A stored row stands for its view only while its day is in `stored_days`: `results` fills them, and a load
takes the days that it touches away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, Table

from pipeline.warehouse import columns
from pipeline.warehouse.columns import metadata

stored_days = Table(
    "stored_days",
    metadata,
    columns.date("day", "Day (UTC) that no load has touched since", nullable=False),
    comment="One row per day whose stored results hold: views compute all others",
)


# The tables of results, in the order in which they are filled.
RESULTS: list[Table] = []


def _stored(view: str, period: Column[Any], **kinds: Callable[[str, str], Column[Any]]) -> None:
    table = Table(
        f"stored_{view}",
        metadata,
        period,
        *(kind(name, f"As in {view}") for name, kind in kinds.items()),
        comment=f"Results of the view {view} for the days in stored_days: ask the view",
    )
    RESULTS.append(table)


_stored(
    "daily_conversations",
    columns.date("day", "As in daily_conversations", nullable=False),
    agent_id=columns.text,
    calls=columns.big,
    timed_calls=columns.big,
    turns=columns.big,
    agent_talk_s=columns.number,
    user_talk_s=columns.number,
    agent_talk_ratio=columns.number,
    silence_rate=columns.number,
    long_silence_rate=columns.number,
    dead_air_rate=columns.number,
    agent_silence_share=columns.number,
    agent_words_per_minute=columns.number,
    user_words_per_minute=columns.number,
    agent_interruptions=columns.big,
    user_interruptions=columns.big,
    agent_interruption_ms=columns.number,
    user_interruption_ms=columns.number,
    median_agent_first_word_s=columns.number,
    median_agent_monologue_s=columns.number,
    agent_response_p50_ms=columns.number,
    agent_response_p95_ms=columns.number,
    user_response_p50_ms=columns.number,
    user_response_p95_ms=columns.number,
)

_stored(
    "daily_costs",
    columns.date("day", "As in daily_costs", nullable=False),
    agent_id=columns.text,
    calls=columns.big,
    costed_calls=columns.big,
    cost_cents=columns.number,
    transfer_leg_cents=columns.number,
    agent_leg_cents=columns.number,
    cents_per_call=columns.number,
    connected_minutes=columns.number,
    cents_per_connected_minute=columns.number,
    successful_calls=columns.big,
    cents_per_successful_call=columns.number,
    llm_tokens=columns.number,
)

_stored(
    "daily_disconnection_categories",
    columns.date("day", "As in daily_disconnection_categories", nullable=False),
    agent_id=columns.text,
    category=columns.text,
    calls=columns.big,
    share=columns.number,
    avg_duration_ms=columns.number,
)

_stored(
    "daily_disconnections",
    columns.date("day", "As in daily_disconnections", nullable=False),
    agent_id=columns.text,
    disconnection_reason=columns.text,
    category=columns.text,
    calls=columns.big,
    share=columns.number,
    avg_duration_ms=columns.number,
)

_stored(
    "daily_latency",
    columns.date("day", "As in daily_latency", nullable=False),
    agent_id=columns.text,
    metric=columns.text,
    calls=columns.big,
    samples=columns.big,
    p50_ms=columns.number,
    p90_ms=columns.number,
    p95_ms=columns.number,
    p99_ms=columns.number,
    median_call_p50_ms=columns.number,
    p99_call_p99_ms=columns.number,
    method=columns.text,
)

_stored(
    "daily_outcomes",
    columns.date("day", "As in daily_outcomes", nullable=False),
    agent_id=columns.text,
    calls=columns.big,
    over_calls=columns.big,
    connected_calls=columns.big,
    connect_rate=columns.number,
    conversations=columns.big,
    avg_connected_ms=columns.number,
    median_connected_ms=columns.number,
    judged_calls=columns.big,
    successful_calls=columns.big,
    success_rate=columns.number,
    task_rated_calls=columns.big,
    task_complete_rate=columns.number,
    call_rated_calls=columns.big,
    call_complete_rate=columns.number,
    sentiment_calls=columns.big,
    positive_rate=columns.number,
    negative_rate=columns.number,
    voicemail_calls=columns.big,
    voicemail_rate=columns.number,
    ivr_calls=columns.big,
    ivr_rate=columns.number,
    transfer_attempts=columns.big,
    transferred_calls=columns.big,
    transfer_success_rate=columns.number,
    contained_calls=columns.big,
    containment_rate=columns.number,
    early_hangups=columns.big,
    early_hangup_rate=columns.number,
)

_stored(
    "daily_pickups",
    columns.date("day", "As in daily_pickups", nullable=False),
    agent_id=columns.text,
    attempts=columns.big,
    connected_attempts=columns.big,
    connect_rate=columns.number,
    picked_up_attempts=columns.big,
    pickup_rate=columns.number,
    numbers=columns.big,
    connected_numbers=columns.big,
    number_connect_rate=columns.number,
    picked_up_numbers=columns.big,
    number_pickup_rate=columns.number,
)

_stored(
    "daily_product_costs",
    columns.date("day", "As in daily_product_costs", nullable=False),
    agent_id=columns.text,
    product=columns.text,
    is_transfer_leg=columns.flag,
    cost_lines=columns.big,
    cost_cents=columns.number,
    share=columns.number,
)

_stored(
    "daily_ratings",
    columns.date("day", "As in daily_ratings", nullable=False),
    agent_id=columns.text,
    rating=columns.text,
    value=columns.text,
    calls=columns.big,
    share=columns.number,
)

_stored(
    "daily_slow_turns",
    columns.date("day", "As in daily_slow_turns", nullable=False),
    agent_id=columns.text,
    metric=columns.text,
    threshold_ms=columns.whole,
    calls=columns.big,
    samples=columns.big,
    slow_rate=columns.number,
    method=columns.text,
)

_stored(
    "daily_tools",
    columns.date("day", "As in daily_tools", nullable=False),
    agent_id=columns.text,
    name=columns.text,
    invocations=columns.big,
    results=columns.big,
    orphans=columns.big,
    orphan_rate=columns.number,
    judged_invocations=columns.big,
    successful_invocations=columns.big,
    success_rate=columns.number,
)

_stored(
    "hourly_latency",
    columns.time("hour", "As in hourly_latency", nullable=False),
    agent_id=columns.text,
    metric=columns.text,
    calls=columns.big,
    samples=columns.big,
    p50_ms=columns.number,
    p90_ms=columns.number,
    p95_ms=columns.number,
    p99_ms=columns.number,
    median_call_p50_ms=columns.number,
    p99_call_p99_ms=columns.number,
    method=columns.text,
)
