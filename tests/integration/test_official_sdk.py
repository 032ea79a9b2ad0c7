"""Retell's own SDK reads the simulator with its types strictly validated: we develop against the API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from retell import NotFoundError, Retell
from retell.types import CallListResponse, PhoneCallResponse, WebCallResponse

from pipeline.simulator import RATES, CallBook, Simulator, running

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
# What real accounts send, and the types do not know.
BEYOND_TYPES = {
    *("time_sec", "slow_tool", "custom_attributes", "everything_except_pii", "number_removed"),
    *("null_latency_value", "no_combined_cost"),
    *("positive_in_lower_case", "empty_reason", "version_with_point"),
}
TYPED = {name: max(share, 0.1) for name, share in RATES.items() if name not in BEYOND_TYPES}
NEW_FIELDS = {
    *("custom_attributes", "scrubbed_call_analysis", "scrubbed_metadata"),
    *("scrubbed_retell_llm_dynamic_variables", "scrubbed_collected_dynamic_variables"),
}
BOOK = CallBook(count=160, until=UNTIL, shape="today", quirks=TYPED)
MODELS: dict[str, type[BaseModel]] = {"phone_call": PhoneCallResponse, "web_call": WebCallResponse}


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with running(BOOK) as started:
        yield started


@pytest.fixture(scope="module")
def sdk(server: Simulator) -> Iterator[Retell]:
    with Retell(
        api_key=server.api_key, base_url=server.base_url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def unknown_fields(node: object, path: str = "$") -> Iterator[str]:
    """Yield what an object of the SDK holds that its type does not name."""
    if isinstance(node, BaseModel):
        yield from (f"{path}.{name}" for name in node.model_extra or {})
        for name in type(node).model_fields:
            yield from unknown_fields(getattr(node, name), f"{path}.{name}")
    elif isinstance(node, list):
        for item in node:
            yield from unknown_fields(item, f"{path}[*]")


def test_every_call_is_read_and_holds_nothing_that_the_types_do_not_name(sdk: Retell) -> None:
    kinds: Counter[str] = Counter()
    for call_id in BOOK.call_ids():
        call = sdk.call.retrieve(call_id)
        assert call.call_id == call_id
        assert isinstance(call, MODELS[call.call_type])
        assert list(unknown_fields(call)) == []
        kinds[call.call_type] += 1
    assert set(kinds) == set(MODELS)


def test_every_body_passes_the_types_without_any_conversion() -> None:
    for call_id in BOOK.call_ids():
        body = BOOK.body(call_id) or b""
        MODELS[json.loads(body)["call_type"]].model_validate_json(body, strict=True)


def test_every_page_of_the_listing_is_read_and_holds_every_call_once(sdk: Retell) -> None:
    seen: list[str] = []
    key: str | None = None
    while True:
        asked: dict[str, Any] = {} if key is None else {"pagination_key": key}
        page = sdk.call.list(limit=60, sort_order="ascending", include_total=True, **asked)
        assert isinstance(page, CallListResponse)
        assert page.total == len(BOOK)
        assert list(unknown_fields(page)) == []
        # The SDK takes a union for what fits best; strictly, every item is a call of its type.
        CallListResponse.model_validate_json(page.model_dump_json(exclude_unset=True), strict=True)
        seen += [item.call_id for item in page.items]
        key = page.pagination_key
        if not page.has_more:
            break
    assert sorted(seen) == sorted(BOOK.call_ids())


def test_filters_of_the_sdk_are_understood(sdk: Retell) -> None:
    since = int((UNTIL - timedelta(days=3)).timestamp() * 1000)
    page = sdk.call.list(
        limit=1000,
        filter_criteria={
            "start_timestamp": {"type": "number", "op": "ge", "value": since},
            "call_status": {"type": "enum", "op": "in", "value": ["ended"]},
        },
    )
    wanted = {
        payload["call_id"]
        for payload in map(BOOK.payload, range(len(BOOK)))
        if payload["call_status"] == "ended" and payload.get("start_timestamp", 0) >= since
    }
    assert {item.call_id for item in page.items} == wanted
    never = sdk.call.list(
        limit=1000,
        filter_criteria={"call_status": {"type": "enum", "op": "in", "value": ["not_connected"]}},
    )
    assert len(never.items) > 5
    assert None in {item.start_timestamp for item in never.items}


def test_an_unknown_call_is_not_found(sdk: Retell) -> None:
    with pytest.raises(NotFoundError):
        sdk.call.retrieve(BOOK.unknown_ids(1)[0])


def test_the_calls_show_what_the_types_have() -> None:
    quirks = {name: max(share, 0.1) for name, share in RATES.items()}
    book = CallBook(count=500, until=UNTIL, as_of=UNTIL + timedelta(days=1), shape="today", quirks=quirks)
    payloads = [book.payload(index) for index in range(len(book))]
    lists = (
        "transcript_object", "transcript_with_tool_calls", "scrubbed_transcript_with_tool_calls",
        "pre_session_transcript_with_tool_calls", "post_session_transcript_with_tool_calls",
    )  # fmt: skip
    roles = {item["role"] for payload in payloads for name in lists for item in payload.get(name) or []}
    assert roles == {
        *("agent", "user", "transfer_target", "tool_call_invocation", "tool_call_result"),
        *("node_transition", "dtmf", "sms", "injected"),
    }
    fields = set().union(*payloads)
    assert set(PhoneCallResponse.model_fields) | set(WebCallResponse.model_fields) | NEW_FIELDS == fields
    optional = PhoneCallResponse.model_fields["disconnection_reason"].annotation
    reasons = {value for literal in get_args(optional) for value in get_args(literal)}
    many = CallBook(count=3000, until=UNTIL, as_of=UNTIL + timedelta(days=1), shape="today")
    outlines = [many.outline(index) for index in range(len(many))]
    assert {outline.reason for outline in outlines if outline is not None} == {*reasons, ""}
    metrics = set().union(*(payload.get("latency", {}) for payload in payloads))
    assert metrics == {"e2e", "llm", "llm_websocket_network_rtt", "asr", "tts", "knowledge_base", "s2s"}
    for payload in payloads:
        for stats in payload.get("latency", {}).values():
            assert stats.get("num", 1) >= 1
            assert stats.keys() & {"values", "p50"}
