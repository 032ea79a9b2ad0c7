"""Removes secrets from what is kept of a payload: access tokens, and the query strings of signed URLs.

Invariant: neither is in anything that `redact` returns, wherever in a body it stood and however it was
spelled; a body without secrets is returned as it came.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from pipeline.payload.fast_parse import ParsedBody, parse_whole, restore_words
from pipeline.payload.strict_json import Malformed, encode_document

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
# Escapes of printable ASCII but for the quote and the backslash, which would change what is a text; read from
# the left with all others, since what follows an escaped backslash is none.
_ESCAPED = re.compile(rb"\\(?:u00((?!22|5[cC])[2-7][0-9a-fA-F])|.)", re.DOTALL)


def redact(body: bytes, parsed: ParsedBody | None = None) -> bytes:
    """Return a body without access tokens and without the query strings of signed URLs.

    With the parsed body, secrets are removed from it at any depth and the body is written anew, but for its
    simple words; without it, because the body is not sound JSON, they are removed from the bytes.
    """
    if not _is_suspect(parsed.text if parsed else body):
        return body
    if parsed is None:
        plain = _ESCAPED.sub(
            lambda escape: escape[0] if escape[1] is None else bytes.fromhex(escape[1].decode()), body
        )
        plain = _TOKEN.sub(rb'\1"removed"', plain)
        return _URL_BYTES.sub(lambda url: _strip_signature(url[0].decode("latin-1")).encode("latin-1"), plain)
    clean = remove_secrets(parsed.document, is_top=True)
    if clean == parsed.document:
        return body
    text = encode_document(clean)
    if parsed.text is body:
        return text
    kept = restore_words(text, parsed, body)
    return redact(body, parse_whole(body)) if kept is None else kept


def redact_unread(body: bytes) -> bytes:
    """Return a body that nobody has read yet without secrets; it is read only where it may have some.

    What is sound JSON stays sound JSON: a pattern cannot tell where a value ends that is no text.
    """
    if not _is_suspect(body):
        return body
    try:
        return redact(body, parse_whole(body))
    except Malformed:
        return redact(body)


def _is_harmless(value: Any) -> bool:
    try:
        return not _is_suspect(orjson.dumps(value))
    except orjson.JSONEncodeError:
        return False


def _is_suspect(body: bytes) -> bool:
    """Return whether a body may hold a secret; by substrings, since a pattern takes ten times as long."""
    lower = body.lower()
    # A key or a URL can be spelled with escapes.
    if b"access_token" in lower or (b"\\" in lower and rb"\u00" in lower):
        return True
    names = _PREFIXES + _ASSIGNED if b"=" in lower else _PREFIXES
    return any(name in lower and any(mark + name in lower for mark in _MARKS) for name in names)


def remove_secrets(node: Any, *, is_top: bool = False) -> Any:
    """Return a document without secrets; recursion is bounded by `strict_json.MAX_DEPTH`.

    Of the members of the top one, those that have no secret are passed over fast: most of a call is words.
    """
    if isinstance(node, dict):
        clean: dict[str, Any] = {}
        for key, value in node.items():
            if key != "access_token":
                name = _URL.sub(lambda url: _strip_signature(url[0]), key)
                # Two names that were told apart by their signatures alone stay two.
                while name in clean or (name != key and name in node):
                    name += "*"
                clean[name] = value if is_top and _is_harmless(value) else remove_secrets(value)
        return clean
    if isinstance(node, list):
        return [remove_secrets(item) for item in node]
    if isinstance(node, str):
        return _URL.sub(lambda url: _strip_signature(url[0]), node) if ":" in node else node
    return node


def _strip_signature(url: str) -> str:
    return _QUERY.split(url, maxsplit=1)[0] if _SIGNER.search(url) else url
