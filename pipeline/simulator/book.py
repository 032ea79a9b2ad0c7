"""The book of calls: any number of them, each made when it is asked for and never kept.

Invariant: the same arguments with an ``until`` give the same bytes, in any order and in any process.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from . import breakage
from .agents import make_agents
from .calls import LIVE_STATES, LIVE_STATES_TODAY, LONGEST_MS, TRANSFERRED, Call, draw_setting, make_call
from .chance import deal, ordinal, stream
from .entries import drop_transcripts
from .ids import MAX_INDEX, CallIds, random_id
from .oddities import loses_start
from .outcomes import LIVE_DECK, NEVER_CONNECTED, REASON_DECK, status
from .payload import v1
from .quirks import RATES, CallQuirks, check_rates
from .reasons import reason_today
from .schedule import SECOND_MS, Schedule, to_ms
from .today import early_v2, today

SHAPES = ("v1", "early_v2", "today", "mixed")
# An account's calls in every shape that the API ever had: what a warehouse holds after years.
_MIX = ("today",) * 14 + ("early_v2",) * 3 + ("v1",) * 3

# A call is registered shortly before it starts; there is nothing of it to list earlier.
NOTICE_MS = 90 * SECOND_MS


class Outline(NamedTuple):
    """What a listing sorts and filters by, as a call reads at ``as_of``."""

    agent_id: str
    call_status: str
    start_ms: int | None
    reason: str | None
    # When a call was due: what sorts those without a start among each other.
    due_ms: int


class CallBook:
    """Calls numbered from 0 to ``count - 1``, found by index or by id.

    The last hundredth (at least three of fifty) happens around ``until``, so that some are registered, some
    ongoing and some without an analysis, and in a book of today some were transferred and still go on; the
    others keep their id and payload whatever ``count`` is.
    Calls that nobody answered and that have no times are ``ended`` or ``error`` in API v1; with
    ``not_connected`` they have the status of that name, as they do today. ``shape`` is that of the payloads:
    API v1's, the one of the early v2, today's, or for ``mixed`` each of them for some calls. In a share of
    the calls of today's shape, ``blank_share``, the words carry their blanks. ``quirks`` are the rates at
    which these calls have what else real accounts send; a quirk that is not named there does not occur.
    """

    def __init__(
        self,
        seed: int = 7,
        count: int = 500,
        until: datetime | None = None,
        days: int = 28,
        as_of: datetime | None = None,
        broken_share: float = 0.0,
        not_connected: bool = False,
        shape: str = "v1",
        broken_kinds: tuple[str, ...] = breakage.BREAKAGE_KINDS,
        blank_share: float = 1.0,
        quirks: Mapping[str, float] = RATES,
    ) -> None:
        if not 0 <= count <= MAX_INDEX:
            raise ValueError(f"count must be between 0 and {MAX_INDEX}, not {count}")
        if days < 1:
            raise ValueError(f"days must be at least 1, not {days}")
        if not 0 <= broken_share <= 1:
            raise ValueError(f"broken_share must be between 0 and 1, not {broken_share}")
        if not 0 <= blank_share <= 1:
            raise ValueError(f"blank_share must be between 0 and 1, not {blank_share}")
        if shape not in SHAPES:
            raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")
        unknown = set(broken_kinds) - {*breakage.BREAKAGE_KINDS, *breakage.HOSTILE_KINDS}
        if unknown or not broken_kinds:
            raise ValueError(f"broken_kinds must be kinds of breakage, not {sorted(unknown)}")
        check_rates(quirks)
        self.seed = seed
        self.count = count
        self.until = until or datetime.now(UTC).replace(second=0, microsecond=0)
        self.as_of = as_of or self.until
        self.days = days
        self.broken_share = broken_share
        self.not_connected = not_connected
        self.shape = shape
        self.broken_kinds = broken_kinds
        self.blank_share = blank_share
        self.quirks = quirks
        self._live_states = LIVE_STATES_TODAY if shape == "today" else LIVE_STATES
        self._as_of_ms = to_ms(self.as_of)
        self._schedule = Schedule.before(to_ms(self.until), days)
        self._agents = make_agents(seed)
        self._ids = CallIds(seed)
        self._first_live = count - (max(len(self._live_states), count // 100) if count >= 50 else 0)

    def at(self, moment: datetime) -> "CallBook":
        """Return the same calls as they read at another moment."""
        moved = copy(self)
        moved.as_of, moved._as_of_ms = moment, to_ms(moment)
        return moved

    def __len__(self) -> int:
        return self.count

    def call_id(self, index: int) -> str:
        """Return the id of a call."""
        return self._ids.encode(self._check_index(index))

    def call_ids(self) -> Iterator[str]:
        """Yield every id in the order of the indices, which is not the order of time."""
        return map(self._ids.encode, range(self.count))

    def index(self, call_id: str) -> int | None:
        """Return the index behind an id, or None when this book did not issue it."""
        index = self._ids.decode(call_id)
        return index if index is not None and index < self.count else None

    def payload(self, index: int) -> dict[str, Any]:
        """Return the sound object of a call as it reads at ``as_of``, even if it is served broken."""
        return self._read(index, *self._call(index))

    def item(self, index: int) -> dict[str, Any]:
        """Return what a listing tells of a call: its payload without transcripts, for half the price."""
        payload = self._read(index, *self._call(index, is_heard=False), is_heard=False)
        return drop_transcripts(payload)

    @property
    def agent_ids(self) -> tuple[str, ...]:
        """The ids of all agents, whether they have calls or not."""
        return tuple(agent.agent_id for agent in self._agents)

    def outline(self, index: int) -> Outline | None:
        """Return the outline of a call, mostly without its dialogue, or None before it is registered."""
        reason, live = self._fate(index)
        if live is None and reason not in NEVER_CONNECTED:
            rng = stream(self.seed, "call", index)
            setting = draw_setting(rng, reason, self._agents, self._schedule, live)
            if setting.moment_ms < self._as_of_ms - LONGEST_MS:
                # Connected calls leave their status to no chance, so any generator will do.
                said: str | None = self._spell_reason(index, reason)
                start_ms: int | None = setting.moment_ms
                if self.shape_of(index) == "today":
                    quirks = self._quirks(index)
                    said = "" if quirks.has("empty_reason") else said
                    start_ms = None if loses_start(reason, quirks) else start_ms
                final = status(rng, reason)
                return Outline(setting.agent.agent_id, final, start_ms, said, setting.moment_ms)
            if setting.moment_ms > self._as_of_ms + NOTICE_MS:
                return None
        call, rng = self._call(index, is_heard=False)
        if call.start_ms > self._as_of_ms + NOTICE_MS:
            return None
        seen = self._read(index, call, rng, is_heard=False)
        return Outline(
            seen["agent_id"],
            seen["call_status"],
            seen.get("start_timestamp"),
            seen.get("disconnection_reason"),
            call.start_ms,
        )

    def due_ms(self, index: int) -> int:
        """Return when a call was due, whether it started or not."""
        return self._call(index, is_heard=False)[0].start_ms

    def body(self, call_id: str) -> bytes | None:
        """Return what is served for an id, broken or sound, or None for an unknown one."""
        index = self.index(call_id)
        if index is None:
            return None
        kind = self.breakage(index)
        if kind is None:
            return breakage.encode(self.payload(index))
        return breakage.broken(self.payload(index), kind, self._ids.encode((index + 1) % max(2, self.count)))

    def is_broken(self, index: int) -> bool:
        """Return whether a call is served broken, on every request."""
        return self.breakage(index) is not None

    def breakage(self, index: int) -> str | None:
        """Return in which way a call is served broken, or None when it is sound."""
        rank = ordinal(self.seed, "broken", self._check_index(index), self.broken_share)
        return None if rank is None else deal(self.seed, "breakage", rank, self.broken_kinds)

    def unknown_ids(self, n: int) -> list[str]:
        """Return ids that look like any other and belong to no call."""
        rng = stream(self.seed, "unknown")
        # A random id carries a valid tag of 144 bits about never.
        return [random_id(rng) for _ in range(n)]

    def _fate(self, index: int) -> tuple[str, str | None]:
        """Return why a call ends, and in which state it is at ``until`` when it is a live one."""
        if self._check_index(index) < self._first_live:
            return deal(self.seed, "reason", index, REASON_DECK), None
        live = self._live_states[(self.count - 1 - index) % len(self._live_states)]
        if live == TRANSFERRED:
            return "call_transfer", live
        return deal(self.seed, "live", index, LIVE_DECK), live

    def _call(self, index: int, *, is_heard: bool = True) -> tuple[Call, Random]:
        """Make a call, and return it with the generator that its payload goes on with."""
        reason, live = self._fate(index)
        rng = stream(self.seed, "call", index)
        call_id = self._ids.encode(index)
        has_slow_tool = self.shape_of(index) == "today" and self._quirks(index).has("slow_tool")
        call = make_call(
            rng,
            call_id,
            reason,
            self._agents,
            self._schedule,
            live,
            is_heard=is_heard,
            has_slow_tool=has_slow_tool,
        )
        return call, rng

    def _quirks(self, index: int) -> CallQuirks:
        return CallQuirks(self.seed, index, self.quirks)

    def shape_of(self, index: int) -> str:
        """Return the shape of a call's payload."""
        return (
            deal(self.seed, "shape", self._check_index(index), _MIX) if self.shape == "mixed" else self.shape
        )

    def _spell_reason(self, index: int, reason: str) -> str:
        """Return why a call ended, in the words of its payload's shape."""
        if self.shape_of(index) != "today":
            return reason
        return reason_today(stream(self.seed, "reason today", index), reason)

    def _read(self, index: int, call: Call, rng: Random, *, is_heard: bool = True) -> dict[str, Any]:
        payload = v1(call, rng, self._as_of_ms)
        shape = self.shape_of(index)
        if shape == "today":
            more = stream(self.seed, "today", index)
            reason = call.reason if call.leg_is_long else self._spell_reason(index, call.reason)
            has_blanks = ordinal(self.seed, "blanks", index, self.blank_share) is not None
            return today(
                call,
                payload,
                more,
                reason,
                self._as_of_ms,
                self._quirks(index),
                has_blanks=has_blanks,
                is_heard=is_heard,
            )
        if shape == "early_v2":
            payload = early_v2(call, payload)
        if self.not_connected and "disconnection_reason" in payload and "start_timestamp" not in payload:
            payload["call_status"] = "not_connected"
        return payload

    def _check_index(self, index: int) -> int:
        if not 0 <= index < self.count:
            raise IndexError(f"no call {index} in a book of {self.count}")
        return index
