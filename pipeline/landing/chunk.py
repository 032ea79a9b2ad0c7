"""One landed chunk: bare payloads as NDJSON.zst, beside a manifest with the outcome of every id.

A chunk exists from the moment its manifest has its name: both files are written under a temporary name and
fsynced before either is renamed, the manifest last. So a killed run leaves whole chunks and `.part` files,
which the next run clears (`runs.cleanup`). The payload file has a copy of the manifest, so that either of the
two can be lost and tells of itself what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.atomic import PART, explain_write_errors, mark_folder_used, sync_folder, write_part
from pipeline.files.regular import read_regular
from pipeline.landing.clock import Reading, read_clock, read_greatest
from pipeline.landing.manifest import REPAIR_ADVICE, Manifest, read_greatest_sequence, read_manifest
from pipeline.landing.names import MANIFEST, PAYLOADS
from pipeline.landing.ndjson import PayloadFile
from pipeline.landing.outcome import Outcome, identify_payload, is_interim
from pipeline.landing.payload_file import is_sound, make_copy, make_superseded
from pipeline.times import format_utc


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

    @classmethod
    def of(cls, manifest: Manifest, path: Path) -> LandedChunk:
        """Return the chunk of a manifest that is sound and lies at a path."""
        return cls(
            manifest.chunk_id,
            path,
            path.with_name(f"{manifest.chunk_id}{PAYLOADS}") if manifest.record_count else None,
            manifest.record_count,
            manifest.byte_count,
            manifest.sha256,
            manifest.is_plain,
            manifest.is_listed,
        )


class ChunkWriter:
    """Collects the outcomes and payloads of one chunk; nothing of it counts before `finish`.

    A load reads at most one payload of a call from a chunk, so that call and chunk together name it. `begin`
    is what `read_begin` returned when the run began.
    """

    def __init__(
        self,
        landing_dir: Path,
        run_id: str,
        number: int,
        batch: str | None = None,
        begin: int = 0,
    ) -> None:
        self.chunk_id = f"{run_id}-{number:06d}" if batch is None else f"{run_id}-{batch}-{number:06d}"
        self.outcome_count = 0
        self.record_count = 0
        self._run_id = run_id
        self._landing_dir = landing_dir
        self._folder = landing_dir / run_id
        self._merged: tuple[str, ...] = ()
        self._landed_at: datetime | None = None
        self._begin = begin
        self._outcomes: list[Outcome] = []
        self._call_ids: set[str] = set()
        self._superseded: list[bytes] = []
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
        self.add_again(outcome, line)

    def add_ranked(self, outcome: Outcome, line: bytes | None, newest: Mapping[str, tuple[int, str]]) -> None:
        """Add an outcome to a chunk that may have several of its call: of these one has a payload to load.

        `newest` is what `find_newest` says of all that are added. An interim transcript that is not the
        newest payload is not kept: the next one has all of it.
        """
        if line is None:
            self.add_again(outcome)
        elif outcome.outcome == "accepted" and identify_payload(outcome) == newest[outcome.call_id]:
            self.add_again(replace(outcome, is_superseded=False), line)
        elif is_interim(outcome):
            self.add_again(replace(outcome, outcome="kept", payload_hash=None))
        else:
            self.add_superseded(outcome, line)

    def add_superseded(self, outcome: Outcome, line: bytes) -> None:
        """Add an outcome whose payload is kept and that no load reads: the chunk has a newer one of its call.

        So is the body of an event that is not loaded.
        """
        self._superseded.append(line)
        self.add_again(replace(outcome, is_superseded=True))

    def add_again(self, outcome: Outcome, line: bytes | None = None) -> None:
        """Add as `add` does, also of an id that is in the chunk already; at most once with a payload."""
        self._call_ids.add(outcome.call_id)
        if line is not None:
            try:
                with explain_write_errors(self._folder):
                    self._open_payloads().add(line)
            except LandingError as failure:
                # What was held back is lost, so nothing that is written later would be whole.
                self._failure = failure
                self.discard()
                raise
            self.record_count += 1
        self._outcomes.append(outcome)
        self.outcome_count += 1

    def finish(self, *, merged: tuple[str, ...] = (), landed_at: datetime | None = None) -> LandedChunk:
        """Make the chunk durable under its final name and return it.

        `merged` are the ids of the chunks that it takes the place of, `landed_at` (aware) when the last of
        them was landed. Raises LandingError when that fails, and then nothing of it is left.
        """
        if self._failure is not None:
            raise self._failure
        self._merged, self._landed_at = merged, landed_at
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

    def _open_payloads(self) -> PayloadFile:
        if self._payloads is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder_lock.enter_context(mark_folder_used(self._folder))
            self._payloads = PayloadFile(self._part(PAYLOADS))
        return self._payloads

    def _finish(self) -> LandedChunk:
        payloads = self._open_payloads()
        byte_count, checksum = payloads.finish(make_superseded(self._superseded))
        manifest = self._describe(byte_count, checksum if self.record_count else None)
        content = manifest.to_bytes()
        # Both are on disk before either has its name: whoever finds the payloads named and the manifest
        # not, as after a crash, can finish the chunk.
        payloads.seal(make_copy(content))
        write_part(self._part(MANIFEST), content)
        path = self._folder / f"{self.chunk_id}{MANIFEST}"
        self._part(PAYLOADS).replace(self._folder / f"{self.chunk_id}{PAYLOADS}")
        self._part(MANIFEST).replace(path)
        sync_folder(self._folder)
        return LandedChunk.of(manifest, path)

    def _describe(self, byte_count: int, checksum: str | None) -> Manifest:
        fetched = [outcome.fetched_at for outcome in self._outcomes if outcome.sequence is None]
        clock = read_clock(
            self._landing_dir, fetched, self._begin, partial(_find_greatest, self._landing_dir)
        )
        return Manifest(
            self.chunk_id,
            self._run_id,
            self.record_count,
            byte_count,
            checksum,
            format_utc(self._landed_at or clock.now),
            tuple(self._number(outcome, clock) for outcome in self._outcomes),
            self._merged,
        )

    def _number(self, outcome: Outcome, clock: Reading) -> Outcome:
        if outcome.sequence is not None:
            return outcome
        # Nothing was fetched after it was landed: a clock that said so was put right in between.
        fetched_at = min(outcome.fetched_at, clock.now)
        return replace(outcome, fetched_at=fetched_at, sequence=clock.number(fetched_at))

    def _part(self, ending: str) -> Path:
        return self._folder / f"{self.chunk_id}{ending}{PART}"


def read_begin(landing_dir: Path) -> int:
    """Return the greatest number that is landed when a run begins: what it is answered is newer than that."""
    return read_greatest(landing_dir, partial(_find_greatest, landing_dir))


def _find_greatest(landing_dir: Path) -> int:
    return max(map(read_greatest_sequence, landing_dir.glob(f"*/*{MANIFEST}")), default=0)


def verify_chunk(manifest: Path) -> LandedChunk:
    """Return a chunk after comparing its payload file with its manifest.

    Raises LandingError for a manifest that cannot be read and for payloads that are missing or changed.
    """
    said = read_manifest(manifest)
    if not said.record_count and not said.has_copy:
        return LandedChunk.of(said, manifest)
    payloads = manifest.with_name(f"{said.chunk_id}{PAYLOADS}")
    try:
        is_as_said = is_sound(payloads, said, read_regular(manifest))
    except OSError:
        is_as_said = False
    if not is_as_said:
        raise LandingError(
            f"the landed file {payloads} is missing or not what its manifest says: {REPAIR_ADVICE}",
            path=payloads,
        )
    return LandedChunk.of(said, manifest)


def read_outcomes(manifest: Path) -> list[Outcome]:
    """Return the outcomes of a manifest; raises as `read_manifest` does."""
    return list(read_manifest(manifest).outcomes)
