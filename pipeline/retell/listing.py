"""Asks which calls there are, page by page: ``POST /v3/list-calls``.

Invariant: following pages ends, as each asks with a key that was not used before; an odd item keeps neither
its page nor its neighbours from being read (`page`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Literal

from pipeline.errors import ListingFailed
from pipeline.payload.strict_json import Malformed
from pipeline.retell.api import Api
from pipeline.retell.page import Page, read_page
from pipeline.retell.response import Reply
from pipeline.retell.sender import ApiRequest

MAX_LIMIT = 1000
"""Most calls that the API puts on one page."""

ListedStatus = Literal["not_connected", "ongoing", "ended", "error"]
"""The call statuses that a listing can be asked for; ``registered`` is none of them."""

_PATH = "/v3/list-calls"
# A filter can leave pages empty on the way to the next match; a listing that gives nothing for ever must end.
_MAX_EMPTY_PAGES = 100

_TRY_AGAIN = "run the same command again later"
_GIVE_IDS = "give the call ids to `backfill` instead"


def make_start_filter(ms: int, until_ms: int | None = None) -> dict[str, Any]:
    """Return the filter for calls that started at ``ms`` or later, and not after ``until_ms``, since epoch.

    Merge filters with ``|``: a call must pass them all. This one leaves out calls that never started, such as
    those that did not connect.
    """
    if until_ms is None:
        return {"start_timestamp": {"type": "number", "op": "ge", "value": ms}}
    if until_ms < ms:
        raise ValueError("until_ms is before ms")
    return {"start_timestamp": {"type": "range", "op": "bt", "value": [ms, until_ms]}}


def make_status_filter(*statuses: ListedStatus) -> dict[str, Any]:
    """Return the filter for calls whose status is one of ``statuses``."""
    if not statuses:
        raise ValueError("no status to filter by")
    return {"call_status": {"type": "enum", "op": "in", "value": list(statuses)}}


def make_id_filter(call_ids: Iterable[str]) -> dict[str, Any]:
    """Return the filter for these calls; how many the API takes is not documented."""
    return {"call_id": {"type": "enum", "op": "in", "value": list(call_ids)}}


async def fetch_page(
    api: Api,
    *,
    filters: dict[str, Any],
    ascending: bool,
    limit: int,
    pagination_key: str | None,
    timeout_s: float,
) -> Page:
    """Return one page; see `CallsClient.list_calls`. It is a POST that only reads, so it may be retried."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit must be 1 to {MAX_LIMIT}")
    asked: dict[str, Any] = {
        "filter_criteria": filters,
        "sort_order": "ascending" if ascending else "descending",
        "limit": limit,
    }
    if pagination_key is not None:
        asked["pagination_key"] = pagination_key
    content = json.dumps(asked, allow_nan=False).encode()
    reply = await api.ask(ApiRequest("POST", [_PATH], content, timeout_s, route="list"))
    is_readable = reply.status == 200 and not reply.is_too_large
    if not is_readable or (reply.fault is not None and reply.fault.is_syntax):
        raise _make_error(reply, reply.reason or "no answer")
    try:
        return await asyncio.to_thread(_read, reply)
    except Malformed as fault:
        raise ListingFailed(f"unexpected answer: {fault}", _GIVE_IDS, status=reply.status) from None


async def follow_pages(
    fetch: Callable[[str | None, int], Awaitable[Page]], limit: int
) -> AsyncIterator[Page]:
    """Yield the first page and each that follows; see `CallsClient.list_all`.

    ``fetch(pagination_key, limit)`` asks for one page.
    """
    key: str | None = None
    used: set[str] = set()
    empty_pages = 0
    while True:
        try:
            page = await fetch(key, limit)
        except ListingFailed as failure:
            if not failure.is_too_large or limit == 1:
                raise
            limit //= 2
            continue
        yield page
        if not page.has_more:
            return
        key = page.pagination_key
        empty_pages = 0 if page.items else empty_pages + 1
        if key is None:
            raise ListingFailed("more pages are promised without a pagination_key", _TRY_AGAIN, status=200)
        if key in used:
            raise ListingFailed("a pagination_key came a second time", _TRY_AGAIN, status=200)
        if empty_pages == _MAX_EMPTY_PAGES:
            raise ListingFailed(f"{empty_pages} pages in a row were empty", _TRY_AGAIN, status=200)
        used.add(key)


def _read(reply: Reply) -> Page:
    if reply.parsed is not None and reply.parsed.text is reply.body:
        return read_page(reply.body, reply.parsed.document)
    # One odd item makes the whole body odd; and of a parsed body the simple words are cut out, if it has any.
    return read_page(reply.body)


def _make_error(reply: Reply, reason: str) -> ListingFailed:
    advice = _TRY_AGAIN
    if reply.status == 404:
        reason, advice = "HTTP 404: this account's API has no v3 listing", _GIVE_IDS
    elif reply.status is not None and 300 <= reply.status < 400:
        advice = "check RETELL_BASE_URL"
    elif reply.is_too_large:
        advice = "ask for fewer calls per page"
    elif reply.status in (400, 422):
        advice = f"the API does not take these filters, so {_GIVE_IDS}"
    return ListingFailed(reason, advice, status=reply.status, is_too_large=reply.is_too_large)
