"""Where fetched payloads live: chunks of bare payloads as NDJSON.zst, each beside a manifest.

    <landing>/<run id>/<run id>-<number>.ndjson.zst    payloads, one a line, readable with zstdcat and jq
    <landing>/<run id>/<run id>-<number>.json          manifest: outcome of every id, count, checksum

A run that extracts in batches, side by side, has the batch in the name too, before the number.

A chunk exists from the moment its manifest has its name: both files are written under a temporary name and
fsynced before either is renamed, the manifest last. So a killed run leaves whole chunks and `.part` files,
which the next run clears (`leftovers`).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from pipeline.atomic import PART, deserted, occupied, reported, sync_folder, write_durably, write_part
from pipeline.config import Settings
from pipeline.errors import LandingError
from pipeline.landing.ndjson import MEND, PayloadFile

PAYLOADS = ".ndjson.zst"
MANIFEST = ".json"
_NUMBER = "[0-9]" * 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call id when it was asked for.

    `outcome` is accepted, not_found, rejected or failed; the load refines accepted by what it finds. With
    `has_plain_speech` nothing spoken in its payload has a field without a column, with `is_plain` nothing at
    all in it has (`plain`): the load need not look.
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
    has_plain_speech: bool = False
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class LandedChunk:
    """A complete chunk on disk; `payloads` is None when none of its ids had a payload to land.

    `is_plain` says that all of its payloads are (`plain`).
    """

    chunk_id: str
    manifest: Path
    payloads: Path | None
    record_count: int
    byte_count: int
    sha256: str | None
    is_plain: bool = False


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
        self._payloads: PayloadFile | None = None
        self._held = ExitStack()
        self._failure: LandingError | None = None

    def add(self, outcome: Outcome, line: bytes | None = None) -> None:
        """Add what became of an id, with its payload as one line for an accepted one.

        Raises ValueError for an id that is in the chunk already, LandingError when it cannot be written: then
        the whole chunk is given up.
        """
        if outcome.call_id in self._call_ids:
            raise ValueError("a chunk holds a call at most once")
        self._call_ids.add(outcome.call_id)
        if line is not None:
            try:
                with reported(self._folder):
                    self._write(line)
            except LandingError as failure:
                # What was held back is lost, so nothing that is written later would be whole.
                self._failure = failure
                self.discard()
                raise
            self.record_count += 1
        self._outcomes.append(_facts(outcome))
        self.outcome_count += 1

    def finish(self) -> LandedChunk:
        """Make the chunk durable under its final name and return it.

        Raises LandingError when that fails, and then nothing of it is left.
        """
        if self._failure is not None:
            raise self._failure
        try:
            with reported(self._folder), self._held:
                return self._finish()
        except LandingError:
            self.discard()
            raise

    def _write(self, line: bytes) -> None:
        if self._payloads is None:
            self._occupy()
            self._payloads = PayloadFile(self._part(PAYLOADS))
        self._payloads.add(line)

    def _occupy(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(occupied(self._folder))

    def _finish(self) -> LandedChunk:
        if self._payloads is None:
            self._occupy()
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
        # Both are on disk before either has its name: whoever finds the payloads named and the manifest
        # not, as after a crash, can finish the chunk.
        write_part(self._part(MANIFEST), _encoded(manifest) + b"\n")
        path = self._folder / f"{self.chunk_id}{MANIFEST}"
        if payloads is not None:
            self._part(PAYLOADS).replace(payloads)
        self._part(MANIFEST).replace(path)
        sync_folder(self._folder)
        is_plain = _are_plain(self._outcomes)
        return LandedChunk(self.chunk_id, path, payloads, self.record_count, size, checksum, is_plain)

    def discard(self) -> None:
        """Give up the chunk: close its file and remove it, as when the disk is full."""
        if self._payloads is not None:
            self._payloads.close()
        # What kept the chunk from being written may keep its files from being removed.
        with suppress(OSError):
            self._part(PAYLOADS).unlink(missing_ok=True)
            self._part(MANIFEST).unlink(missing_ok=True)
            if not (self._folder / f"{self.chunk_id}{MANIFEST}").exists():
                (self._folder / f"{self.chunk_id}{PAYLOADS}").unlink(missing_ok=True)
        self._held.close()

    def _finish_payloads(self) -> tuple[Path | None, int, str | None]:
        if self._payloads is None:
            return None, 0, None
        self._payloads.finish()
        part = self._part(PAYLOADS)
        size, checksum = part.stat().st_size, _sha256(part)
        return self._folder / f"{self.chunk_id}{PAYLOADS}", size, checksum

    def _part(self, ending: str) -> Path:
        return self._folder / f"{self.chunk_id}{ending}{PART}"


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
            with reported(folder):
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass

    def manifests(self) -> dict[str, Path]:
        """Return the manifest of every complete chunk by chunk id, in the order they were landed."""
        paths = self.landing_dir.glob(f"*/*-{_NUMBER}{MANIFEST}")
        return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}

    def orphans(self) -> list[Path]:
        """Return payload files that have lost their manifest, and that nobody is landing now."""
        found = []
        for path in sorted(self.landing_dir.glob(f"*/*-{_NUMBER}{PAYLOADS}")):
            manifest = path.with_name(path.name.removesuffix(PAYLOADS) + MANIFEST)
            if not manifest.exists():
                with deserted(path.parent) as is_deserted:
                    if is_deserted and not manifest.exists():
                        found.append(path)
        return found

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
            is_plain = _are_plain(said["outcomes"])
            # Under another chunk's name it would be taken for loaded, or wait for ever.
            if chunk_id != manifest.stem or payloads == manifest:
                raise ValueError
            if accepted_count != record_count or (record_count > 0) != (payloads is not None):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as broken:
            raise LandingError(
                f"the manifest {manifest} cannot be read ({type(broken).__name__}): {MEND}",
                path=manifest,
            ) from None
        if payloads is None:
            return LandedChunk(chunk_id, manifest, None, 0, 0, None, is_plain)
        if not payloads.is_file() or payloads.stat().st_size != size or _sha256(payloads) != checksum:
            raise LandingError(
                f"the landed file {payloads} is missing or not what its manifest says: {MEND}",
                path=payloads,
            )
        return LandedChunk(chunk_id, manifest, payloads, record_count, size, checksum, is_plain)

    def quarantine(self, run_id: str, call_id: str, body: bytes, facts: dict[str, Any]) -> str:
        """Keep a rejected body and what is known of it; return its path below the quarantine folder."""
        folder = self.quarantine_dir / run_id
        with reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / f"{call_id}.body", body)
            write_durably(folder / f"{call_id}.json", json.dumps(facts, indent=2).encode() + b"\n")
        return f"{run_id}/{call_id}.body"


def _are_plain(outcomes: list[dict[str, Any]]) -> bool:
    # Chunks of earlier versions say nothing of it.
    return all(facts.get("is_plain", False) for facts in outcomes if facts["outcome"] == "accepted")


def _facts(outcome: Outcome) -> dict[str, Any]:
    facts = {name: getattr(outcome, name) for name in Outcome.__slots__}
    return facts | {"fetched_at": _stamp(outcome.fetched_at)}


def _encoded(manifest: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(manifest)
    except orjson.JSONEncodeError:
        # A value that was refused may hold half of a surrogate pair.
        return json.dumps(manifest).encode()


def _stamp(moment: datetime) -> str:
    """Write a moment as DuckDB reads a UTC timestamp."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
