"""Tells what was said in a call whose agent keeps basic attributes only, and takes it out or puts it in.

The API sends that once, with the events of the call, and never returns it.
"""

from __future__ import annotations

from typing import Any

from pipeline.payload.fast_parse import ParsedBody, parse_whole
from pipeline.payload.strict_json import encode_document

_SETTING = "basic_attributes_only"
# What the names of the fields have that are not returned.
_NOT_RETURNED = ("transcript", "recording", "public_log_url", "knowledge_base_retrieved_contents_url")
# And of chats.
_WRITTEN = "message"

Members = dict[str, Any]


def is_opted_out(document: Any) -> bool:
    """Return whether a payload is of a call that is opted out."""
    return isinstance(document, dict) and document.get("data_storage_setting") == _SETTING


def may_be_opted_out(body: bytes) -> bool:
    """Return whether a body may be of such a call; by a substring, since all are asked."""
    return _SETTING.encode() in body


def is_not_returned(name: str) -> bool:
    """Return whether the API leaves a field out of a call that is opted out."""
    return any(part in name for part in _NOT_RETURNED)


def find_spoken(body: bytes) -> Members:
    """Return the members of a sound payload that the API does not return of its call; empty ones are none."""
    document = parse_whole(body).document
    return {name: value for name, value in document.items() if value and is_not_returned(name)}


def leave_out_spoken(body: bytes, parsed: ParsedBody) -> tuple[bytes, ParsedBody]:
    """Return a payload as the API would return it; one of another call as it is."""
    if not is_opted_out(parsed.document):
        return body, parsed
    rest = {name: value for name, value in parsed.document.items() if not value or not is_not_returned(name)}
    return (body, parsed) if len(rest) == len(parsed.document) else _write(rest)


def leave_out_spoken_anywhere(body: bytes) -> bytes:
    """Return the body of any event without what was said, where it tells of such a call or chat.

    Raises `Malformed` for one that may, and is not sound.
    """
    if not may_be_opted_out(body):
        return body
    document = parse_whole(body).document
    return _write(_leave_out(document))[0] if _tells_of_opted_out(document) else body


def _tells_of_opted_out(node: Any) -> bool:
    """Return whether anything in a document is opted out; recursion is bounded by `strict_json.MAX_DEPTH`."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return is_opted_out(node) or any(_tells_of_opted_out(child) for child in children)


def _leave_out(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: _leave_out(value)
            for name, value in node.items()
            if not value or not (is_not_returned(name) or _WRITTEN in name)
        }
    return [_leave_out(child) for child in node] if isinstance(node, list) else node


def put_in_spoken(body: bytes, spoken: Members) -> tuple[bytes, ParsedBody]:
    """Return a sound payload with members that were kept of its call, where it has none of them itself."""
    document = parse_whole(body).document
    given = {name: value for name, value in document.items() if value or not is_not_returned(name)}
    return _write(spoken | given)


def _write(document: Any) -> tuple[bytes, ParsedBody]:
    body = encode_document(document)
    return body, parse_whole(body)
