"""What files of landing tell of chunks: manifests, copies of manifests, and payloads, wherever they lie now.

Invariant: a file is believed for its checksums alone, never for its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.files.checksum import BROKEN
from pipeline.landing.manifest import Manifest
from pipeline.landing.names import MANIFEST, PAYLOADS
from pipeline.landing.payload_file import find_copy, has_payloads, read_content


@dataclass(frozen=True, slots=True)
class Told:
    """A manifest that is sound, whatever the file that it was found in: what it says, and its content."""

    manifest: Manifest
    content: bytes

    @property
    def chunk_id(self) -> str:
        """The chunk that it tells of."""
        return self.manifest.chunk_id


class Evidence:
    """What some files tell; each is read when it is asked for, since together they can be large."""

    def __init__(self, files: Iterable[Path]) -> None:
        # Files that may have payloads, each with the chunk that its copy of a manifest tells of.
        self._payloads: dict[Path, str | None] = {}
        self._told: dict[str, Told] = {}
        for path in files:
            content = read_content(path)
            told = _read_told(content)
            if told is None:
                copy = find_copy(content)
                told = None if copy is None else Told(copy.manifest, copy.content)
                self._payloads[path] = None if told is None else told.chunk_id
            if told is not None:
                self._told.setdefault(told.chunk_id, told)

    def list_told(self, besides: set[str]) -> list[Told]:
        """Return the manifests of chunks that are not among those that are sound in their place."""
        return [told for chunk_id, told in sorted(self._told.items()) if chunk_id not in besides]

    def read_payloads(self, told: Told, first: Path) -> Iterator[bytes]:
        """Yield the content of every file that may have a chunk's payloads, that at its place first."""
        files = [path for path, chunk_id in self._payloads.items() if chunk_id in (None, told.chunk_id)]
        for path in sorted(files, key=lambda path: path != first):
            yield read_content(path)

    def is_double(self, folder: Path, chunk_id: str, sound_checksums: set[str]) -> bool:
        """Return whether the files of a chunk's name are those of another chunk, which tells of them."""
        content = read_content(folder / f"{chunk_id}{PAYLOADS}")
        if hashlib.sha256(content).hexdigest() in sound_checksums:
            return True
        copy = find_copy(content)
        if copy is not None and copy.manifest.chunk_id != chunk_id:
            return copy.manifest.sha256 in sound_checksums or not copy.manifest.record_count
        told = _read_told(read_content(folder / f"{chunk_id}{MANIFEST}"))
        if told is None or told.chunk_id == chunk_id:
            return False
        return not content or has_payloads(content, told.manifest)


def _read_told(content: bytes) -> Told | None:
    try:
        return Told(Manifest.from_bytes(content), content)
    except BROKEN:
        return None
