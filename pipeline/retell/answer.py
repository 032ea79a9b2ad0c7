"""What a client hands back: the answer for one call id, and its counters.

Invariant: the representation of an answer, which may end up in a log, shows no payload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pipeline.payload.fast_parse import ParsedBody
from pipeline.payload.strict_json import Malformed
from pipeline.retell.account_pace import AccountPace

ApiVersion = Literal["v1", "v2"]
Status = Literal["found", "not_found", "malformed", "failed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one call id.

    ``http_status`` is that of the last response, None when there was none; ``fetched_at`` is aware, in UTC;
    ``body`` is the payload, decompressed, for ``found`` and ``malformed`` (its first MiB when it was too
    large); ``parsed`` is what the payload holds, for ``found``; ``reason`` is a short phrase without payload
    text, for all but ``found``.
    """

    call_id: str
    status: Status
    http_status: int | None
    attempts: int
    fetched_at: datetime
    body: bytes = field(default=b"", repr=False)
    parsed: ParsedBody | None = field(default=None, repr=False)
    fault: Malformed | None = field(default=None, repr=False)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """What a client has done so far, and under which limits.

    ``received_bytes`` are counted off the wire, before decompression; ``account`` is how fast the account
    lets calls through, None where it has told no limit.
    """

    requests: int
    retries: int
    throttled: int
    received_bytes: int
    concurrency: int
    api_version: ApiVersion | None
    account: AccountPace | None = None

    @property
    def account_rate(self) -> float | None:
        """Calls a second that the account lets through; None where it has held nothing back."""
        return self.account.rate if self.account is not None and self.account.has_held else None
