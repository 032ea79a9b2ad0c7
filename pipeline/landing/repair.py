"""Mends the landing folder: what is sound in a damaged chunk is landed again, the files are set aside.

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
from typing import Any

from pipeline.atomic import reported, write_durably
from pipeline.errors import LandingError
from pipeline.extract.extraction import accepted
from pipeline.landing.folder import PAYLOADS, Landing, Outcome
from pipeline.landing.ndjson import read_lines
from pipeline.payload.validate import Accepted, validate_body
from pipeline.retell.answer import Answer

_LOST_IDS = "to_fetch_again.txt"


@dataclass(frozen=True)
class Mended:
    """What became of a damaged chunk: payloads landed again, and ids whose payloads are lost."""

    chunk_id: str
    kept: int
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Repair:
    """What a repair did; `lost_ids` is the file that names what is to be fetched again, if anything is."""

    mended: list[Mended]
    set_aside: Path
    lost_ids: Path | None


def repair(landing: Landing, run_id: str) -> Repair:
    """Mend every damaged chunk, landing what is sound as chunks of `run_id`.

    Raises LandingError when files cannot be written or moved; what was mended until then stays mended.
    """
    set_aside = landing.landing_dir.with_name("damaged") / run_id
    mended = []
    for number, (chunk_id, manifest, payloads) in enumerate(_damaged(landing)):
        sound, lost = _sound(manifest, payloads)
        if sound:
            writer = landing.writer(run_id, number)
            for outcome, line in sound:
                writer.add(outcome, line)
            writer.finish()
        # The sound payloads are landed, so from here on a crash loses nothing.
        with reported(set_aside):
            set_aside.mkdir(parents=True, exist_ok=True)
            for path in (payloads, manifest):
                if path.exists():
                    path.replace(set_aside / path.name)
        mended.append(Mended(chunk_id, sum(line is not None for _, line in sound), tuple(lost)))
    gone = [call_id for chunk in mended for call_id in chunk.lost]
    if not gone:
        return Repair(mended, set_aside, None)
    with reported(set_aside):
        write_durably(set_aside / _LOST_IDS, "".join(f"{call_id}\n" for call_id in gone).encode())
    return Repair(mended, set_aside, set_aside / _LOST_IDS)


def _damaged(landing: Landing) -> Iterator[tuple[str, Path, Path]]:
    """Yield the id, manifest and payload file of every chunk that is not what it should be."""
    for chunk_id, manifest in landing.manifests().items():
        try:
            landing.verified(manifest)
        except LandingError:
            yield chunk_id, manifest, manifest.with_name(f"{chunk_id}{PAYLOADS}")
    for payloads in landing.orphans():
        chunk_id = payloads.name.removesuffix(PAYLOADS)
        yield chunk_id, payloads.with_name(f"{chunk_id}.json"), payloads


def _sound(manifest: Path, payloads: Path) -> tuple[list[tuple[Outcome, bytes | None]], list[str]]:
    """Return the outcomes of a chunk that can be landed again, and the ids of payloads that are gone."""
    lines: list[bytes] = []
    lost: list[str] = []
    with suppress(LandingError):  # where the file cannot be read any further
        for line in read_lines(payloads):
            lines.append(line)
    try:
        said = [_outcome(facts) for facts in json.loads(manifest.read_bytes())["outcomes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return _judged(lines, payloads), []
    by_hash = {hashlib.sha256(line).hexdigest(): line for line in lines}
    sound: list[tuple[Outcome, bytes | None]] = []
    for outcome in said:
        kept = by_hash.get(outcome.payload_hash or "")
        if outcome.outcome != "accepted" or kept is not None:
            sound.append((outcome, kept))
        else:
            lost.append(outcome.call_id)
    return sound, lost


def _outcome(facts: dict[str, Any]) -> Outcome:
    return Outcome(
        **(facts | {"fetched_at": datetime.fromisoformat(facts["fetched_at"]).replace(tzinfo=UTC)})
    )


def _judged(lines: list[bytes], payloads: Path) -> list[tuple[Outcome, bytes | None]]:
    """Return the payloads of a chunk without a manifest; they were fetched before the file was written."""
    if not lines:
        return []
    fetched_at = datetime.fromtimestamp(payloads.stat().st_mtime, UTC)
    found: dict[str, tuple[Outcome, bytes | None]] = {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            call_id = str(json.loads(line)["call_id"])
            judged = validate_body(call_id, line)
            if isinstance(judged, Accepted):
                answer = Answer(call_id, "found", 200, 0, fetched_at, line)
                found[call_id] = (accepted(answer, judged), judged.line)
    return list(found.values())
