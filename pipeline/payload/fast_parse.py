"""Reads a body without making an object of every word: simple words are cut out before it is parsed.

Invariant: what `parse_body` accepts, `strict_json.parse` accepts too, and the document is the same but for
lists of words that are empty in it. Whatever is in doubt is not cut out, or is read as a whole.

Nine tenths of a body are its words, in up to three transcripts, all of one form. A list of them is cut out
only where its bytes are that form: each word an object of a text, a start and an end, in this order, without
blanks, each once, with numbers that a double holds. What stands in its place, `"words":[]`, begins with a
quote after a brace or comma and goes on with a letter. So within a string it would end that string and break
the syntax; as what is left is sound, it is a member of an object there, and so is the list in the body. What
is left has one level of nesting less, and `strict_json` reads fast only what is far enough from the limit.
No text that is cut out has an escape, nor a colon that could be a URL's, so no secret is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pipeline.payload.strict_json import UNSURE, parse, parse_fast, parse_strictly

_NOTHING = b'"words":[]'

# A pattern for each of two forms: digits with a fraction only, as most are, are matched twice as fast.
_TEXT = rb'"[^"\\:\x00-\x1f]*+"'
_BELOW_1 = rb"0\.[0-9]++"
_FROM_1 = rb"[1-9][0-9]{0,5}+\.[0-9]++"
_EARLY = rb'\{"word":%s,"start":%s,"end":(?:%s|%s)\}' % (_TEXT, _BELOW_1, _BELOW_1, _FROM_1)
_LATER = rb'\{"word":%s,"start":%s,"end":%s\}' % (_TEXT, _FROM_1, _FROM_1)
# Of other alphabets there is a letter that counts as an s where case does not.
_ANY_TEXT = rb'(?:"(?:[^"\\:\x00-\x1f]++|(?<![pPsS\x80-\xff]):)*+"|null)'
_ANY_NUMBER = rb"(?:-?(?:0|[1-9][0-9]{0,8}+)(?:\.[0-9]++)?+|null)"
_ANY = rb'\{"word":%s,"start":%s,"end":%s\}' % (_ANY_TEXT, _ANY_NUMBER, _ANY_NUMBER)
_SIMPLE_WORDS = re.compile(
    # The look back stands behind what a search can look for quickly.
    rb'"words":\[(?<=[{,]"words":\[)(?:'
    + rb"(?:%s(?:,%s)*+(?:,%s)*+|%s(?:,%s)*+)\]" % (_EARLY, _EARLY, _LATER, _LATER, _LATER)
    + rb"|%s(?:,%s)*+\]|\])" % (_ANY, _ANY)
)


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A sound body as ``text`` without its simple words, and the ``document`` that this is.

    ``text`` is the body itself where nothing was cut out; ``has_no_surrogates`` says that no half of a
    surrogate pair is in it.
    """

    text: bytes = field(repr=False)
    document: Any = field(repr=False)
    has_no_surrogates: bool = False


def parse_body(body: bytes) -> ParsedBody:
    """Read a body, without its simple words; raises the `Malformed` that `strict_json.parse` does."""
    text = _SIMPLE_WORDS.sub(_NOTHING, body)
    document = parse_fast(text)
    if document is UNSURE or (len(text) != len(body) and not _is_utf8(body)):
        return ParsedBody(body, parse_strictly(body))
    return ParsedBody(body if len(text) == len(body) else text, document, has_no_surrogates=True)


def parse_whole(body: bytes) -> ParsedBody:
    """Read a body with all its words; raises `Malformed` as `strict_json.parse` does."""
    return ParsedBody(body, parse(body))


def restore_words(text: bytes, parsed: ParsedBody, body: bytes) -> bytes | None:
    """Return ``text``, written anew from a parsed body, with the words of the body put back.

    None where it is not certain which list was where.
    """
    lists = _SIMPLE_WORDS.findall(body)
    places = {text.count(_NOTHING), parsed.text.count(_NOTHING), parsed.text.count(b'"words"')}
    # Every key that is called so is a place, in both: then they are the same ones, in the same order.
    if places != {len(lists)} or rb"\u" in parsed.text:
        return None
    pieces = text.split(_NOTHING)
    return b"".join(piece for pair in zip(pieces, [*lists, b""], strict=True) for piece in pair)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
