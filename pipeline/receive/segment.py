"""A segment of the journal: a file of events, each as it came, in the order in which they came.

    <received>/<run id>-<number>.open      the segment that is written to, locked by the process that does
    <received>/<run id>-<number>.events    one that is complete, and waits to be landed

Each event is a record with a mark, a length and a checksum, and its head has a checksum of its own. A record
that the file ends in was never answered for: the process was killed while it wrote. One that is damaged is
passed over, and the file is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from pipeline.files.regular import is_regular, open_regular, read_regular

OPEN = ".open"
COMPLETE = ".events"
DAMAGED = ".damaged"

_NAME = re.compile(r"(?P<run_id>.+)-(?P<number>[0-9]{6,})(?P<ending>\.open|\.events)", re.DOTALL)
MARK = b"\xf5\xe7evt\n"
# Of what follows: bytes, moment of arrival (us), moment of its signature (ms), number of the key, checksum.
_FIELDS = struct.Struct(f"<{len(MARK)}sIQQB16s")
# With a checksum of these, so that a length that was changed is told from a record that was cut.
_HEAD = struct.Struct(f"{_FIELDS.format}I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it came: when (us since 1970), its body, when it was signed (ms) and by which key."""

    at_us: int
    body: bytes = field(repr=False)
    signed_ms: int
    key_number: int

    @property
    def at(self) -> datetime:
        """When it came, aware."""
        return _EPOCH + timedelta(microseconds=self.at_us)

    def to_record(self) -> bytes:
        """Return the record that a segment has of it."""
        fields = len(self.body), self.at_us, self.signed_ms, self.key_number
        head = _FIELDS.pack(MARK, *fields, _checksum(self.body, *fields))
        return head + crc32(head).to_bytes(4, "little") + self.body


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that can be landed: its file, the run whose chunk it becomes, and the chunk's number."""

    path: Path
    run_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Content:
    """The events of a segment, and whether something between them cannot be read."""

    events: list[Received]
    is_damaged: bool


def find_segments(folder: Path) -> list[Segment]:
    """Return the segments that nobody writes to, in the order in which they were written.

    One whose process is gone is given the name of a complete one.
    """
    found = []
    for path in folder.glob("*"):
        matched = _NAME.fullmatch(path.name)
        if not matched or not is_regular(path):
            continue
        complete = path if matched["ending"] == COMPLETE else _complete_deserted(path)
        if complete is not None:
            found.append(Segment(complete, matched["run_id"], int(matched["number"])))
    return sorted(found, key=lambda segment: (segment.run_id, segment.number))


def is_received(folder: Path) -> bool:
    """Return whether a process writes to a segment of the folder now."""
    return any(_complete_deserted(path) is None and path.exists() for path in folder.glob(f"*{OPEN}"))


def read_segment(path: Path) -> Content:
    """Read a segment; raises OSError."""
    content = read_regular(path)
    events: list[Received] = []
    is_damaged = False
    for place, end, found in _scan(content):
        if found is not None:
            events.append(found)
        else:
            # The last of them may have been cut while it was written; then nobody was answered.
            is_damaged = is_damaged or end < len(content) or not _is_cut(content, place)
    return Content(events, is_damaged)


def read_from(path: Path, place: int, end: int) -> Iterator[tuple[int, Received]]:
    """Yield the events between two places of a segment, each with the place after it; raises OSError.

    What cannot be read is passed over.
    """
    with open_regular(path) as file:
        file.seek(place)
        content = file.read(end - place)
    for _, after, found in _scan(content):
        if found is not None:
            yield place + after, found


def _scan(content: bytes) -> Iterator[tuple[int, int, Received | None]]:
    """Yield where each record begins and ends, and its event; None for what cannot be read up to the next."""
    place = 0
    while place < len(content):
        found = _read_record(content, place)
        if found is not None:
            end = place + _HEAD.size + len(found.body)
        else:
            following = content.find(MARK, place + 1)
            end = len(content) if following == -1 else following
        yield place, end, found
        place = end


def _read_record(content: bytes, place: int) -> Received | None:
    try:
        mark, length, at_us, signed_ms, key_number, checksum, _ = _HEAD.unpack_from(content, place)
    except struct.error:
        return None
    if mark != MARK or not _has_sound_head(content, place):
        return None
    body = content[place + _HEAD.size : place + _HEAD.size + length]
    if len(body) != length or _checksum(body, length, at_us, signed_ms, key_number) != checksum:
        return None
    return Received(at_us, body, signed_ms, key_number)


def _is_cut(content: bytes, place: int) -> bool:
    """Return whether a record ends with the file before it is whole."""
    left = content[place : place + len(MARK)]
    if left != MARK[: len(left)]:
        return False
    try:
        length = _HEAD.unpack_from(content, place)[1]
    except struct.error:
        return True
    return _has_sound_head(content, place) and place + _HEAD.size + int(length) > len(content)


def _has_sound_head(content: bytes, place: int) -> bool:
    end = place + _FIELDS.size
    return crc32(content[place:end]) == int.from_bytes(content[end : end + 4], "little")


def _checksum(body: bytes, *fields: int) -> bytes:
    made = hashlib.blake2b(repr(fields).encode(), digest_size=16)
    made.update(body)
    return made.digest()


def _complete_deserted(path: Path) -> Path | None:
    """Complete an open segment whose process is gone, with its lock; None while there is one."""
    complete = path.with_suffix(COMPLETE)
    try:
        with open_regular(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # With the lock: a process that has just made the file and has not locked it yet makes another.
            path.rename(complete)
    except OSError:
        return None
    return complete
