"""Input that was changed at random is taken, or refused in one sentence; it never does anything else."""

from __future__ import annotations

import json
import os
import random
import string
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import LandingError, UsageError
from pipeline.landing.chunk import verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.payload.call_id import is_call_id
from pipeline.payload.fast_parse import parse_body
from pipeline.payload.redact import redact
from pipeline.payload.strict_json import Malformed, parse
from pipeline.payload.validate import Accepted, validate
from pipeline.runs.ids import read_ids
from pipeline.simulator import CallBook
from support.warehouse_files import NOON, Place

SECRET = "5ecre7-of-a-web-call"
TOKEN = f'"access_token": "{SECRET}", '.encode()
HUNT = int(os.environ.get("HUNT", "0"))
# What breaks parsers: brackets, quotes, escapes, halves of pairs, numbers at the edge, what is no text.
PIECES = [
    *(
        piece.encode()
        for piece in ('"', "\\", "{", "}", "[", "]", ",", ":", "\n", "\r", "\0", "\u2028", "é😀")
    ),
    *(piece.encode() for piece in ("null", "true", "NaN", "-Infinity", "1e999", "-0", "9" * 400, "0.1e-400")),
    *(
        piece.encode()
        for piece in ("\\ud83d", "\\u0000", "\\u00", "'; drop table calls; --", "../", "$.a[*]")
    ),
    *(b"\xff", b"\xc3", b"\xed\xa0\xbd", b"\xef\xbb\xbf", b"\x1f\x8b", b"[" * 2000, b'{"a":' * 300),
]


def bodies() -> list[tuple[str, bytes]]:
    """Return payloads in each shape, each with a token in front."""
    found = []
    for shape in ("v1", "early_v2", "today"):
        book = CallBook(count=30, until=datetime(2025, 3, 14, tzinfo=UTC), shape=shape)
        by_size = sorted((book.body(call_id) or b"", call_id) for call_id in book.call_ids())
        by_size = sorted(by_size, key=lambda item: len(item[0]))
        for body, call_id in (by_size[0], by_size[len(by_size) // 2]):
            document = json.loads(body)
            document.pop("access_token", None)
            found.append((call_id, b"{" + TOKEN + json.dumps(document).encode()[1:]))
    return found


def mutated(rng: random.Random, body: bytes, other: bytes) -> bytes:
    """Return a body with a few changes, none of them within its token."""
    before, token, after = body.partition(TOKEN)
    other = other.replace(TOKEN, b"")
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place = rng.randrange(len(after) + 1)
        length = rng.choice((1, 1, 2, 8, 64, len(after)))
        kind = rng.randrange(7)
        if kind == 0:
            after = after[:place] + bytes([rng.randrange(256)]) + after[place + 1 :]
        elif kind == 1:
            after = after[:place] + after[place + length :]
        elif kind == 2:
            after = after[:place] + rng.choice(PIECES) + after[place:]
        elif kind == 3:
            after = after[:place] + after[place : place + length] * 2 + after[place + length :]
        elif kind == 4:
            start = rng.randrange(len(other))
            after = after[:place] + other[start : start + length] + after[place + length :]
        elif kind == 5:
            after = after[:place]
        else:
            # A value in place of another keeps the JSON sound, so that validation gets to see it.
            colon = after.find(b": ", place)
            end = min((at for at in (after.find(b", ", colon), after.find(b"}", colon)) if at > 0), default=0)
            value = rng.choice(
                (b"null", b"[]", b"{}", b"-1", b"1.5", b'"x"', b"true", b"1e308", b'[{"a": 1}]')
            )
            if 0 < colon < end:
                after = after[: colon + 2] + value + after[end:]
    return before + token + after


def judge(call_id: str, body: bytes) -> Accepted | None:
    """Judge a body; fail where what is kept, or said of it, is not as promised."""
    try:
        document: Any = parse(body)
        read = parse_body(body)
    except Malformed:
        document = read = None
    judged = validate(call_id, body)
    kept = judged.line if isinstance(judged, Accepted) else redact(body, read)
    if document is None or SECRET not in json.dumps(without_token(document)):
        assert SECRET.encode() not in kept
    if isinstance(judged, Accepted):
        assert b"\n" not in judged.line
        assert json.loads(judged.line)["call_id"] == call_id
        return judged
    assert len(judged.reason) < 200
    assert judged.reason.isprintable()
    assert judged.json_path.startswith("$")
    assert judged.value is None or len(judged.value) <= 200
    assert SECRET not in judged.reason + judged.json_path + (judged.value or "")
    return None


def without_token(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: without_token(value) for key, value in node.items() if key != "access_token"}
    return [without_token(item) for item in node] if isinstance(node, list) else node


def accepted_of(count: int, seed: int) -> Iterator[tuple[str, Accepted]]:
    rng, found = random.Random(seed), bodies()
    for _ in range(count):
        call_id, body = rng.choice(found)
        judged = judge(call_id, mutated(rng, body, rng.choice(found)[1]))
        if judged is not None:
            yield call_id, judged


def test_a_mutated_payload_is_taken_or_refused_and_shows_no_secret() -> None:
    accepted = sum(1 for _ in accepted_of(200, seed=7))
    assert 20 < accepted < 180


@pytest.mark.slow
def test_many_mutated_payloads_are_judged_and_what_is_accepted_loads(tmp_path: Path) -> None:
    place = Place(tmp_path)
    seed = random.randrange(2**32) if HUNT else 11
    writer, count = place.landing.open_chunk("run", 0), 0
    for number, (call_id, judged) in enumerate(accepted_of(HUNT or 8000, seed)):
        # A chunk holds a call once, so each payload becomes a call of its own.
        line = judged.line.replace(call_id.encode(), f"call_{number}".encode())
        again = validate(f"call_{number}", line)
        if not isinstance(again, Accepted):
            continue
        writer.add(
            Outcome(f"call_{number}", "accepted", 1, NOON, 200, payload_hash=again.payload_hash), again.line
        )
        count += 1
        if writer.outcome_count == 500:
            writer.finish()
            writer = place.landing.open_chunk("run", number + 1)
    writer.finish()
    assert place.load().problems == [], f"seed {seed}"
    assert place.rows("select count(*) from calls") == [(count,)]
    assert count > (HUNT or 8000) / 10


_PARTS = (
    "abc",
    "call_id",
    ",",
    ";",
    "\t",
    "\n",
    "\r\n",
    '"',
    "[",
    "]",
    "{",
    "#",
    " ",
    "\ufeff",
    "\0",
    "../x",
)
_PARTS += ("'; drop table calls; --", "null", "\x1b[31m", "\u2028", "é")
anything = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([part.encode() for part in _PARTS] + [b"\xff"]), max_size=12).map(b"".join),
)


@settings(max_examples=HUNT or 80, deadline=None)
@given(anything, st.sampled_from(["ids.txt", "ids.csv", "ids.json"]))
def test_any_bytes_in_a_file_of_ids_are_ids_or_one_sentence_with_the_place(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            found = [placed.call_id for placed in read_ids([str(path)], BytesIO())]
        except UsageError as refused:
            sentence = str(refused)
            assert sentence.startswith(str(path))
            assert sentence.removeprefix(str(path)).isprintable()
            assert len(sentence) < len(str(path)) + 200
            # Only what is wrong as a whole has no place.
            kinds = (" is compressed ", " is an ", " is a Parquet ", " is UTF-", "no column call_id")
            places = (" line ", " item ", *kinds)
            assert any(place in sentence for place in places)
            return
        assert all(map(is_call_id, found))


@settings(max_examples=HUNT or 50, deadline=None)
@given(st.text(string.printable, min_size=1, max_size=30))
def test_no_text_with_a_piece_of_sql_or_of_a_path_is_an_id(text: str) -> None:
    assert [hostile for hostile in (f"{text}'", f"../{text}", f"{text};--") if is_call_id(hostile)] == []
    assert is_call_id(text) == (set(text) <= set(string.ascii_letters + string.digits + "_-"))


def draw_part(data: st.DataObject, size: int) -> tuple[int, int]:
    """Draw where a part of a file begins and ends; its size is another one each time."""
    first, second = (data.draw(st.floats(0, 1)) for _ in range(2))
    start = int(first * size)
    return start, start + int(second * (size - start))


@settings(max_examples=HUNT or 25, deadline=None)
@given(st.data())
def test_a_chunk_whose_bytes_are_changed_anywhere_is_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing", Path(folder) / "quarantine")
        writer = landing.open_chunk("run", 0)
        for number in range(3):
            writer.add(Outcome(f"c{number}", "accepted", 1, NOON, 200, payload_hash="h"), b'{"a": 1}')
        chunk = writer.finish()
        assert chunk.payloads is not None
        content = chunk.payloads.read_bytes()
        start, end = draw_part(data, len(content))
        changed = content[:start] + data.draw(st.binary(max_size=6)) + content[end:]
        chunk.payloads.write_bytes(changed)
        if changed == content:
            assert verify_chunk(chunk.manifest) == chunk
        else:
            with pytest.raises(LandingError, match="not what its manifest says"):
                verify_chunk(chunk.manifest)


@settings(max_examples=HUNT or 25, deadline=None)
@given(st.data())
def test_a_manifest_that_is_changed_anywhere_is_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing", Path(folder) / "quarantine")
        writer = landing.open_chunk("run", 0)
        writer.add(Outcome("c", "accepted", 1, NOON, 200, payload_hash="h"), b'{"a": 1}')
        chunk = writer.finish()
        content = chunk.manifest.read_bytes()
        start, end = draw_part(data, len(content))
        changed = content[:start] + data.draw(st.binary(max_size=6)) + content[end:]
        chunk.manifest.write_bytes(changed)
        if changed == content:
            assert verify_chunk(chunk.manifest) == chunk
        else:
            with pytest.raises(LandingError, match="cannot be read"):
                verify_chunk(chunk.manifest)
