"""A body that nobody has read loses its secrets and nothing else, and what was sound JSON stays so."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.payload.redact import redact_unread, remove_secrets

_SIGNED = "https://files.example/a.wav?X-Amz-Signature=abcdef"
# Texts that hold JSON, escapes or links themselves, as results of tools do.
_TEXTS = st.sampled_from(
    [
        "plain",
        r"R\u0026D",
        "\\" + r"\u0041",
        "C:\\users\\u0042",
        _SIGNED,
        json.dumps({"url": _SIGNED, "next": "kept"}),
        json.dumps({"html": "<b>"}).replace("<", r"\u003c"),
        json.dumps({"access_token": "in a text"}),
        f"see {_SIGNED}\nand more",
    ]
)
_VALUES = st.recursive(
    _TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "access_token", "url"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_VALUES, st.booleans())
def test_sound_json_stays_sound_and_loses_only_secrets(value: Any, is_ascii: bool) -> None:
    event = {"event": "call_ended", "call": {"call_id": "call_1", "metadata": value, "end": True}}
    found = json.loads(redact_unread(json.dumps(event, ensure_ascii=is_ascii).encode()))
    assert found == remove_secrets(event)


def test_what_is_no_json_loses_its_secrets_too() -> None:
    body = b'{"event": "call_ended", "access_token": "secret1", "url": "' + _SIGNED.encode() + b'"'
    found = redact_unread(body)
    assert b"secret1" not in found
    assert b"abcdef" not in found


def test_an_escaped_backslash_escapes_nothing_after_it() -> None:
    body = rb'{"a": "x\\u0041", "b": "\u0061ccess_token"'
    assert redact_unread(body) == rb'{"a": "x\\u0041", "b": "access_token"'
