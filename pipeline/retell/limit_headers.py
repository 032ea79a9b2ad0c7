"""Reads what the headers of an answer say about the limit of its route.

Invariant: garbage is ignored, header by header, and no number that comes out is negative or absurd.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.retell.http_dates import find_server_time, read_date

_COUNT = re.compile(r"\s*(\d{1,9})(?!\d)", re.ASCII)
_SECONDS = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*\Z", re.ASCII)
_PAIR = re.compile(r"(?:\A|[;,\s])(limit|remaining|reset|q|r|t|w)\s*=\s*(\d{1,9})(?![\d.])", re.ASCII)
# No window lasts years: more seconds than that are a moment, in seconds or in milliseconds since 1970.
_LONGEST_RELATIVE_S = 100_000_000
_LONGEST_SECONDS_SINCE_1970 = 100_000_000_000
_LONGEST_WINDOW_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ToldLimit:
    """What an answer says: None for what it does not say.

    ``limit`` requests are let through in ``window_s`` seconds, ``remaining`` of them may follow, and in
    ``reset_s`` seconds all of them may again. ``is_whole`` says that these are whole seconds, rounded.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None
    window_s: float | None = None
    is_whole: bool = True


def read_limit(headers: Mapping[str, str], now: datetime) -> ToldLimit | None:
    """Return what the headers say, or None where they say nothing intelligible about a limit.

    Reads ``RateLimit-Limit``, ``-Remaining``, ``-Reset`` and ``-Policy``, the same with ``X-`` before them,
    and ``RateLimit`` as the drafts of the IETF have it. A reset may be seconds from now, a moment since 1970
    or an HTTP date; ``now`` is aware.
    """
    found: dict[str, str] = {}
    for name, value in headers.items():
        if "ratelimit" in name:
            found.setdefault(name.removeprefix("x-"), value)
    # Nearly always: an API that tells nothing.
    if not found:
        return None
    pairs: dict[str, int] = {}
    for name in ("ratelimit", "ratelimit-limit", "ratelimit-policy"):
        for key, number in _PAIR.findall(found.get(name, "")):
            pairs.setdefault(key, int(number))
    limit = _read_count(found.get("ratelimit-limit"), pairs, "limit", "q")
    remaining = _read_count(found.get("ratelimit-remaining"), pairs, "remaining", "r")
    reset_s, is_whole = _read_reset(found.get("ratelimit-reset", ""), headers, now)
    if reset_s is None and (seconds := pairs.get("reset", pairs.get("t"))) is not None:
        reset_s = float(seconds)
    told = ToldLimit(
        limit=limit or None,
        remaining=remaining,
        reset_s=None if reset_s is None else min(max(reset_s, 0.0), _LONGEST_WINDOW_S),
        window_s=min(float(pairs["w"]), _LONGEST_WINDOW_S) if pairs.get("w") else None,
        is_whole=is_whole,
    )
    return None if told == ToldLimit(is_whole=is_whole) else told


def _read_count(text: str | None, pairs: Mapping[str, int], *keys: str) -> int | None:
    if text is not None and (match := _COUNT.match(text)):
        return int(match[1])
    return next((pairs[key] for key in keys if key in pairs), None)


def _read_reset(text: str, headers: Mapping[str, str], now: datetime) -> tuple[float | None, bool]:
    """Return the seconds from now and whether they are whole."""
    match = _SECONDS.match(text)
    if match is None:
        moment = read_date(text)
    else:
        seconds = float(match[1])
        if seconds <= _LONGEST_RELATIVE_S:
            return seconds, "." not in match[1]
        if seconds > _LONGEST_SECONDS_SINCE_1970:
            seconds /= 1000
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            moment = None
    return (None if moment is None else (moment - find_server_time(headers, now)).total_seconds()), True
