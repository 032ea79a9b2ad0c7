"""Decodes a response body as it arrives, identity or gzip, under a cap.

Invariant: whatever a gzip bomb unpacks to, no more than the cap and one piece are held in memory, and a cut
gzip stream is never taken for a whole body.
"""

from __future__ import annotations

import zlib

from pipeline.payload.strict_json import Malformed
from pipeline.retell.failures import Retriable

MIB = 1024 * 1024
_KEPT_OF_TOO_LARGE = MIB
_GZIP = frozenset({"gzip", "x-gzip"})
_IDENTITY = frozenset({"", "identity"})
_GZIP_OR_ZLIB = 47  # zlib's wbits: window of 32 KiB, header detected


class UnsupportedEncoding(Exception):
    """A Content-Encoding that was not asked for; ``encoding`` is its first characters."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding[:40]
        super().__init__(f"content-encoding {self.encoding!r} is not supported")


class Body:
    """A body of at most ``max_bytes`` decoded bytes, fed with the raw pieces off the wire.

    Raises `UnsupportedEncoding` at once for a Content-Encoding that is neither identity nor gzip.
    """

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in _GZIP | _IDENTITY:
            raise UnsupportedEncoding(encoding)
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding in _GZIP else None
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def is_too_large(self) -> bool:
        """Whether more than the cap has come; nothing more should be fed then."""
        return self._size > self._max_bytes

    def feed(self, raw: bytes) -> None:
        """Take the next raw piece. Raises `Retriable` for gzip that is damaged."""
        if self._inflate is None:
            self._keep(raw)
            return
        while raw and not self.is_too_large:
            if self._inflate.eof:
                # RFC 1952 allows members one after another.
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                # One more than fits: reaching it proves that the cap is exceeded.
                piece = self._inflate.decompress(raw, self._max_bytes - self._size + 1)
            except zlib.error:
                raise Retriable("damaged gzip body", status=200) from None
            self._keep(piece)
            raw = self._inflate.unused_data

    def join(self) -> bytes:
        """Return all bytes once the last piece was fed.

        Raises `Malformed` when they are more than the cap, and `Retriable` when the gzip stream has no end.
        """
        if self.is_too_large:
            raise Malformed(f"larger than {self._max_bytes / MIB:g} MiB")
        if self._inflate is not None and not self._inflate.eof:
            raise Retriable("cut body", status=200)
        return b"".join(self._pieces)

    def beginning(self) -> bytes:
        """Return the first MiB of what came, for quarantine."""
        return b"".join(self._pieces)[:_KEPT_OF_TOO_LARGE]

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
