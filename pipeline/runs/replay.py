"""Tries quarantined payloads again, as after a fix of the validation, and lands those that pass now.

The body in quarantine stays where it is; an accepted one is landed as if fetched when it was fetched first,
so that it never replaces a newer payload of the same call.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from pipeline.extract.extraction import accepted
from pipeline.landing.folder import Landing
from pipeline.payload.validate import Accepted, validate_body
from pipeline.retell.answer import Answer
from pipeline.warehouse import queries
from pipeline.warehouse.database import Warehouse


def retry_quarantine(warehouse: Warehouse, landing: Landing, run_id: str, chunk_size: int) -> tuple[int, int]:
    """Land what passes now in chunks of `run_id`; return how many calls passed and how many did not."""
    with warehouse.reading() as connection:
        rejects = queries.rows(connection, "open_rejects")
    writer, number = None, 0
    # Of a call that was rejected more than once the newest body that passes is landed; it settles the rest.
    passed: set[str] = set()
    for reject in rejects:
        if reject["call_id"] in passed:
            continue
        kept = _judge_again(landing.quarantine_dir / Path(reject["path"]), reject)
        if kept is None:
            continue
        answer, judged = kept
        if writer is None:
            writer = landing.writer(run_id, number)
            number += 1
        writer.add(accepted(answer, judged), judged.line)
        passed.add(answer.call_id)
        if writer.record_count >= chunk_size:
            writer.finish()
            writer = None
    if writer is not None:
        writer.finish()
    return len(passed), len({reject["call_id"] for reject in rejects} - passed)


def _judge_again(path: Path, reject: dict[str, Any]) -> tuple[Answer, Accepted] | None:
    try:
        body = path.read_bytes()
    except OSError:
        return None
    judged = validate_body(reject["call_id"], body)
    if not isinstance(judged, Accepted):
        return None
    fetched_at = reject["rejected_at"].replace(tzinfo=UTC)
    return Answer(reject["call_id"], "found", reject["http_status"], 0, fetched_at, body), judged
