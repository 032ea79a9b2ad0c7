"""Lands calls without a server: chunks as a backfill leaves them, for what is measured after that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bodies import DISTINCT, Bodies
from pipeline.landing.folder import Landing, Outcome
from pipeline.payload.validate import Accepted, validate_body

CHUNK = 250


def land(folder: Path, ids: list[str], *, run_id: str = "run", distinct: int = DISTINCT) -> Landing:
    """Land calls with ids of `bodies.call_id` in chunks of the default size; return the landing."""
    landing = Landing(folder / "landing", folder / "quarantine")
    bodies = Bodies(distinct)
    fetched_at = datetime.now(UTC) - timedelta(minutes=1)
    for number, start in enumerate(range(0, len(ids), CHUNK)):
        writer = landing.writer(run_id, number)
        for call_id in ids[start : start + CHUNK]:
            judged = validate_body(call_id, bodies.body(call_id.encode()))
            assert isinstance(judged, Accepted)
            outcome = Outcome(
                call_id,
                "accepted",
                1,
                fetched_at,
                200,
                payload_hash=judged.payload_hash,
                has_plain_speech=judged.has_plain_speech,
                is_plain=judged.is_plain,
            )
            writer.add(outcome, judged.line)
        writer.finish()
    return landing
