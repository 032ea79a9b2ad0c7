"""A payload file: payloads as NDJSON in one zstd frame, superseded ones, and a copy of their manifest.

What is not to be loaded lies in frames that readers of zstd skip, as its standard asks: `zstdcat`, DuckDB and
Python see payloads alone. With the copy a chunk whose manifest is lost or damaged is whole all the same.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import zstandard

from pipeline.files.checksum import BROKEN
from pipeline.files.regular import open_regular, read_regular
from pipeline.landing.manifest import Manifest

# Two of the magic numbers that the standard of zstd has for frames to be skipped (RFC 8878, 3.1.2).
_SKIPPED = 0x184D2A50
_SUPERSEDED = 0x184D2A51
_HEAD = struct.Struct("<II")
_LEVEL = 3
_PIECE = 1 << 20


def make_copy(content: bytes) -> bytes:
    """Return the content of a manifest as the frame that follows the payloads."""
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(content)
    return _HEAD.pack(_SKIPPED, len(packed)) + packed


def make_superseded(lines: list[bytes]) -> bytes:
    """Return payloads that newer ones took the place of as the frame that follows these; nothing for none."""
    if not lines:
        return b""
    content = b"".join(line + b"\n" for line in lines)
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(content)
    return _HEAD.pack(_SUPERSEDED, len(packed)) + packed


def read_superseded(path: Path) -> list[bytes]:
    """Return the payloads of a sound file that newer ones took the place of; raises OSError."""
    with open_regular(path) as file:
        content = file.read()
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    decompressor.decompress(content)
    behind = decompressor.unused_data
    magic, size = _HEAD.unpack_from(behind) if len(behind) >= _HEAD.size else (0, 0)
    if magic != _SUPERSEDED:
        return []
    packed = behind[_HEAD.size : _HEAD.size + size]
    return zstandard.ZstdDecompressor().decompress(packed).split(b"\n")[:-1]


def find_superseded(content: bytes) -> list[bytes]:
    """Return those payloads of a file that may be damaged, wherever their frame is; none where it is, too."""
    magic = content.rfind(_HEAD.pack(_SUPERSEDED, 0)[:4])
    while magic != -1:
        try:
            packed = content[magic + _HEAD.size :]
            return zstandard.ZstdDecompressor().decompressobj().decompress(packed).split(b"\n")[:-1]
        except zstandard.ZstdError:
            magic = content.rfind(_HEAD.pack(_SUPERSEDED, 0)[:4], 0, magic)
    return []


@dataclass(frozen=True, slots=True)
class FoundCopy:
    """The copy of a manifest that a payload file has: its content, what it says, and where it begins."""

    content: bytes
    manifest: Manifest
    start: int


def find_copy(content: bytes) -> FoundCopy | None:
    """Return the copy in the content of a payload file; None where there is none that is sound.

    Damage before or after it does no harm.
    """
    magic = content.rfind(_HEAD.pack(_SKIPPED, 0)[:4])
    while magic != -1:
        packed = content[magic + _HEAD.size :]
        try:
            said = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
            return FoundCopy(said, Manifest.from_bytes(said), magic)
        except (zstandard.ZstdError, *BROKEN):
            magic = content.rfind(_HEAD.pack(_SKIPPED, 0)[:4], 0, magic)
    return None


def is_sound(path: Path, manifest: Manifest, content: bytes) -> bool:
    """Return whether a payload file is what its manifest says; `content` is that of the manifest's file.

    Raises OSError where it cannot be read.
    """
    digest, rest = hashlib.sha256(), manifest.byte_count
    with open_regular(path) as file:
        while rest and (block := file.read(min(_PIECE, rest))):
            digest.update(block)
            rest -= len(block)
        if rest or (manifest.record_count and digest.hexdigest() != manifest.sha256):
            return False
        behind = file.read()
        if manifest.has_copy:
            return _is_copy(behind, content)
        if behind:
            return False
        file.seek(0)
        return not manifest.record_count or has_named_payloads(file.read(), manifest)


def _is_copy(frame: bytes, content: bytes) -> bool:
    # Compared as read: another version of zstd may pack the same content otherwise.
    if frame[: _HEAD.size] != _HEAD.pack(_SKIPPED, max(0, len(frame) - _HEAD.size)):
        return False
    try:
        return zstandard.ZstdDecompressor().decompress(frame[_HEAD.size :]) == content
    except zstandard.ZstdError:
        return False


def has_payloads(content: bytes, manifest: Manifest) -> bool:
    """Return whether the content of a file begins with the payloads of a manifest, all of them."""
    payloads = content[: manifest.byte_count]
    return len(payloads) == manifest.byte_count and (
        not manifest.record_count or hashlib.sha256(payloads).hexdigest() == manifest.sha256
    )


def has_named_payloads(content: bytes, manifest: Manifest) -> bool:
    """Return whether the payloads in the content of a file are those that the outcomes of a manifest name.

    Only for a manifest of an earlier version, which has no checksum: nothing else sees a changed bit in an id
    of it, or in a hash.
    """
    try:
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(content).split(b"\n")[:-1]
    except zstandard.ZstdError:
        return False
    by_hash = {hashlib.sha256(line).hexdigest(): line for line in lines}
    accepted = [outcome for outcome in manifest.outcomes if outcome.outcome == "accepted"]
    return len(lines) == len(accepted) and all(
        is_of_call(by_hash.get(outcome.payload_hash or "", b""), outcome.call_id) for outcome in accepted
    )


def is_of_call(line: bytes, call_id: str) -> bool:
    """Return whether a payload names a call; ids need no escapes in JSON."""
    return f'"{call_id}"'.encode() in line


def read_content(path: Path) -> bytes:
    """Return the content of a file of landing, or nothing where it cannot be read."""
    try:
        return read_regular(path)
    except OSError:
        return b""
