"""Finds the landed chunks that wait for a load, by what has changed since the last time somebody looked.

What is settled is looked for again at the end of a run, where the warehouse is open anyway: so the next one
finds it in the index.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from pipeline.landing.folder import Landing
from pipeline.landing.index import Index, can_be_settled, read_index, write_index
from pipeline.landing.look import Found, look_into
from pipeline.warehouse import queries


@dataclass(frozen=True)
class Waiting:
    """What waits, and what lies in landing beside it.

    `manifests` are those of the chunks that are not loaded, by chunk id, oldest first; `orphans` are payload
    files without a manifest, `odd` what is none of ours.
    """

    manifests: dict[str, Path]
    orphans: list[Path]
    odd: list[Path]
    found: Found
    index: Index


def find_waiting(connection: Connection, landing: Landing) -> Waiting:
    """Return the landed chunks that the warehouse does not have yet."""
    known = read_index(
        landing.landing_dir,
        queries.read_fingerprint(connection),
        lambda: queries.read_loaded_runs(connection),
    )
    found = landing.look(known.folders)
    manifests = found.manifests
    loaded = queries.find_loaded_chunks(connection, manifests) if manifests else set()
    waiting = {chunk_id: path for chunk_id, path in manifests.items() if chunk_id not in loaded}
    return Waiting(waiting, found.orphans, found.all_odd, found, known)


def note_settled(connection: Connection, landing: Landing, before: Waiting, run_id: str) -> None:
    """Note which folders are settled by now, of those that were looked into before and that of a run."""
    looked_into = []
    for name in {folder.name for folder in before.found.folders} | {run_id}:
        place = landing.landing_dir / name
        with suppress(OSError):  # nothing was landed, or somebody took it away
            folder = look_into(place, place.stat().st_mtime_ns)
            if can_be_settled(folder):
                looked_into.append(folder)
    chunks, known, unchanged = queries.read_fingerprint(connection), before.index, before.found.unchanged
    if not looked_into and chunks == known.chunks and len(unchanged) == len(known.folders):
        return
    ids = [chunk_id for folder in looked_into for chunk_id in folder.manifests]
    loaded = queries.find_loaded_chunks(connection, ids) if ids else set()
    settled = [folder for folder in looked_into if loaded.issuperset(folder.manifests)]
    runs = queries.read_loaded_runs(connection) if settled else {}
    write_index(
        landing.landing_dir,
        Index(
            chunks,
            unchanged | {folder.name: folder.changed_ns for folder in settled},
            {name: fingerprint for name, fingerprint in known.runs.items() if name in unchanged}
            | {folder.name: runs.get(folder.name, "") for folder in settled},
        ),
    )
