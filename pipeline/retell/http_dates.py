"""Reads the dates in an answer's headers, by the clock of the server that wrote them.

Invariant: what is no date is None and never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The Date header has whole seconds: what is within that says nothing about the clocks.
_SAME_CLOCK = timedelta(seconds=2)


def read_date(text: str) -> datetime | None:
    """Return the HTTP date (RFC 9110, 5.6.7) that a text is, aware; None for any other text."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def find_server_time(headers: Mapping[str, str], now: datetime) -> datetime:
    """Return what time it is for the server: ``now`` (aware), unless its Date header says otherwise."""
    date = read_date(headers.get("date", ""))
    # Where both clocks agree, this one is the finer.
    return now if date is None or abs(date - now) <= _SAME_CLOCK else date
