"""Words as real accounts send them: with the blanks between them, ``"Hello, "`` and ``" How "``.

Invariant: the words of an item joined as they are give its content, and trimmed they are what was said.
"""

from collections.abc import Iterator, Sequence
from typing import Any

Item = dict[str, Any]
_SENTENCE_ENDS = (".", "?", "!")
# Every third turn ends with a blank, as if more had been meant to follow.
_OPEN_TURNS = 3


def add_blanks(items: list[Item], turn_lengths: Sequence[int]) -> list[Item]:
    """Return a list with the blanks in its words; the lengths are how many words each turn has.

    A turn that tools cut into several items keeps its blanks at the cuts.
    """
    blanks = _blanks([word["word"] for item in items for word in item.get("words", ())], turn_lengths)
    return [_add_to_item(item, blanks) if "words" in item else item for item in items]


def _add_to_item(item: Item, blanks: Iterator[str]) -> Item:
    words = [{**word, "word": next(blanks)} for word in item["words"]]
    return {**item, "words": words, "content": "".join(word["word"] for word in words)}


def _blanks(words: list[str], turn_lengths: Sequence[int]) -> Iterator[str]:
    """Yield each word with its blanks: behind it, or before it where the word before ends a sentence."""
    said = iter(words)
    for number, length in enumerate(turn_lengths):
        before = ""
        for place in range(length):
            word = next(said)
            is_last = place == length - 1
            is_open = (
                number % _OPEN_TURNS == _OPEN_TURNS - 1 if is_last else not word.endswith(_SENTENCE_ENDS)
            )
            yield f"{' ' if before.endswith(_SENTENCE_ENDS) else ''}{word}{' ' if is_open else ''}"
            before = word
