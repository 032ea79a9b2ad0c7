"""Words as real accounts send them: with the blanks between them, ``"Hello, "`` and ``" How "``.

Invariant: the words of an item joined as they are give its content, and trimmed they are what was said.
"""

from collections.abc import Sequence
from typing import Any

Item = dict[str, Any]
_SENTENCE_ENDS = (".", "?", "!")
# Every third turn ends with a blank, as if more had been meant to follow.
_OPEN_TURNS = 3


def add_blanks(turn_lengths: Sequence[int], *lists: list[Item]) -> None:
    """Put the blanks into the words of lists that all say the same; each turn has so many of the words.

    A turn that tools cut into several items keeps its blanks at the cuts.
    """
    blanks = _spell([word["word"] for item in lists[0] for word in item.get("words", ())], turn_lengths)
    for items in lists:
        _add_to_items(items, blanks)


def _add_to_items(items: list[Item], blanks: list[str]) -> None:
    first = 0
    for item in items:
        words = item.get("words")
        if words is None:
            continue
        said = blanks[first : first + len(words)]
        first += len(words)
        for word, text in zip(words, said, strict=True):
            word["word"] = text
        item["content"] = "".join(said)


def _spell(words: list[str], turn_lengths: Sequence[int]) -> list[str]:
    """Return each word with its blanks: behind it, or before it where the word before ends a sentence."""
    spelled: list[str] = []
    first = 0
    for number, length in enumerate(turn_lengths):
        before = ""
        for word in words[first : first + length]:
            is_end = word.endswith(_SENTENCE_ENDS)
            spelled.append(f"{before}{word}" if is_end else f"{before}{word} ")
            before = " " if is_end else ""
        first += length
        if length:
            is_open = number % _OPEN_TURNS == _OPEN_TURNS - 1
            spelled[-1] = f"{spelled[-1].rstrip(' ')} " if is_open else spelled[-1].rstrip(" ")
    return spelled
