"""Turns a body into an outcome, with a line to land or a file in quarantine; `payload.validate` is the judge.

Whatever brings a payload (a fetch, a second try of the quarantine, a damaged chunk) asks here, so that a
payload is accepted or rejected in the same way wherever it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.payload.body_hash import hash_body
from pipeline.payload.fast_parse import ParsedBody, parse_whole
from pipeline.payload.opted_out import is_opted_out, may_be_opted_out, put_in_spoken
from pipeline.payload.redact import redact
from pipeline.payload.strict_json import Malformed
from pipeline.payload.validate import Rejected, validate


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a body came: for which id, when (aware), with which HTTP status and after how many attempts.

    `detail` is listed for an item of a listing, which has all of a call but its transcripts; `is_fresh`, that
    such a call was made shortly before, because a listing shortly before did not have it. `event` is what an
    event said beside its call, where one brought the body (`landing.outcome`).
    """

    call_id: str
    fetched_at: datetime
    http_status: int | None = None
    attempts: int = 0
    detail: Literal["whole", "listed"] = "whole"
    is_fresh: bool = False
    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a body: its outcome, and the payload as one line for landing where it is accepted."""

    outcome: Outcome
    line: bytes | None = None


def judge(receipt: Receipt, body: bytes, parsed: ParsedBody | Malformed | None = None) -> Judgement:
    """Accept or reject a body; nothing is written.

    `parsed` is what reading the body as JSON gave, where somebody has done that.
    """
    judged = validate(receipt.call_id, body, parsed)
    if isinstance(judged, Rejected):
        return Judgement(
            Outcome(
                receipt.call_id,
                "rejected",
                receipt.attempts,
                receipt.fetched_at,
                receipt.http_status,
                judged.reason,
                json_path=judged.json_path,
                value=judged.value,
                detail=receipt.detail,
                event=receipt.event,
            )
        )
    return Judgement(
        Outcome(
            receipt.call_id,
            "accepted",
            receipt.attempts,
            receipt.fetched_at,
            receipt.http_status,
            payload_hash=judged.payload_hash,
            has_plain_speech=judged.has_plain_speech,
            is_plain=judged.is_plain,
            detail=receipt.detail,
            listed_hash=judged.listed_hash,
            is_fresh=receipt.is_fresh,
            event=receipt.event,
            progress=int(judged.progress) if receipt.detail == "whole" else 0,
        ),
        judged.line,
    )


def take_in(
    landing: Landing,
    run_id: str,
    receipt: Receipt,
    body: bytes,
    parsed: ParsedBody | Malformed | None = None,
) -> Judgement:
    """Accept a body, or keep it in quarantine with the reason; arguments as for `judge`.

    What was kept of an opted-out call from its events is put into its payload. Raises LandingError when the
    quarantine cannot be written, or what was kept cannot be read.
    """
    body, parsed = _complete(landing, receipt, body, parsed)
    return keep(landing, run_id, judge(receipt, body, parsed), body, parsed)


def _complete(
    landing: Landing, receipt: Receipt, body: bytes, parsed: ParsedBody | Malformed | None
) -> tuple[bytes, ParsedBody | Malformed | None]:
    if receipt.detail != "whole" or isinstance(parsed, Malformed) or not may_be_opted_out(body):
        return body, parsed
    spoken = landing.spoken.find(receipt.call_id)
    if spoken is None:
        return body, parsed
    try:
        return put_in_spoken(body, spoken) if is_opted_out(parse_whole(body).document) else (body, parsed)
    except Malformed:
        return body, parsed  # the judge says so


def keep(
    landing: Landing,
    run_id: str,
    judgement: Judgement,
    body: bytes,
    parsed: ParsedBody | Malformed | None = None,
) -> Judgement:
    """Keep the body of a judgement that rejects it in quarantine; return the judgement with its path.

    The same body of the same id, but for its secrets, is kept once, whatever runs bring it.
    Raises LandingError when the quarantine cannot be written.
    """
    outcome = judgement.outcome
    if judgement.line is not None or outcome.outcome != "rejected":
        return judgement
    facts = {
        "call_id": outcome.call_id,
        "reason": outcome.reason,
        "json_path": outcome.json_path,
        "value": outcome.value,
        "http_status": outcome.http_status,
        "fetched_at": outcome.fetched_at.isoformat(),
    }
    sound = parsed if isinstance(parsed, ParsedBody) else None
    body_hash = hash_body(body, sound)
    path = landing.quarantine(body_hash, outcome.call_id, redact(body, sound), facts)
    return Judgement(replace(outcome, quarantine_path=path, body_hash=body_hash))
