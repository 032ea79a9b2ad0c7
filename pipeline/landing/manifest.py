"""The manifest of a chunk: what was landed, for which ids, with which checksums, and how it is read back.

    {"format": 2, "chunk_id": …, "run_id": …, "payload_file": …, "record_count": …, "byte_count": …,
     "sha256": …, "landed_at": …, "merged": […], "outcomes": [{…}, …], "greatest": …, "checksum": …}

`byte_count` and `sha256` are those of the compressed payloads, the beginning of the payload file; after them
the file has a copy of its manifest (`landing.payload_file`). `greatest` is the greatest sequence of the
outcomes. A manifest of an earlier version has no checksum, and no copy: all of it is checked for what it may
be, as far as that can be told.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pipeline.errors import LandingError
from pipeline.files.checksum import BROKEN, has_checksum, read_checked, write_checked
from pipeline.files.regular import open_regular, read_regular
from pipeline.landing.clock import EARLIER_VERSIONS
from pipeline.landing.names import PAYLOADS
from pipeline.landing.outcome import Outcome
from pipeline.times import format_utc, parse_utc, to_epoch_us

REPAIR_ADVICE = (
    "restore it, or run `python -m pipeline repair`, which keeps what is sound and says which calls to fetch "
    "again"
)
_OUTCOMES = frozenset({"accepted", "not_found", "rejected", "failed", "waiting"})
_TEXTS = (
    "reason",
    "payload_hash",
    "json_path",
    "value",
    "quarantine_path",
    "listed_hash",
    "landed_by",
)
_FLAGS = ("has_plain_speech", "is_plain", "is_fresh", "is_superseded")
_LONGEST_ID = 512
_MOST_ATTEMPTS = 1_000_000
# The clock may have been put right by so much between an answer and the end of its chunk.
_CLOCK_SLACK = timedelta(minutes=5)
# Where `greatest` stands: at the end of the document, before the checksum.
_END_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; `landed_at` as `format_utc` writes it.

    `merged` are the ids of the chunks that this one took the place of. `has_copy` says that the payload file
    has a copy of the manifest.
    """

    chunk_id: str
    run_id: str
    record_count: int
    byte_count: int
    sha256: str | None
    landed_at: str
    outcomes: tuple[Outcome, ...]
    merged: tuple[str, ...] = ()
    has_copy: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether all of its payloads are plain (`payload.known_fields`)."""
        return all(outcome.is_plain for outcome in self.outcomes if outcome.is_record)

    @property
    def is_listed(self) -> bool:
        """Whether its payloads are items of a listing."""
        return any(outcome.detail == "listed" for outcome in self.outcomes)

    def to_bytes(self) -> bytes:
        """Return the content of the manifest's file."""
        return write_checked(
            {
                "chunk_id": self.chunk_id,
                "run_id": self.run_id,
                "payload_file": f"{self.chunk_id}{PAYLOADS}" if self.record_count else None,
                "record_count": self.record_count,
                "byte_count": self.byte_count,
                "sha256": self.sha256,
                "landed_at": self.landed_at,
                "merged": self.merged,
                "outcomes": [outcome.to_manifest() for outcome in self.outcomes],
                "greatest": max((outcome.sequence or 0 for outcome in self.outcomes), default=0),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the content of a manifest's file; raises one of BROKEN for anything that is none."""
        said = read_checked(content, or_earlier=True)
        if not has_checksum(said):
            return cls._from_earlier_version(said)
        manifest = cls(
            said["chunk_id"],
            said["run_id"],
            said["record_count"],
            said["byte_count"],
            said["sha256"],
            said["landed_at"],
            tuple(map(Outcome.from_manifest, said["outcomes"])),
            tuple(said["merged"]),
        )
        if manifest.record_count != sum(outcome.is_record for outcome in manifest.outcomes):
            raise ValueError("a payload that was accepted is not among the payloads")
        return manifest

    @classmethod
    def _from_earlier_version(cls, said: dict[str, Any]) -> Self:
        """Read what has no checksum: whatever can be seen to be wrong, is."""
        outcomes = [_read_earlier_outcome(facts) for facts in said["outcomes"]]
        landed_at = parse_utc(said["landed_at"])
        accepted_count = sum(outcome.outcome == "accepted" for outcome in outcomes)
        chunk_id, record_count, byte_count = said["chunk_id"], said["record_count"], said["byte_count"]
        is_right = (
            isinstance(chunk_id, str)
            and isinstance(said["run_id"], str)
            and chunk_id.startswith(f"{said['run_id']}-")
            and type(record_count) is int
            and record_count == accepted_count
            and len({outcome.call_id for outcome in outcomes}) == len(outcomes)
            and all(outcome.fetched_at <= landed_at + _CLOCK_SLACK for outcome in outcomes)
        )
        if record_count:
            is_right = (
                is_right
                and said["payload_file"] == f"{chunk_id}{PAYLOADS}"
                and type(byte_count) is int
                and isinstance(said["sha256"], str)
            )
        else:
            is_right = is_right and said["payload_file"] is None
        if not is_right:
            raise ValueError("the manifest contradicts itself")
        return cls(
            chunk_id,
            said["run_id"],
            record_count,
            byte_count if record_count else 0,
            said["sha256"],
            format_utc(landed_at),
            tuple(outcomes),
            has_copy=False,
        )


def _read_earlier_outcome(facts: dict[str, Any]) -> Outcome:
    """Read an outcome that an earlier version has written; raises one of BROKEN where it is wrong."""
    outcome = Outcome.from_manifest(facts)
    status = outcome.http_status
    is_right = (
        isinstance(outcome.call_id, str)
        and 0 < len(outcome.call_id) <= _LONGEST_ID
        and outcome.outcome in _OUTCOMES
        and type(outcome.attempts) is int
        and 0 <= outcome.attempts < _MOST_ATTEMPTS
        and (status is None or (type(status) is int and 100 <= status < 1000))
        and outcome.detail in ("whole", "listed")
        and outcome.sequence is None
        and all(isinstance(getattr(outcome, name), str | None) for name in _TEXTS)
        and all(isinstance(getattr(outcome, name), bool) for name in _FLAGS)
        and (outcome.payload_hash is not None or outcome.outcome != "accepted")
    )
    if not is_right:
        raise ValueError("the outcome is none that was ever written")
    return outcome


def read_sound_outcomes(content: bytes) -> tuple[str | None, list[Outcome]]:
    """Return what can be read of a damaged manifest of an earlier version: its run, and sound outcomes."""
    try:
        said = read_checked(content, or_earlier=True)
        run_id = said["run_id"] if isinstance(said["run_id"], str) else None
        landed_at = parse_utc(said["landed_at"])
        facts = list(said["outcomes"])
    except BROKEN:
        return None, []
    outcomes: dict[str, Outcome] = {}
    for each in facts:
        with suppress(*BROKEN):
            outcome = _read_earlier_outcome(each)
            if outcome.fetched_at <= landed_at + _CLOCK_SLACK:
                outcomes.setdefault(outcome.call_id, outcome)
    return run_id, list(outcomes.values())


def read_manifest(path: Path) -> Manifest:
    """Return what a manifest says, once it is seen to be sound and in its place.

    Raises LandingError for one that cannot be read, or that is that of another chunk.
    """
    try:
        manifest = Manifest.from_bytes(read_regular(path))
        # Under another chunk's name it would be taken for loaded, or wait for ever.
        if manifest.chunk_id != path.stem:
            raise ValueError
    except BROKEN as broken:
        raise LandingError(
            f"the manifest {path} cannot be read ({type(broken).__name__}): {REPAIR_ADVICE}", path=path
        ) from None
    return manifest


def read_greatest_sequence(path: Path) -> int:
    """Return the greatest sequence in a manifest from its last bytes; 0 where that cannot be read."""
    try:
        with open_regular(path) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _END_LENGTH))
            _, _, end = file.read().rpartition(b'"greatest":')
        return int(end.partition(b",")[0])
    except (OSError, ValueError):
        return 0


def keep_origin(outcome: Outcome, run_id: str | None) -> Outcome:
    """Return an outcome that says which run landed it, and how new it is, in whatever chunk it lies."""
    return with_sequence(replace(outcome, landed_by=outcome.landed_by or run_id))


def with_sequence(outcome: Outcome) -> Outcome:
    """Return an outcome with its sequence; that of one of an earlier version comes from its time."""
    if outcome.sequence is not None:
        return outcome
    return replace(outcome, sequence=to_epoch_us(outcome.fetched_at) - EARLIER_VERSIONS)
