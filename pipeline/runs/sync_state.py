"""Remembers how far the listing of calls has come, in a file beside the landing folder.

Invariant: every call that started before the watermark has been listed and landed, unless its start lies in
a gap; and every call without a start that was there before the last complete sweep. The file is written
after the items that it speaks of are landed, so an interrupted sync lists again what it did not land.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.files.atomic import explain_write_errors, write_atomically
from pipeline.files.checksum import BROKEN, read_checked, write_checked
from pipeline.files.regular import read_regular

_DAMAGED = "which says how far listings came, is damaged: all calls are listed again"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time whose calls have not all been listed: starts in ms since 1970, both ends included.

    ``until_ms`` is None where it is open.
    """

    since_ms: int
    until_ms: int | None = None

    def cut(self, other: Gap) -> list[Gap]:
        """Return what is left of this gap without another one: what is after it, and what is before."""
        parts = []
        if other.until_ms is not None and (self.until_ms is None or self.until_ms > other.until_ms):
            parts.append(replace(self, since_ms=max(self.since_ms, other.until_ms)))
        if self.since_ms < other.since_ms:
            ends = [end for end in (self.until_ms, other.since_ms) if end is not None]
            parts.append(replace(self, until_ms=min(ends)))
        return parts


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far listings have come.

    ``watermark`` is the start of the latest call that was listed; ``swept_at`` is when the last complete
    sweep of the calls without a start ended. Both are aware, and None before the first time.
    """

    watermark: datetime | None = None
    gaps: tuple[Gap, ...] = ()
    swept_at: datetime | None = None

    def drop_future_moments(self, now: datetime) -> SyncState:
        """Return the state without moments that are still to come, as from a clock that was ahead.

        What such a moment stood for is not known, so all is listed again.
        """
        return replace(
            self,
            watermark=self.watermark if self.watermark is None or self.watermark <= now else None,
            swept_at=self.swept_at if self.swept_at is None or self.swept_at <= now else None,
        )

    def open_gap(self, gap: Gap) -> SyncState:
        """Return the state in which a time is still to be listed, which is listed before other gaps.

        Of these what lies in that time is dropped, and what lies before or after it stays.
        """
        rest = [part for other in self.gaps for part in other.cut(gap)]
        return replace(self, gaps=(gap, *rest))

    def narrow_gap(self, gap: Gap, narrowed: Gap | None) -> SyncState:
        """Return the state in which a part of a gap, or all of it, has been listed."""
        gaps = tuple(narrowed if other == gap else other for other in self.gaps)
        return replace(self, gaps=tuple(other for other in gaps if other is not None))

    def move_watermark(self, start_ms: int | None) -> SyncState:
        """Return the state in which a call of that start has been listed; a watermark never moves back."""
        if start_ms is None:
            return self
        # By whole numbers: a float would lose a millisecond here and there.
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start_ms)
        return self if self.watermark and start <= self.watermark else replace(self, watermark=start)


@dataclass
class SyncFile:
    """The state of the syncs of a data folder, and the file that keeps it.

    Without a ``path`` nothing is kept. A file that is damaged is told to `say`, and then all is listed again:
    what is known is neither landed nor fetched a second time.
    """

    path: Path | None
    say: Callable[[str], None] = lambda message: None
    state: SyncState = field(init=False)

    def __post_init__(self) -> None:
        self.state = SyncState()
        if self.path is not None:
            try:
                self.state = _read(self.path)
            except FileNotFoundError:
                pass
            except BROKEN:
                self.say(f"{self.path}, {_DAMAGED}")

    def save(self, state: SyncState) -> None:
        """Keep a state; raise LandingError when it cannot be written."""
        if state == self.state:
            return
        self.state = state
        if self.path is None:
            return
        content = {
            "started_at": state.watermark and state.watermark.isoformat(),
            "gaps": [[gap.since_ms, gap.until_ms] for gap in state.gaps],
            "swept_at": state.swept_at and state.swept_at.isoformat(),
        }
        with explain_write_errors(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, write_checked(content))


def _read(path: Path) -> SyncState:
    """Read a state; raises one of BROKEN where it is damaged."""
    said = read_checked(read_regular(path), or_earlier=True)
    return SyncState(
        _read_moment(said["started_at"]),
        # Files of earlier versions know no gaps and no sweeps.
        tuple(_read_gap(since, until) for since, until in said.get("gaps", [])),
        _read_moment(said.get("swept_at")),
    )


def _read_gap(since: Any, until: Any) -> Gap:
    gap = Gap(int(since), None if until is None else int(until))
    if gap.until_ms is not None and gap.until_ms < gap.since_ms:
        raise ValueError
    return gap


def _read_moment(text: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
