"""Asks which calls there are, page by page: ``POST /v3/list-calls``.

Invariant: a page is taken whole or not at all, every id in it is sound, and following pages ends: each asks
with a key that was not used before.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.errors import ListingFailed
from pipeline.payload.strict_json import Malformed
from pipeline.retell.api import Api
from pipeline.retell.call_id import is_call_id
from pipeline.retell.response import Reply
from pipeline.retell.sender import ApiRequest

MAX_LIMIT = 1000
"""Most calls that the API puts on one page."""

ListedStatus = Literal["not_connected", "ongoing", "ended", "error"]
"""The call statuses that a listing can be asked for; ``registered`` is none of them."""

_PATH = "/v3/list-calls"
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, the last a datetime can hold
# A filter can leave pages empty on the way to the next match; a listing that gives nothing for ever must end.
_MAX_EMPTY_PAGES = 100

_TRY_AGAIN = "run the same command again later"
_GIVE_IDS = "give the call ids to `backfill` instead"


@dataclass(frozen=True, slots=True)
class Page:
    """Calls in the order asked for: ``start_ms`` is parallel to ``call_ids``, None for a call without one.

    ``pagination_key`` asks for the page after this one, of which ``has_more`` says that there is one.
    """

    call_ids: list[str]
    start_ms: list[int | None] = field(repr=False)
    has_more: bool
    pagination_key: str | None = field(repr=False)


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
    if reply.parsed is None:
        raise _make_error(reply, reply.reason or "no answer")
    try:
        return _read_page(reply.parsed.document)
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
        empty_pages = 0 if page.call_ids else empty_pages + 1
        if key is None:
            raise ListingFailed("more pages are promised without a pagination_key", _TRY_AGAIN, status=200)
        if key in used:
            raise ListingFailed("a pagination_key came a second time", _TRY_AGAIN, status=200)
        if empty_pages == _MAX_EMPTY_PAGES:
            raise ListingFailed(f"{empty_pages} pages in a row were empty", _TRY_AGAIN, status=200)
        used.add(key)


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


def _read_page(document: Any) -> Page:
    """Return the page that a document is. Raises `Malformed`, without the value, where it is none."""
    if not isinstance(document, dict):
        raise Malformed("not an object")
    items, has_more = document.get("items"), document.get("has_more")
    if not isinstance(items, list):
        raise Malformed("not a list", "$.items")
    if not isinstance(has_more, bool):
        raise Malformed("neither true nor false", "$.has_more")
    key = document.get("pagination_key")
    if not isinstance(key, str | None):
        raise Malformed("not a string", "$.pagination_key")
    call_ids: list[str] = []
    start_ms: list[int | None] = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise Malformed("not an object", f"$.items[{index}]")
        call_id = item.get("call_id")
        if not isinstance(call_id, str) or not is_call_id(call_id):
            raise Malformed("not a call id", f"$.items[{index}].call_id")
        call_ids.append(call_id)
        start_ms.append(_read_start(item.get("start_timestamp"), index))
    return Page(call_ids, start_ms, has_more, key or None)


def _read_start(value: Any, index: int) -> int | None:
    if value is None:
        return None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole and not (isinstance(value, float) and value.is_integer()):
        raise Malformed("not a whole number", f"$.items[{index}].start_timestamp")
    if not 0 <= value <= _LAST_MS:
        raise Malformed("not a time in milliseconds", f"$.items[{index}].start_timestamp")
    return int(value)
