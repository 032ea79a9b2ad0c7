"""Calls as the benchmarks serve them: about 59 KB and 450 words each, half of API v1's and half of today's.

They come from the simulator's own generator: the dialogues of a few of its calls are played one after the
other until there are 450 words, and word times have as many digits as the API sends. A few hundred of them
are made; every call id gets one of these with the id put in, so that any number of calls can be served.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

from pipeline.simulator import breakage
from pipeline.simulator.book import CallBook
from pipeline.simulator.payload import summarise

WORDS = 450
DISTINCT = 200
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
SHAPES = ("v1", "today")

_PREFIX = "Benchmark"
_DIGITS = 23
_GAP_S = 1.5
_TURNS = "transcript_object"
_WOVEN = "transcript_with_tool_calls"
_V1_LATENCIES = ("e2e_latency", "llm_latency")

Payload = dict[str, Any]


def call_id(number: int) -> str:
    return f"{_PREFIX}{number:0{_DIGITS}d}"


def call_ids(calls: int, first: int = 0) -> list[str]:
    return [call_id(number) for number in range(first, first + calls)]


class Bodies:
    """The bodies by call id; each is cut where its id stands, so that putting one in costs a join."""

    def __init__(self, distinct: int = DISTINCT, seed: int = 7) -> None:
        made = payloads(distinct, seed)
        self._parts = [breakage.encode(payload).split(payload["call_id"].encode()) for payload in made]

    def body(self, asked: bytes) -> bytes:
        """Return the body for a call id made by `call_id`; raise ValueError for any other."""
        number = int(asked[len(_PREFIX) :])
        return asked.join(self._parts[number % len(self._parts)])


def payloads(distinct: int, seed: int = 7) -> list[Payload]:
    """Return calls of 450 words in both shapes, in turn."""
    sources = [talks(shape, seed) for shape in SHAPES]
    return [long_call(sources[number % len(SHAPES)], number) for number in range(distinct)]


def talks(shape: str, seed: int) -> Iterator[Payload]:
    """Yield the simulator's calls that were talked in and analysed, without end."""
    book = CallBook(seed=seed, count=1_000_000, until=UNTIL, shape=shape)
    for index in count():
        payload = book.payload(index)
        if payload.get(_TURNS) and payload.get("call_analysis") and len(payload[_TURNS]) > 2:
            yield payload


def long_call(source: Iterator[Payload], seed: int) -> Payload:
    rng = random.Random(seed)
    call = next(source)
    # In some calls only; the size should not depend on it.
    call.pop("scrubbed_transcript_with_tool_calls", None)
    while spoken(call[_TURNS]) < WORDS:
        append(call, next(source))
    for name in (_TURNS, _WOVEN):
        call[name] = first_words(call[name], WORDS)
        for word in words(call[name]):
            word["start"] = round(word["start"] + rng.random() / 1000, 6)
            word["end"] = round(word["end"] + rng.random() / 1000, 6)
    call["transcript"] = "".join(f"{turn['role'].capitalize()}: {turn['content']}\n" for turn in call[_TURNS])
    ended_ms = round(1000 * max(word["end"] for word in words(call[_TURNS])))
    call["end_timestamp"] = call["start_timestamp"] + ended_ms
    if "duration_ms" in call:
        call["duration_ms"] = ended_ms
    return call


def append(call: Payload, more: Payload) -> None:
    """Let another dialogue follow, with its latency samples."""
    later = max((word["end"] for word in words(call[_TURNS])), default=0.0) + _GAP_S
    for name in (_TURNS, _WOVEN):
        for word in words(more[name]):
            word["start"] += later
            word["end"] += later
        call[name] = call[name] + more[name]
    for name in _V1_LATENCIES:
        if call.get(name) and more.get(name):
            call[name]["num"] += more[name]["num"]
    latency, added = call.get("latency", {}), more.get("latency", {})
    for metric in latency.keys() & added.keys():
        values = latency[metric]["values"] + added[metric]["values"]
        latency[metric] = {**summarise(values), "values": values}


def words(items: list[Payload]) -> Iterator[Payload]:
    for item in items:
        yield from item.get("words") or ()


def spoken(items: list[Payload]) -> int:
    return sum(1 for _ in words(items))


def first_words(items: list[Payload], most: int) -> list[Payload]:
    """Return the items up to the given number of words, the last turn cut short."""
    kept: list[Payload] = []
    for item in items:
        if item.get("words"):
            said = item["words"][:most]
            most -= len(said)
            item = {**item, "words": said, "content": " ".join(word["word"] for word in said)}
        kept.append(item)
        if most == 0:
            break
    return kept
