"""What an event says is read the same however it is spelled, and its call is the bytes that came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.payload.event import Event, read_event
from pipeline.payload.fast_parse import ParsedBody
from pipeline.payload.strict_json import Malformed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
CALLS = st.dictionaries(st.sampled_from(["call_id", "call_status", "metadata", "x"]), VALUES)


def document_of(event: Event) -> Any:
    assert event.body is not None
    return json.loads(event.body)


@given(CALLS, st.sampled_from([None, 1, "\t"]))
def test_the_call_is_as_it_came(call: dict[str, Any], indent: Any) -> None:
    text = json.dumps(call, indent=indent)
    usual = read_event(f'{{"event": "call_ended", "call": {text}}}'.encode())
    turned = read_event(f' {{ "call" :{text} , "event":"call_ended"}}\n'.encode())
    for event in (usual, turned):
        assert event.name == "call_ended"
        assert event.body == text.encode()
        assert event.extra == {}


@given(CALLS, VALUES, VALUES)
def test_what_stands_beside_the_call_is_read(call: dict[str, Any], destination: Any, option: Any) -> None:
    body = {
        "event": "transfer_started",
        "call": call,
        "transfer_destination": destination,
        "transfer_option": option,
    }
    event = read_event(json.dumps(body).encode())
    said = event.describe()
    assert document_of(event) == call
    assert (said["destination"], said["option"]) == (destination, option)
    assert read_event(json.dumps(body).encode()).describe()["key"] == said["key"]
    other = body | {"transfer_destination": [destination]}
    assert read_event(json.dumps(other).encode()).describe()["key"] != said["key"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"call_ended"',
        b"{",
        b'{"event"}',
        b'{"event":}',
        b'{"event":"call_ended",}',
        b'{"event":"call_ended"} x',
        b'{"event":"call_ended","call":{}}}',
        b'{"event":"call_ended","event":"call_ended","call":{}}',
        b'{"call":{}}',
        b'{"event":7,"call":{}}',
        b'{"event":"","call":{}}',
        b'{"event":"%s","call":{}}' % (b"x" * 101),
        b'{"event":"call_ended","call":{}\xff}',
        b'{"event":"call_ended","call":' + b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_told(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_event(body)


@pytest.mark.parametrize("call", ["7", "[]", '{"a":NaN}', '{"a":1,"a":2}', '"\\ud83d"'])
def test_a_call_that_is_none_is_left_to_the_judge(call: str) -> None:
    event = read_event(f'{{"event":"call_ended","call":{call}}}'.encode())
    assert event.body == call.encode()
    assert event.subject_id is None
    assert isinstance(event.parsed, ParsedBody | Malformed)
