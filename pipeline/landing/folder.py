"""Where fetched payloads live: chunks of bare payloads, each beside a manifest, and the quarantine.

    <landing>/<run id>/<run id>-<number>.ndjson.zst    payloads, one a line, readable with zstdcat and jq
    <landing>/<run id>/<run id>-<number>.json          manifest: outcome of every id, count, checksum
    <landing>/clock.json, index.json                   what is newer (`clock`), what is settled (`index`)
    <quarantine>/<body hash>/<call id>.body, .json     a rejected body, and what is known of it

A run that extracts in batches, side by side, has the batch in the name too, before the number. Before bodies
had hashes, the rejected ones were kept by run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.files.atomic import explain_write_errors, write_atomically
from pipeline.landing.chunk import ChunkWriter, read_begin, read_outcomes
from pipeline.landing.look import Found, look, look_into
from pipeline.landing.outcome import Outcome
from pipeline.landing.spoken import SpokenStore


class Landing:
    """The landed chunks of a data folder, and the bodies in its quarantine."""

    def __init__(self, landing_dir: Path, quarantine_dir: Path) -> None:
        self.landing_dir = landing_dir
        self.quarantine_dir = quarantine_dir
        self.spoken = SpokenStore(landing_dir.parent)
        # The greatest number that was landed before anything was asked for.
        self._begin: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Landing:
        """Return the landing folder of the settings."""
        return cls(settings.landing_dir, settings.quarantine_dir)

    def open_chunk(
        self, run_id: str, number: int, batch: str | None = None, *, is_asked_for: bool = True
    ) -> ChunkWriter:
        """Return a writer for a run's chunk.

        What `is_asked_for` is newer than all that was landed before; what came by itself need not be.
        """
        begin = self._note_begin() if is_asked_for else 0
        return ChunkWriter(self.landing_dir, run_id, number, batch, begin)

    def check_writable(self) -> None:
        """Raise LandingError now if payloads could not be written later."""
        for folder in (self.landing_dir, self.quarantine_dir):
            with explain_write_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
        self._note_begin()

    def _note_begin(self) -> int:
        if self._begin is None:
            self._begin = read_begin(self.landing_dir)
        return self._begin

    def look(self, known: Mapping[str, int] | None = None) -> Found:
        """Look into all folders of runs but those that are known, and were not changed since: see `look`."""
        return look(self.landing_dir, known)

    def find_manifests(self) -> dict[str, Path]:
        """Return the manifest of every complete chunk by chunk id, in the order they were landed."""
        return self.look().manifests

    def find_orphans(self) -> list[Path]:
        """Return payload files that have lost their manifest, and that nobody is landing now."""
        return self.look().orphans

    def read_outcomes(self, run_id: str) -> Iterator[Outcome]:
        """Yield the outcome of every id that a run has landed."""
        folder = self.landing_dir / run_id
        if folder.is_dir():
            for manifest in look_into(folder, 0).manifests.values():
                yield from read_outcomes(manifest)

    def quarantine(self, body_hash: str, call_id: str, body: bytes, facts: dict[str, Any]) -> str:
        """Keep a rejected body and what is known of it; return its path below the quarantine folder.

        Where it is there already, nothing is written.
        """
        folder = self.quarantine_dir / body_hash
        path = f"{body_hash}/{call_id}.body"
        # Written last: with it, both are there.
        if (folder / f"{call_id}.json").exists() and (folder / f"{call_id}.body").exists():
            return path
        with explain_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / f"{call_id}.body", body)
            write_atomically(folder / f"{call_id}.json", json.dumps(facts, indent=2).encode() + b"\n")
        return path
