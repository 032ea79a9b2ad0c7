"""What is accepted is sound JSON that DuckDB reads the same way; what is refused says why and where."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.payload.strict_json import (
    MAX_DEPTH,
    UNSURE,
    Malformed,
    exceeds_depth,
    has_lone_surrogates,
    parse,
    parse_fast,
    parse_strictly,
    to_line,
)
from pipeline.simulator.book import CallBook
from pipeline.simulator.breakage import encode

sound_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_text = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud83d", "a\udc00", "\\ud83d", '"', "[{"])


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    scalars = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
    )
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5)
    )


def refused(body: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(body)
    return caught.value


@settings(deadline=None)
@given(documents(sound_text), st.booleans(), st.sampled_from([None, 1, "\r\n\t"]))
def test_parse_agrees_with_json_on_sound_documents(document: Any, is_ascii: bool, indent: Any) -> None:
    body = json.dumps(document, ensure_ascii=is_ascii, indent=indent).encode()
    assert parse(body) == json.loads(body) == document


@settings(deadline=None)
@given(documents(sound_text), st.booleans(), st.sampled_from([None, 1, "\r\n"]))
def test_a_line_is_one_line_and_reads_as_the_same_document(
    document: Any, is_ascii: bool, indent: Any
) -> None:
    body = json.dumps(document, ensure_ascii=is_ascii, indent=indent).encode()
    line = to_line(body, parse(body))
    assert b"\n" not in line
    assert b"\r" not in line
    assert parse(line) == document


@settings(deadline=None)
@given(documents(any_text))
def test_any_document_becomes_a_line_without_lone_surrogates_or_is_refused(document: Any) -> None:
    body = json.dumps(document).encode()
    try:
        line = to_line(body, parse(body))
    except Malformed as refusal:
        fault = refusal
    else:
        line.decode("utf-8")
        assert not has_lone_surrogates(line)
        assert b"\n" not in line
        parse(line)
        return
    assert fault.reason == "duplicate key"


@settings(deadline=None)
@given(documents(any_text))
def test_lone_surrogates_are_found_exactly(document: Any) -> None:
    body = json.dumps(document).encode()
    text = json.dumps(json.loads(body), ensure_ascii=False)
    assert has_lone_surrogates(body) == any("\ud800" <= character <= "\udfff" for character in text)


# Keys and texts in other spellings, with the colons, quotes and blanks that a count of keys could trip over.
_SPELLED = (
    "a",
    "\\u0061",
    ":",
    '\\":',
    "\\u0022:",
    "\\u003a",
    "\\u003A",
    " :",
    "\\\\",
    "e+1",
    "\\u00e9",
    "",
    "\ud83d",
)


def written() -> st.SearchStrategy[str]:
    """JSON as text, with duplicate keys, odd blanks, huge numbers and escapes where others have none."""
    text = st.sampled_from(_SPELLED).map(lambda spelled: f'"{spelled}"')
    number = st.sampled_from(["1", "-0", "1.5", "1e400", "NaN", "18446744073709551616", "9" * 310, "1e16"])
    colon = st.sampled_from([":", " :", ": ", "\n:", " \t: "])

    def inside(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pair = st.tuples(text, colon, inner).map("".join)
        objects = st.lists(pair, max_size=4).map(lambda pairs: f"{{{','.join(pairs)}}}")
        return objects | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")

    return st.recursive(text | number, inside, max_leaves=8)


@settings(deadline=None, max_examples=100)
@given(written())
def test_what_is_read_fast_is_what_is_read_strictly(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    try:
        expected: Any = parse_strictly(body)
    except Malformed:
        expected = UNSURE
    read = parse_fast(body)
    assert read is UNSURE or (read == expected and json.dumps(read) == json.dumps(expected))


def test_a_payload_as_the_api_sends_it_is_read_fast() -> None:
    book = CallBook(count=20, shape="mixed", until=datetime(2026, 3, 1, tzinfo=UTC))
    bodies = [encode(book.payload(index)) for index in range(20)]
    assert [body for body in bodies if parse_fast(body) is UNSURE] == []


def depth_of(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + max(map(depth_of, document.values()), default=0)
    if isinstance(document, list):
        return 1 + max(map(depth_of, document), default=0)
    return 0


@settings(deadline=None)
@given(documents(any_text | st.sampled_from(["]]", "[[", '\\"]', "}{", "\\"])), st.integers(0, 6))
def test_depth_is_exact_whatever_strings_hold(document: Any, limit: int) -> None:
    assert exceeds_depth(json.dumps(document).encode(), limit) == (depth_of(document) > limit)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_accepted_to_the_limit_and_no_deeper(opening: bytes, closing: bytes) -> None:
    parse(opening * 200 + b"1" + closing * 200)
    parse(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH)
    fault = refused(opening * (MAX_DEPTH + 1) + b"1" + closing * (MAX_DEPTH + 1))
    assert fault.reason == "nested deeper than 256"
    assert not fault.is_syntax


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'["]",' * 100_000 + b'"["' + b"]" * 100_000,
        b"\\" + b"[" * 100_000,
        b'"' + b"[" * 100_000,
    ],
)
def test_a_body_nested_very_deep_is_refused_whatever_hides_it(body: bytes) -> None:
    refused(body)


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf "])
def test_an_empty_body_may_have_been_cut(body: bytes) -> None:
    fault = refused(body)
    assert fault.reason == "empty body"
    assert fault.is_syntax


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "\xff"}',
        '{"a": "é'.encode()[:-1],
        b'{"a": "\xed\xa0\xbd"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
    ],
)
def test_bytes_that_are_not_utf_8_may_have_been_cut(body: bytes) -> None:
    assert refused(body).is_syntax


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1',
        b'{"a": "x',
        b'{"a": 1}}',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a": "\t"}',
        b'{"a": "\n"}',
        b"nul",
        b"{} {}",
        b'{"a": \x00}',
        b"<html></html>",
        b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}',
        # Something else is wrong too, but first of all the body may have been cut.
        b'{"a": NaN, "b": "x',
        b'{"a": 1, "a": 2, "b": [',
    ],
)
def test_broken_syntax_may_have_been_cut(body: bytes) -> None:
    fault = refused(body)
    assert fault.is_syntax
    assert fault.reason.startswith("not JSON: ")


@pytest.mark.parametrize(
    ("body", "reason", "path", "value"),
    [
        (b'{"a": [1, {"b": NaN}]}', "NaN and Infinity are not JSON", "$.a[1].b", "NaN"),
        (b"[-Infinity]", "NaN and Infinity are not JSON", "$[0]", "-Infinity"),
        (b'{"a b": {"c": 1e400}}', "number beyond a double", '$["a b"].c', "1e400"),
        (b'{"a": -1E+999}', "number beyond a double", "$.a", "-1E+999"),
        (b'{"a": ' + b"9" * 400 + b"}", "number beyond a double", "$.a", "9" * 200),
        (b'{"a": ' + b"9" * 5000 + b"}", "number beyond a double", "$.a", "9" * 200),
        (b'{"a": [{"b": 1, "c": 2, "b": 1}]}', "duplicate key", "$.a[0].b", "b"),
        (b'{"a": 1, "\\u0061": 1}', "duplicate key", "$.a", "a"),
        (b'{"\\ud83d": 1, "\\ud83d": 2}', "duplicate key", '$["\\ud83d"]', "\ufffd"),
        (b'{"": 1, "": 2}', "duplicate key", '$[""]', ""),
    ],
)
def test_what_cannot_be_landed_is_named_with_its_place(
    body: bytes, reason: str, path: str, value: str
) -> None:
    fault = refused(body)
    assert (fault.reason, fault.path, fault.value, fault.is_syntax) == (reason, path, value, False)


def test_numbers_at_the_edge_of_a_double_are_accepted() -> None:
    document = parse(
        b"[1.7976931348623157e308, 5e-324, 1e-400, " + b"1" * 309 + b", -0, 12345678901234567890]"
    )
    assert document[:3] == [1.7976931348623157e308, 5e-324, 0.0]
    assert document[3] == int("1" * 309)
    assert document[5] == 12345678901234567890
    assert all(math.isfinite(number) for number in document)


@pytest.mark.parametrize(
    ("body", "document"), [(b"[]", []), (b" null ", None), (b'"a"', "a"), (b"1.5", 1.5), (b"true", True)]
)
def test_any_value_may_stand_at_the_top(body: bytes, document: Any) -> None:
    assert parse(body) == document


def test_a_byte_order_mark_is_tolerated_and_not_written() -> None:
    body = b'\xef\xbb\xbf{"a": 1}\r\n'
    assert to_line(body, parse(body)) == b'{"a": 1}'


def test_the_message_holds_no_value_of_the_payload() -> None:
    assert "secret" not in str(refused(b'{"a": "secret", "b": NaN}'))
    assert "secret" not in str(refused(b'{"a": "secret'))
    assert refused(b'{"access_token": "secret').value is None


def test_a_page_that_is_no_json_at_all_shows_its_beginning() -> None:
    assert refused(b"\n<html>" + b"x" * 500).value == ("<html>" + "x" * 194)


def test_a_line_keeps_the_digits_of_its_numbers() -> None:
    body = b'{"a": 1.10,\r\n "b": 1E2,\n "c": 0.12345678901234567890123}\n'
    assert to_line(body, parse(body)) == b'{"a": 1.10,   "b": 1E2,  "c": 0.12345678901234567890123}'


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"a": "\\ud83d"}', '{"a":"\ufffd"}'),
        (b'{"a\\uDE00": "\\ude00\\ud83d"}', '{"a\ufffd":"\ufffd\ufffd"}'),
        (b'["\\ud83d\\ud83d\\ude00"]', '["\ufffd\U0001f600"]'),
        (b'["\\\\ud83d\\ud83d"]', '["\\\\ud83d\ufffd"]'),
    ],
)
def test_lone_surrogates_are_replaced(body: bytes, line: str) -> None:
    assert to_line(body, parse(body)) == line.encode()


@pytest.mark.parametrize(
    "body", [b'["\\ud83d\\ude00"]', b'["\\\\ud83d"]', b'["\\\\\\ud83d\\ude00"]', b'["a"]']
)
def test_pairs_and_escaped_backslashes_are_left_alone(body: bytes) -> None:
    assert not has_lone_surrogates(body)
    assert to_line(body, parse(body)) == body


def test_keys_that_become_the_same_by_replacement_are_duplicates() -> None:
    body = b'{"a": {"\\ud83d": 1, "\\ud83e": 2}}'
    with pytest.raises(Malformed) as caught:
        to_line(body, parse(body))
    assert (caught.value.reason, caught.value.path) == ("duplicate key", '$.a["\\ufffd"]')
