"""Where fetched payloads live: chunks of bare payloads as NDJSON.zst, each beside a manifest.

    <landing>/<run id>/<run id>-<number>.ndjson.zst    payloads, one a line, readable with zstdcat and jq
    <landing>/<run id>/<run id>-<number>.json          manifest: outcome of every id, count, checksum

A run that extracts in batches, side by side, has the batch in the name too, before the number.

A chunk exists from the moment its manifest has its name: both files are written under a temporary name,
fsynced and renamed, the manifest last. So a killed run leaves whole chunks and ignorable `.part` files.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedWriter
from pathlib import Path
from typing import Any

import zstandard

from pipeline.config import Settings
from pipeline.errors import LandingError

PAYLOADS = ".ndjson.zst"
MANIFEST = ".json"
_PART = ".part"
_NUMBER = "[0-9]" * 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call id when it was asked for.

    `outcome` is accepted, not_found, rejected or failed; the load refines accepted by what it finds.
    """

    call_id: str
    outcome: str
    attempts: int
    fetched_at: datetime
    http_status: int | None = None
    reason: str | None = None
    payload_hash: str | None = None
    json_path: str | None = None
    value: str | None = None
    quarantine_path: str | None = None


@dataclass(frozen=True, slots=True)
class LandedChunk:
    """A complete chunk on disk; `payloads` is None when none of its ids had a payload to land."""

    chunk_id: str
    manifest: Path
    payloads: Path | None
    record_count: int
    byte_count: int
    sha256: str | None


class ChunkWriter:
    """Collects the outcomes and payloads of one chunk; nothing of it counts before `finish`.

    A chunk holds a call at most once, so that call and chunk together name one payload.
    """

    def __init__(self, landing_dir: Path, run_id: str, number: int, batch: str | None = None) -> None:
        self.chunk_id = f"{run_id}-{number:06d}" if batch is None else f"{run_id}-{batch}-{number:06d}"
        self.outcome_count = 0
        self.record_count = 0
        self._run_id = run_id
        self._folder = landing_dir / run_id
        self._outcomes: list[dict[str, Any]] = []
        self._call_ids: set[str] = set()
        self._file: BufferedWriter | None = None
        self._writer: zstandard.ZstdCompressionWriter | None = None

    def add(self, outcome: Outcome, line: bytes | None = None) -> None:
        """Add what became of an id, with its payload as one line for an accepted one.

        Raises ValueError for an id that is in the chunk already.
        """
        if outcome.call_id in self._call_ids:
            raise ValueError("a chunk holds a call at most once")
        self._call_ids.add(outcome.call_id)
        if line is not None:
            if self._writer is None:
                with _reported(self._folder):
                    self._folder.mkdir(parents=True, exist_ok=True)
                    # Buffered, because a raw file may write only a part and not say so when a disk is full.
                    self._file = self._part(PAYLOADS).open("wb")
                # The frame's own checksum lets zstd notice a flipped bit by itself.
                compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
                self._writer = compressor.stream_writer(self._file, closefd=False)
            with _reported(self._folder):
                self._writer.write(line + b"\n")
            self.record_count += 1
        self._outcomes.append(_facts(outcome))
        self.outcome_count += 1

    def finish(self) -> LandedChunk:
        """Make the chunk durable under its final name and return it; raise LandingError when that fails."""
        with _reported(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            payloads, size, checksum = self._finish_payloads()
            manifest = {
                "chunk_id": self.chunk_id,
                "run_id": self._run_id,
                "payload_file": payloads.name if payloads else None,
                "record_count": self.record_count,
                "byte_count": size,
                "sha256": checksum,
                "landed_at": _stamp(datetime.now(UTC)),
                "outcomes": self._outcomes,
            }
            path = self._folder / f"{self.chunk_id}{MANIFEST}"
            write_durably(path, json.dumps(manifest).encode() + b"\n")
        return LandedChunk(self.chunk_id, path, payloads, self.record_count, size, checksum)

    def discard(self) -> None:
        """Give up the chunk: close its file and remove it, as when the disk is full."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            # What kept the chunk from being written may keep its file from being removed.
            with suppress(OSError):
                self._part(PAYLOADS).unlink(missing_ok=True)

    def _finish_payloads(self) -> tuple[Path | None, int, str | None]:
        if self._writer is None or self._file is None:
            return None, 0, None
        self._writer.flush(zstandard.FLUSH_FRAME)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        part = self._part(PAYLOADS)
        size, checksum = part.stat().st_size, _sha256(part)
        final = self._folder / f"{self.chunk_id}{PAYLOADS}"
        part.replace(final)
        return final, size, checksum

    def _part(self, ending: str) -> Path:
        return self._folder / f"{self.chunk_id}{ending}{_PART}"


class Landing:
    """The landed chunks of a data folder, and the bodies in its quarantine."""

    def __init__(self, landing_dir: Path, quarantine_dir: Path) -> None:
        self.landing_dir = landing_dir
        self.quarantine_dir = quarantine_dir

    @classmethod
    def of(cls, settings: Settings) -> Landing:
        """Return the landing folder of the settings."""
        return cls(settings.landing_dir, settings.quarantine_dir)

    def writer(self, run_id: str, number: int, batch: str | None = None) -> ChunkWriter:
        """Return a writer for a run's chunk."""
        return ChunkWriter(self.landing_dir, run_id, number, batch)

    def check_writable(self) -> None:
        """Raise LandingError now if payloads could not be written later."""
        for folder in (self.landing_dir, self.quarantine_dir):
            with _reported(folder):
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass

    def manifests(self) -> dict[str, Path]:
        """Return the manifest of every complete chunk by chunk id, in the order they were landed."""
        paths = self.landing_dir.glob(f"*/*-{_NUMBER}{MANIFEST}")
        return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}

    def outcomes(self, run_id: str) -> Iterator[Outcome]:
        """Yield the outcome of every id that a run has landed."""
        for path in sorted((self.landing_dir / run_id).glob(f"*-{_NUMBER}{MANIFEST}")):
            for facts in json.loads(path.read_bytes())["outcomes"]:
                fetched_at = datetime.fromisoformat(facts["fetched_at"]).replace(tzinfo=UTC)
                yield Outcome(**(facts | {"fetched_at": fetched_at}))

    def verified(self, manifest: Path) -> LandedChunk:
        """Return a chunk after comparing its payload file with its manifest.

        Raises LandingError for a manifest that cannot be read and for payloads that are missing or changed.
        """
        try:
            said = json.loads(manifest.read_bytes())
            name, size, checksum = said["payload_file"], said["byte_count"], said["sha256"]
            chunk_id, record_count = said["chunk_id"], said["record_count"]
            payloads = None if name is None else manifest.with_name(name)
            accepted_count = sum(outcome["outcome"] == "accepted" for outcome in said["outcomes"])
            if accepted_count != record_count or (record_count > 0) != (payloads is not None):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError) as broken:
            raise LandingError(
                f"the manifest {manifest} cannot be read ({type(broken).__name__}): "
                "restore it, or remove it and backfill its calls again",
                path=manifest,
            ) from None
        if payloads is None:
            return LandedChunk(chunk_id, manifest, None, 0, 0, None)
        if not payloads.is_file() or payloads.stat().st_size != size or _sha256(payloads) != checksum:
            raise LandingError(
                f"the landed file {payloads} is missing or not what its manifest says: restore it, "
                "or remove its manifest and backfill its calls again with --force",
                path=payloads,
            )
        return LandedChunk(chunk_id, manifest, payloads, record_count, size, checksum)

    def quarantine(self, run_id: str, call_id: str, body: bytes, facts: dict[str, Any]) -> str:
        """Keep a rejected body and what is known of it; return its path below the quarantine folder."""
        folder = self.quarantine_dir / run_id
        with _reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / f"{call_id}.body", body)
            write_durably(folder / f"{call_id}.json", json.dumps(facts, indent=2).encode() + b"\n")
        return f"{run_id}/{call_id}.body"


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the payload lines of a landed file, without their ends."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        rest = b""
        while block := reader.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
        if rest:
            yield rest


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    part = path.with_name(path.name + _PART)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder durable: a rename is so only once the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _reported:  # noqa: N801  reads as a clause: with _reported(folder)
    """Turns an operating system's refusal to write into a LandingError that says what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if isinstance(failure, OSError):
            raise LandingError(
                f"cannot write to {self.folder} ({failure.strerror}): make room or fix the permissions, "
                "or choose another folder with --data-dir, then run the same command again",
                path=self.folder,
            ) from None


def _facts(outcome: Outcome) -> dict[str, Any]:
    facts = {name: getattr(outcome, name) for name in Outcome.__slots__}
    return facts | {"fetched_at": _stamp(outcome.fetched_at)}


def _stamp(moment: datetime) -> str:
    """Write a moment as DuckDB reads a UTC timestamp."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
