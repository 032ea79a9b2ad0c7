"""Outcomes, reasons, costs and agents of odd calls, held against plain Python on the payloads themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

import pytest

from support.odd_calls import Told
from support.read_calls import EPOCH, Read

SENTIMENTS = ("Positive", "Neutral", "Negative")


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-5)


def rate(part: float, whole: float) -> Any:
    return near(part / whole if whole else None)


def naive(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC).replace(tzinfo=None)


def counted(reads: Iterable[Read]) -> dict[str, Any]:
    """Return what daily_outcomes says of some calls."""
    reads = list(reads)
    over = [read for read in reads if read.is_over]
    connected = [read for read in over if read.is_connected]
    people = [read for read in connected if read.is_conversation]
    lengths = [read.duration_ms for read in connected if read.duration_ms is not None]
    verdicts = [read.verdict for read in connected if read.verdict is not None]
    of_people = [read.verdict for read in people if read.verdict is not None]
    moods = [read.sentiment for read in connected if read.sentiment in SENTIMENTS]
    tried = [read for read in connected if read.is_transfer_attempt]
    passed_on = [read for read in tried if read.is_transferred]
    contained = [read for read in people if read.is_contained]
    early = [
        read
        for read in people
        if read.reason == "user_hangup" and read.duration_ms is not None and read.duration_ms < 10_000
    ]
    machines = [read for read in connected if read.is_voicemail]
    menus = [read for read in connected if read.reason == "ivr_reached"]
    ratings = {
        name: [read.analysis[f"{name}_rating"] for read in connected if read.analysis.get(f"{name}_rating")]
        for name in ("agent_task_completion", "call_completion")
    }
    task, call = ratings["agent_task_completion"], ratings["call_completion"]
    return {
        "calls": len(reads),
        "over_calls": len(over),
        "connected_calls": len(connected),
        "connect_rate": rate(len(connected), len(over)),
        "conversations": len(people),
        "avg_connected_ms": near(mean(lengths) if lengths else None),
        "median_connected_ms": near(median(lengths) if lengths else None),
        "judged_calls": len(verdicts),
        "successful_calls": sum(verdicts),
        "success_rate": rate(sum(verdicts), len(verdicts)),
        "judged_conversations": len(of_people),
        "successful_conversations": sum(of_people),
        "conversation_success_rate": rate(sum(of_people), len(of_people)),
        "task_rated_calls": len(task),
        "task_complete_rate": rate(task.count("Complete"), len(task)),
        "call_rated_calls": len(call),
        "call_complete_rate": rate(call.count("Complete"), len(call)),
        "sentiment_calls": len(moods),
        "positive_rate": rate(moods.count("Positive"), len(moods)),
        "negative_rate": rate(moods.count("Negative"), len(moods)),
        "voicemail_calls": len(machines),
        "voicemail_rate": rate(len(machines), len(connected)),
        "ivr_calls": len(menus),
        "ivr_rate": rate(len(menus), len(connected)),
        "transfer_attempts": len(tried),
        "transferred_calls": len(passed_on),
        "transfer_success_rate": rate(len(passed_on), len(tried)),
        "contained_calls": len(contained),
        "containment_rate": rate(len(contained), len(people)),
        "early_hangups": len(early),
        "early_hangup_rate": rate(len(early), len(people)),
    }


def test_outcomes_of_a_day_are_those_of_its_payloads(told_by_day: Told) -> None:
    groups = told_by_day.groups()
    rows = told_by_day.ask("from daily_outcomes")
    assert {(row.pop("day"), row.pop("agent_id")): row for row in rows} == {
        key: counted(reads) for key, reads in groups.items()
    }
    assert (None, None) in groups or any(day is None for day, _ in groups)


def test_whatever_counts_in_outcomes_occurs(told: Told) -> None:
    everything = counted(told.reads)
    assert all(everything[name] for name in everything if not name.endswith(("_rate", "_ms"))), everything
    assert {"asked_to_stop", "none", "unknown"} <= {read.category for read in told.reads}


def test_every_call_has_the_outcome_that_its_payload_says(told: Told) -> None:
    rows = {row["call_id"]: row for row in told.ask("from outcome_details")}
    for read in told.reads:
        answered, person = read.is_answered, read.is_conversation
        is_tried = read.is_transfer_attempt if answered else None
        wanted = {
            "category": read.category,
            "disconnection_reason": read.reason,
            "agent_version": read.version,
            "is_over": read.is_over,
            "is_connected": read.is_connected,
            "is_conversation": person,
            "connected_ms": read.duration_ms if answered else None,
            "is_voicemail": read.is_voicemail if answered else None,
            "is_transfer_attempt": is_tried,
            "is_transferred": read.is_transferred if is_tried else None,
            "is_contained": read.is_contained if person else None,
            "is_successful": read.verdict if answered else None,
            "user_sentiment": read.sentiment if answered else None,
        }
        row = rows[read.call_id]
        assert {name: row[name] for name in wanted} == wanted, read.call_id


def test_reasons_of_a_day_are_those_of_its_payloads(told_by_day: Told) -> None:
    groups: dict[Any, list[Read]] = defaultdict(list)
    by_category: dict[Any, list[Read]] = defaultdict(list)
    over = Counter(read.key for read in told_by_day.reads if read.is_over)
    for read in told_by_day.reads:
        if read.is_over:
            groups[*read.key, read.reason].append(read)
            by_category[*read.key, read.category].append(read)
    for view, column, wanted in (
        ("daily_disconnections", "disconnection_reason", groups),
        ("daily_disconnection_categories", "category", by_category),
    ):
        rows = told_by_day.ask(f"from {view}")
        found = {(row["day"], row["agent_id"], row[column]): row for row in rows}
        assert found.keys() == wanted.keys()
        assert len(rows) == len(found)
        for key, reads in wanted.items():
            lengths = [read.duration_ms for read in reads if read.duration_ms is not None]
            assert found[key]["calls"] == len(reads)
            assert found[key]["share"] == rate(len(reads), over[key[:2]])
            assert found[key]["avg_duration_ms"] == near(mean(lengths) if lengths else None)


def test_costs_of_a_day_are_totals_or_sums_of_lines(told_by_day: Told) -> None:
    rows = {(row["day"], row["agent_id"]): row for row in told_by_day.ask("from daily_costs")}
    groups = told_by_day.groups()
    assert rows.keys() == groups.keys()
    for key, reads in groups.items():
        costed = [read for read in reads if read.cost is not None]
        cost = sum(read.cost or 0 for read in costed)
        leg = sum(line["cost"] for read in costed for line in read.legs)
        minutes = sum(read.duration_ms or 0 for read in costed if read.is_connected) / 60_000
        won = [read for read in costed if read.is_answered and read.verdict]
        tokens = [usage["average"] * usage["num_requests"] for read in reads for usage in read.token_usage]
        wanted = {
            "calls": len(reads),
            "costed_calls": len(costed),
            "cost_cents": near(cost if costed else None),
            "transfer_leg_cents": near(leg if costed else None),
            "agent_leg_cents": near(cost - leg if costed else None),
            "cents_per_call": rate(cost, len(costed)),
            "successful_calls": len(won),
            "cents_per_successful_call": rate(cost, len(won)),
            "cents_per_connected_minute": rate(cost - leg, minutes),
            "llm_tokens": near(sum(tokens) if tokens else None),
        }
        assert {name: rows[key][name] for name in wanted} == wanted, key


def test_costs_of_products_are_sums_of_their_lines(told_by_day: Told) -> None:
    lines: dict[Any, list[float]] = defaultdict(list)
    totals: Counter[Any] = Counter()
    for read in told_by_day.reads:
        for line in read.cost_lines:
            lines[*read.key, line["product"], bool(line.get("is_transfer_leg_cost"))].append(line["cost"])
            totals[read.key] += line["cost"]
    rows = told_by_day.ask("from daily_product_costs")
    assert len(rows) == len(lines)
    for row in rows:
        key = (row["day"], row["agent_id"], row["product"], row["is_transfer_leg"])
        assert (row["cost_lines"], row["cost_cents"]) == (len(lines[key]), near(sum(lines[key])))
        assert row["share"] == rate(sum(lines[key]), totals[key[:2]])


def test_every_call_costs_what_its_payload_says(told: Told) -> None:
    rows = {row["call_id"]: row for row in told.ask("from cost_details")}
    for read in told.reads:
        row, leg = rows[read.call_id], sum(line["cost"] for line in read.legs)
        minutes = (read.duration_ms or 0) / 60_000 if read.is_connected else 0
        assert row["cost_cents"] == near(read.cost)
        assert row["transfer_leg_cents"] == near(None if read.cost is None else leg)
        wanted = None if read.cost is None or not minutes else (read.cost - leg) / minutes
        assert row["cents_per_connected_minute"] == near(wanted)
        assert row["product_count"] == len(read.cost_lines)


@pytest.mark.parametrize(
    ("view", "reason"),
    [("do_not_call_requests", "user_requested_dnc"), ("callback_requests", "user_requested_callback")],
)
def test_requests_to_stop_are_followed_by_the_calls_to_their_number(
    told: Told, view: str, reason: str
) -> None:
    rows = {row["call_id"]: row for row in told.ask(f"from {view}")}
    asked = [read for read in told.reads if read.reason == reason]
    assert asked
    assert rows.keys() == {read.call_id for read in asked}
    for read in asked:
        number = read.call.get("from_number" if read.call.get("direction") == "inbound" else "to_number")
        later = [
            other.dated_at
            for other in told.reads
            if number is not None
            and other.call.get("direction") == "outbound"
            and other.call.get("to_number") == number
            and other.dated_at is not None
            and read.dated_at is not None
            and other.dated_at > read.dated_at
        ]
        is_known = number is not None and read.dated_at is not None
        row = rows[read.call_id]
        assert row["customer_number"] == number
        assert row["later_calls"] == (len(later) if is_known else None)
        assert row["first_later_call_at"] == naive(min(later, default=None))
        assert row["call_summary"] == read.analysis.get("call_summary")


def test_pickups_of_a_day_are_those_of_its_outbound_calls(told_by_day: Told) -> None:
    rows = {(row["day"], row["agent_id"]): row for row in told_by_day.ask("from daily_pickups")}
    wanted = {}
    for key, reads in told_by_day.groups().items():
        outbound = [read for read in reads if read.is_over and read.call.get("direction") == "outbound"]
        numbers, reached, picked = (
            {read.call["to_number"] for read in some if read.call.get("to_number")}
            for some in (
                outbound,
                [read for read in outbound if read.is_connected],
                [read for read in outbound if read.is_conversation],
            )
        )
        if outbound:
            wanted[key] = {
                "attempts": len(outbound),
                "connected_attempts": sum(read.is_connected for read in outbound),
                "picked_up_attempts": sum(read.is_conversation for read in outbound),
                "numbers": len(numbers),
                "connected_numbers": len(reached),
                "picked_up_numbers": len(picked),
                "number_pickup_rate": rate(len(picked), len(numbers)),
            }
    assert {key: {name: row[name] for name in wanted[key]} for key, row in rows.items()} == wanted


def test_agents_and_versions_are_those_of_the_payloads(told: Told) -> None:
    for view, name in (("agents", None), ("agent_versions", "agent_version")):
        groups: dict[Any, list[Read]] = defaultdict(list)
        for read in told.reads:
            groups[(read.agent, read.version) if name else (read.agent,)].append(read)
        rows = told.ask(f"from {view}")
        found = {(row["agent_id"], row[name]) if name else (row["agent_id"],): row for row in rows}
        assert found.keys() == groups.keys()
        for key, reads in groups.items():
            moments = [naive(read.dated_at) for read in reads if read.dated_at]
            named = [read for read in reads if read.call.get("agent_name")]
            newest = max(named, key=lambda read: read.dated_at or EPOCH, default=None)
            row = found[key]
            assert row["calls"] == len(reads)
            assert (row["first_call_at"], row["last_call_at"]) == (
                min(moments, default=None),
                max(moments, default=None),
            )
            assert row["agent_name"] == (newest and newest.call["agent_name"])
            if not name:
                assert row["versions"] == len({read.version for read in reads} - {None})
