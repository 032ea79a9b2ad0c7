"""Decides whether a fetched payload may be landed as a call.

An accepted payload loads without an error, whatever it holds; a rejected one is a value with a reason and a
place, never an exception, and its body is kept. The access token of a web call is in neither.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.payload.contract import Call, WovenTranscripts
from pipeline.payload.fast_parse import ParsedBody, parse_body, parse_whole
from pipeline.payload.known_fields import has_plain_speech, is_plain
from pipeline.payload.listed_part import hash_listed_part
from pipeline.payload.progress import Progress, measure_progress
from pipeline.payload.redact import redact, remove_secrets
from pipeline.payload.strict_json import Malformed, to_line

_VALUE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """A payload as one NDJSON line without its end, with its SHA-256 and what is known of its turns.

    `listed_hash` is the hash of the part that listings have too, `progress` how far the call had come.
    """

    line: bytes
    payload_hash: str
    has_plain_speech: bool
    is_plain: bool
    listed_hash: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a payload cannot be loaded: a reason without payload text, a JSON path, the value there."""

    reason: str
    json_path: str
    value: str | None


def validate(call_id: str, body: bytes, parsed: ParsedBody | Malformed | None = None) -> Accepted | Rejected:
    """Decide whether the payload that came for `call_id` may be landed.

    `parsed` is what reading the body as JSON gave, where somebody has done that: the parsed body, or
    what is wrong with it.
    """
    if parsed is None:
        try:
            parsed = parse_body(body)
        except Malformed as malformed:
            parsed = malformed
    if isinstance(parsed, Malformed):
        return _reject_malformed(parsed)
    judged = _judge(call_id, body, parsed)
    if isinstance(judged, Rejected) and parsed.text is not body:
        # What is said of a value is said of all of it.
        return _judge(call_id, body, parse_whole(body))
    return judged


def _judge(call_id: str, body: bytes, parsed: ParsedBody) -> Accepted | Rejected:
    document = parsed.document
    if not isinstance(document, dict):
        return Rejected(
            f"should be a JSON object, not {_describe_kind(document)}", "$", _show_value(document)
        )
    try:
        call = Call.model_validate(document)
        if not call.transcript_object:
            WovenTranscripts.model_validate(document)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = None if first["type"] == "missing" else _show_value(first["input"])
        return Rejected(reason, _format_path(first["loc"]), value)
    if call.call_id != call_id:
        return Rejected("should be the call that was asked for", "$.call_id", _show_value(call.call_id))
    try:
        clean = redact(body, parsed)
        line = to_line(
            clean, document if clean is parsed.text else None, has_no_surrogates=parsed.has_no_surrogates
        )
    except Malformed as malformed:
        return _reject_malformed(malformed)
    speaks_plainly = has_plain_speech(document)
    return Accepted(
        line,
        hashlib.sha256(line).hexdigest(),
        speaks_plainly,
        speaks_plainly and is_plain(document),
        hash_listed_part(document),
        measure_progress(document),
    )


def _reject_malformed(malformed: Malformed) -> Rejected:
    value = None if malformed.value is None else redact(malformed.value.encode()).decode()
    return Rejected(malformed.reason, malformed.path, value)


def _describe_kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _show_value(value: object) -> str:
    # Whole before it is cut: the value may be an object with a token in it.
    text = json.dumps(remove_secrets(value), default=str)
    return text if len(text) <= _VALUE_LIMIT else text[: _VALUE_LIMIT - 1] + "…"


def _format_path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path
