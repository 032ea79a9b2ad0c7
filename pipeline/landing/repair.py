"""Repairs the landing folder: what is sound is kept, in its place where that can be; the rest is put aside.

A manifest tells what a chunk was, and its payload file has a copy of it. So whichever of the two is damaged,
lost, renamed or swapped with that of a neighbour, the other one tells what belongs to it, and checksums prove
it. Where the payloads themselves are damaged, those that have the hash their manifest says are landed again,
and the others are named. Nothing is deleted, the warehouse is not touched, and a second repair finds nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.atomic import explain_write_errors, write_atomically
from pipeline.files.regular import is_regular
from pipeline.landing.chunk import verify_chunk
from pipeline.landing.evidence import Evidence, Told
from pipeline.landing.folder import Landing
from pipeline.landing.look import Found
from pipeline.landing.names import MANIFEST, PAYLOADS
from pipeline.landing.outcome import find_newest
from pipeline.landing.payload_file import has_named_payloads, has_payloads, make_copy, read_content
from pipeline.landing.salvage import Salvaged, salvage, salvage_without_manifest

_LOST_IDS = "to_fetch_again.txt"
_NONE: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepairedChunk:
    """What became of a damaged chunk: payloads that are whole again, and ids whose payloads are lost."""

    chunk_id: str
    kept: int
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Repair:
    """What a repair did; `lost_ids` is the file that names what is to be fetched again, if anything is.

    `others` is how many files were put aside that were no files of a chunk, or those of one that is whole.
    """

    chunks: list[RepairedChunk]
    set_aside: Path
    lost_ids: Path | None
    others: int = 0


@dataclass
class _Damage:
    """What a look found wrong: chunks that are not sound, by id, and what is none of ours."""

    chunks: dict[str, Path] = field(default_factory=dict)
    odd: list[Path] = field(default_factory=list)
    sound_ids: set[str] = field(default_factory=set)
    sound_checksums: set[str] = field(default_factory=set)

    @property
    def files(self) -> Iterator[Path]:
        """All files that may hold something that is sound."""
        for chunk_id, folder in self.chunks.items():
            yield folder / f"{chunk_id}{MANIFEST}"
            yield folder / f"{chunk_id}{PAYLOADS}"
        yield from self.odd


def repair(landing: Landing, run_id: str) -> Repair:
    """Repair every damaged chunk; what cannot stay in its place is landed as chunks of `run_id`.

    Raises LandingError when files cannot be written or moved; what was repaired until then stays repaired.
    """
    set_aside = landing.landing_dir.with_name("damaged") / run_id
    damage = _find_damage(landing.look())
    evidence = Evidence(path for path in damage.files if is_regular(path))
    repaired: list[RepairedChunk] = []
    restored: set[Path] = set()
    # What a manifest tells of is looked for first, so that what is left over belongs to none.
    for told in evidence.list_told(besides=damage.sound_ids):
        folder = damage.chunks.get(told.chunk_id, landing.landing_dir / told.manifest.run_id)
        kept, lost = told.manifest.record_count, _NONE
        if _restore(told, folder, evidence, set_aside):
            restored |= {folder / f"{told.chunk_id}{ending}" for ending in (MANIFEST, PAYLOADS)}
            if told.manifest.sha256 is not None:
                damage.sound_checksums.add(told.manifest.sha256)
        else:
            payloads = folder / f"{told.chunk_id}{PAYLOADS}"
            kept, lost = _land(landing, run_id, len(repaired), salvage(told.manifest, payloads))
        repaired.append(RepairedChunk(told.chunk_id, kept, lost))
    known_ids = damage.sound_ids | {chunk.chunk_id for chunk in repaired}
    for chunk_id, folder in damage.chunks.items():
        if chunk_id not in known_ids and not evidence.is_double(folder, chunk_id, damage.sound_checksums):
            found = salvage_without_manifest(
                folder / f"{chunk_id}{MANIFEST}", folder / f"{chunk_id}{PAYLOADS}"
            )
            kept, lost = _land(landing, run_id, len(repaired), found)
            repaired.append(RepairedChunk(chunk_id, kept, lost))
    # Written before what tells of them is moved: a repair that is killed in between names them again.
    lost_ids = _write_lost_ids([call_id for chunk in repaired for call_id in chunk.lost], set_aside)
    # The sound payloads are landed, so from here on a crash loses nothing.
    moved = [_put_aside(path, set_aside) for path in damage.files if path not in restored]
    return Repair(repaired, set_aside, lost_ids, sum(moved) if not repaired else 0)


def _write_lost_ids(lost_ids: list[str], set_aside: Path) -> Path | None:
    """Write the file that names what is to be fetched again, if anything is; return where it is."""
    if not lost_ids:
        return None
    path = set_aside / _LOST_IDS
    with explain_write_errors(set_aside):
        set_aside.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(f"{call_id}\n" for call_id in lost_ids).encode())
    return path


def _find_damage(found: Found) -> _Damage:
    """Return what is not what it should be."""
    damage = _Damage(odd=list(found.all_odd))
    for folder in found.folders:
        for chunk_id, manifest in folder.manifests.items():
            try:
                chunk = verify_chunk(manifest)
            except LandingError:
                damage.chunks[chunk_id] = manifest.parent
            else:
                damage.sound_ids.add(chunk_id)
                if chunk.sha256 is not None:
                    damage.sound_checksums.add(chunk.sha256)
    for payloads in found.orphans:
        damage.chunks[payloads.name.removesuffix(PAYLOADS)] = payloads.parent
    return damage


def _restore(told: Told, folder: Path, evidence: Evidence, set_aside: Path) -> bool:
    """Write a chunk in its place as it was, if its payloads are whole somewhere; return whether they are."""
    manifest = told.manifest
    if manifest.record_count:
        place = folder / f"{told.chunk_id}{PAYLOADS}"
        content = next(
            (found for found in evidence.read_payloads(told, place) if has_payloads(found, manifest)), None
        )
        if content is None or not (manifest.has_copy or has_named_payloads(content, manifest)):
            return False
    else:
        content = b""
    payloads = content[: manifest.byte_count]
    files = {MANIFEST: told.content}
    if manifest.has_copy:
        files = {PAYLOADS: payloads + make_copy(told.content)} | files
    elif manifest.record_count:
        files = {PAYLOADS: payloads} | files
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for ending, restored in files.items():
            path = folder / f"{told.chunk_id}{ending}"
            if read_content(path) != restored:
                _keep_former(path, set_aside)
                write_atomically(path, restored)
    return True


def _keep_former(path: Path, set_aside: Path) -> None:
    """Have what lies in a place in the other folder too, before another file takes the place."""
    if not os.path.lexists(path):
        return
    with explain_write_errors(set_aside):
        set_aside.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            path.rename(_find_free(set_aside / path.name))
        else:
            # Until the new file is whole, the former one keeps its name.
            with suppress(OSError):  # a file system without links
                os.link(path, _find_free(set_aside / path.name), follow_symlinks=False)


def _land(landing: Landing, run_id: str, number: int, found: Salvaged) -> tuple[int, tuple[str, ...]]:
    """Land what was saved of a chunk; return how many payloads that are, and the ids that are lost."""
    if found.sound:
        writer = landing.open_chunk(run_id, number)
        newest = find_newest(judgement.outcome for judgement in found.sound if judgement.line is not None)
        for judgement in found.sound:
            writer.add_ranked(judgement.outcome, judgement.line, newest)
        writer.finish()
    return sum(judgement.line is not None for judgement in found.sound), found.lost


def _put_aside(path: Path, set_aside: Path) -> bool:
    """Move what is there out of landing; return whether anything is."""
    if not os.path.lexists(path):
        return False
    with explain_write_errors(set_aside):
        set_aside.mkdir(parents=True, exist_ok=True)
        # A name that is no text is spelled out.
        name = path.name.encode("utf-8", "backslashreplace").decode()
        free = _find_free(set_aside / name)
        try:
            path.rename(free)
        except PermissionError:
            # A folder is written to when it gets another parent.
            if path.is_symlink() or not path.is_dir():
                raise
            path.chmod(stat.S_IRWXU)
            path.rename(free)
    return True


def _find_free(path: Path) -> Path:
    """Return a path that nothing has yet."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free
