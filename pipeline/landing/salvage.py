"""Saves what can be saved of a chunk whose payloads are damaged, or of which no manifest tells any more.

A payload is sound when it has the hash that its manifest says, or, where no manifest is left, when it passes
the validation. Every id that is named anywhere and cannot be saved is told as lost.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.checksum import BROKEN
from pipeline.landing.intake import Judgement, Receipt, judge
from pipeline.landing.manifest import Manifest, keep_origin, read_sound_outcomes, with_sequence
from pipeline.landing.ndjson import read_lines
from pipeline.landing.outcome import Outcome
from pipeline.landing.payload_file import find_superseded, is_of_call, read_content

# As manifests of all versions spell an id.
_CALL_ID = re.compile(rb'"call_id": ?"([A-Za-z0-9_.:-]{1,512})"')


@dataclass(frozen=True)
class Salvaged:
    """What of a chunk can be landed again, and the ids of payloads that are gone."""

    sound: list[Judgement]
    lost: tuple[str, ...]


def salvage(manifest: Manifest, payloads: Path) -> Salvaged:
    """Save the outcomes of a sound manifest whose payloads are not whole: those that have their hash stay."""
    by_hash = _hash_lines(_read_sound_lines(payloads))
    sound, lost = _match((keep_origin(outcome, manifest.run_id) for outcome in manifest.outcomes), by_hash)
    if not manifest.has_copy:
        # That of an earlier version may be what is damaged: an id in it, or a hash.
        _judge_unknown(by_hash, payloads, sound)
        known = {judgement.outcome.call_id for judgement in sound}
        lost = [call_id for call_id in lost if call_id not in known]
    return Salvaged(sound, tuple(lost))


def salvage_without_manifest(manifest: Path, payloads: Path) -> Salvaged:
    """Save what is left where no manifest is sound: outcomes that can be read, payloads that are valid."""
    content = read_content(manifest)
    with suppress(*BROKEN):
        # That of another chunk tells nothing of this one.
        if Manifest.from_bytes(content).chunk_id != manifest.stem:
            content = b""
    run_id, outcomes = read_sound_outcomes(content)
    by_hash = _hash_lines(_read_sound_lines(payloads))
    kept = (keep_origin(outcome, run_id) for outcome in outcomes)
    sound, lost = _match(kept, by_hash)
    _judge_unknown(by_hash, payloads, sound)
    known = {judgement.outcome.call_id for judgement in sound}
    named = [found.decode() for found in _CALL_ID.findall(content)]
    return Salvaged(sound, tuple(dict.fromkeys(name for name in [*lost, *named] if name not in known)))


def _judge_unknown(by_hash: dict[str, bytes], payloads: Path, sound: list[Judgement]) -> None:
    """Add the payloads of calls that nothing sound tells of."""
    known = {judgement.outcome.call_id for judgement in sound}
    for judgement in _judge_lines(by_hash.values(), payloads):
        if judgement.outcome.call_id not in known:
            known.add(judgement.outcome.call_id)
            sound.append(judgement)


def _match(outcomes: Iterable[Outcome], by_hash: dict[str, bytes]) -> tuple[list[Judgement], list[str]]:
    sound: list[Judgement] = []
    lost: list[str] = []
    for outcome in outcomes:
        line = by_hash.get(outcome.payload_hash or "") if outcome.has_payload else None
        if outcome.outcome == "accepted" and line is not None and not is_of_call(line, outcome.call_id):
            line = None
        if outcome.has_payload and line is None:
            # Of one that a newer payload took the place of, nothing is missed.
            if not outcome.is_superseded:
                lost.append(outcome.call_id)
        else:
            sound.append(Judgement(outcome, line))
    return sound, lost


def _read_sound_lines(payloads: Path) -> list[bytes]:
    lines: list[bytes] = []
    # Where the file cannot be read any further; what is gone before that has another hash.
    with suppress(LandingError):
        for line in read_lines(payloads):
            lines.append(line)
    return lines + find_superseded(read_content(payloads))


def _hash_lines(lines: list[bytes]) -> dict[str, bytes]:
    return {hashlib.sha256(line).hexdigest(): line for line in lines}


def _judge_lines(lines: Iterable[bytes], payloads: Path) -> list[Judgement]:
    """Return the payloads of a chunk without a manifest; they were fetched before the file was written."""
    found: dict[str, Judgement] = {}
    for line in lines:
        with suppress(*BROKEN):
            fetched_at = min(datetime.fromtimestamp(payloads.stat().st_mtime, UTC), datetime.now(UTC))
            call_id = str(json.loads(line)["call_id"])
            judgement = judge(Receipt(call_id, fetched_at, 200), line)
            if judgement.line is not None:
                # How new it is, is not known: so it takes the place of nothing that is.
                found[call_id] = replace(judgement, outcome=with_sequence(judgement.outcome))
    return list(found.values())
