"""The items of a book as a listing tells them, made once and kept in little room.

Invariant: an item is what the book would make of it now; one that may still change is made again when the
book is read at another moment.
"""

import zlib
from threading import Lock

from .book import CallBook
from .breakage import encode
from .schedule import DAY_MS, to_ms

# Some 150 MB. A longer book is listed as well, at the price of making the items beyond each time.
_MOST_KEPT = 250_000
# Items are alike, so a few of them tell the compression what all of them hold: that halves their room.
_EXAMPLES = 12


class Items:
    """Items by index, from any thread."""

    def __init__(self, book: CallBook) -> None:
        self._lock = Lock()
        self._book = book
        self._alike = b"".join(encode(book.item(index)) for index in range(min(_EXAMPLES, len(book))))
        self._kept: dict[int, bytes] = {}
        # Those that are over and analysed for good, whatever the moment is.
        self._settled: set[int] = set()

    def read(self, book: CallBook, index: int) -> bytes:
        """Return the item of a call; the book is that of before, or the same at another moment."""
        with self._lock:
            if book is not self._book:
                self._move(book)
            kept = self._kept.get(index)
        if kept is not None:
            return zlib.decompressobj(-zlib.MAX_WBITS, self._alike).decompress(kept)
        payload = book.item(index)
        item = encode(payload)
        start_ms = payload.get("start_timestamp")
        with self._lock:
            if book is self._book and len(self._kept) < _MOST_KEPT:
                self._kept[index] = self._compress(item)
                if start_ms is not None and start_ms < to_ms(book.as_of) - DAY_MS:
                    self._settled.add(index)
        return item

    def _compress(self, item: bytes) -> bytes:
        compress = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=self._alike)
        return compress.compress(item) + compress.flush()

    def _move(self, book: CallBook) -> None:
        if book.as_of < self._book.as_of:
            self._settled.clear()
        self._kept = {index: self._kept[index] for index in self._settled}
        self._book = book
