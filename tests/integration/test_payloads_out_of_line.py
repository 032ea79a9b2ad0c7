"""Payloads that stretch what real accounts send: each loads, every view answers, and the rows make sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.warehouse_files import Payload, Place, as_body

Document = dict[str, Any]
_START = 1_772_359_200_000  # 2026-03-01 10:00 UTC
_CALL: Document = {
    "agent_id": "a",
    "call_status": "ended",
    "disconnection_reason": "user_hangup",
    "start_timestamp": _START,
    "end_timestamp": _START + 60_000,
}
_ANYTHING = (None, {}, [1], "x", 5, {"user_sentiment": 5, "custom_analysis_data": "x"})
_TIMES = ("3.5", -2, None, "soon", [1], 1e300, True)


def turn(role: str, *words: tuple[str | None, float | None, float | None], content: str = "said") -> Document:
    spelled = [{"word": word, "start": start, "end": end} for word, start, end in words]
    return {"role": role, "content": content, "words": spelled}


def invoke(tool_call_id: Any, **more: Any) -> Document:
    return {"role": "tool_call_invocation", "tool_call_id": tool_call_id, "name": "book"} | more


def answer(tool_call_id: Any, content: str, **more: Any) -> Document:
    return {"role": "tool_call_result", "tool_call_id": tool_call_id, "content": content} | more


HELLO = turn("agent", ("hello", 0.5, 1), ("there", 1, 1.5), content="hello there")
BOOK = turn("user", ("book", 2, 2.5), ("it", 2.5, 3), content="book it")
DONE = turn("agent", ("done", 8.5, 9), content="done")
OKAYS = [turn("user", ("okay", at, at + 0.5), content="okay") for at in (3, 6, 7)]
PLANNED = turn("agent", ("planned", 5, 5), content="planned")
WORDLESS = [turn(role, content=content) for role, content in (("user", "one"), ("agent", "two"))]
ODD_WORDS = (" ", "", "...", None, "\u200b", " مرحبا، ", "हाँ।", "「はい」", "$5.", "«Oui»")

CALLS: dict[str, Document] = {
    "planned_at_start_and_end": {
        "transcript_object": [
            turn("agent", ("x", 0, 0), ("hi", 1, 2)),
            turn("user", ("y", 3, 4), ("z", 9, 9)),
            PLANNED,
        ]
    },
    "only_planned": {
        "transcript_object": [PLANNED],
        "transcript_with_tool_calls": [PLANNED, invoke("1", time_sec=3)],
    },
    "odd_words": {"transcript_object": [turn("agent", *((word, 1, 2) for word in ODD_WORDS))]},
    "odd_times_of_words": {
        "transcript_object": [turn("agent", ("a", None, None), ("b", 1, None), ("c", 2, 1), ("d", -1, 1))]
    },
    "id_used_three_times": {
        "transcript_object": [HELLO, BOOK],
        "transcript_with_tool_calls": [
            *(HELLO, invoke("1"), answer("1", "first"), BOOK),
            *(invoke("1"), invoke("1"), answer("1", "second")),
        ],
    },
    "result_before_its_use": {
        "transcript_object": [HELLO, BOOK],
        "transcript_with_tool_calls": [HELLO, answer("1", "early"), BOOK, invoke("1"), answer("1", "late")],
    },
    "ids_that_are_none": {
        "transcript_with_tool_calls": [
            invoke(None),
            answer(None, "r"),
            invoke(""),
            answer("", "e"),
            invoke(5),
        ]
    },
    "only_pre_session": {"pre_session_transcript_with_tool_calls": [invoke("1"), answer("1", "ok"), HELLO]},
    "odd_items_before_the_session": {
        "pre_session_transcript_with_tool_calls": [None, 1, "x", {"role": 5}, invoke("1")]
    },
    "result_in_another_session": {
        "pre_session_transcript_with_tool_calls": [invoke("1")],
        "post_session_transcript_with_tool_calls": [answer("1", "late"), {}],
    },
    "first_turn_only_woven": {
        "transcript_object": [BOOK, DONE],
        "transcript_with_tool_calls": [HELLO, invoke("1"), BOOK, invoke("2"), DONE],
    },
    "last_turn_only_woven": {
        "transcript_object": [HELLO, BOOK],
        "transcript_with_tool_calls": [HELLO, invoke("1"), BOOK, DONE, invoke("2")],
    },
    "repeated_turn_only_woven": {
        "transcript_object": [HELLO, OKAYS[0], OKAYS[2]],
        "transcript_with_tool_calls": [
            *(HELLO, OKAYS[0], invoke("1"), OKAYS[1], invoke("2"), OKAYS[2], invoke("3"))
        ],
    },
    "short_turn_only_woven": {
        "transcript_object": [HELLO, turn("user", ("okay", 6, 6.5), ("sure", 6.5, 7), content="okay sure")],
        "transcript_with_tool_calls": [
            *(HELLO, OKAYS[0], invoke("1")),
            turn("user", ("okay", 6, 6.5), ("sure", 6.5, 7), content="okay sure"),
        ],
    },
    "turn_missing_in_woven": {
        "transcript_object": [HELLO, BOOK, DONE],
        "transcript_with_tool_calls": [HELLO, invoke("1"), DONE, invoke("2")],
    },
    "wordless_turns_in_a_row": {
        "transcript_object": [HELLO, *WORDLESS, DONE],
        "transcript_with_tool_calls": [HELLO, WORDLESS[0], invoke("1"), WORDLESS[1], invoke("2"), DONE],
    },
    "ended_before_it_started": {"end_timestamp": _START - 1000, "duration_ms": 5000},
    "end_of_time": {"start_timestamp": 253_402_300_799_000, "end_timestamp": 253_402_300_799_999},
    "beginning_of_time": {"start_timestamp": 0, "end_timestamp": 0},
    "no_samples": {"latency": {"e2e": {"values": [None, None]}, "llm": {"values": [], "p50": 9, "num": 0}}},
    "odd_models": {
        "transcript_object": [
            {**HELLO, "metadata": {"backup_model_used": used}}
            for used in (
                "gpt",
                None,
                [],
                {"primary_model": "p", "backup_model": 5, "selection_latency_ms": "9"},
            )
        ]
    },
    "odd_nodes": {
        "transcript_with_tool_calls": [
            HELLO,
            *(
                {"role": "node_transition", **more}
                for more in ({}, {"new_node_id": 5}, {"former_node_id": []})
            ),
        ]
    },
    "lines_without_costs": {
        "call_cost": {"product_costs": [{"product": None}, {"product": "a", "cost": None}]}
    },
    **{f"version_{version!r}": {"agent_version": version} for version in ("3.00", " 3 ", 3.0, "", None, "x")},
    **{f"reason_{reason!r}": {"disconnection_reason": reason} for reason in (" ", "", None, " user_hangup ")},
    **{
        f"sentiment_{mood!r}": {"call_analysis": {"user_sentiment": mood}}
        for mood in ("POSITIVE ", " ", "Odd")
    },
    **{
        f"{field}_{number}": {field: value, "data_storage_setting": "everything_except_pii"}
        for number, value in enumerate(_ANYTHING)
        for field in (
            *("scrubbed_call_analysis", "scrubbed_metadata", "scrubbed_retell_llm_dynamic_variables"),
            *("scrubbed_pre_session_transcript_with_tool_calls", "metadata", "custom_attributes"),
        )
    },
    **{
        f"time_{number}": {
            "transcript_object": [HELLO, DONE],
            "transcript_with_tool_calls": [
                *(HELLO, invoke("1", time_sec=value), answer("1", "ok", time_sec=value)),
                *(
                    {"role": "dtmf", "digit": "1", "time_sec": value},
                    {"role": "node_transition", "time_sec": value},
                ),
                DONE,
            ],
        }
        for number, value in enumerate(_TIMES)
    },
}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.land(Payload(name, as_body(_CALL | call | {"call_id": name})) for name, call in CALLS.items())
        assert place.load().problems == []
        yield place


def test_every_call_is_there_and_every_view_answers(place: Place) -> None:
    assert place.rows("select count(*) from calls") == [(len(CALLS),)]
    for (view,) in place.rows("select view_name from duckdb_views() where not internal"):
        place.rows(f"from {view}")
    before = place.tables()
    assert place.replay().problems == []
    assert place.tables() == before


def tools(place: Place, call_id: str) -> list[tuple[Any, ...]]:
    columns = "result, utterance_index_before, utterance_index_after"
    return place.rows(
        f"select {columns} from tool_details where call_id = '{call_id}' order by tool_call_index"
    )


@pytest.mark.parametrize(
    ("call_id", "expected"),
    [
        ("id_used_three_times", [("first", 0, 1), ("second", 1, None), (None, 1, None)]),
        ("result_before_its_use", [("early", 1, None)]),
        ("ids_that_are_none", [(None, None, None), ("e", None, None), (None, None, None)]),
        ("only_pre_session", [("ok", None, None)]),
        ("odd_items_before_the_session", [(None, None, None)]),
        ("result_in_another_session", [("late", None, None)]),
        ("first_turn_only_woven", [(None, None, 0), (None, 0, 1)]),
        ("last_turn_only_woven", [(None, 0, 1), (None, 1, None)]),
        ("repeated_turn_only_woven", [(None, 1, 2), (None, 1, 2), (None, 2, None)]),
        ("short_turn_only_woven", [(None, 0, 1)]),
        ("turn_missing_in_woven", [(None, 0, 1), (None, 2, None)]),
        ("wordless_turns_in_a_row", [(None, 1, 2), (None, 2, 3)]),
    ],
)
def test_tools_have_their_results_and_the_turns_around_them(
    place: Place, call_id: str, expected: list[tuple[Any, ...]]
) -> None:
    assert tools(place, call_id) == expected


@pytest.mark.parametrize(
    ("call_id", "begins_s"),
    [
        ("first_turn_only_woven", 0.5),
        ("last_turn_only_woven", 8.5),
        ("repeated_turn_only_woven", 6),
        ("short_turn_only_woven", 3),
    ],
)
def test_the_turn_that_only_one_transcript_has_is_the_one_that_is_named(
    place: Place, call_id: str, begins_s: float
) -> None:
    begins = "cast(event ->> '$.words[0].start' as double)"
    found = place.rows(f"select {begins} from transcript_events where call_id = '{call_id}'")
    assert found == [(begins_s,)]
    assert (call_id,) in place.rows("select call_id from check_turns_without_utterance()")


def test_a_time_that_is_no_number_is_none(place: Place) -> None:
    rows = place.rows("select invoked_at_s from tool_calls where call_id like 'time%' order by call_id")
    assert rows == [(3.5,), (-2,), (None,), (None,), (None,), (1e300,), (None,)]


def test_words_without_sound_times_are_in_no_measure_of_time(place: Place) -> None:
    columns = "agent_talk_s, user_talk_s, silence_s, user_response_p50_ms"
    rows = dict[str, Any]()
    for call_id, *measures in place.rows(f"select call_id, {columns} from conversations"):
        rows[call_id] = measures
    assert rows["planned_at_start_and_end"] == [1, 1, 1, 1000]
    assert rows["only_planned"][2:] == rows["odd_times_of_words"][2:] == [None, None]


def test_values_that_mean_the_same_are_one(place: Place) -> None:
    versions = "select agent_version, calls from agent_versions order by agent_version nulls first"
    assert place.rows(versions) == [(None, len(CALLS) - 4), ("3", 3), ("x", 1)]
    reasons = "select disconnection_reason, calls from disconnection_breakdown order by all"
    assert place.rows(reasons) == [("user_hangup", len(CALLS) - 3), (None, 3)]
    assert place.rows("select * from check_unknown_reasons()") == []
    drift = "select value from etl_drift where json_path = '$.disconnection_reason'"
    assert place.rows(drift) == []
    moods = "select user_sentiment from outcome_details where call_id like 'sentiment%' order by all"
    assert place.rows(moods) == [("Odd",), ("Positive",), (None,)]


def test_terms_of_all_scripts_lose_what_is_around_them(place: Place) -> None:
    terms = "select term from word_hits where call_id = 'odd_words' and term <> '' order by word_index"
    assert place.rows(terms) == [("مرحبا",), ("हाँ",), ("はい",), ("$5",), ("oui",)]


def test_a_source_is_named_where_it_says_anything(place: Place) -> None:
    for number, value in enumerate(_ANYTHING):
        [(source, redacted)] = place.rows(
            "select metadata_source, contains(cast(redacted_fields as varchar), 'metadata')"
            f" from calls where call_id = 'scrubbed_metadata_{number}'"
        )
        assert (source, redacted) == ((None, None) if value is None else ("scrubbed_metadata", True))
