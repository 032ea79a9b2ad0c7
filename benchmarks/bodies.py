"""Calls as the benchmarks serve them: about 59 KB and 450 words each, half of API v1's and half of today's.

They come from the simulator's own generator: the dialogues of a few of its calls are played one after the
other until there are 450 words, and word times have as many digits as the API sends. Two thousand of them
are made, so that as many calls all differ, like an account's; every call id gets one with the id put in, and
any number of calls can be served. They are kept in the system's folder for temporary files, because they
take twenty seconds to make.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pipeline import simulator
from pipeline.simulator import breakage
from pipeline.simulator.book import CallBook
from pipeline.simulator.payload import summarise

WORDS = 450
DISTINCT = 2000
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
        lines = _kept(seed) if distinct <= DISTINCT else _made(distinct, seed)
        self._parts: list[list[bytes]] = []
        self.days: list[str] = []
        for line in lines[:distinct]:
            day, made_id, body = line.split(b"\t", 2)
            self._parts.append(body.split(made_id))
            self.days.append(day.decode())

    def body(self, asked: bytes) -> bytes:
        """Return the body for a call id made by `call_id`; raise ValueError for any other."""
        number = int(asked[len(_PREFIX) :])
        return asked.join(self._parts[number % len(self._parts)])

    def numbers_of_newest_day(self, first: int) -> Iterator[int]:
        """Yield the numbers of calls, from one on, that started on the last day that any did."""
        newest = max(self.days)
        return (number for number in count(first) if self.days[number % len(self.days)] == newest)


def _kept(seed: int) -> list[bytes]:
    """Return all bodies, each after its day and its id, from where they are kept; make them once."""
    made_by = hashlib.sha256(str(seed).encode())
    for source in (Path(__file__), *sorted(Path(simulator.__file__).parent.glob("*.py"))):
        made_by.update(source.read_bytes())
    path = Path(tempfile.gettempdir()) / f"benchmark-bodies-{made_by.hexdigest()[:16]}"
    if not path.exists():
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(b"\n".join(_made(DISTINCT, seed)))
        new.replace(path)
    return path.read_bytes().split(b"\n")


def _made(distinct: int, seed: int) -> list[bytes]:
    lines = []
    for payload in payloads(distinct, seed):
        day = datetime.fromtimestamp(payload["start_timestamp"] / 1000, UTC).date()
        lines.append(
            b"%s\t%s\t%s" % (f"{day}".encode(), payload["call_id"].encode(), breakage.encode(payload))
        )
    return lines


def payloads(distinct: int, seed: int = 7) -> Iterator[Payload]:
    """Yield calls of 450 words in both shapes, in turn."""
    sources = [talks(shape, seed) for shape in SHAPES]
    for number in range(distinct):
        yield long_call(sources[number % len(SHAPES)], number)


def talks(shape: str, seed: int) -> Iterator[Payload]:
    """Yield the simulator's calls that were talked in and analysed, without end."""
    book = CallBook(seed=seed, count=1_000_000, until=UNTIL, shape=shape, quirks={})
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
