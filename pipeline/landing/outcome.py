"""What became of one call id when it was asked for, as a manifest keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import Any, Literal, Self

from pipeline.payload.event import INTERIM
from pipeline.times import format_utc, parse_utc, to_epoch_us


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call id when it was asked for, listed or given.

    `outcome` is accepted, not_found, rejected, failed or, of an id that a run was given and has not asked for
    yet, waiting; kept, of an event whose body is kept and not loaded. The load turns accepted into loaded,
    unchanged, not_final, listed or changed. `detail` is whole, or listed for what a listing says of a call;
    `listed_hash` is that of this part of the payload. `has_plain_speech`: its turns and words have no field
    for the load to look for; `is_plain`: nor has the rest of its payload (`payload.known_fields`).
    `is_fresh`: the call was made shortly before it was listed, so `fetched_at` dates it where nothing else
    does. `fetched_at` is aware. `body_hash` is that of a rejected body (`payload.body_hash`).

    `sequence` tells which of two outcomes is newer (`landing.clock`); None until its chunk is landed.
    `landed_by` is the run that landed it first, where another one made its chunk; `is_superseded`: its chunk
    has a newer payload of the call, and no load reads this one.

    `event` is what an event said that brought it: its `name`, a `key` that it has again when it is sent
    again, and of a transfer the `destination` and `option`. `progress` is how far the call had come
    (`payload.progress`): the newer of two payloads is loaded, but where an event brought one of them, that
    which has come further, since events come late, and out of order.
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
    event: Mapping[str, Any] | None = None
    progress: int = 0

    @property
    def is_answer(self) -> bool:
        """Whether the API was asked for the whole call; not that it was listed or given."""
        return self.detail == "whole" and self.outcome != "waiting"

    @property
    def has_payload(self) -> bool:
        """Whether its chunk has a payload of it, or the body of its event: one that a load reads or not."""
        return self.outcome in ("accepted", "kept") and self.payload_hash is not None

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


def find_newest(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, str]]:
    """Return by call the `identify_payload` of the payload that is to be loaded, of those that were accepted.

    `sql/stage/answers.sql` decides the same for the chunks of a load.
    """
    accepted = [outcome for outcome in outcomes if outcome.outcome == "accepted"]
    furthest: dict[tuple[str, bool], int] = {}
    for outcome in accepted:
        # What an event brought can be overtaken by any, and an answer by an event.
        for by_event in {False, outcome.event is not None}:
            place = outcome.call_id, by_event
            furthest[place] = max(outcome.progress, furthest.get(place, 0))
    newest: dict[str, tuple[bool, tuple[int, str]]] = {}
    for outcome in accepted:
        others = furthest.get((outcome.call_id, outcome.event is None), 0)
        ranked = outcome.progress >= others, identify_payload(outcome)
        newest[outcome.call_id] = max(ranked, newest.get(outcome.call_id, ranked))
    return {call_id: ranked[1] for call_id, ranked in newest.items()}


def is_interim(outcome: Outcome) -> bool:
    """Return whether an event brought it that tells of a transcript so far: the next one has all of it."""
    return outcome.event is not None and outcome.event["name"] == INTERIM


def identify_payload(outcome: Outcome) -> tuple[int, str]:
    """Return what tells an accepted outcome from others of its call; the newer one has the greater."""
    number = to_epoch_us(outcome.fetched_at) if outcome.sequence is None else outcome.sequence
    return number, outcome.payload_hash or ""


_DEFAULTS = tuple((field.name, field.default) for field in fields(Outcome))
assert all(default is MISSING for _, default in _DEFAULTS[:4])
