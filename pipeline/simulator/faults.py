"""Which calls fail at first, and how: planned by seed and index, counted per server.

Invariant: a faulted call fails exactly ``repeats`` times on a server and is then served like any other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from .chance import deal, ordinal

# Faults that are a complete answer with another status.
STATUS_FAULTS = {
    "rate_limited": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "gateway_timeout": 504,
    "request_timeout": 408,
    "too_early": 425,
    "conflict": 409,
}
FAULT_KINDS = (*STATUS_FAULTS, "slow", "cut_body", "cut_body_without_length", "reset")
_MOST_REPEATS = 255


@dataclass(frozen=True, slots=True)
class Faults:
    """A plan of faults: the share of the calls that fail on their first ``repeats`` requests, and how."""

    share: float = 0.3
    seed: int = 7
    kinds: tuple[str, ...] = FAULT_KINDS
    retry_after_s: float = 0.05
    slow_s: float = 5.0
    repeats: int = 1

    def __post_init__(self) -> None:
        unknown = set(self.kinds) - set(FAULT_KINDS)
        if unknown or not self.kinds:
            raise ValueError(f"kinds must be some of {', '.join(FAULT_KINDS)}, not {sorted(unknown)}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be between 0 and 1, not {self.share}")
        if not 0 <= self.repeats <= _MOST_REPEATS:
            raise ValueError(f"repeats must be between 0 and {_MOST_REPEATS}, not {self.repeats}")

    def kind(self, index: int) -> str | None:
        """Return how a call fails, or None when it never does."""
        rank = self._rank(index)
        return None if rank is None else deal(self.seed, "fault", rank, self.kinds)

    def retry_after(self, index: int, now: datetime | None = None) -> str:
        """Return the header: seconds for some calls, a date for others, never longer than asked for."""
        rank = self._rank(index) or 0
        if rank // len(self.kinds) % 2 == 0:
            return str(int(self.retry_after_s))
        # Dates have whole seconds only, and formatting drops the rest.
        when = (now or datetime.now(UTC)) + timedelta(seconds=self.retry_after_s)
        return format_datetime(when, usegmt=True)

    def _rank(self, index: int) -> int | None:
        return ordinal(self.seed, "faults", index, self.share)


class FaultCounter:
    """How often each faulted call has failed on one server: a byte per call of the book at most."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._failed = bytearray()

    def next_fault(self, index: int) -> str | None:
        """Return how this request fails, and count it; None when it is to be answered properly."""
        kind = self.faults.kind(index)
        if kind is None:
            return None
        if index >= len(self._failed):
            self._failed.extend(bytes(index + 1 - len(self._failed)))
        if self._failed[index] >= self.faults.repeats:
            return None
        self._failed[index] += 1
        return kind
