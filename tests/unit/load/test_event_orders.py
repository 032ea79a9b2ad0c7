"""However events, answers and loads are ordered, the warehouse has what came furthest of a call, and last."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.landing.merge import merge_small_chunks, remove_sources
from pipeline.landing.names import MANIFEST
from pipeline.receive.land import land_segments
from pipeline.receive.segment import Received
from pipeline.times import to_epoch_us
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Payload, Place, as_body, load_manifests, query, tables_of

BEGIN = datetime.now(UTC) - timedelta(days=3)
GOING_ON, OVER, ANALYSED = 0, 1, 2
EVENTS = {
    "call_started": 0,
    "transcript_updated": 0,
    "call_ended": 1,
    "call_analyzed": 2,
    "transfer_bridged": 0,
}
CALLS = ("call_a", "call_b")


@dataclass(frozen=True)
class Message:
    """Something that came of a call: an event, or an answer (no event) that tells how far it was."""

    number: int
    call_id: str
    event: str | None
    progress: int

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(minutes=self.number)

    @property
    def call(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "call_id": self.call_id,
            "agent_id": "agent",
            "call_status": "ongoing" if self.progress == GOING_ON else "ended",
            "start_timestamp": 1_790_000_000_000,
            "metadata": {"number": self.number},
            "transcript_object": [{"role": "agent", "content": f"turn {self.number}", "words": []}],
        }
        if self.progress > GOING_ON:
            said["end_timestamp"] = 1_790_000_060_000
        if self.progress == ANALYSED:
            said["call_analysis"] = {"call_summary": f"summary {self.number}"}
        return said

    @property
    def received(self) -> Received:
        body: dict[str, Any] = {"event": self.event, "call": self.call}
        if self.event == "transfer_bridged":
            body |= {
                "transfer_destination": {"number": "+4930"},
                "transfer_option": {"type": "warm_transfer"},
            }
        return Received(to_epoch_us(self.at), json.dumps(body).encode(), 0, 0)


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """What came, in the order in which it came; no answer tells less than one before it."""
    found = []
    answered = dict.fromkeys(CALLS, 0)
    for number in range(draw(st.integers(1, 8))):
        call_id = draw(st.sampled_from(CALLS))
        event = draw(st.sampled_from([*EVENTS, None]))
        progress = draw(st.integers(answered[call_id], ANALYSED)) if event is None else EVENTS[event]
        if event is None:
            answered[call_id] = progress
        found.append(Message(number, call_id, event, progress))
    return found


def expected(came: list[Message]) -> dict[str, int]:
    newest: dict[str, Message] = {}
    for message in came:
        best = newest.get(message.call_id, message)
        newest[message.call_id] = max(best, message, key=lambda each: (each.progress, each.number))
    return {call_id: message.number for call_id, message in newest.items()}


def land(place: Place, came: list[Message], rng: random.Random) -> list[Path]:
    """Land what came in chunks, events in segments of any size; return the manifests in any order."""
    folder = place.folder / "received"
    folder.mkdir(parents=True)
    segments: dict[int, list[Message]] = {}
    manifests = []
    for message in came:
        if message.event is None:
            payload = Payload(message.call_id, as_body(message.call), message.at)
            manifests.append(place.land([payload], f"run{message.number}", message.at).manifest)
        else:
            segments.setdefault(rng.randrange(3), []).append(message)
    for number, of_one in segments.items():
        content = b"".join(message.received.to_record() for message in of_one)
        (folder / f"events{number}-{number:06d}.events").write_bytes(content)
    manifests += [taken.chunk.manifest for taken in land_segments(place.landing, folder)]
    assert not list(folder.iterdir())
    rng.shuffle(manifests)
    return manifests


def load_in_parts(warehouse: Warehouse, manifests: list[Path], rng: random.Random) -> None:
    rest = list(manifests)
    while rest:
        part, rest = rest[: (size := rng.randrange(1, len(rest) + 1))], rest[size:]
        assert load_manifests(warehouse, part).problems == []


def numbers_in(warehouse: Warehouse) -> dict[str, int]:
    rows = query(warehouse, "select call_id, cast(metadata ->> '$.number' as integer) from calls")
    return dict(rows)  # type: ignore[arg-type]


def merge(place: Place) -> None:
    """Merge all small chunks, as if their day was over."""
    merged = merge_small_chunks(place.landing, "merge", datetime.now(UTC) + timedelta(days=1), set)
    assert merged.problems == []
    remove_sources(merged)


EVENT_ROWS = (
    "select call_id, event, received_at, transfer_destination, transfer_option from call_events order by all"
)
COUNTS = "select event, sum(event_count)::integer from etl_events group by all order by all"


@pytest.mark.parametrize("seed", range(2))
@settings(max_examples=15, deadline=None)
@given(came=messages(), choice=st.integers(0, 10**6))
def test_what_came_furthest_and_last_counts_in_whatever_order_it_is_loaded(
    seed: int, came: list[Message], choice: int
) -> None:
    rng = random.Random(choice + seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        schema.ensure(place.warehouse)
        manifests = land(place, came, rng)
        load_in_parts(place.warehouse, manifests, rng)
        assert numbers_in(place.warehouse) == expected(came)
        first = tables_of(place.warehouse), query(place.warehouse, EVENT_ROWS)
        told = {(m.call_id, m.event) for m in came if m.event not in (None, "transcript_updated")}
        assert {row[:2] for row in first[1]} == told
        counts = query(place.warehouse, COUNTS)
        assert sum(count for _, count in counts) == sum(message.event is not None for message in came)

        # Again, all at once into another warehouse, and after small chunks were merged.
        assert load_manifests(place.warehouse, manifests, replay=True).problems == []
        assert (tables_of(place.warehouse), query(place.warehouse, EVENT_ROWS)) == first
        anew = Warehouse.at(Path(folder) / "anew.duckdb")
        schema.ensure(anew)
        assert load_manifests(anew, manifests).problems == []
        assert (tables_of(anew), query(anew, EVENT_ROWS), query(anew, COUNTS)) == (*first, counts)
        merge(place)
        merged = Warehouse.at(Path(folder) / "merged.duckdb")
        schema.ensure(merged)
        left = list(place.landing.find_manifests().values())
        assert load_manifests(merged, left).problems == []
        assert (tables_of(merged), query(merged, EVENT_ROWS), query(merged, COUNTS)) == (*first, counts)


def test_of_interim_transcripts_only_the_newest_of_a_call_stays_in_landing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    rng = random.Random(3)
    came = [Message(number, "call_a", "transcript_updated", GOING_ON) for number in range(9)]
    load_in_parts(place.warehouse, land(place, came, rng), rng)
    merge(place)
    [manifest] = place.landing.find_manifests().values()
    said = json.loads(manifest.read_bytes())
    assert said["record_count"] == 1
    assert sum("payload_hash" in outcome for outcome in said["outcomes"]) == 1
    assert numbers_in(place.warehouse) == {"call_a": 8}


def test_the_same_event_again_changes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    came = [Message(1, "call_a", "transfer_bridged", GOING_ON), Message(2, "call_a", "call_ended", OVER)]
    for round_number in range(3):
        folder = tmp_path / "received"
        folder.mkdir(exist_ok=True)
        content = b"".join(
            Received(message.received.at_us + round_number, message.received.body, 0, 0).to_record()
            for message in came
        )
        (folder / f"events{round_number}-000000.events").write_bytes(content)
        manifests = [taken.chunk.manifest for taken in land_segments(place.landing, folder)]
        assert [path.name.endswith(MANIFEST) for path in manifests] == [True]
        assert load_manifests(place.warehouse, manifests).problems == []
        rows = tables_of(place.warehouse), query(place.warehouse, EVENT_ROWS)
        if round_number == 0:
            first = rows
        assert rows == first
    assert query(place.warehouse, COUNTS) == [("call_ended", 3), ("transfer_bridged", 3)]
    assert len(first[1]) == 2
