"""The items of a book as a listing tells them, made once and kept in little room.

Invariant: an item is what the book would make of it now; one that may still change is made again when the
book is read at another moment.
"""

import zlib
from threading import Lock

from .book import CallBook
from .breakage import encode
from .schedule import DAY_MS, to_ms

# Some 70 MB as they are, and 130 MB pressed. A longer book is listed as well, at the price of making the
# items beyond each time.
_MOST_PLAIN = 30_000
_MOST_KEPT = 250_000
# Items are alike, so a few of them tell the compression what all of them hold: that halves their room.
_EXAMPLES = 12


class Items:
    """Items by index, from any thread."""

    def __init__(self, book: CallBook) -> None:
        self._lock = Lock()
        self._book = book
        self._alike = b"".join(encode(book.item(index)) for index in range(min(_EXAMPLES, len(book))))
        self._plain: dict[int, bytes] = {}
        self._pressed: dict[int, bytes] = {}
        # Those that are over and analysed for good, whatever the moment is.
        self._settled: set[int] = set()

    def read(self, book: CallBook, index: int) -> bytes:
        """Return the item of a call; the book is that of before, or the same at another moment."""
        with self._lock:
            if book is not self._book:
                self._move(book)
            plain, pressed = self._plain.get(index), self._pressed.get(index)
        if plain is not None:
            return plain
        if pressed is not None:
            return zlib.decompressobj(-zlib.MAX_WBITS, self._alike).decompress(pressed)
        payload = book.item(index)
        item = encode(payload)
        start_ms = payload.get("start_timestamp")
        is_settled = start_ms is not None and start_ms < to_ms(book.as_of) - DAY_MS
        with self._lock:
            if book is self._book and self._keep(index, item) and is_settled:
                self._settled.add(index)
        return item

    def _keep(self, index: int, item: bytes) -> bool:
        """Keep an item if there is room; pressing takes as long as a sixth of making it."""
        if index in self._plain or index in self._pressed:
            return True
        if len(self._plain) < _MOST_PLAIN:
            self._plain[index] = item
        elif len(self._plain) + len(self._pressed) < _MOST_KEPT:
            press = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=self._alike)
            self._pressed[index] = press.compress(item) + press.flush()
        else:
            return False
        return True

    def _move(self, book: CallBook) -> None:
        if book.as_of < self._book.as_of:
            self._settled.clear()
        for kept in (self._plain, self._pressed):
            for index in kept.keys() - self._settled:
                del kept[index]
        self._book = book
