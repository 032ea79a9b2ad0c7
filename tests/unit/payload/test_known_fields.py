"""Where a payload's speech is called plain, the load finds nothing in it that has no column."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import sql
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.load.payload_fields import describe_fields
from pipeline.payload.known_fields import has_plain_speech
from pipeline.payload.validate import Accepted, validate
from pipeline.simulator import CallBook
from pipeline.simulator.breakage import encode
from pipeline.warehouse import schema

LEAST = {"call_id": "c", "agent_id": "a", "call_status": "ended"}
WORD = {"word": "hi", "start": 1.5, "end": 2.5}
TURN = {"role": "agent", "content": "hi", "words": [WORD], "metadata": {"response_id": 1}}
TOOL = {"role": "tool_call_invocation", "tool_call_id": "t", "name": "n", "arguments": "{}", "new": 1}


def with_macros() -> duckdb.DuckDBPyConnection:
    """Return a database with what reads payloads."""
    connection = duckdb.connect()
    for group in schema.PAYLOAD_MACROS:
        for name in sql.list_names(group):
            connection.execute(sql.read(f"{group}/{name}"))
    connection.execute(sql.read("stage/payload_fields"), {"payload_fields": describe_fields()})
    return connection


def accepted(**members: Any) -> Accepted:
    judged = validate("c", encode(LEAST | members))
    assert isinstance(judged, Accepted), judged
    return judged


def said_of(**members: Any) -> bool:
    return accepted(**members).has_plain_speech


@pytest.mark.parametrize("shape", ["v1", "early_v2", "today"])
def test_calls_as_the_api_sends_them_are_plain_and_the_load_agrees(shape: str) -> None:
    book = CallBook(count=8, until=datetime(2026, 3, 1, tzinfo=UTC), shape=shape)
    connection = with_macros()
    for index in range(8):
        payload = book.payload(index)
        assert has_plain_speech(payload)
        turns = json.dumps(payload.get("transcript_object") or [], separators=(",", ":"))
        assert connection.execute("select is_plain_speech(?)", [turns]).fetchall() == [(True,)]


ODD = [
    TURN | {"language": "de"},
    TURN | {"words": [WORD, WORD | {"confidence": 0.5}]},
    TURN | {"metadata": {"response_id": 1, "mood": "x"}},
    {"role": "agent", "words": [{"text": "hi"}]},
]


@pytest.mark.parametrize("turn", ODD)
def test_a_field_without_a_column_is_seen_wherever_it_was_spoken(turn: dict[str, Any]) -> None:
    assert not said_of(transcript_object=[TURN, turn])
    assert not said_of(transcript_object=[TURN], transcript_with_tool_calls=[TURN, TOOL, turn])
    assert not said_of(scrubbed_transcript_with_tool_calls=[TURN, turn])


@pytest.mark.parametrize("turns", [None, [], [{}], [{"words": None}], [TURN, TURN | {"words": []}]])
def test_what_is_missing_is_plain(turns: Any) -> None:
    assert said_of(transcript_object=turns)


def test_items_that_nobody_spoke_are_kept_whole_and_do_not_count() -> None:
    assert said_of(transcript_object=[TURN], transcript_with_tool_calls=[TURN, TOOL, {"role": "new", "x": 1}])


@pytest.mark.parametrize("odd", [1, "agent", [], ["agent"], [[]], [[[1]]], {"a": []}, [1], True])
def test_any_json_may_stand_where_a_role_or_words_should(odd: Any) -> None:
    assert not has_plain_speech({"transcript_with_tool_calls": [TURN | {"words": odd or [odd]}]})
    assert not has_plain_speech({"transcript_with_tool_calls": [TURN | {"metadata": odd or [odd]}]})
    assert has_plain_speech({"transcript_with_tool_calls": [odd, TURN | {"role": odd, "words": 1}]}) is (
        odd != "agent"
    )


def test_the_names_of_metadata_are_those_that_the_load_knows() -> None:
    connection = with_macros()
    connection.execute(sql.read("macros/shared/known_names"))
    ((known,),) = connection.execute(
        "select names from known_names() where place = 'turn metadata'"
    ).fetchall()
    for name in known:
        metadata = {"transcript_object": [{"metadata": {name: 1}}]}
        assert has_plain_speech(metadata)


@pytest.mark.parametrize("shape", ["v1", "early_v2", "today"])
def test_all_of_a_call_as_the_api_sends_it_is_plain(shape: str) -> None:
    book = CallBook(count=8, until=datetime(2026, 3, 1, tzinfo=UTC), shape=shape)
    for index in range(8):
        judged = validate(book.call_id(index), encode(book.payload(index)))
        assert isinstance(judged, Accepted)
        assert judged.is_plain


@pytest.mark.parametrize(
    "members",
    [
        {"new": 1},
        {"Agent_id": "A"},
        # A null where no column is has to stay one in extra.
        {"opt_in_signed_url": None},
        # Turns that would have to be taken from what is woven.
        {"transcript_with_tool_calls": [TURN]},
        {"transcript_object": [], "scrubbed_transcript_with_tool_calls": [TURN]},
        *({"transcript_object": [turn]} for turn in ODD),
    ],
)
def test_what_a_typed_read_would_miss_is_not_plain(members: dict[str, Any]) -> None:
    assert not accepted(**members).is_plain


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"agent_name": None, "transcript_object": None, "transcript_with_tool_calls": []},
        {"opt_in_signed_url": False, "post_session_transcript_with_tool_calls": []},
        {"transcript_object": [TURN], "transcript_with_tool_calls": [TOOL, {"role": 1}]},
        # It is taken out before the payload is landed.
        {"access_token": "secret"},
    ],
)
def test_what_has_a_place_of_its_own_is_plain(members: dict[str, Any]) -> None:
    assert accepted(**members).is_plain


def test_a_manifest_says_it_of_each_payload_and_older_ones_are_read(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing", tmp_path / "quarantine")
    writer = landing.open_chunk("run", 0)
    digest = hashlib.sha256(b"{}").hexdigest()
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    for call_id, is_plain in (("a", True), ("b", False)):
        writer.add(
            Outcome(call_id, "accepted", 1, noon, 200, payload_hash=digest, has_plain_speech=is_plain), b"{}"
        )
    manifest = writer.finish().manifest
    assert [each.has_plain_speech for each in landing.read_outcomes("run")] == [True, False]
    # Of a version that knew neither this nor checksums.
    older = json.loads(manifest.read_bytes())
    for name in ("format", "checksum"):
        del older[name]
    for outcome in older["outcomes"]:
        outcome.pop("has_plain_speech", None)
        del outcome["sequence"]
    manifest.write_text(json.dumps(older) + "\n")
    assert [each.has_plain_speech for each in landing.read_outcomes("run")] == [False, False]
