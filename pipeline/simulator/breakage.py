"""Bodies an API should never send with a 200: each kind breaks one promise a careful client has to check.

Invariant: a kind always breaks, whatever fields the sound payload has, and HTTP itself stays intact.
"""

import json
from typing import Any

BREAKAGE_KINDS = (
    "other_call_id",
    "timestamp_string",
    "latency_string",
    "transcript_not_list",
    "word_start_string",
    "nan",
    "array",
    "truncated",
    "html",
    "duplicate_key",
)
# Kinds that would hurt a careless reader: 40 MB, and nesting that overflows a parser's stack.
HOSTILE_KINDS = ("huge", "deep")
_HUGE = 40_000_000
_DEEP = 100_000
_HTML = b"<!doctype html>\n<html><head><title>Please wait</title></head><body>One moment.</body></html>\n"


def encode(payload: dict[str, Any]) -> bytes:
    """Return a payload as the API would send it."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def broken(payload: dict[str, Any], kind: str, other_id: str) -> bytes:
    """Return a payload's body broken in one way; ``other_id`` is the id of some other call."""
    if kind == "html":
        return _HTML
    if kind == "array":
        return b"[" + encode(payload) + b"]"
    body = encode(payload)
    if kind == "huge":
        return body[:-1] + b',"metadata_more":"' + b"x" * _HUGE + b'"}'
    if kind == "deep":
        return body[:-1] + b',"metadata_more":' + b"[" * _DEEP + b"]" * _DEEP + b"}"
    if kind == "truncated":
        return body[: len(body) * 3 // 5]
    if kind == "duplicate_key":
        return body[:-1] + b',"call_status":"registered"}'
    return encode(_alter(payload, kind, other_id))


def _alter(payload: dict[str, Any], kind: str, other_id: str) -> dict[str, Any]:
    latency = payload.get("e2e_latency") or {"p50": 800, "num": 1}
    if kind == "other_call_id":
        return {**payload, "call_id": other_id}
    if kind == "timestamp_string":
        return {**payload, "start_timestamp": "2024-01-31T09:30:00Z"}
    if kind == "latency_string":
        return {**payload, "e2e_latency": {**latency, "p50": "fast"}}
    if kind == "nan":
        return {**payload, "e2e_latency": {**latency, "p50": float("nan")}}
    if kind == "transcript_not_list":
        return {**payload, "transcript_object": {"role": "agent", "content": "hello"}}
    if kind == "word_start_string":
        turn = {"role": "agent", "content": "hello", "words": [{"word": "hello", "start": "now", "end": 1.2}]}
        return {**payload, "transcript_object": [turn, *(payload.get("transcript_object") or [])[1:]]}
    raise ValueError(f"unknown kind of breakage: {kind}")
