"""Repairs the landing folder: what is sound in a damaged chunk is landed again, the files are set aside.

A payload counts as sound when it has the hash that its manifest says, or, where the manifest is lost, when it
passes the validation. Nothing is deleted, the warehouse is not touched, and a second repair finds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.atomic import explain_write_errors, write_atomically
from pipeline.errors import LandingError
from pipeline.landing.chunk import PAYLOADS, read_outcomes, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Judgement, Receipt, judge
from pipeline.landing.ndjson import read_lines

_LOST_IDS = "to_fetch_again.txt"


@dataclass(frozen=True)
class RepairedChunk:
    """What became of a damaged chunk: payloads landed again, and ids whose payloads are lost."""

    chunk_id: str
    kept: int
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Repair:
    """What a repair did; `lost_ids` is the file that names what is to be fetched again, if anything is."""

    chunks: list[RepairedChunk]
    set_aside: Path
    lost_ids: Path | None


def repair(landing: Landing, run_id: str) -> Repair:
    """Repair every damaged chunk, landing what is sound as chunks of `run_id`.

    Raises LandingError when files cannot be written or moved; what was repaired until then stays repaired.
    """
    set_aside = landing.landing_dir.with_name("damaged") / run_id
    repaired = []
    for number, (chunk_id, manifest, payloads) in enumerate(_find_damaged(landing)):
        sound, lost = _sort_out(manifest, payloads)
        if sound:
            writer = landing.open_chunk(run_id, number)
            for judgement in sound:
                writer.add(judgement.outcome, judgement.line)
            writer.finish()
        # The sound payloads are landed, so from here on a crash loses nothing.
        with explain_write_errors(set_aside):
            set_aside.mkdir(parents=True, exist_ok=True)
            for path in (payloads, manifest):
                if path.exists():
                    path.replace(set_aside / path.name)
        kept = sum(judgement.line is not None for judgement in sound)
        repaired.append(RepairedChunk(chunk_id, kept, tuple(lost)))
    lost_ids = [call_id for chunk in repaired for call_id in chunk.lost]
    if not lost_ids:
        return Repair(repaired, set_aside, None)
    with explain_write_errors(set_aside):
        write_atomically(set_aside / _LOST_IDS, "".join(f"{call_id}\n" for call_id in lost_ids).encode())
    return Repair(repaired, set_aside, set_aside / _LOST_IDS)


def _find_damaged(landing: Landing) -> Iterator[tuple[str, Path, Path]]:
    """Yield the id, manifest and payload file of every chunk that is not what it should be."""
    for chunk_id, manifest in landing.find_manifests().items():
        try:
            verify_chunk(manifest)
        except LandingError:
            yield chunk_id, manifest, manifest.with_name(f"{chunk_id}{PAYLOADS}")
    for payloads in landing.find_orphans():
        chunk_id = payloads.name.removesuffix(PAYLOADS)
        yield chunk_id, payloads.with_name(f"{chunk_id}.json"), payloads


def _sort_out(manifest: Path, payloads: Path) -> tuple[list[Judgement], list[str]]:
    """Return what of a chunk can be landed again, and the ids of payloads that are gone."""
    lines: list[bytes] = []
    with suppress(LandingError):  # where the file cannot be read any further
        for line in read_lines(payloads):
            lines.append(line)
    try:
        outcomes = read_outcomes(manifest)
    except (OSError, ValueError, KeyError, TypeError):
        return _judge_lines(lines, payloads), []
    by_hash = {hashlib.sha256(line).hexdigest(): line for line in lines}
    sound: list[Judgement] = []
    lost: list[str] = []
    for outcome in outcomes:
        kept = by_hash.get(outcome.payload_hash or "")
        if outcome.outcome != "accepted" or kept is not None:
            sound.append(Judgement(outcome, kept))
        else:
            lost.append(outcome.call_id)
    return sound, lost


def _judge_lines(lines: list[bytes], payloads: Path) -> list[Judgement]:
    """Return the payloads of a chunk without a manifest; they were fetched before the file was written."""
    if not lines:
        return []
    fetched_at = datetime.fromtimestamp(payloads.stat().st_mtime, UTC)
    found: dict[str, Judgement] = {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            call_id = str(json.loads(line)["call_id"])
            judgement = judge(Receipt(call_id, fetched_at, 200), line)
            if judgement.line is not None:
                found[call_id] = judgement
    return list(found.values())
