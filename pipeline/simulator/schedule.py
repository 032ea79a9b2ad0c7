"""When calls start: office hours of a week, drawn per call over the days before a moment.

Invariant: a start needs only the call's own generator, so any call can be placed without placing the others.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from random import Random

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

# The callers live in one time zone six hours behind UTC; a fixed offset needs no time zone database.
_LOCAL_OFFSET_MS = -6 * HOUR_MS
_HOURS = (
    0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.6, 1.8, 4.5, 8.5, 10.0, 9.6,
    7.0, 7.8, 9.0, 9.2, 8.0, 5.2, 3.0, 2.0, 1.4, 0.8, 0.4, 0.2,
)  # fmt: skip
_WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 0.95, 0.4, 0.25)


def to_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch, exactly: a float of seconds would round some of them."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone: pass datetime(..., tzinfo=UTC)")
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since_epoch.days * DAY_MS + since_epoch.seconds * SECOND_MS + since_epoch.microseconds // 1_000


def busyness(moment_ms: int) -> float:
    """Return how busy the hour of a moment is, 0 to 1, on any weekday."""
    return _HOURS[_local_hour(moment_ms)] / max(_HOURS)


def _local_hour(moment_ms: int) -> int:
    return (moment_ms + _LOCAL_OFFSET_MS) // HOUR_MS % 24


def _weight(moment_ms: int) -> float:
    # The epoch was a Thursday, day 3 of a week that begins on Monday.
    weekday = ((moment_ms + _LOCAL_OFFSET_MS) // DAY_MS + 3) % 7
    return _HOURS[_local_hour(moment_ms)] * _WEEKDAYS[weekday]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The span that calls are spread over, hour by hour back from its end."""

    until_ms: int
    days: int
    _cumulative: tuple[float, ...]

    @classmethod
    def before(cls, until_ms: int, days: int) -> "Schedule":
        """Weigh every hour of the days before a moment."""
        hours = range(1, days * 24 + 1)
        return cls(until_ms, days, tuple(accumulate(_weight(until_ms - hour * HOUR_MS) for hour in hours)))

    def start(self, rng: Random) -> int:
        """Draw the start of one call."""
        hour = bisect_right(self._cumulative, rng.random() * self._cumulative[-1])
        hour = min(hour, len(self._cumulative) - 1)
        return self.until_ms - (hour + 1) * HOUR_MS + int(rng.random() * HOUR_MS)

    def share_passed(self, moment_ms: int) -> float:
        """Return which fraction of the span has passed at a moment, 0 to 1."""
        passed = 1 - (self.until_ms - moment_ms) / (self.days * DAY_MS)
        return min(1.0, max(0.0, passed))
