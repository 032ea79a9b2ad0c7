"""Says which characters are not to reach a person as they are, in one place, and spells them as escapes.

Transcripts, names and paths come from strangers. A control character moves the cursor or renames the
terminal, a mark of direction lets a text be read in another order than it has, and a character without width
hides what it carries. Invariant: none of these is in a text that `escape_hidden` returns, and nothing else is
changed.

What scripts and emoji need stays: the two joiners (U+200C, U+200D) and variation selectors, each where it can
do something, which is not behind another of its kind.
"""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # control characters, ESC and NUL among them
    "\u061c\u200e\u200f\u202a-\u202e"  # marks of direction
    "\u2028\u2029"  # ends of lines and paragraphs
    "\u00ad\u034f\u17b4\u17b5\u200b\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"  # without width; isolates
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags and others
    "\ud800-\udfff"  # halves of surrogate pairs
)
_PATTERN = re.compile(
    f"[{_HIDDEN}]|(?<=[{_JOINERS}])[{_JOINERS}]|(?<=[{_SELECTORS}])[{_SELECTORS}]",
)
_LINES = "\n\t"


def escape_hidden(text: str, *, keeps_lines: bool = False) -> str:
    r"""Return a text with hidden characters as ``\u202e`` or ``\U000e0041``.

    `keeps_lines` leaves line feeds and tabs, for a text that may have several lines.
    """
    kept = _LINES if keeps_lines else ""
    return _PATTERN.sub(lambda found: found[0] if found[0] in kept else _escape(found[0]), text)


def escape_hidden_in_json(document: str) -> str:
    r"""Return a JSON text with hidden characters as escapes of JSON, so that its value stays the same.

    Line feeds and tabs stand between values, and stay. Beyond U+FFFF JSON spells a character as two.
    """
    return _PATTERN.sub(lambda found: found[0] if found[0] in _LINES else _escape_in_json(found[0]), document)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escape_in_json(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
