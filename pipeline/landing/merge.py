"""Merges small chunks into large ones, so that the number of files does not grow with the number of runs.

A merged chunk has the payloads and outcomes of others as they were: their bytes, hashes, numbers and the runs
that landed them. Of a call that was fetched more than once, the newest payload is what a load reads; the
others are kept behind it. The former chunks are removed when all that they hold is durable in merged ones and
the warehouse knows these. Whatever ends the process before that leaves both; then the next merge puts the
same outcome into one chunk once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.atomic import sync_folder
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.manifest import Manifest, keep_origin, read_manifest
from pipeline.landing.names import PAYLOADS
from pipeline.landing.ndjson import read_lines
from pipeline.landing.outcome import Outcome, find_newest
from pipeline.landing.payload_file import read_superseded
from pipeline.times import parse_utc

MERGED = "merged"
"""What the ids of merged chunks have before their number."""

# A chunk that has less than both is small. As much as one load takes is large enough, and not too large.
_SMALL_BYTES = 8 * 1024 * 1024
_SMALL_MANIFEST_BYTES = 512 * 1024
_MOST_RECORDS = 1000
_MOST_BYTES = 24 * 1024 * 1024
_MOST_OUTCOMES = 10_000


@dataclass
class Merge:
    """What a merge made, and what it took the place of; `problems` are sentences about damaged chunks."""

    merged: list[LandedChunk] = field(default_factory=list)
    sources: list[LandedChunk] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """A small chunk that can be merged; its outcomes say which run landed them, and how new they are."""

    chunk: LandedChunk
    manifest: Manifest
    outcomes: tuple[Outcome, ...]

    @property
    def kind(self) -> str:
        """What its outcomes are: an id is given, listed and answered for, and each kind has its chunks."""
        if all(outcome.outcome == "waiting" for outcome in self.outcomes):
            return "given"
        return "listed" if self.manifest.is_listed else "answers"


def merge_small_chunks(
    landing: Landing, run_id: str, before: datetime, choose: Callable[[list[str]], set[str]]
) -> Merge:
    """Merge the small chunks that were landed before an aware moment, as chunks of `run_id`.

    `choose` returns which of some chunks may be merged: those that are loaded. Nothing is removed yet:
    `remove_sources` does that. Raises LandingError when the merged ones cannot be written.
    """
    done = Merge()
    small = {chunk_id: path for chunk_id, path in landing.look().manifests.items() if _is_small(path)}
    chosen = choose(list(small)) if small else set()
    sources = _read_sources([path for chunk_id, path in small.items() if chunk_id in chosen], before, done)
    sources.sort(key=lambda source: (source.kind, source.manifest.landed_at))
    for _, of_kind in groupby(sources, key=lambda source: source.kind):
        for group in _divide(of_kind):
            # One alone is as small as it was.
            if len(group) > 1:
                chunk = _merge(landing, run_id, len(done.merged), group)
                # Read back, because what it took the place of is removed.
                done.merged.append(verify_chunk(chunk.manifest))
                done.sources += [source.chunk for source in group]
    return done


def remove_sources(done: Merge) -> None:
    """Remove the chunks that were merged: all that they held is durable elsewhere."""
    folders = set()
    for chunk in done.sources:
        # The manifest first: a chunk without payloads would be damaged, payloads alone tell what they were.
        chunk.manifest.unlink(missing_ok=True)
        chunk.manifest.with_name(f"{chunk.chunk_id}{PAYLOADS}").unlink(missing_ok=True)
        folders.add(chunk.manifest.parent)
    for folder in folders:
        sync_folder(folder)
        with suppress(OSError):  # it has others
            folder.rmdir()


def find_merged(landing: Landing, chunk_id: str) -> list[Path]:
    """Return the manifests of the merged chunks that took the place of a chunk."""
    found = []
    for path in landing.landing_dir.glob(f"*/*-{MERGED}-*.json"):
        with suppress(LandingError):
            if chunk_id in read_manifest(path).merged:
                found.append(path)
    return sorted(found)


def _read_sources(manifests: list[Path], before: datetime, done: Merge) -> list[_Source]:
    found = []
    for path in manifests:
        try:
            manifest = read_manifest(path)
            if parse_utc(manifest.landed_at) < before:
                outcomes = tuple(keep_origin(outcome, manifest.run_id) for outcome in manifest.outcomes)
                found.append(_Source(verify_chunk(path), manifest, outcomes))
        except LandingError as damaged:
            done.problems.append(str(damaged))
    return found


def _divide(sources: Iterable[_Source]) -> Iterator[list[_Source]]:
    """Yield sources in groups that are as large as a chunk may be."""
    group: list[_Source] = []
    records = outcomes = size = 0
    for source in sources:
        records += source.chunk.record_count
        outcomes += len(source.outcomes)
        size += source.chunk.byte_count
        is_too_large = records > _MOST_RECORDS or outcomes > _MOST_OUTCOMES or size > _MOST_BYTES
        if group and is_too_large:
            yield group
            group, records, outcomes = [], source.chunk.record_count, len(source.outcomes)
            size = source.chunk.byte_count
        group.append(source)
    if group:
        yield group


def _merge(landing: Landing, run_id: str, number: int, group: list[_Source]) -> LandedChunk:
    newest = find_newest(outcome for source in group for outcome in source.outcomes)
    writer = landing.open_chunk(run_id, number, MERGED)
    try:
        # Of a merge that was killed both the chunks and the merged ones are there: an outcome counts once.
        seen: set[tuple[str, str, int | None, str | None]] = set()
        for source in group:
            lines = _read_lines_by_hash(source)
            for outcome in source.outcomes:
                key = (outcome.call_id, outcome.outcome, outcome.sequence, outcome.payload_hash)
                if key in seen:
                    continue
                seen.add(key)
                line = lines[outcome.payload_hash or ""] if outcome.has_payload else None
                writer.add_ranked(outcome, line, newest)
    except BaseException:
        writer.discard()
        raise
    return writer.finish(
        merged=tuple(source.chunk.chunk_id for source in group),
        landed_at=max(parse_utc(source.manifest.landed_at) for source in group),
    )


def _read_lines_by_hash(source: _Source) -> dict[str, bytes]:
    """Return the payloads of a chunk by their hash; raise LandingError where they are not as it says."""
    payloads = source.chunk.payloads
    lines = [] if payloads is None else [*read_lines(payloads), *read_superseded(payloads)]
    by_hash = {hashlib.sha256(line).hexdigest(): line for line in lines}
    named = {outcome.payload_hash for outcome in source.outcomes if outcome.has_payload}
    if not named <= by_hash.keys():
        raise LandingError(
            f"the landed chunk {source.chunk.chunk_id} holds other payloads than it says: run "
            "`python -m pipeline repair`",
            path=source.chunk.manifest,
        )
    return by_hash


def _is_small(manifest: Path) -> bool:
    payloads = manifest.with_name(f"{manifest.stem}{PAYLOADS}")
    try:
        return manifest.stat().st_size < _SMALL_MANIFEST_BYTES and (
            not payloads.exists() or payloads.stat().st_size < _SMALL_BYTES
        )
    except OSError:
        return False
