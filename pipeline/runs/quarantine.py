"""Tries quarantined payloads again, as after a fix of the validation, and lands those that pass now.

The body in quarantine stays where it is; an accepted one is landed as if fetched when it was fetched first,
so that it never replaces a newer payload of the same call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from pipeline.files.regular import read_regular
from pipeline.landing.chunk import LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Judgement, Receipt, judge
from pipeline.payload.body_hash import hash_body
from pipeline.warehouse import queries
from pipeline.warehouse.database import Warehouse


def retry_quarantine(
    warehouse: Warehouse,
    landing: Landing,
    run_id: str,
    chunk_size: int,
    say: Callable[[str], None] = lambda message: None,
) -> tuple[list[LandedChunk], int, int]:
    """Land what passes now in chunks of `run_id`.

    A body that is not what was put there does not pass, and is told to `say`. Returns the chunks, and how
    many calls passed and how many did not.
    """
    with warehouse.reading() as connection:
        rejects = queries.read_rows(connection, "open_rejects")
    chunks: list[LandedChunk] = []
    writer = None
    # Of a call that was rejected more than once the newest body that passes is landed; it settles the rest.
    passed: set[str] = set()
    for reject in rejects:
        if reject["call_id"] in passed:
            continue
        judgement = _judge_again(landing.quarantine_dir / Path(reject["path"]), reject, say)
        if judgement is None or judgement.line is None:
            continue
        if writer is None:
            writer = landing.open_chunk(run_id, len(chunks))
        writer.add(judgement.outcome, judgement.line)
        passed.add(reject["call_id"])
        if writer.record_count >= chunk_size:
            chunks.append(writer.finish())
            writer = None
    if writer is not None:
        chunks.append(writer.finish())
    return chunks, len(passed), len({reject["call_id"] for reject in rejects} - passed)


def _judge_again(path: Path, reject: dict[str, Any], say: Callable[[str], None]) -> Judgement | None:
    """Judge a body in quarantine; None where its file is gone, or is not what was put there."""
    try:
        body = read_regular(path)
    except OSError:
        return None
    if reject["body_hash"] is not None and hash_body(body) != reject["body_hash"]:
        say(f"{path} is not the payload that was put there: fetch {reject['call_id']} again with `backfill`")
        return None
    fetched_at = reject["rejected_at"].replace(tzinfo=UTC)
    judgement = judge(Receipt(reject["call_id"], fetched_at, reject["http_status"]), body)
    return replace(judgement, outcome=replace(judgement.outcome, sequence=reject["sequence"]))
