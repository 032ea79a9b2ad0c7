"""What the API was not known to send loads, is kept, and is listed by status and by the run that met it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from support.command_line import Cli
from support.warehouse_files import NOON, Payload, Place, as_body

LEAST = {"agent_id": "agent", "call_status": "ended"}
ITEM = "$.transcript_with_tool_calls[*]"
DRIFTED: dict[str, Any] = LEAST | {
    "call_status": "paused",
    "call_type": "fax_call",
    "disconnection_reason": "sunspots",
    "opt_in_signed_url": True,
    "new top": {"x": 1},
    "latency": {"e2e": {"p50": 1, "p42": 4}, "turn": {"p50": 3}},
    "call_cost": {"combined_cost": 1, "surcharge": 1, "product_costs": [{"tier": "gold"}, {"tier": "tin"}]},
    "llm_token_usage": {"values": [1], "cached": 5},
    "call_analysis": {"mood": "blue", "user_sentiment": "Meh"},
    "telephony_identifier": {"twilio_call_sid": "CA1", "pigeon": 7},
    "transcript_object": [
        {
            "role": "agent",
            "content": "hi you",
            "words": [{"word": "hi", "confidence": 0.5}, {"word": "you", "confidence": 0.6}],
            "metadata": {"response_id": 1, "mood": "calm"},
        },
        {"role": "narrator", "content": "x", "words": []},
    ],
    "transcript_with_tool_calls": [
        {"role": "user", "content": "hi", "words": [], "language": "en"},
        {"role": "tool_call_invocation", "tool_call_id": "t", "type": "warp", "thought_signature": "z"},
        {"role": "tool_call_result", "tool_call_id": "t", "content": "ok", "price": 2},
        {"role": "smoke_signal", "puffs": 3},
        {"role": "node_transition", "transition_type": "teleport"},
        {"role": "dtmf", "digit": "1", "tone": 5},
    ],
    "post_session_transcript_with_tool_calls": [{"role": "tool_call_invocation", "why": 1}],
}
EXPECTED = [
    ("field", "$.call_analysis.mood", None, 1),
    ("field", "$.call_cost.product_costs[*].tier", None, 2),
    ("field", "$.call_cost.surcharge", None, 1),
    ("field", "$.latency.e2e.p42", None, 1),
    ("field", "$.llm_token_usage.cached", None, 1),
    ("field", "$.post_session_transcript_with_tool_calls[*].why", None, 1),
    ("field", "$.telephony_identifier.pigeon", None, 1),
    ("field", "$.transcript_object[*].metadata.mood", None, 1),
    ("field", "$.transcript_object[*].words[*].confidence", None, 2),
    ("field", f"{ITEM}.language", None, 1),
    ("field", f"{ITEM}.price", None, 1),
    ("field", f"{ITEM}.tone", None, 1),
    ("field", '$["new top"]', None, 1),
    ("metric", "$.latency.turn", "turn", 1),
    ("role", "$.transcript_object[*].role", "narrator", 1),
    ("role", f"{ITEM}.role", "smoke_signal", 1),
    ("value", "$.call_analysis.user_sentiment", "Meh", 1),
    ("value", "$.call_status", "paused", 1),
    ("value", "$.call_type", "fax_call", 1),
    ("value", "$.disconnection_reason", "sunspots", 1),
    ("value", f"{ITEM}.transition_type", "teleport", 1),
    ("value", f"{ITEM}.type", "warp", 1),
]


def land(place: Place, documents: dict[str, dict[str, Any]], hours: int = 0) -> None:
    at = NOON + timedelta(hours=hours)
    place.land([Payload(name, as_body(fields | {"call_id": name}), at) for name, fields in documents.items()])


def listed(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(
        ((row["kind"], row["json_path"], row["value"], row["occurrences"]) for row in rows),
        key=lambda row: (row[0], row[1].replace("[", "."), row[2] or ""),
    )


@pytest.fixture
def place(tmp_path: Any) -> Place:
    """The data folder of the command line."""
    return Place(tmp_path / "data")


def test_status_and_the_run_list_what_is_new_with_the_first_call_and_its_path(cli: Cli, place: Place) -> None:
    land(place, {"plain": LEAST, "later": DRIFTED}, hours=1)
    land(place, {"sooner": DRIFTED})
    ran = cli("load", "--json")
    assert ran.code == 0
    run, status = json.loads(ran.out), json.loads(cli("status", "--json").out)
    twice = [(*row[:3], row[3] * 2) for row in EXPECTED]
    for rows in (run["drift"], status["drift"]):
        assert listed(rows) == listed(
            [dict(zip(("kind", "json_path", "value", "occurrences"), row, strict=True)) for row in twice]
        )
        assert {row["calls"] for row in rows} == {2}
        assert {row["first_call_id"] for row in rows} == {"sooner"}
    for shown in (cli("status").out, cli("replay").out):
        assert "New in the API's payloads" in shown
        for kind, path, value, _ in EXPECTED:
            assert any(
                kind in line and path in line and (value or "") in line and "sooner" in line
                for line in shown.splitlines()
            ), path


def test_drift_is_counted_once_however_often_a_payload_is_loaded(place: Place) -> None:
    land(place, {"call": DRIFTED})
    place.load()
    first = place.rows("select * exclude (recorded_at) from etl_drift order by all")
    place.replay()
    assert place.rows("select * exclude (recorded_at) from etl_drift order by all") == first
    land(place, {"call": LEAST}, hours=1)
    place.load()
    assert place.rows("select * from etl_drift") == []


def test_what_is_new_was_first_seen_when_its_call_was_however_loads_come(place: Place) -> None:
    first_seen = """
        select distinct etl_drift.call_id, etl_drift.first_seen_at, calls.first_seen_at
        from etl_drift
        join calls on etl_drift.call_id = calls.call_id
        order by all
    """
    land(place, {"one": DRIFTED, "two": DRIFTED}, hours=3)
    place.load()
    for hours in (5, 1):
        land(place, {"one": DRIFTED | {"metadata": {"at": hours}}}, hours=hours)
        place.load()
        expected = min(3, hours)
        assert place.rows(first_seen) == [
            (name, *[(NOON + timedelta(hours=at)).replace(tzinfo=None)] * 2)
            for name, at in (("one", expected), ("two", 3))
        ]


def test_a_run_that_met_nothing_new_says_nothing(cli: Cli, place: Place) -> None:
    land(place, {"call": DRIFTED})
    cli("load")
    land(place, {"plain": LEAST})
    ran = cli("load", "--json")
    assert json.loads(ran.out)["drift"] == []
    assert "New in" not in cli("load").out
    assert "New in" in cli("status").out


def test_everything_new_is_in_a_table_too(place: Place) -> None:
    land(place, {"call": DRIFTED})
    place.load()
    (extra,) = place.rows("select extra from calls")[0]
    assert extra == {
        "opt_in_signed_url": True,
        "new top": {"x": 1},
        "latency": {"e2e": {"p42": 4}},
        "call_cost": {"surcharge": 1, "product_costs": [{"tier": "gold"}, {"tier": "tin"}]},
        "llm_token_usage": {"values": [1], "cached": 5},
        "transcript_with_tool_calls": {"0": {"language": "en"}},
    }
    assert place.rows("select extra from utterances order by utterance_index") == [
        ({"words": [{"confidence": 0.5}, {"confidence": 0.6}]},),
        (None,),
    ]
    assert place.rows("select extra from tool_calls order by tool_call_index") == [
        ({"invocation": {"thought_signature": "z"}, "result": {"price": 2}},),
        ({"invocation": {"why": 1}},),
    ]
    assert place.rows("select extra from call_analysis") == [({"mood": "blue"},)]
    assert place.rows("select metric, p50_ms from latency_stats order by metric") == [
        ("e2e", 1.0),
        ("turn", 3.0),
    ]
    assert place.rows("select role from transcript_events order by event_index") == [
        # What the user said is in no turn.
        ("user",),
        ("smoke_signal",),
        ("node_transition",),
        ("dtmf",),
    ]
