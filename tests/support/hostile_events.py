"""Bodies that are signed and yet no event that can be loaded as it is, by what is odd about them."""

from __future__ import annotations

import json
from typing import Any

from support.webhooks import as_event

CALL = {"call_id": "call_odd", "call_status": "ended", "start_timestamp": 1_790_000_000_000}
SIGNED_URL = "https://files.example/a.wav?X-Amz-Signature=abcdef"


def _event(name: Any, **changes: Any) -> bytes:
    return as_event(name, CALL | changes)


def _transfer(destination: bytes) -> bytes:
    return as_event("transfer_started", CALL)[:-1] + b', "transfer_destination": ' + destination + b"}"


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "zeros": bytes(100),
    "list": b"[]",
    "null": b"null",
    "very deep": b"[" * 1_000_000,
    "cut": _event("call_ended")[:-1],
    "another bracket at its end": _event("call_ended")[:-1] + b"]",
    "more after its end": _event("call_ended") + b"{}",
    "no UTF-8": _event("call_ended").replace(b"call_odd", b"call_\xff"),
    "UTF-16": _event("call_ended").decode().encode("utf-16"),
    "two calls": b'{"event":"call_ended","call":{"call_id":"call_a"},"call":{"call_id":"call_b"}}',
    "two names": b'{"event":"call_ended","event":"call_started","call":{"call_id":"call_a"}}',
    "name is a number": json.dumps({"event": 5, "call": CALL}).encode(),
    "name is empty": _event(""),
    "name is long": _event("x" * 101),
    "no call": as_event("call_ended"),
    "call is null": b'{"event":"call_ended","call":null}',
    "call is a text": b'{"event":"call_ended","call":"call_a"}',
    "call is a list": b'{"event":"call_ended","call":[1]}',
    "id is a path": _event("call_ended", call_id="../../etc/passwd"),
    "id is a number": _event("call_ended", call_id=7),
    "id is long": _event("call_ended", call_id="c" * 10_000),
    "id has a zero": _event("call_ended", call_id="call_\0"),
    "id is half a pair": _event("call_ended", call_id="\ud800"),
    "time is a text": _event("call_ended", call_id="call_bad", start_timestamp="soon"),
    "destination is no number": _transfer(b"NaN"),
    "destination is too large": _transfer(b"1e999"),
    "destination has many digits": _transfer(b"9" * 5000),
    "destination is very deep": _transfer(b"[" * 100_000 + b"]" * 100_000),
    "destination is deep": _transfer(b"[" * 300 + b"]" * 300),
}
"""What ends in quarantine."""

KEPT: dict[str, bytes] = {
    "name is half a pair": _event("\ud800"),
    "name has a zero": _event("a\0b"),
    "name has lines": _event("x\ny\r\u2028"),
    "name has quotes": _event("x'\"; drop table calls; --"),
    "name is no ASCII": _event("\U0001f600" * 100),
    "number that is none": b'{"event":"new","x":NaN}',
    "number too large": b'{"event":"new","x":1e999}',
    "deep": b'{"event":"new","x":' + b"[" * 400 + b"]" * 400 + b"}",
    "halves of pairs as names": b'{"event":"new","x":{"\\ud800":1,"\\ud801":2}}',
    "lines between": b'{"event":"new",\n"x":\r\n1}',
    "escapes in a text": _event("new", metadata={"a": r"R\u0026D"}),
    "chat without one": b'{"event":"chat_started"}',
    "chat that is a call": _event("chat_started"),
    "chat whose id is a path": b'{"event":"chat_started","chat":{"chat_id":"../../x"}}',
    "chat whose id is half a pair": b'{"event":"chat_started","chat":{"chat_id":"\\ud800"}}',
}
"""What is kept and counted, and no row."""

LOADED: dict[str, bytes] = {
    "call_order": json.dumps({"call": CALL | {"call_id": "call_order"}, "event": "call_ended"}).encode(),
    "call_bom": b"\xef\xbb\xbf" + _event("call_ended", call_id="call_bom"),
    "call_escape": _event("call_ended", call_id="call_escape", metadata={"a": r"R\u0026D"}),
    "call_token": _event("call_ended", call_id="call_token", metadata={"access_token": {"a": 1}, "b": 2}),
    "call_link": _event(
        "call_ended", call_id="call_link", metadata={"said": json.dumps({"url": SIGNED_URL})}
    ),
    "call_half": as_event(
        "transfer_started",
        CALL | {"call_id": "call_half"},
        transfer_destination={"number": "\ud800"},
        transfer_option="\udc00",
    ),
    "call_half_name": as_event(
        "transfer_started", CALL | {"call_id": "call_half_name"}, transfer_destination={"\ud800": 1}
    ),
    "call_large": as_event(
        "transfer_started",
        CALL | {"call_id": "call_large"},
        transfer_destination={"number": 10**40},
        transfer_option={"x": 2**64},
    ),
    "call_zero": as_event(
        "transfer_started", CALL | {"call_id": "call_zero"}, transfer_destination={"number": "\0"}
    ),
    "call_deep": as_event("transfer_started", CALL | {"call_id": "call_deep"})[:-1]
    + b', "transfer_destination": '
    + b"[" * 250
    + b"]" * 250
    + b"}",
}
"""What becomes a call, by its id."""
