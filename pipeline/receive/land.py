"""Lands what the journal holds: each segment becomes a chunk, judged by the same judge as answers.

Invariant: a segment is removed once its chunk is durable, and its chunk has its name: so whatever ends the
process, each event is landed, and none twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from pipeline.files.atomic import explain_write_errors, lock_unused_folder, sync_folder
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Judgement, Receipt, judge, keep
from pipeline.landing.names import MANIFEST
from pipeline.landing.outcome import Outcome, find_newest
from pipeline.payload.body_hash import hash_body
from pipeline.payload.call_id import is_call_id
from pipeline.payload.event import CALL_EVENTS, CHATS, INTERIM, Event, read_event
from pipeline.payload.fast_parse import ParsedBody
from pipeline.payload.opted_out import (
    find_spoken,
    is_opted_out,
    leave_out_spoken,
    leave_out_spoken_anywhere,
)
from pipeline.payload.redact import redact_unread
from pipeline.payload.strict_json import Malformed, to_line
from pipeline.receive.segment import (
    DAMAGED,
    Received,
    Segment,
    find_segments,
    is_received,
    read_segment,
)

OptedOut = Literal["drop", "keep"]
_BATCH = "received"


@dataclass(frozen=True, slots=True)
class LandedSegment:
    """A segment that was landed: its chunk, how many events are in it, and when the first one came.

    `problem` is a sentence where something in it could not be read.
    """

    chunk: LandedChunk
    events: int
    first_at: datetime
    problem: str | None = None


def land_segments(
    landing: Landing, folder: Path, *, opted_out: OptedOut = "drop", are_deserted: bool = False
) -> Iterable[LandedSegment]:
    """Land the segments of a folder that nobody writes to; yield each once it is durable.

    Nothing is yielded while another process does the same, nor, where the segments must be such that
    `are_deserted`, while there is a process that receives. Raises LandingError where it cannot be written.
    """
    if not folder.is_dir() or (are_deserted and is_received(folder)):
        return
    with lock_unused_folder(folder) as is_ours:
        if not is_ours:
            return
        for segment in find_segments(folder):
            taken = _land(landing, segment, opted_out)
            if taken is not None:
                yield taken
            with explain_write_errors(folder):
                segment.path.unlink(missing_ok=True)
                sync_folder(folder)


def _land(landing: Landing, segment: Segment, opted_out: OptedOut) -> LandedSegment | None:
    with explain_write_errors(segment.path.parent):
        content = read_segment(segment.path)
        problem = _keep_damaged(segment.path) if content.is_damaged else None
    if not content.events:
        return None
    first_at = content.events[0].at
    writer = landing.open_chunk(segment.run_id, segment.number, _BATCH, is_asked_for=False)
    manifest = landing.landing_dir / segment.run_id / f"{writer.chunk_id}{MANIFEST}"
    if manifest.exists():
        # The process ended before it had removed the segment.
        return LandedSegment(verify_chunk(manifest), len(content.events), first_at, problem)
    judged = [_judge(landing, segment.run_id, event, opted_out) for event in content.events]
    newest = find_newest(judgement.outcome for judgement in judged)
    for judgement in judged:
        writer.add_ranked(judgement.outcome, judgement.line, newest)
    return LandedSegment(writer.finish(), len(content.events), first_at, problem)


def _judge(landing: Landing, run_id: str, received: Received, opted_out: OptedOut) -> Judgement:
    """Return what becomes of an event; what cannot be read is kept in quarantine."""
    try:
        event = read_event(received.body)
        said = event.describe()
    except Malformed as malformed:
        return _refuse(landing, run_id, received, malformed)
    subject_id = event.subject_id
    if event.name not in CALL_EVENTS:
        return _keep_body(event, said, received, opted_out)
    if event.body is None:
        return _refuse(landing, run_id, received, Malformed("should have a call", "$.call"), said)
    if subject_id is None or not is_call_id(subject_id):
        return _refuse(landing, run_id, received, Malformed("should be a call id", "$.call.call_id"), said)
    receipt = Receipt(subject_id, received.at, attempts=1, event=said)
    body, parsed = event.body, event.parsed
    if opted_out == "drop" and isinstance(parsed, ParsedBody):
        body, parsed = leave_out_spoken(body, parsed)
    judgement = keep(landing, run_id, judge(receipt, body, parsed), body, parsed)
    if event.name in (INTERIM, "call_started"):
        # Whatever the call is said to be: it goes on.
        judgement = replace(judgement, outcome=replace(judgement.outcome, progress=0))
    if judgement.line is not None and isinstance(parsed, ParsedBody) and is_opted_out(parsed.document):
        spoken = find_spoken(judgement.line)
        if spoken:
            landing.spoken.put(subject_id, judgement.outcome.progress, spoken)
    return judgement


def _keep_body(event: Event, said: dict[str, Any], received: Received, opted_out: OptedOut) -> Judgement:
    """Keep the body of an event that is not loaded: of a chat, or of a kind that nobody knew."""
    body = redact_unread(received.body)
    try:
        line = to_line(leave_out_spoken_anywhere(body) if opted_out == "drop" else body)
    except Malformed:
        line = orjson.dumps({"event": event.name})
    subject_id = event.subject_id
    name = subject_id if subject_id is not None and is_call_id(subject_id) else f"event_{hash_body(line)}"
    return Judgement(
        Outcome(
            name,
            "kept",
            1,
            received.at,
            payload_hash=hashlib.sha256(line).hexdigest(),
            reason="chats are not loaded" if event.name in CHATS else "no event that is known",
            event=said,
        ),
        line,
    )


def _refuse(
    landing: Landing,
    run_id: str,
    received: Received,
    malformed: Malformed,
    said: dict[str, Any] | None = None,
) -> Judgement:
    """Keep an event without a call in quarantine, under a name made from what it says."""
    outcome = Outcome(
        f"event_{hash_body(received.body)}",
        "rejected",
        1,
        received.at,
        reason=malformed.reason,
        json_path=malformed.path,
        event=said,
    )
    return keep(landing, run_id, Judgement(outcome), received.body)


def _keep_damaged(path: Path) -> str:
    """Keep a segment aside that is damaged, and say so: what can be read of it is landed."""
    kept = path.with_name(f"{path.name}{DAMAGED}")
    with suppress(FileExistsError):
        kept.hardlink_to(path)
    return (
        f"some of the received events in {kept} cannot be read: the others are landed; run "
        "`python -m pipeline sync`, which asks for the calls that are missing"
    )
