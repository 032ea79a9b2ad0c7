"""What real accounts send, and what it means: small payloads, each with its right rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from support.warehouse_files import Payload, Place, as_body

Document = dict[str, Any]
_START = 1_772_359_200_000  # 2026-03-01 10:00 UTC
_CALL: Document = {
    "call_id": "c",
    "agent_id": "a",
    "call_status": "ended",
    "call_type": "phone_call",
    "start_timestamp": _START,
    "end_timestamp": _START + 30_000,
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def load(place: Place, *documents: Document) -> None:
    place.land(Payload(each.get("call_id", "c"), as_body(_CALL | each)) for each in documents)
    assert place.load().problems == []


def turn(role: str, *words: tuple[str, float, float], **more: Any) -> Document:
    spelled = [{"word": word, "start": start, "end": end} for word, start, end in words]
    return {"role": role, "content": " ".join(word for word, _, _ in words), "words": spelled} | more


def invoke(tool_call_id: str, name: str = "book", **more: Any) -> Document:
    item = {"role": "tool_call_invocation", "tool_call_id": tool_call_id, "name": name, "arguments": "{}"}
    return item | more


def answer(tool_call_id: str, content: str, **more: Any) -> Document:
    return {"role": "tool_call_result", "tool_call_id": tool_call_id, "content": content} | more


def one(place: Place, statement: str) -> tuple[Any, ...]:
    (row,) = place.rows(statement)
    return row


SCRUBBED: Document = {
    "data_storage_setting": "everything_except_pii",
    "direction": "outbound",
    "from_number": "+15550100001",
    "scrubbed_metadata": {"run": "run-1"},
    "scrubbed_retell_llm_dynamic_variables": {"appointment": "9"},
    "scrubbed_collected_dynamic_variables": {"x": "[person name 1]"},
    "scrubbed_transcript_with_tool_calls": [
        turn("agent", ("Hi ", 0.5, 0.8)),
        {"role": "dtmf", "digit": "[PII INFO]"},
    ],
    "scrubbed_call_analysis": {
        "call_summary": "For [person name 1].",
        "in_voicemail": True,
        "custom_analysis_data": {"outcome": "voicemail"},
    },
    "scrubbed_recording_url": "https://r.example/s.wav",
}


def test_what_the_source_keeps_without_personal_data_fills_rows_that_say_so(place: Place) -> None:
    load(place, SCRUBBED)
    assert one(
        place,
        "select metadata, metadata_source, retell_llm_dynamic_variables_source, transcript_source, "
        "collected_dynamic_variables ->> 'x', collected_dynamic_variables_source from calls",
    ) == (
        {"run": "run-1"},
        "scrubbed_metadata",
        "scrubbed_retell_llm_dynamic_variables",
        "scrubbed_transcript_with_tool_calls",
        "[person name 1]",
        "scrubbed_collected_dynamic_variables",
    )
    assert one(
        place,
        "select call_summary, in_voicemail, custom_analysis_data ->> 'outcome', analysis_source "
        "from call_analysis",
    ) == ("For [person name 1].", True, "voicemail", "scrubbed_call_analysis")
    assert one(place, "select is_voicemail, is_conversation, is_contained from outcome_details") == (
        True,
        False,
        None,
    )
    # An analysis makes it final.
    assert one(place, "select outcome from etl_outcomes") == ("loaded",)


def test_what_was_removed_is_told_from_what_was_never_there(place: Place) -> None:
    load(
        place,
        SCRUBBED | {"call_id": "removed"},
        {"call_id": "absent", "direction": "outbound", "from_number": "+15550100001"},
        {"call_id": "inbound", "direction": "inbound", "data_storage_setting": "everything_except_pii"},
    )
    found = dict(place.rows("select call_id, redacted_fields from calls"))
    assert found["absent"] is None
    assert found["inbound"] == ["from_number"]
    assert set(found["removed"]) == {
        "call_analysis",
        "metadata",
        "retell_llm_dynamic_variables",
        "collected_dynamic_variables",
        "transcript",
        "transcript_object",
        "transcript_with_tool_calls",
        "recording_url",
        "to_number",
    }


def test_an_analysis_that_is_kept_in_two_parts_is_put_together(place: Place) -> None:
    kept = {"call_successful": True, "user_sentiment": "Positive", "call_summary": None}
    scrubbed = {"call_summary": "[person name 1] asks.", "call_successful": False}
    load(
        place,
        {"call_id": "both", "call_analysis": kept, "scrubbed_call_analysis": scrubbed},
        {"call_id": "whole", "call_analysis": scrubbed, "scrubbed_call_analysis": {"call_summary": "x"}},
    )
    rows = place.rows(
        "select call_id, call_summary, call_successful, analysis_source from call_analysis order by 1"
    )
    assert rows == [
        ("both", "[person name 1] asks.", True, "both"),
        ("whole", "[person name 1] asks.", False, "call_analysis"),
    ]


def test_words_that_were_never_spoken_are_no_part_of_timings(place: Place) -> None:
    turns = [turn("user", ("hello", 0, 1)), turn("agent", ("planned", 5, 5), ("a", 9, 10))]
    load(place, {"transcript_object": turns})
    assert one(place, "select agent_response_p50_ms, dead_air_count, agent_talk_s from conversations") == (
        8000,
        1,
        1,
    )
    assert one(place, "select agent_words_per_minute from conversation_details") == (60,)
    assert place.rows("select word, is_spoken from words order by utterance_index, word_index") == [
        ("hello", True),
        ("planned", False),
        ("a", True),
    ]
    assert place.rows("select start_s, end_s, word_count from utterances order by utterance_index") == [
        (0, 1, 1),
        (9, 10, 2),
    ]


def test_a_turn_that_was_only_planned_answers_nobody(place: Place) -> None:
    turns = [turn("user", ("hello", 0, 1)), turn("agent", ("planned", 5, 5)), turn("user", ("there", 6, 7))]
    load(place, {"transcript_object": turns})
    assert place.rows("select utterance_index, role from turn_timings order by 1") == [
        (0, "user"),
        (2, "user"),
    ]
    # It is known for how long the agent spoke.
    assert one(place, "select agent_talk_s, agent_response_count from conversations") == (0, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_interrupts_whom_does_not_hang_on_the_order_of_recognition(
    place: Place, order: tuple[int, int]
) -> None:
    said = [turn("user", ("so", 0, 5)), turn("agent", ("yes", 4, 6))]
    load(place, {"transcript_object": [said[index] for index in order]})
    assert one(place, "select agent_interruption_ms, user_interruption_ms from conversations") == (1000, 0)
    (interrupting,) = place.rows("select utterance_index, role from turn_timings where overlap_ms > 0")
    assert interrupting == (order.index(1), "agent")


def test_tools_and_events_have_their_times(place: Place) -> None:
    woven = [
        turn("agent", ("hi", 0, 1)),
        invoke("t", time_sec=1.5),
        answer("t", "done", time_sec=2.25, successful=True),
        invoke("u"),
        answer("u", "done", time_sec=3),
        invoke("v", time_sec=4),
        answer("v", "early", time_sec=3.5),
        {"role": "node_transition", "new_node_id": "n", "time_sec": 5.5},
        {"role": "dtmf", "digit": "1"},
    ]
    load(place, {"transcript_object": woven[:1], "transcript_with_tool_calls": woven})
    assert place.rows(
        "select invoked_at_s, result_at_s, latency_ms, extra from tool_calls order by tool_call_index"
    ) == [
        (1.5, 2.25, 750, None),
        (None, 3, None, None),
        (4, 3.5, None, None),
    ]
    assert place.rows("select role, at_s from transcript_events order by event_index") == [
        ("node_transition", 5.5),
        ("dtmf", None),
    ]
    assert place.rows("select * from etl_drift") == []


def test_a_time_that_is_none_is_kept_as_it_came(place: Place) -> None:
    load(place, {"transcript_with_tool_calls": [invoke("t", time_sec="soon"), answer("t", "x", time_sec={})]})
    assert one(place, "select invoked_at_s, extra from tool_calls") == (
        None,
        {"invocation": {"time_sec": "soon"}, "result": {"time_sec": {}}},
    )


def test_the_model_that_took_the_place_of_another_is_told(place: Place) -> None:
    noted = {
        "model": "b",
        "primary_model": "a",
        "backup_model": "b",
        "reason": "timeout",
        "selection_latency_ms": 12.5,
    }
    said = turn("agent", ("hi", 0, 1), metadata={"response_id": 1, "backup_model_used": noted})
    woven = [said, invoke("t", metadata={"backup_model_used": noted}), answer("t", "x")]
    load(place, {"transcript_object": [said], "transcript_with_tool_calls": woven})
    for table in ("utterances", "tool_calls"):
        told = one(
            place, f"select primary_model, backup_model, fallback_reason, fallback_latency_ms from {table}"
        )
        assert told == ("a", "b", "timeout", 12.5)


def test_what_was_woven_before_and_after_the_conversation_has_a_phase(place: Place) -> None:
    load(
        place,
        {
            "custom_attributes": {"tier": "gold"},
            "pre_session_transcript_with_tool_calls": [invoke("p", "look_up"), answer("p", "found")],
            "transcript_object": [turn("agent", ("hi", 0, 1))],
            "transcript_with_tool_calls": [turn("agent", ("hi", 0, 1)), invoke("s"), answer("s", "yes")],
            "post_session_transcript_with_tool_calls": [
                {"role": "sms", "content": "bye"},
                invoke("q", "log"),
                turn("agent", ("note", 0, 1)),
            ],
        },
    )
    assert place.rows(
        "select phase, name, result, utterance_index from tool_calls order by tool_call_index"
    ) == [
        ("pre_session", "look_up", "found", None),
        ("session", "book", "yes", 0),
        ("post_session", "log", None, 0),
    ]
    assert place.rows("select phase, role from transcript_events order by event_index") == [
        ("post_session", "sms"),
        ("post_session", "agent"),
    ]
    assert one(place, "select custom_attributes, extra from calls") == ({"tier": "gold"}, None)
    assert place.rows("select * from etl_drift") == []


def test_each_use_of_a_tool_call_id_has_its_own_result(place: Place) -> None:
    woven = [invoke("t"), answer("t", "first"), invoke("t"), answer("t", "second"), answer("t", "surplus")]
    load(place, {"transcript_with_tool_calls": woven})
    assert place.rows("select result from tool_calls order by tool_call_index") == [("first",), ("second",)]
    assert place.rows("select event ->> 'content' from transcript_events") == [("surplus",)]


def test_a_turn_that_only_the_woven_transcript_has_is_an_event_and_a_check_names_it(place: Place) -> None:
    own = [turn("agent", ("hi", 0, 1)), turn("agent", ("bye", 6, 7))]
    lost = turn("user", ("book", 2, 3), ("it", 3, 4))
    load(place, {"transcript_object": own, "transcript_with_tool_calls": [own[0], lost, invoke("t"), own[1]]})
    assert one(place, "select role, event ->> 'content', utterance_index from transcript_events") == (
        "user",
        "book it",
        0,
    )
    assert place.rows("select call_id from check_turns_without_utterance()") == [("c",)]
    # It shifts no other item.
    assert one(place, "select utterance_index, word_index from tool_calls") == (0, 0)


def test_a_turn_that_is_split_around_a_tool_is_in_one_transcript_as_in_the_other(place: Place) -> None:
    own = [turn("agent", ("let", 0, 1), ("me", 1, 2), ("look", 2, 3))]
    parts = [turn("agent", ("let", 0, 1), ("me", 1, 2)), invoke("t"), turn("agent", ("look", 2, 3))]
    load(place, {"transcript_object": own, "transcript_with_tool_calls": parts})
    assert place.rows("select * from transcript_events") == []
    assert one(place, "select utterance_index, word_index from tool_calls") == (0, 1)


def test_a_null_among_latency_values_is_dropped_and_told(place: Place) -> None:
    load(place, {"latency": {"e2e": {"p50": 2, "values": [1, None, 3, None]}, "tts": {"values": [None]}}})
    assert place.rows("select metric, value_index, value_ms from latency_values order by all") == [
        ("e2e", 0, 1),
        ("e2e", 1, 3),
    ]
    assert place.rows(
        "select kind, json_path, value, occurrence_count from etl_drift order by json_path"
    ) == [
        ("value", "$.latency.e2e.values[*]", "null", 2),
        ("value", "$.latency.tts.values[*]", "null", 1),
    ]


def test_a_turn_without_words_keeps_its_place_before_a_tool(place: Place) -> None:
    first, second = turn("agent", ("hi", 0, 1)), turn("agent", ("done", 5, 6))
    wordless = {"role": "user", "content": "book it please", "words": []}
    own = [first, wordless, second]
    load(
        place,
        {"transcript_object": own, "transcript_with_tool_calls": [first, wordless, invoke("t"), second]},
    )
    assert one(place, "select utterance_index, word_index from tool_calls") == (1, None)
    assert one(place, "select said_before, said_after from tool_details") == ("book it please", "done")
    assert place.rows("select * from check_tool_call_positions()") == []


def test_a_call_of_no_agent_is_loaded(place: Place) -> None:
    place.land([Payload("c", as_body({name: _CALL[name] for name in _CALL if name != "agent_id"}))])
    assert place.load().problems == []
    assert one(place, "select agent_id, calls from daily_outcomes") == (None, 1)


def test_a_call_is_on_the_day_of_its_start_or_else_of_its_end_or_else_on_none(place: Place) -> None:
    end = int(datetime(2026, 2, 3, 23, 59, tzinfo=UTC).timestamp() * 1000)
    load(
        place,
        {"call_id": "started"},
        {"call_id": "ended", "start_timestamp": None, "end_timestamp": end, "call_status": "not_connected"},
        {
            "call_id": "neither",
            "start_timestamp": None,
            "end_timestamp": None,
            "call_status": "not_connected",
        },
    )
    assert dict(place.rows("select call_id, day from calls")) == {
        "started": date(2026, 3, 1),
        "ended": date(2026, 2, 3),
        "neither": None,
    }
    assert place.rows("select day, calls from daily_outcomes order by day") == [
        (date(2026, 2, 3), 1),
        (date(2026, 3, 1), 1),
        (None, 1),
    ]
