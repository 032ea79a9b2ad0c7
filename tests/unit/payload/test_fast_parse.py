"""A body read as an outline is judged as one that is read whole, and so is whatever looks like its words."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.payload.fast_parse import parse_body, parse_whole, restore_words
from pipeline.payload.strict_json import MAX_DEPTH, Malformed, parse
from pipeline.payload.validate import Accepted, Rejected, validate
from pipeline.simulator import CallBook
from pipeline.simulator.breakage import encode

HUNT = int(os.environ.get("HUNT", "0"))
SECRET = "5ecre7"
WORD = b'{"word":"hi","start":1.5,"end":2.25}'
LEAST = b'{"call_id":"c","agent_id":"a","call_status":"ended",'


def said(words: bytes) -> bytes:
    return LEAST + b'"transcript_object":[{"role":"agent","content":"hi","words":[' + words + b"]}]}"


def judged_whole(call_id: str, body: bytes) -> Accepted | Rejected | tuple[str, ...]:
    try:
        return validate(call_id, body, parse_whole(body))
    except Malformed as fault:
        return fault.reason, fault.path, str(fault.value), str(fault.is_syntax)


def judged(call_id: str, body: bytes) -> Accepted | Rejected | tuple[str, ...]:
    try:
        return validate(call_id, body, parse_body(body))
    except Malformed as fault:
        return fault.reason, fault.path, str(fault.value), str(fault.is_syntax)


def agrees(call_id: str, body: bytes) -> bool:
    """Fail where the outline of a body leads elsewhere than the whole does; say whether it is accepted."""
    by_outline, by_whole = judged(call_id, body), judged_whole(call_id, body)
    if isinstance(by_outline, Accepted) and isinstance(by_whole, Accepted):
        # Where a secret was removed the whole is written anew, and numbers may change their digits.
        assert by_outline == by_whole or json.loads(by_outline.line) == json.loads(by_whole.line)
        assert SECRET.encode() not in by_outline.line
        read = parse_body(body)
        assert restore_words(read.text, read, body) in (body, None)
        return True
    assert by_outline == by_whole
    return False


@cache
def payloads() -> list[tuple[str, bytes]]:
    found = []
    for shape in ("v1", "early_v2", "today"):
        book = CallBook(count=8, until=datetime(2026, 3, 1, tzinfo=UTC), shape=shape)
        found += [(call_id, encode(book.payload(index))) for index, call_id in enumerate(book.call_ids())]
    return found


def test_most_of_a_payload_as_the_api_sends_it_is_cut_out() -> None:
    bodies = [body for _, body in payloads() if len(body) > 20_000]
    assert len(bodies) > 3
    assert max(len(parse_body(body).text) / len(body) for body in bodies) < 0.4


def test_payloads_are_judged_by_their_outline_as_by_the_whole() -> None:
    assert all(agrees(call_id, body) for call_id, body in payloads())


@pytest.mark.parametrize(
    "words",
    [
        WORD,
        WORD + b"," + WORD,
        b"",
        b'{"word":"","start":0.5,"end":0.75},{"word":"b","start":0.5,"end":1.25},' + WORD,
        b'{"word":null,"start":null,"end":null}',
        b'{"word":"10:30","start":-1,"end":0}',
        '{"word":"grün\u2028😀","start":12.125,"end":999999.9}'.encode(),
    ],
)
def test_plain_words_are_cut_out(words: bytes) -> None:
    body = said(words)
    assert parse_body(body).text == said(b"")
    assert agrees("c", body)


@pytest.mark.parametrize(
    "words",
    [
        WORD + b",",
        b"," + WORD,
        WORD + WORD,
        WORD.replace(b"1.5", b"01.5"),
        WORD.replace(b"1.5", b"00.5"),
        WORD.replace(b"1.5", b"1."),
        WORD.replace(b"1.5", b".5"),
        WORD.replace(b"1.5", b"1.5.5"),
        WORD.replace(b"1.5", b"+1.5"),
        WORD.replace(b"1.5", b"-"),
        WORD.replace(b"1.5", b"9" * 400 + b".5"),
        WORD.replace(b"1.5", b"9" * 400),
        WORD.replace(b"1.5", b"NaN"),
        WORD.replace(b"1.5", b'"1.5"'),
        WORD.replace(b"1.5", b"true"),
        WORD.replace(b"hi", b"\xff"),
        WORD.replace(b"hi", b"\xed\xa0\xbd"),
        WORD.replace(b"hi", b"a\nb"),
        WORD.replace(b"hi", b"a\0b"),
        WORD.replace(b"hi", b"\\"),
        WORD.replace(b"hi", b'a"b'),
        WORD.replace(b'"hi"', b"5"),
        WORD.replace(b"}", b',"end":3}'),
        WORD.replace(b"}", b',"\\u0065nd":3}'),
        WORD[:-1],
        WORD + b"]" + WORD,
    ],
)
def test_what_only_looks_like_words_is_refused_as_ever(words: bytes) -> None:
    for body in (said(words), said(WORD + b"," + words), said(words + b"," + WORD)):
        assert not agrees("c", body)


@pytest.mark.parametrize(
    "members",
    [
        b'"note":"{\\"words\\":[' + WORD.replace(b'"', b'\\"') + b']}"',
        b'"note":"a,"words":[' + WORD + b']"',
        b'"note":"a\\"words":[' + WORD + b"]",
        b'"note":{"\\"words":[' + WORD + b"]}",
        b'"a","words":[' + WORD + b"]",
        b'["words":[' + WORD + b"]]",
        b'"words":[' + WORD + b'],"words":[' + WORD + b"]",
        b'"words":[' + WORD + b'],"w\\u006frds":[' + WORD + b"]",
        b'"words":["words":[' + WORD + b"]]",
        b'"words":[' + WORD + b'],"words":[' + WORD[:20],
    ],
)
def test_words_where_they_cannot_stand_are_seen(members: bytes) -> None:
    agrees("c", LEAST + members + b"}")
    agrees("c", b"{" + members + b"," + LEAST[1:-1] + b"}")


@pytest.mark.parametrize("brackets", [b"[]", b"{}"])
def test_depth_is_counted_with_the_words_that_are_cut_out(brackets: bytes) -> None:
    opening, closing = (b"[", b"]") if brackets == b"[]" else (b'{"a":', b"}")
    for depth in range(MAX_DEPTH - 6, MAX_DEPTH + 3):
        inner = opening * depth + b'{"words":[' + WORD + b"]}" + closing * depth
        agrees("c", LEAST + b'"deep":' + inner + b"}")


@pytest.mark.parametrize(
    "hidden",
    [
        b'"access_token":"5ecre7"',
        b'"access_token":{"words":[' + WORD + b'],"t":"5ecre7"}',
        b'"access_token":{"words":[' + WORD + b'],"t":"5ecre7"},"more":{"words": []}',
        b'"url":"https://x/y?X-Amz-Signature=5ecre7"',
        b'"words":[{"word":"https://x/y?sig=5ecre7","start":1.5,"end":2.5}]',
        b'"words":[{"word":"HTTP:x?a&token=5ecre7","start":1,"end":2}]',
        '"words":[{"word":"http\u017f:x?sig=5ecre7","start":1,"end":2}]'.encode(),
        b'"words":[{"word":"htt\\u0070s://x/y?sig=5ecre7","start":1.5,"end":2.5}]',
    ],
)
def test_secrets_are_removed_and_the_words_stay_where_they_were(hidden: bytes) -> None:
    body = said(WORD)
    later = WORD.replace(b"1.5", b"1.50")
    more = (
        LEAST
        + b'"words":[],"other":[{"words":['
        + later
        + b']}],"held":{'
        + hidden
        + b"},"
        + body[len(LEAST) :]
    )
    for each in (body[:-1] + b"," + hidden + b"}", more):
        assert agrees("c", each)


def test_words_keep_their_digits_where_a_secret_is_removed() -> None:
    judged = validate("c", said(WORD.replace(b"1.5", b"1.50"))[:-1] + b',"access_token":"5ecre7"}')
    assert isinstance(judged, Accepted)
    assert judged.line == said(WORD.replace(b"1.5", b"1.50"))


PIECES = [
    *(b'"words":[', b'"words":[]', b'"words":', b"]", b"[", b"{", b"}", b",", b'"', b"\\", b":", b" ", b"\n"),
    *(b"0", b"00.5", b"-1", b"1e5", b"1.", b"null", b"NaN", b"9" * 400, b"\xff", b"\xc3", b"\\u0022", b"\0"),
    *(WORD, b"," + WORD, b'{"word":"', b'","start":', b',"end":', b'"access_token":"5ecre7",', b"http:?sig="),
]


def mutated(rng: random.Random, body: bytes) -> bytes:
    """Return a body with a few changes, most of them where words begin or end."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = [at for at in range(len(body)) if body[at] in b'{}[]",:'] if rng.random() < 0.7 else []
        at = rng.choice(places) if places else rng.randrange(len(body) + 1)
        length = rng.choice((0, 0, 1, 1, 2, 7, 30))
        kind = rng.randrange(3)
        if kind == 0:
            body = body[:at] + rng.choice(PIECES) + body[at + length :]
        elif kind == 1:
            body = body[:at] + body[at + length :]
        else:
            start = rng.randrange(len(body) + 1)
            body = body[:at] + body[start : start + rng.choice((1, 5, 40, 200))] + body[at:]
    return body


def hunted(count: int, seed: int) -> int:
    rng = random.Random(seed)
    spoken = [body for _, body in payloads()]
    bodies = [said(WORD + b"," + WORD), LEAST + b'"x":{"words":[' + WORD + b"]}}"]
    bodies += [body for body in sorted(spoken, key=len) if len(body) > 1_500][:8]
    found = 0
    for _ in range(count):
        body = mutated(rng, rng.choice(bodies))
        try:
            call_id = json.loads(body)["call_id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            call_id = "c"
        found += agrees(call_id if isinstance(call_id, str) else "c", body)
    return found


def test_mutated_bodies_are_judged_by_their_outline_as_by_the_whole() -> None:
    assert 5 < hunted(120, seed=3) < 115


@pytest.mark.slow
def test_many_mutated_bodies_are_judged_by_their_outline_as_by_the_whole() -> None:
    hunted(HUNT or 20_000, seed=random.randrange(2**32) if HUNT else 5)


texts = st.text(max_size=4) | st.sampled_from(["10:30", "https://x?sig=5", '"', "\\", "\ud83d"])
numbers = st.floats() | st.integers(-(10**30), 10**30) | st.none() | st.sampled_from([0.5, 1.0, 12.25])
words = st.lists(
    st.fixed_dictionaries({"word": texts, "start": numbers, "end": numbers})
    | st.fixed_dictionaries({"word": st.none()}),
    max_size=3,
)


@settings(max_examples=HUNT or 40, deadline=None)
@given(st.lists(words, max_size=3), st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (",", " :")]))
def test_any_words_are_read_as_they_are(lists: list[Any], is_ascii: bool, marks: tuple[str, str]) -> None:
    document = [{"words": each, "role": "agent"} for each in lists]
    text = json.dumps(document, ensure_ascii=is_ascii, separators=marks)
    body = text.encode("utf-8", "surrogatepass")
    try:
        expected: Any = parse(body)
    except Malformed:
        with pytest.raises(Malformed):
            parse_body(body)
        return
    read = parse_body(body)
    assert [{**turn, "words": []} for turn in read.document] == [{**turn, "words": []} for turn in expected]
    assert all(
        turn["words"] in ([], whole["words"]) for turn, whole in zip(read.document, expected, strict=True)
    )
    agrees("c", LEAST + b'"transcript_object":' + body + b"}")
