"""One landed chunk: bare payloads as NDJSON.zst, beside a manifest with the outcome of every id.

A chunk exists from the moment its manifest has its name: both files are written under a temporary name and
fsynced before either is renamed, the manifest last. So a killed run leaves whole chunks and `.part` files,
which the next run clears (`runs.cleanup`).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from pipeline.atomic import PART, explain_write_errors, mark_folder_used, sync_folder, write_part
from pipeline.errors import LandingError
from pipeline.landing.ndjson import REPAIR_ADVICE, PayloadFile
from pipeline.landing.outcome import Outcome
from pipeline.times import format_utc

PAYLOADS = ".ndjson.zst"
MANIFEST = ".json"


@dataclass(frozen=True, slots=True)
class LandedChunk:
    """A complete chunk on disk; `payloads` is None when none of its ids had a payload to land.

    `is_plain` says that all of its payloads are (`payload.known_fields`), `is_listed` that they are items of
    a listing.
    """

    chunk_id: str
    manifest: Path
    payloads: Path | None
    record_count: int
    byte_count: int
    sha256: str | None
    is_plain: bool = False
    is_listed: bool = False


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
        self._folder_lock = ExitStack()
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
                with explain_write_errors(self._folder):
                    self._write_line(line)
            except LandingError as failure:
                # What was held back is lost, so nothing that is written later would be whole.
                self._failure = failure
                self.discard()
                raise
            self.record_count += 1
        self._outcomes.append(outcome.to_manifest())
        self.outcome_count += 1

    def finish(self) -> LandedChunk:
        """Make the chunk durable under its final name and return it.

        Raises LandingError when that fails, and then nothing of it is left.
        """
        if self._failure is not None:
            raise self._failure
        try:
            with explain_write_errors(self._folder), self._folder_lock:
                return self._finish()
        except LandingError:
            self.discard()
            raise

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
        self._folder_lock.close()

    def _write_line(self, line: bytes) -> None:
        if self._payloads is None:
            self._occupy_folder()
            self._payloads = PayloadFile(self._part(PAYLOADS))
        self._payloads.add(line)

    def _occupy_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock.enter_context(mark_folder_used(self._folder))

    def _finish(self) -> LandedChunk:
        if self._payloads is None:
            self._occupy_folder()
        payloads, size, checksum = self._finish_payloads()
        manifest = {
            "chunk_id": self.chunk_id,
            "run_id": self._run_id,
            "payload_file": payloads.name if payloads else None,
            "record_count": self.record_count,
            "byte_count": size,
            "sha256": checksum,
            "landed_at": format_utc(datetime.now(UTC)),
            "outcomes": self._outcomes,
        }
        # Both are on disk before either has its name: whoever finds the payloads named and the manifest
        # not, as after a crash, can finish the chunk.
        write_part(self._part(MANIFEST), _encode(manifest) + b"\n")
        path = self._folder / f"{self.chunk_id}{MANIFEST}"
        if payloads is not None:
            self._part(PAYLOADS).replace(payloads)
        self._part(MANIFEST).replace(path)
        sync_folder(self._folder)
        is_plain, is_listed = _are_plain(self._outcomes), _are_listed(self._outcomes)
        return LandedChunk(
            self.chunk_id, path, payloads, self.record_count, size, checksum, is_plain, is_listed
        )

    def _finish_payloads(self) -> tuple[Path | None, int, str | None]:
        if self._payloads is None:
            return None, 0, None
        self._payloads.finish()
        part = self._part(PAYLOADS)
        size, checksum = part.stat().st_size, _sha256(part)
        return self._folder / f"{self.chunk_id}{PAYLOADS}", size, checksum

    def _part(self, ending: str) -> Path:
        return self._folder / f"{self.chunk_id}{ending}{PART}"


def verify_chunk(manifest: Path) -> LandedChunk:
    """Return a chunk after comparing its payload file with its manifest.

    Raises LandingError for a manifest that cannot be read and for payloads that are missing or changed.
    """
    try:
        said = json.loads(manifest.read_bytes())
        name, size, checksum = said["payload_file"], said["byte_count"], said["sha256"]
        chunk_id, record_count = said["chunk_id"], said["record_count"]
        payloads = None if name is None else manifest.with_name(name)
        accepted_count = sum(outcome["outcome"] == "accepted" for outcome in said["outcomes"])
        is_plain, is_listed = _are_plain(said["outcomes"]), _are_listed(said["outcomes"])
        # Under another chunk's name it would be taken for loaded, or wait for ever.
        if chunk_id != manifest.stem or payloads == manifest:
            raise ValueError
        if accepted_count != record_count or (record_count > 0) != (payloads is not None):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as broken:
        raise LandingError(
            f"the manifest {manifest} cannot be read ({type(broken).__name__}): {REPAIR_ADVICE}",
            path=manifest,
        ) from None
    if payloads is None:
        return LandedChunk(chunk_id, manifest, None, 0, 0, None, is_plain)
    if not payloads.is_file() or payloads.stat().st_size != size or _sha256(payloads) != checksum:
        raise LandingError(
            f"the landed file {payloads} is missing or not what its manifest says: {REPAIR_ADVICE}",
            path=payloads,
        )
    return LandedChunk(chunk_id, manifest, payloads, record_count, size, checksum, is_plain, is_listed)


def read_outcomes(manifest: Path) -> list[Outcome]:
    """Return the outcomes of a manifest; a broken one raises OSError, ValueError, KeyError or TypeError."""
    return [Outcome.from_manifest(facts) for facts in json.loads(manifest.read_bytes())["outcomes"]]


def _are_plain(outcomes: list[dict[str, Any]]) -> bool:
    # Chunks of earlier versions say nothing of it.
    return all(facts.get("is_plain", False) for facts in outcomes if facts["outcome"] == "accepted")


def _are_listed(outcomes: list[dict[str, Any]]) -> bool:
    return any(facts.get("detail") == "listed" for facts in outcomes)


def _encode(manifest: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(manifest)
    except orjson.JSONEncodeError:
        # A value that was refused may hold half of a surrogate pair.
        return json.dumps(manifest).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
