"""What headers tell of a limit is read in each spelling, and garbage is ignored."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.retell.limit_headers import ToldLimit, read_limit

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SINCE_1970 = int(NOW.timestamp())


def read(**headers: str) -> ToldLimit | None:
    return read_limit(httpx.Headers({name.replace("_", "-"): text for name, text in headers.items()}), NOW)


def test_the_headers_that_retell_documents_are_read() -> None:
    told = read(RateLimit_Limit="100", RateLimit_Remaining="99", RateLimit_Reset="10")
    assert told == ToldLimit(limit=100, remaining=99, reset_s=10)


def test_an_answer_without_them_tells_nothing() -> None:
    assert read(date="Sun, 01 Mar 2026 12:00:00 GMT", X_RateLimit_Limiter="general") is None


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X_RateLimit_Limit": "60", "X_RateLimit_Remaining": "3"}, ToldLimit(limit=60, remaining=3)),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, ToldLimit(limit=100, remaining=50, reset_s=5)),
        ({"RateLimit": '"default";r=50;t=30'}, ToldLimit(remaining=50, reset_s=30)),
        ({"RateLimit_Policy": '"default";q=100;w=10'}, ToldLimit(limit=100, window_s=10)),
        ({"RateLimit_Limit": "100, 100;w=60"}, ToldLimit(limit=100, window_s=60)),
        ({"RateLimit_Reset": "0"}, ToldLimit(reset_s=0)),
        ({"RateLimit_Reset": "1.25"}, ToldLimit(reset_s=1.25, is_whole=False)),
        ({"RateLimit_Reset": str(SINCE_1970 + 7)}, ToldLimit(reset_s=7)),
        ({"RateLimit_Reset": f"{SINCE_1970 + 7}000"}, ToldLimit(reset_s=7)),
        ({"RateLimit_Reset": str(SINCE_1970 - 7)}, ToldLimit(reset_s=0)),
        ({"RateLimit_Reset": "Sun, 01 Mar 2026 12:00:09 GMT"}, ToldLimit(reset_s=9)),
        ({"RateLimit_Reset": "99999999"}, ToldLimit(reset_s=86_400)),
    ],
)
def test_other_spellings_are_read(headers: dict[str, str], told: ToldLimit) -> None:
    assert read(**headers) == told


def test_a_moment_is_compared_with_the_clock_of_the_server() -> None:
    told = read(RateLimit_Reset=str(SINCE_1970 + 3607), Date="Sun, 01 Mar 2026 13:00:00 GMT")
    assert told == ToldLimit(reset_s=7)


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e9", "\u0663", "9" * 500, "10 s"])
def test_garbage_is_ignored_header_by_header(text: str) -> None:
    told = read_limit({"ratelimit-limit": "0", "ratelimit-remaining": "4", "ratelimit-reset": text}, NOW)
    assert told == ToldLimit(remaining=4)


@given(st.text("0123456789.-+ :;,=wrtqGMTSun\n\x00\u00e9", max_size=40))
def test_no_header_breaks_the_reading(text: str) -> None:
    names = ("ratelimit", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")
    told = read_limit({**dict.fromkeys(names, text), "date": text}, NOW)
    assert told is None or all(
        number is None or 0 <= number < 10**9
        for number in (told.limit, told.remaining, told.reset_s, told.window_s)
    )
