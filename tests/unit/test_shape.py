"""A manifest says what a reader that names the columns would miss, and never too little of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import sql
from pipeline.landing import LandedChunk, Landing, Outcome
from pipeline.shape import Shape, shape_of
from pipeline.simulator import CallBook
from pipeline.simulator.breakage import encode
from pipeline.validate import Accepted, validate_body

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
LEAST = {"call_id": "c", "agent_id": "a", "call_status": "ended"}
WORD = {"word": "hi", "start": 1.5, "end": 2.5}
TURN = {"role": "agent", "content": "hi", "words": [WORD], "metadata": {"anything": 1}}


def accepted(payload: dict[str, Any]) -> Accepted:
    judged = validate_body(payload["call_id"], encode(payload))
    assert isinstance(judged, Accepted), judged
    return judged


def landed(folder: Path, *judged: Accepted, is_seen: bool = True) -> LandedChunk:
    writer = Landing(folder, folder).writer("run", 0)
    for number, each in enumerate(judged):
        outcome = Outcome(f"c{number}", "accepted", 1, NOON, 200, payload_hash=each.payload_hash)
        writer.add(outcome, each.line, each.shape if is_seen else None)
    writer.add(Outcome("missing", "not_found", 1, NOON, 404))
    return writer.finish()


def said(chunk: LandedChunk) -> tuple[Any, Any]:
    manifest = json.loads(chunk.manifest.read_bytes())
    return manifest["other_fields"], manifest["is_plain_speech"]


@pytest.mark.parametrize("shape", ["v1", "early_v2", "today"])
def test_a_reader_that_names_the_columns_and_other_fields_misses_nothing(tmp_path: Path, shape: str) -> None:
    book = CallBook(count=8, until=datetime(2026, 3, 1, tzinfo=UTC), shape=shape)
    payloads = [book.payload(index) for index in range(8)]
    judged = [accepted(payload) for payload in payloads]
    chunk = landed(tmp_path, *judged)
    other_fields, is_plain_speech = said(chunk)
    connection = duckdb.connect()
    connection.execute(sql.read("macros/kept_in_call"))
    ((kept,),) = connection.execute("select kept_in_call()").fetchall()
    names = {name for each in judged for name in json.loads(each.line)}
    assert other_fields == sorted(names - set(kept))
    assert is_plain_speech is True
    words = 'struct(word text, start double, "end" double)[]'
    turns = f"struct(role text, content text, words {words}, metadata json)[]"
    read = connection.execute(
        "select call_id, to_json(transcript_object) from read_json($1, columns = {call_id: 'text', "
        f"transcript_object: '{turns}'}}, compression = 'zstd', format = 'newline_delimited')",
        [str(chunk.payloads)],
    ).fetchall()
    for call_id, turns_read in read:
        (payload,) = [payload for payload in payloads if payload["call_id"] == call_id]
        assert without_null(json.loads(turns_read or "null")) == without_null(
            payload.get("transcript_object")
        )


def without_null(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: without_null(value) for name, value in node.items() if value is not None}
    return [without_null(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    "turn",
    [
        TURN | {"language": "de"},
        TURN | {"words": [WORD, WORD | {"confidence": 0.5}]},
        {"role": "agent", "words": [{"text": "hi"}]},
    ],
)
def test_a_turn_or_word_with_another_field_is_seen(turn: dict[str, Any]) -> None:
    assert accepted(LEAST | {"transcript_object": [TURN, turn]}).shape == Shape(frozenset(), False)


@pytest.mark.parametrize("turns", [None, [], [{}], [{"words": None}], [TURN, TURN | {"words": []}]])
def test_what_is_missing_is_plain(turns: Any) -> None:
    assert accepted(LEAST | {"transcript_object": turns}).shape == Shape(frozenset(), True)


def test_other_fields_are_named_but_for_what_may_be_a_secret() -> None:
    assert shape_of(LEAST | {"new": 1, "access_token": "x"}).other_fields == {"new"}
    for odd in ("https://x/y?sig=5ecre7", "", "a b", "ü", "x" * 65, "a\n"):
        assert shape_of(LEAST | {"new": 1, odd: 1}).other_fields is None


def test_a_chunk_says_what_is_in_any_of_its_payloads_or_that_it_is_not_known(tmp_path: Path) -> None:
    plain, more = (
        accepted(LEAST | {"new": 1}),
        accepted(LEAST | {"newer": 2, "transcript_object": [{"x": 1}]}),
    )
    odd = accepted(LEAST | {"a b": 1})
    assert said(landed(tmp_path / "1", plain, plain)) == (["new"], True)
    assert said(landed(tmp_path / "2", plain, more)) == (["new", "newer"], False)
    assert said(landed(tmp_path / "3", odd, plain)) == (None, True)
    assert said(landed(tmp_path / "4", plain, is_seen=False)) == (None, None)
    assert said(landed(tmp_path / "5")) == ([], True)
