"""What became of one call id when it was asked for, as a manifest keeps it."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import Any, Literal, Self

from pipeline.times import format_utc, parse_utc


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call id when it was asked for, listed or given.

    `outcome` is accepted, not_found, rejected, failed or, of an id that a run was given and has not asked for
    yet, waiting; the load turns accepted into loaded, unchanged, not_final, listed or changed. `detail` is
    whole, or listed for what a listing says of a call; `listed_hash` is that of this part of the payload.
    `has_plain_speech`: its turns and words have no field for the load to look for; `is_plain`: nor has the
    rest of its payload (`payload.known_fields`). `is_fresh`: the call was made shortly before it was
    listed, so `fetched_at` dates it where nothing else does. `fetched_at` is aware. `body_hash` is that of a
    rejected body (`payload.body_hash`).

    `sequence` tells which of two outcomes is newer (`landing.clock`); None until its chunk is landed.
    `landed_by` is the run that landed it first, where another one made its chunk; `is_superseded`: its chunk
    has a newer payload of the call, and no load reads this one.
    """

    call_id: str
    outcome: str
    attempts: int
    fetched_at: datetime
    http_status: int | None = None
    reason: str | None = None
    payload_hash: str | None = None
    json_path: str | None = None
    value: str | None = None
    quarantine_path: str | None = None
    has_plain_speech: bool = False
    is_plain: bool = False
    detail: Literal["whole", "listed"] = "whole"
    listed_hash: str | None = None
    is_fresh: bool = False
    sequence: int | None = None
    landed_by: str | None = None
    is_superseded: bool = False
    body_hash: str | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the API was asked for the whole call; not that it was listed or given."""
        return self.detail == "whole" and self.outcome != "waiting"

    @property
    def is_record(self) -> bool:
        """Whether its payload is one of those that a load reads from its chunk."""
        return self.outcome == "accepted" and not self.is_superseded

    @classmethod
    def from_manifest(cls, facts: dict[str, Any]) -> Self:
        """Return an outcome that `to_manifest` has written; raises ValueError, KeyError or TypeError."""
        return cls(**(facts | {"fetched_at": parse_utc(facts["fetched_at"])}))

    def to_manifest(self) -> dict[str, Any]:
        """Return the outcome as plain values for a manifest: what is as it is by default is left out."""
        facts = {
            name: value
            for name, default in _DEFAULTS
            if (value := getattr(self, name)) is not default and value != default
        }
        return facts | {"fetched_at": format_utc(self.fetched_at)}

    def to_log(self) -> dict[str, Any]:
        """Return what the log says about the outcome, in addition to its call id and its `outcome`."""
        return {
            "attempts": self.attempts,
            "http_status": self.http_status,
            "reason": self.reason,
            "json_path": self.json_path,
        }


_DEFAULTS = tuple((field.name, field.default) for field in fields(Outcome))
assert all(default is MISSING for _, default in _DEFAULTS[:4])
