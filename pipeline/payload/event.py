"""Reads what the API pushes: `{"event": …, "call": {…}}`, and what it says beside the call.

Invariant: the call is the bytes that came, so it is judged, hashed and landed as an answer of the API is.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from pipeline.payload.fast_parse import ParsedBody, parse_body
from pipeline.payload.strict_json import Malformed, has_lone_surrogates, parse, to_line

LIFECYCLE = ("call_started", "call_ended", "call_analyzed")
INTERIM = "transcript_updated"
TRANSFERS = ("transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended")
CALL_EVENTS = frozenset({*LIFECYCLE, INTERIM, *TRANSFERS})
"""Events whose call is loaded."""
CHATS = frozenset({"chat_started", "chat_ended", "chat_analyzed"})
"""Events that are kept, and not loaded yet."""

# As the API spells it: then all that follows, but for a brace, is the call.
_USUAL = re.compile(rb'\s*\{\s*"event"\s*:\s*"([a-z_]{1,64})"\s*,\s*"call"\s*:\s*(?=\{)')
_BLANKS = " \t\r\n"
_KEY_LENGTH = 16
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its name, and the body of the call or chat that it tells of, None where it has none.

    ``parsed`` is what reading the call gave, or what is wrong with it; ``extra`` are the other members of the
    event, as their bytes.
    """

    name: str
    body: bytes | None = field(repr=False)
    parsed: ParsedBody | Malformed | None = field(default=None, repr=False)
    extra: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def subject_id(self) -> str | None:
        """The id of the call or chat, where it says one."""
        document = self.parsed.document if isinstance(self.parsed, ParsedBody) else None
        if not isinstance(document, dict):
            return None
        found = document.get("chat_id" if self.name in CHATS else "call_id")
        return found if isinstance(found, str) else None

    def describe(self) -> dict[str, Any]:
        """Return what a manifest says of it: name, what it has again when it is sent again, a transfer."""
        said: dict[str, Any] = {"name": self.name, "key": ""}
        if self.name in TRANSFERS:
            destination, option = (
                self.extra.get(f"transfer_{name}", b"null") for name in ("destination", "option")
            )
            document = self.parsed.document if isinstance(self.parsed, ParsedBody) else None
            started = document.get("start_timestamp") if isinstance(document, dict) else None
            start = self.extra.get("start_timestamp", json.dumps(started).encode())
            # A call can be transferred more than once.
            named = b"\n".join((start, destination, option))
            said["key"] = hashlib.sha256(named).hexdigest()[:_KEY_LENGTH]
            said["destination"], said["option"] = _parse_clean(destination), _parse_clean(option)
        return said


def find_event_name(body: bytes) -> str:
    """Return the name of an event where it begins as they do; an empty text for any other."""
    usual = _USUAL.match(body)
    return usual[1].decode() if usual else ""


def read_event(body: bytes) -> Event:
    """Return the event that a body is; raise `Malformed` where it is none."""
    usual = _USUAL.match(body)
    end = body.rstrip(_BLANKS.encode())
    if usual is not None and end.endswith(b"}"):
        call = end[usual.end() : -1]
        try:
            # If that is sound, and nothing else, the body is `{"event":…,"call":…}`.
            return Event(usual[1].decode(), call.strip(), parse_body(call))
        except Malformed:
            pass
    return _read_any(body)


def _read_any(body: bytes) -> Event:
    members = _split(body)
    name = _parse_clean(members.pop("event", b"null"))
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise Malformed("should be the name of an event", "$.event")
    subject = members.pop("chat" if name in CHATS else "call", None)
    if subject is None:
        return Event(name, None, None, members)
    try:
        parsed: ParsedBody | Malformed = parse_body(subject)
    except Malformed as malformed:
        parsed = malformed
    return Event(name, subject, parsed, members)


def _split(body: bytes) -> dict[str, bytes]:
    """Return the members of an object by name, each as it came; raise `Malformed` for what is no object."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}", is_syntax=True) from None
    decoder = json.JSONDecoder()
    members: dict[str, bytes] = {}
    place = _skip(text, 0)
    if text[place : place + 1] != "{":
        raise Malformed("should be a JSON object")
    place = _skip(text, place + 1)
    try:
        while text[place : place + 1] != "}":
            name, place = decoder.raw_decode(text, place)
            place = _expect(text, place, ":")
            _, end = decoder.raw_decode(text, place)
            if not isinstance(name, str) or name in members:
                raise Malformed("duplicate key" if isinstance(name, str) else "should be a name")
            members[name] = text[place:end].encode()
            place = _skip(text, end)
            if text[place : place + 1] == ",":
                place = _skip(text, place + 1)
                if text[place : place + 1] == "}":
                    raise Malformed("not JSON: a comma before the end", is_syntax=True)
            elif text[place : place + 1] != "}":
                raise Malformed(f"not JSON at character {place}", is_syntax=True)
    except (ValueError, RecursionError) as wrong:
        if isinstance(wrong, Malformed):
            raise
        raise Malformed("not JSON, or nested too deep", is_syntax=True) from None
    if text[place + 1 :].strip(_BLANKS):
        raise Malformed("not JSON: more after its end", is_syntax=True)
    return members


def _parse_clean(value: bytes) -> Any:
    """Return a value without halves of surrogate pairs: a manifest that has one cannot be read by a load."""
    document = parse(value)
    return parse(to_line(value, document)) if has_lone_surrogates(value) else document


def _expect(text: str, place: int, mark: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != mark:
        raise Malformed(f"not JSON at character {place}", is_syntax=True)
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in _BLANKS and place < len(text):
        place += 1
    return place
