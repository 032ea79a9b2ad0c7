"""Decides whether a fetched payload may be landed as a call, and removes secrets from what is kept.

An accepted payload loads without an error, whatever it holds; a rejected one is a value with a reason and a
place, never an exception, and its body is kept. The access token of a web call is in neither.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pipeline.payloads import Call
from pipeline.strict_json import Malformed, parse, to_line

_TOKEN = re.compile(rb'("access_token"\s*:\s*")(?:[^"\\]|\\.)*("|\Z)', re.DOTALL)
_SIGNATURE = re.compile(r"[?&#](?:x-amz-|x-goog-|signature=|sig=|token=|key-pair-id=)", re.IGNORECASE)
_QUERY = re.compile(r"[?#]")
_VALUE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """A payload as one NDJSON line without its end, and the SHA-256 of that line."""

    line: bytes
    payload_hash: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a payload cannot be loaded: a reason without payload text, a JSON path, the value there."""

    reason: str
    json_path: str
    value: str | None


def validate(call_id: str, body: bytes, document: Any) -> Accepted | Rejected:
    """Judge the payload that was fetched for `call_id`; `document` is what `strict_json.parse` made of it."""
    if not isinstance(document, dict):
        return Rejected(f"should be a JSON object, not {_kind(document)}", "$", _shown(document))
    sound, changed = _without_secrets(document)
    try:
        call = Call.model_validate(sound)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = None if first["type"] == "missing" else _shown(first["input"])
        return Rejected(reason, _path(first["loc"]), value)
    if call.call_id != call_id:
        return Rejected("should be the call that was asked for", "$.call_id", _shown(call.call_id))
    try:
        line = to_line(json.dumps(sound).encode() if changed else body, sound)
    except Malformed as malformed:
        return reject(malformed)
    return Accepted(line, hashlib.sha256(line).hexdigest())


def validate_body(call_id: str, body: bytes) -> Accepted | Rejected:
    """Judge a payload from its bytes alone, as when quarantine is tried again."""
    try:
        document = parse(body)
    except Malformed as malformed:
        return reject(malformed)
    return validate(call_id, body, document)


def reject(malformed: Malformed) -> Rejected:
    """Return the rejection of a body that is not JSON that can be landed."""
    value = None if malformed.value is None else redact(malformed.value.encode()).decode()
    return Rejected(malformed.reason, malformed.path, value)


def redact(body: bytes) -> bytes:
    """Return a body, sound or not, with the value of every access token removed."""
    return _TOKEN.sub(rb"\1removed\2", body)


def _without_secrets(document: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the document without access token and signed query strings, and whether it had any."""
    sound: dict[str, Any] = {}
    changed = False
    for key, value in document.items():
        if key == "access_token":
            changed = True
            continue
        if key.endswith("_url") and isinstance(value, str) and _SIGNATURE.search(value):
            # Cut by hand: a URL that cannot be parsed can still carry a signature.
            value = _QUERY.split(value, maxsplit=1)[0]
            changed = True
        sound[key] = value
    return sound, changed


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: object) -> str:
    # Whole before it is cut: the value may be an object with a token in it.
    text = redact(json.dumps(value, default=str).encode()).decode()
    return text if len(text) <= _VALUE_LIMIT else text[: _VALUE_LIMIT - 1] + "…"


def _path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path
