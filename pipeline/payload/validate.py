"""Decides whether a fetched payload may be landed as a call, and removes secrets from what is kept.

An accepted payload loads without an error, whatever it holds; a rejected one is a value with a reason and a
place, never an exception, and its body is kept. The access token of a web call is in neither.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from pipeline.payload.contract import Call, WovenTranscripts
from pipeline.payload.fast_parse import Outline, filled, outline, whole
from pipeline.payload.known_fields import has_plain_speech, is_plain
from pipeline.payload.strict_json import Malformed, to_line

# In bytes that are not sound JSON: the value of the key. Of one that is no text, where it ends is not known.
_TOKEN = re.compile(
    rb'("access_token"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\Z)|[\[{].*|[^,}\]"]*)', re.DOTALL | re.IGNORECASE
)
_PREFIXES = (b"x-amz-", b"x-goog-")
_ASSIGNED = (b"signature=", b"sig=", b"token=", b"key-pair-id=")
_MARKS = (b"?", b"&", b"#")
# A URL wherever it stands in a text. It is matched whole and cut by hand: it need not be one that parses, and
# a pattern that looked for the signature itself would take quadratic time on a hostile text.
_URL = re.compile(r"https?:[^\s\"]+", re.IGNORECASE)
_URL_BYTES = re.compile(_URL.pattern.encode(), re.IGNORECASE)
_SIGNER = re.compile(f"[?&#](?:{b'|'.join(_PREFIXES + _ASSIGNED).decode()})", re.IGNORECASE)
_QUERY = re.compile(r"[?#]")
# Escapes of printable ASCII but for the quote and the backslash, which would change what is a text.
_ESCAPED = re.compile(rb"\\u00((?!22|5[cC])[2-7][0-9a-fA-F])")
_VALUE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """A payload as one NDJSON line without its end, with its SHA-256 and what is known of its turns."""

    line: bytes
    payload_hash: str
    has_plain_speech: bool
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a payload cannot be loaded: a reason without payload text, a JSON path, the value there."""

    reason: str
    json_path: str
    value: str | None


def validate(call_id: str, body: bytes, outline: Outline) -> Accepted | Rejected:
    """Judge the payload that was fetched for `call_id`; `outline` is that of its body."""
    judged = _judge(call_id, body, outline)
    if isinstance(judged, Rejected) and outline.text is not body:
        # What is said of a value is said of all of it.
        return _judge(call_id, body, whole(body))
    return judged


def validate_body(call_id: str, body: bytes) -> Accepted | Rejected:
    """Judge a payload from its bytes alone, as when quarantine is tried again."""
    try:
        return validate(call_id, body, outline(body))
    except Malformed as malformed:
        return reject(malformed)


def _judge(call_id: str, body: bytes, outline: Outline) -> Accepted | Rejected:
    document = outline.document
    if not isinstance(document, dict):
        return Rejected(f"should be a JSON object, not {_kind(document)}", "$", _shown(document))
    try:
        call = Call.model_validate(document)
        if not call.transcript_object:
            WovenTranscripts.model_validate(document)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = None if first["type"] == "missing" else _shown(first["input"])
        return Rejected(reason, _path(first["loc"]), value)
    if call.call_id != call_id:
        return Rejected("should be the call that was asked for", "$.call_id", _shown(call.call_id))
    try:
        clean = redact(body, outline)
        line = to_line(clean, document if clean is outline.text else None, is_plain=outline.is_plain)
    except Malformed as malformed:
        return reject(malformed)
    speaks_plainly = has_plain_speech(document)
    return Accepted(
        line, hashlib.sha256(line).hexdigest(), speaks_plainly, speaks_plainly and is_plain(document)
    )


def reject(malformed: Malformed) -> Rejected:
    """Return the rejection of a body that is not JSON that can be landed."""
    value = None if malformed.value is None else redact(malformed.value.encode()).decode()
    return Rejected(malformed.reason, malformed.path, value)


def redact(body: bytes, outline: Outline | None = None) -> bytes:
    """Return a body without access tokens and without the query strings of signed URLs.

    With the outline of the body, secrets are removed from it at any depth and the body is written anew, but
    for its plain words; without it, because the body is not sound JSON, they are removed from the bytes.
    """
    if not _is_suspect(outline.text if outline else body):
        return body
    if outline is None:
        plain = _ESCAPED.sub(lambda escape: bytes.fromhex(escape[1].decode()), body)
        plain = _TOKEN.sub(rb'\1"removed"', plain)
        return _URL_BYTES.sub(lambda url: _unsigned(url[0].decode("latin-1")).encode("latin-1"), plain)
    clean = _without_secrets(outline.document, is_top=True)
    if clean == outline.document:
        return body
    text = _encoded(clean)
    if outline.text is body:
        return text
    kept = filled(text, outline, body)
    return redact(body, whole(body)) if kept is None else kept


def _is_harmless(value: Any) -> bool:
    try:
        return not _is_suspect(orjson.dumps(value))
    except orjson.JSONEncodeError:
        return False


def _is_suspect(body: bytes) -> bool:
    """Say whether a body may hold a secret; by substrings, since a pattern takes ten times as long."""
    lower = body.lower()
    # A key or a URL can be spelled with escapes.
    if b"access_token" in lower or (b"\\" in lower and rb"\u00" in lower):
        return True
    names = _PREFIXES + _ASSIGNED if b"=" in lower else _PREFIXES
    return any(name in lower and any(mark + name in lower for mark in _MARKS) for name in names)


def _encoded(document: Any) -> bytes:
    with suppress(orjson.JSONEncodeError):
        return orjson.dumps(document)
    # It holds half of a surrogate pair, an integer of more than 64 bits, or lies very deep.
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8; as an escape it is left to `to_line`.
        return json.dumps(document).encode()


def _without_secrets(node: Any, *, is_top: bool = False) -> Any:
    """Return a document without secrets; recursion is bounded by `strict_json.MAX_DEPTH`.

    Of the members of the top one, those that have no secret are passed over fast: most of a call is words.
    """
    if isinstance(node, dict):
        clean: dict[str, Any] = {}
        for key, value in node.items():
            if key != "access_token":
                name = _URL.sub(lambda url: _unsigned(url[0]), key)
                # Two names that were told apart by their signatures alone stay two.
                while name in clean or (name != key and name in node):
                    name += "*"
                clean[name] = value if is_top and _is_harmless(value) else _without_secrets(value)
        return clean
    if isinstance(node, list):
        return [_without_secrets(item) for item in node]
    if isinstance(node, str):
        return _URL.sub(lambda url: _unsigned(url[0]), node) if ":" in node else node
    return node


def _unsigned(url: str) -> str:
    return _QUERY.split(url, maxsplit=1)[0] if _SIGNER.search(url) else url


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: object) -> str:
    # Whole before it is cut: the value may be an object with a token in it.
    text = json.dumps(_without_secrets(value), default=str)
    return text if len(text) <= _VALUE_LIMIT else text[: _VALUE_LIMIT - 1] + "…"


def _path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path
