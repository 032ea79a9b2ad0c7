"""Reads and writes moments and durations, in one place and one way.

Invariant: a moment in the warehouse is UTC without a zone (`utc_now`), a moment that one module hands to
another is aware; what a user writes is read as UTC unless it says otherwise.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pipeline.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.IGNORECASE)


def utc_now() -> datetime:
    """Return the present as the warehouse stores it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_utc(moment: datetime) -> datetime:
    """Return a moment as aware UTC; one without a zone is taken for UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_epoch_ms(moment: datetime) -> int:
    """Return an aware moment in milliseconds since 1970, not before that."""
    return max(0, int(moment.timestamp() * 1000))


def to_epoch_us(moment: datetime) -> int:
    """Return an aware moment in microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_utc(moment: datetime) -> str:
    """Write an aware moment as DuckDB reads a UTC timestamp: ``2026-01-31 09:30:00.000000``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def parse_utc(text: str) -> datetime:
    """Read what `format_utc` has written, as an aware moment; raise ValueError for anything else."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def parse_duration(text: str) -> float:
    """Read a duration such as ``90``, ``15m`` or ``24h`` in seconds; a bare number is seconds.

    Raises ValueError for anything else.
    """
    matched = _DURATION.fullmatch(text.strip())
    if matched is None:
        raise ValueError("not a duration: write seconds, or a number with s, m, h or d")
    return float(matched[1]) * _UNITS[(matched[2] or "s").lower()]


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a date, a time (UTC unless it says otherwise) or a duration before `now`, such as ``7d``.

    Raises UsageError for anything else.
    """
    try:
        return as_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time: write a date (2026-01-31), a time (2026-01-31T09:30) "
            "or how long ago (90m, 24h, 7d)"
        ) from None
