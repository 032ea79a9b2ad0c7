"""What the tables must hold of a payload, worked out in plain Python and by other means than the load's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from math import inf
from typing import Any

from pipeline.warehouse.tables import metadata

Document = dict[str, Any]
TOP_METRICS = ("e2e", "llm", "llm_websocket_network_rtt")
SUMMARY = ("p50", "p90", "p95", "p99", "max", "min", "num")
SPOKEN = ("agent", "user", "transfer_target")
TOOL_ROLES = ("tool_call_invocation", "tool_call_result")
# What the payload calls otherwise than the column, or what becomes rows of another table.
_RENAMED = {"start_timestamp", "end_timestamp", "transfer_end_timestamp"}
_OTHER_TABLES = {
    "transcript_object",
    "transcript_with_tool_calls",
    "pre_session_transcript_with_tool_calls",
    "post_session_transcript_with_tool_calls",
    "latency",
    "call_analysis",
    "call_cost",
    "llm_token_usage",
    *(f"{metric}_latency" for metric in TOP_METRICS),
}
CALL_FIELDS = {column.name for column in metadata.tables["calls"].columns} | _RENAMED | _OTHER_TABLES
# Columns that no payload field fills; a field of that name is as unknown as any other.
CALL_FIELDS -= {"extra", "payload_hash", "payload_shape", "load_id", "first_seen_at", "extracted_at"}
CALL_FIELDS -= {"started_at", "ended_at", "transfer_ended_at", "combined_cost_cents", "llm_tokens_average"}
CALL_FIELDS -= {"llm_requests_count", "transcript_source", "detail", "listed_hash"}
CALL_FIELDS -= {"deleted_at_source_at", "is_hidden", "dated_at", "local_at", "day", "redacted_fields"}
CALL_FIELDS -= {
    name for name in CALL_FIELDS if name.endswith("_variables_source") or name == "metadata_source"
}


def number(value: float | None) -> float | None:
    """Return a number as a column of doubles holds it."""
    return None if value is None else float(value)


def count(value: float | None) -> int | None:
    """Return a number as a count, or None when it counts nothing."""
    is_count = value is not None and float(value).is_integer() and abs(float(value)) <= 2**53
    return int(value) if is_count and value is not None else None


def is_speech(item: Document) -> bool:
    """Say whether an item of a woven list was spoken."""
    if item.get("role") in SPOKEN:
        return True
    return item.get("role") not in TOOL_ROLES and isinstance(item.get("words"), list)


def woven(document: Document) -> list[Document]:
    """Return the woven list that tool calls and events come from."""
    scrubbed = document.get("scrubbed_transcript_with_tool_calls")
    return document.get("transcript_with_tool_calls") or scrubbed or []


def turns(document: Document) -> tuple[str | None, list[Document]]:
    """Return the turns of a call, and the field they come from."""
    own = document.get("transcript_object")
    if own:
        return "transcript_object", own
    for field in ("transcript_with_tool_calls", "scrubbed_transcript_with_tool_calls"):
        spoken = [item for item in document.get(field) or [] if is_speech(item)]
        if spoken:
            return field, spoken
    return None, []


def phase_items(document: Document, phase: str) -> list[Document]:
    """Return the items woven before or after the conversation."""
    raw = document.get(f"{phase}_transcript_with_tool_calls")
    scrubbed = document.get(f"scrubbed_{phase}_transcript_with_tool_calls")
    return raw or (scrubbed if isinstance(scrubbed, list) else [])


def tool_items(document: Document) -> list[tuple[str, int, Document]]:
    """Return every invocation of a tool, with its phase and its place in the list of that."""
    lists = {
        "pre_session": phase_items(document, "pre_session"),
        "session": woven(document),
        "post_session": phase_items(document, "post_session"),
    }
    return [
        (phase, number, item)
        for phase, items in lists.items()
        for number, item in enumerate(items)
        if isinstance(item, dict) and item.get("role") == "tool_call_invocation"
    ]


def tool_calls(document: Document) -> int:
    """Return how often a tool was invoked."""
    return len(tool_items(document))


def events(document: Document) -> int:
    """Return how many woven items are neither speech in a turn nor part of a tool call."""
    beside = phase_items(document, "pre_session") + phase_items(document, "post_session")
    items = [item for item in woven(document) if not is_speech(item)] + beside
    invoked = [item for item in items if _role(item) == "tool_call_invocation"]
    results = [item for item in items if _role(item) == "tool_call_result"]
    used, given = (Counter(map(_tool_id, several)) for several in (invoked, results))
    answered = sum(min(count, given[of]) for of, count in used.items() if of is not None)
    return len(items) - len(invoked) - answered + len(unplaced(document))


def unplaced(document: Document) -> set[int]:
    """Return the places in the woven list of turns that `transcript_object` does not have."""
    source, own = turns(document)
    if source != "transcript_object" or not document.get("transcript_with_tool_calls"):
        return set()
    spoken = {number: item for number, item in enumerate(woven(document)) if is_speech(item)}
    if _sizes(spoken.values()) == _sizes(own):
        return set()
    seen: Counter[tuple[Any, str]] = Counter()
    met = first_words(document)
    found = set()
    for number, item in sorted(spoken.items(), key=lambda pair: (met.get(pair[0], inf), pair[0])):
        said = _said(item)
        role = item.get("role")
        seen[str(role), said] += 1
        having = sum(said in _said(turn) for turn in own if turn.get("role") == role)
        if met and _begin(item) is not None:
            if number not in met:
                found.add(number)
        elif said and having < seen[str(role), said]:
            found.add(number)
    return found


def first_words(document: Document) -> dict[int, int]:
    """Return of spoken woven items which word of all turns their first word is, found by its time."""
    own = turns(document)[1]
    words = [(turn.get("role"), word) for turn in own for word in turn.get("words") or []]
    places: dict[tuple[Any, float | None, str], int] = {}
    for number, (role, word) in enumerate(words):
        places.setdefault((role, word.get("start"), _said({"content": word.get("word")})), number)
    found = {}
    for number, item in enumerate(woven(document)):
        begins = _begin(item) if is_speech(item) else None
        if begins is not None:
            key = (item.get("role"), begins, _said({"content": item["words"][0].get("word")}))
            if key in places:
                found[number] = places[key]
    return found


def _begin(item: Document) -> float | None:
    words = item.get("words")
    first = words[0] if isinstance(words, list) and words else None
    start = first.get("start") if isinstance(first, dict) else None
    return start if isinstance(start, int | float) else None


def _sizes(several: Iterable[Document]) -> tuple[int, int]:
    counts = [len(turn["words"]) if isinstance(turn.get("words"), list) else 0 for turn in several]
    return sum(counts), counts.count(0)


def _said(turn: Document) -> str:
    content = turn.get("content")
    text = content if isinstance(content, str) else "" if content is None else json.dumps(content)
    return re.sub(r"[\t\n\f\r ]+", "", text)


def _role(item: Any) -> Any:
    return item.get("role") if isinstance(item, dict) else None


def _tool_id(item: Document) -> str | None:
    given = item.get("tool_call_id")
    return None if given is None else str(given)


def place(document: Document, before: int) -> tuple[int | None, int | None]:
    """Return the turn before a woven item, and the word of it; of a turn without words no word."""
    missing = unplaced(document)
    spoken = [
        len(item["words"]) if isinstance(item.get("words"), list) else 0
        for number, item in enumerate(woven(document)[:before])
        if is_speech(item) and number not in missing
    ]
    words, wordless = sum(spoken), spoken.count(0)
    if _sizes(filter(is_speech, woven(document))) != _sizes(turns(document)[1]):
        until = [
            first + len(woven(document)[number]["words"])
            for number, first in first_words(document).items()
            if number < before and number not in missing
        ]
        words = max(until, default=words)
    worded: tuple[int | None, int | None] = (None, None)
    empty: int | None = None
    for turn_index, turn in enumerate(turns(document)[1]):
        size = len(turn.get("words") or [])
        if size == 0 and wordless:
            wordless -= 1
            empty = turn_index
        if size and words:
            worded = (turn_index, min(size, words) - 1)
            words -= min(size, words)
    if empty is not None and (worded[0] is None or empty > worded[0]):
        return empty, None
    return worded


def metrics(document: Document) -> dict[str, Document]:
    """Return the metrics of a payload: those in `latency` count before those at the top level."""
    found = {
        metric: stats
        for metric in TOP_METRICS
        if isinstance(stats := document.get(f"{metric}_latency"), dict)
    }
    found |= {
        name.removesuffix("_latency"): stats
        for name, stats in document.items()
        if name.endswith("_latency") and len(name) > len("_latency") and isinstance(stats, dict)
    }
    nested = document.get("latency") or {}
    return found | {metric: stats for metric, stats in nested.items() if isinstance(stats, dict)}


def rest(node: Document, *known: str) -> Document:
    """Return what an object holds beside the fields named."""
    return {name: value for name, value in node.items() if name not in known}


def turn_extra(turn: Document) -> Document | None:
    """Return what a turn holds beyond its columns."""
    extra = rest(turn, "role", "content", "words", "metadata")
    words = [rest(word, "word", "start", "end") or None for word in turn.get("words") or []]
    return (extra | ({"words": words} if any(words) else {})) or None


def call_extra(document: Document) -> Document | None:
    """Return what a call holds that no column and no other table has."""
    extra = rest(document, *CALL_FIELDS)
    nested = document.get("latency") or {}
    for metric in TOP_METRICS:
        stats = document.get(f"{metric}_latency")
        shadowed = isinstance(nested.get(metric), dict)
        left = stats if shadowed and stats is not None else _latency_rest(stats)
        extra |= {} if left is None else {f"{metric}_latency": left}
    rests = {name: left for name, stats in nested.items() if (left := _latency_rest(stats)) is not None}
    cost = document.get("call_cost") or {}
    lines = [
        rest(line, "product", "cost", "unit_price", "is_transfer_leg_cost") or None
        for line in cost.get("product_costs") or []
    ]
    usage = document.get("llm_token_usage") or {}
    odd_count = usage.get("num_requests") is not None and count(usage["num_requests"]) is None
    source, _ = turns(document)
    spoken = {
        str(index): left
        for index, item in enumerate(document.get("transcript_with_tool_calls") or [])
        if source == "transcript_object" and is_speech(item) and (left := turn_extra(item))
    }
    extra |= {"latency": rests} if rests else {}
    costs = rest(cost, "combined_cost", "product_costs") | ({"product_costs": lines} if any(lines) else {})
    extra |= {"call_cost": costs} if costs else {}
    left = rest(usage, "average", *(() if odd_count else ("num_requests",)))
    extra |= {"llm_token_usage": left} if left else {}
    extra |= {"transcript_with_tool_calls": spoken} if spoken else {}
    return extra or None


def _latency_rest(stats: Any) -> Any:
    if not isinstance(stats, dict):
        return stats
    odd = stats.get("num") is not None and count(stats["num"]) is None
    known = [name for name in (*SUMMARY, "values") if not (odd and name == "num")]
    return rest(stats, *known) or None
