"""Who spoke when: small calls with answers computed by hand, loaded as payloads like any other.

A turn is written as its speaker and its words, each with start and end in seconds or without times.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.warehouse_files import Payload, Place, as_body

Word = tuple[float | None, float | None]
Turn = tuple[str, list[Word]]
TOOL = ("tool", [])

CALLS: dict[str, list[Turn]] = {
    "plain": [("agent", [(1, 2), (2.5, 4)]), ("user", [(5, 6)]), ("agent", [(6, 8)])],
    "no_words": [("agent", []), ("user", [])],
    "one_word": [("user", [(3, 3.5)])],
    "untimed": [("agent", [(None, None), (1, 2), (4, 3), (-1, 0)]), ("user", [(None, 9), (5, None)])],
    # Words of one speaker that overlap are one stretch of talk, not two.
    "own_overlap": [("agent", [(0, 2), (1, 3), (1.5, 2.5)])],
    # The user comes in at 3 and both speak until 4; the agent's turn stands first, so the user interrupts.
    "user_interrupts": [("agent", [(0, 2), (2, 4)]), ("user", [(3, 6)])],
    # The agent cuts in twice, 0.5 s each time; the user's "mhm" within the agent's turn interrupts too.
    "agent_interrupts": [
        ("user", [(0, 1), (1, 2)]),
        ("agent", [(1.5, 5)]),
        ("user", [(3, 3.25)]),
        ("user", [(6, 8)]),
        ("agent", [(7.5, 9)]),
    ],
    "same_moment": [("agent", [(0, 1)]), ("user", [(0, 1)])],
    # 3 s before the user answers, 6 s in the agent's turn, 2.5 s while nobody answers the agent.
    "silences": [
        ("agent", [(0, 1)]),
        ("user", [(4, 5)]),
        ("agent", [(11, 12)]),
        ("agent", [(14.5, 15)]),
    ],
    # The same 2.5 s with a tool that runs in them are the agent's.
    "tool_runs": [("agent", [(0, 1)]), TOOL, ("agent", [(3.5, 4)])],
    # The user is put through: who takes over is heard, but in no measure of the dialogue.
    "transfer": [
        ("agent", [(0, 1)]),
        ("transfer_target", [(2, 5)]),
        ("user", [(6, 7)]),
        ("transfer_target", [(20, 30)]),
    ],
    # A pause within a turn belongs to its speaker.
    "pause": [("agent", [(0, 1)]), ("user", [(2, 3), (8, 9)])],
    "newer_role": [("supervisor", [(0, 1)]), ("agent", [(1, 2)])],
    # Far beyond any call: kept as a word, in no measure.
    "absurd": [("agent", [(0, 1), (1e300, 1e301)])],
}

# Fields that are 0 in a call with a timed word, and null in one without.
TIMED = (
    "overlap_s",
    "silence_s",
    "longest_silence_s",
    "long_silence_s",
    "long_silence_count",
    "dead_air_s",
    "dead_air_count",
    "agent_silence_s",
    "user_silence_s",
    "agent_response_count",
    "user_response_count",
    "agent_interruption_count",
    "agent_interruption_ms",
    "user_interruption_count",
    "user_interruption_ms",
)
COUNTED = (
    "agent_turn_count",
    "user_turn_count",
    "other_turn_count",
    "agent_word_count",
    "user_word_count",
    "other_word_count",
    "agent_untimed_word_count",
    "user_untimed_word_count",
)
# What is neither 0 nor null, by hand.
EXPECTED: dict[str, dict[str, float]] = {
    "plain": {
        "agent_turn_count": 2,
        "user_turn_count": 1,
        "agent_word_count": 3,
        "user_word_count": 1,
        "first_word_s": 1,
        "last_word_s": 8,
        "agent_first_word_s": 1,
        "agent_talk_s": 4.5,
        "user_talk_s": 1,
        "silence_s": 1.5,
        "longest_silence_s": 1,
        "agent_silence_s": 0.5,
        "user_silence_s": 1,
        "agent_response_count": 1,
        "agent_response_p50_ms": 0,
        "agent_response_p95_ms": 0,
        "user_response_count": 1,
        "user_response_p50_ms": 1000,
        "user_response_p95_ms": 1000,
        "agent_longest_monologue_s": 3,
        "user_longest_monologue_s": 1,
    },
    "no_words": {"agent_turn_count": 1, "user_turn_count": 1},
    "one_word": {
        "user_turn_count": 1,
        "user_word_count": 1,
        "first_word_s": 3,
        "last_word_s": 3.5,
        "agent_talk_s": 0,
        "user_talk_s": 0.5,
        "user_longest_monologue_s": 0.5,
    },
    # The user's words are all untimed: how long it spoke is not known, and not 0.
    "untimed": {
        "agent_turn_count": 1,
        "user_turn_count": 1,
        "agent_word_count": 4,
        "user_word_count": 2,
        "agent_untimed_word_count": 3,
        "user_untimed_word_count": 2,
        "first_word_s": 1,
        "last_word_s": 2,
        "agent_first_word_s": 1,
        "agent_talk_s": 1,
        "agent_longest_monologue_s": 1,
    },
    "own_overlap": {
        "agent_turn_count": 1,
        "agent_word_count": 3,
        "first_word_s": 0,
        "last_word_s": 3,
        "agent_first_word_s": 0,
        "agent_talk_s": 3,
        "user_talk_s": 0,
        "agent_longest_monologue_s": 3,
    },
    "user_interrupts": {
        "agent_turn_count": 1,
        "user_turn_count": 1,
        "agent_word_count": 2,
        "user_word_count": 1,
        "first_word_s": 0,
        "last_word_s": 6,
        "agent_first_word_s": 0,
        "agent_talk_s": 4,
        "user_talk_s": 3,
        "overlap_s": 1,
        "user_interruption_count": 1,
        "user_interruption_ms": 1000,
        "agent_longest_monologue_s": 4,
        "user_longest_monologue_s": 3,
    },
    # The user's third turn follows the agent's after 1 s; it does not follow its own "mhm".
    "agent_interrupts": {
        "agent_turn_count": 2,
        "user_turn_count": 3,
        "agent_word_count": 2,
        "user_word_count": 4,
        "first_word_s": 0,
        "last_word_s": 9,
        "agent_first_word_s": 1.5,
        "agent_talk_s": 5,
        "user_talk_s": 4.25,
        "overlap_s": 1.25,
        "silence_s": 1,
        "longest_silence_s": 1,
        "user_silence_s": 1,
        "user_response_count": 1,
        "user_response_p50_ms": 1000,
        "user_response_p95_ms": 1000,
        "agent_interruption_count": 2,
        "agent_interruption_ms": 1000,
        "user_interruption_count": 1,
        "user_interruption_ms": 250,
        "agent_longest_monologue_s": 3.5,
        # From 3 to 8: the agent's word between began before "mhm".
        "user_longest_monologue_s": 5,
    },
    # Of two turns that begin together, the later one in the transcript interrupts.
    "same_moment": {
        "agent_turn_count": 1,
        "user_turn_count": 1,
        "agent_word_count": 1,
        "user_word_count": 1,
        "first_word_s": 0,
        "last_word_s": 1,
        "agent_first_word_s": 0,
        "agent_talk_s": 1,
        "user_talk_s": 1,
        "overlap_s": 1,
        "user_interruption_count": 1,
        "user_interruption_ms": 1000,
        "agent_longest_monologue_s": 1,
        "user_longest_monologue_s": 1,
    },
    "silences": {
        "agent_turn_count": 3,
        "user_turn_count": 1,
        "agent_word_count": 3,
        "user_word_count": 1,
        "first_word_s": 0,
        "last_word_s": 15,
        "agent_first_word_s": 0,
        "agent_talk_s": 2.5,
        "user_talk_s": 1,
        "silence_s": 11.5,
        "longest_silence_s": 6,
        "long_silence_s": 11.5,
        "long_silence_count": 3,
        "dead_air_s": 6,
        "dead_air_count": 1,
        "agent_silence_s": 6,
        "user_silence_s": 5.5,
        "agent_response_count": 1,
        "agent_response_p50_ms": 6000,
        "agent_response_p95_ms": 6000,
        "user_response_count": 1,
        "user_response_p50_ms": 3000,
        "user_response_p95_ms": 3000,
        "agent_longest_monologue_s": 4,
        "user_longest_monologue_s": 1,
    },
    "tool_runs": {
        "agent_turn_count": 2,
        "agent_word_count": 2,
        "first_word_s": 0,
        "last_word_s": 4,
        "agent_first_word_s": 0,
        "agent_talk_s": 1.5,
        "user_talk_s": 0,
        "silence_s": 2.5,
        "longest_silence_s": 2.5,
        "long_silence_s": 2.5,
        "long_silence_count": 1,
        "agent_silence_s": 2.5,
        "agent_longest_monologue_s": 4,
    },
    # 2 s of silence around the other role's talk are nobody's turn; after the last word nothing counts.
    "transfer": {
        "agent_turn_count": 1,
        "user_turn_count": 1,
        "other_turn_count": 2,
        "agent_word_count": 1,
        "user_word_count": 1,
        "other_word_count": 2,
        "first_word_s": 0,
        "last_word_s": 7,
        "agent_first_word_s": 0,
        "agent_talk_s": 1,
        "user_talk_s": 1,
        "silence_s": 2,
        "longest_silence_s": 1,
        "agent_longest_monologue_s": 1,
        "user_longest_monologue_s": 1,
    },
    "pause": {
        "agent_turn_count": 1,
        "user_turn_count": 1,
        "agent_word_count": 1,
        "user_word_count": 2,
        "first_word_s": 0,
        "last_word_s": 9,
        "agent_first_word_s": 0,
        "agent_talk_s": 1,
        "user_talk_s": 2,
        "silence_s": 6,
        "longest_silence_s": 5,
        # 5 s are not longer than 5 s.
        "long_silence_s": 5,
        "long_silence_count": 1,
        "user_silence_s": 6,
        "user_response_count": 1,
        "user_response_p50_ms": 1000,
        "user_response_p95_ms": 1000,
        "agent_longest_monologue_s": 1,
        "user_longest_monologue_s": 7,
    },
    "newer_role": {
        "agent_turn_count": 1,
        "other_turn_count": 1,
        "agent_word_count": 1,
        "other_word_count": 1,
        "first_word_s": 1,
        "last_word_s": 2,
        "agent_first_word_s": 1,
        "agent_talk_s": 1,
        "user_talk_s": 0,
        "agent_longest_monologue_s": 1,
    },
    "absurd": {
        "agent_turn_count": 1,
        "agent_word_count": 2,
        "agent_untimed_word_count": 1,
        "first_word_s": 0,
        "last_word_s": 1,
        "agent_first_word_s": 0,
        "agent_talk_s": 1,
        "user_talk_s": 0,
        "agent_longest_monologue_s": 1,
    },
}
# call, turn: talk, gap before it, talk over an earlier turn; in ms.
TURNS: dict[tuple[str, int], tuple[float, float | None, float]] = {
    ("plain", 0): (2500, None, 0),
    ("plain", 1): (1000, 1000, 0),
    ("plain", 2): (2000, 0, 0),
    ("one_word", 0): (500, None, 0),
    ("user_interrupts", 1): (3000, None, 1000),
    ("agent_interrupts", 1): (3500, None, 500),
    ("agent_interrupts", 2): (250, None, 250),
    ("agent_interrupts", 3): (2000, 1000, 0),
    ("agent_interrupts", 4): (1500, None, 500),
    ("silences", 3): (500, None, 0),
    ("transfer", 2): (1000, None, 0),
}


def payload(call_id: str, turns: list[Turn]) -> Payload:
    spoken = [turn(*said) for said in turns if said is not TOOL]
    woven: list[dict[str, Any]] = []
    for said in turns:
        if said is TOOL:
            woven.append({"role": "tool_call_invocation", "tool_call_id": "t", "name": "look_up"})
        else:
            woven.append(turn(*said))
    body = {"call_id": call_id, "agent_id": "a", "call_status": "ended", "transcript_object": spoken}
    return Payload(call_id, as_body(body | {"transcript_with_tool_calls": woven}))


def turn(role: str, words: list[Word]) -> dict[str, Any]:
    return {
        "role": role,
        "content": " ".join("word" for _ in words),
        "words": [{"word": "word", "start": start, "end": end} for start, end in words],
    }


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with TemporaryDirectory() as folder:
        made = Place(Path(folder))
        made.land([payload(call_id, turns) for call_id, turns in CALLS.items()])
        assert made.load().problems == []
        yield made


@pytest.fixture(scope="module")
def found(place: Place) -> dict[str, dict[str, Any]]:
    with place.warehouse.reading() as connection:
        rows = connection.exec_driver_sql("select * from conversations").mappings().all()
    return {row["call_id"]: dict(row) for row in rows}


@pytest.mark.parametrize("call_id", CALLS)
def test_a_conversation_is_measured_as_by_hand(found: dict[str, dict[str, Any]], call_id: str) -> None:
    wanted: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    if "first_word_s" in EXPECTED[call_id]:
        wanted |= dict.fromkeys(TIMED, 0)
    wanted |= EXPECTED[call_id]
    measured = {name: value for name, value in found[call_id].items() if value is not None}
    assert measured == wanted | {"call_id": call_id}


@pytest.mark.parametrize(("call_id", "utterance_index"), TURNS)
def test_a_turn_came_as_by_hand(place: Place, call_id: str, utterance_index: int) -> None:
    rows = place.rows(
        "select talk_ms, response_gap_ms, overlap_ms from turn_timings "
        f"where call_id = '{call_id}' and utterance_index = {utterance_index}"
    )
    assert rows == [TURNS[call_id, utterance_index]]


def test_only_timed_turns_of_agent_and_user_have_a_row(place: Place) -> None:
    rows = place.rows("select call_id, count(*) from turn_timings group by call_id")
    assert dict(rows)["untimed"] == 1
    assert dict(rows)["transfer"] == 2
    assert "no_words" not in dict(rows)


def test_ratios_without_a_denominator_are_null(place: Place) -> None:
    rows = place.rows(
        "select agent_talk_ratio, silence_rate, agent_words_per_minute, user_words_per_minute, dialogue_s "
        "from conversation_details where call_id in ('no_words', 'one_word') order by call_id"
    )
    assert rows == [(None, None, None, None, None), (0, 0, None, 120, 0.5)]


def test_words_per_minute_counts_timed_words_alone(place: Place) -> None:
    (row,) = place.rows(
        "select agent_words_per_minute, untimed_word_count from conversation_details "
        "where call_id = 'untimed'"
    )
    assert row == (60, 5)


def test_a_replay_measures_what_was_loaded_before(place: Place) -> None:
    before = place.rows("from conversations order by call_id")
    with place.warehouse.writing() as connection:
        connection.exec_driver_sql("delete from conversations")
        connection.exec_driver_sql("delete from turn_timings")
    place.replay()
    assert place.rows("from conversations order by call_id") == before
    assert len(place.rows("from turn_timings")) > 20
