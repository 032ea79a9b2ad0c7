"""Characters that steer a terminal or hide text are spelled; what scripts and emoji need stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.log.hidden import escape_hidden, escape_hidden_in_json

HIDDEN = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
    *"\ufeff\u00ad\u200b\u2060\u2061\u2064\u206f\u034f\u3164\uffa0\ufff9",
    *map(chr, range(0xE0000, 0xE0080)),
    "\ud800",
    "\udfff",
]
# ZWJ and ZWNJ in Devanagari and Persian, a family and a flag, a Han variant, a heart in colour.
NEEDED = ["क्‍ष", "می‌خواهم", "👨‍👩‍👧", "🏳️‍🌈", "葛\U000e0100", "❤️", "مرحبا", "שלום", "é", "日本"]


@pytest.mark.parametrize("character", HIDDEN, ids=lambda character: f"{ord(character):04x}")
def test_a_hidden_character_is_spelled(character: str) -> None:
    code = ord(character)
    shown = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    assert escape_hidden(f"a{character}b") == f"a{shown}b"
    assert character in "\n\t" or escape_hidden(f"a{character}b", keeps_lines=True) == f"a{shown}b"


@pytest.mark.parametrize("text", NEEDED)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert escape_hidden(text) == text


def test_a_joiner_or_selector_that_can_do_nothing_is_spelled() -> None:
    assert escape_hidden("a\u200d\u200c\u200db") == "a\u200d\\u200c\\u200db"
    assert escape_hidden("😀\ufe0f\U000e0101") == "😀\ufe0f\\U000e0101"


@given(st.text(st.characters(codec=None)), st.booleans())
def test_what_is_spelled_has_nothing_left_to_spell(text: str, keeps_lines: bool) -> None:
    shown = escape_hidden(text, keeps_lines=keeps_lines)
    assert escape_hidden(shown, keeps_lines=keeps_lines) == shown


@given(st.text(st.characters(codec=None)))
def test_json_with_escapes_has_the_same_value(text: str) -> None:
    document = json.dumps({"said": text}, ensure_ascii=False, indent=1)
    shown = escape_hidden_in_json(document)
    assert json.loads(shown) == json.loads(document)
    assert escape_hidden(shown, keeps_lines=True) == shown
