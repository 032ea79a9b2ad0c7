"""What events mean to a receiver that runs: whatever comes, in any order, the rows are the right ones."""

from __future__ import annotations

import itertools
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.landing.payload_file import read_superseded
from pipeline.simulator import Account, running
from pipeline.simulator.breakage import encode
from support.command_line import Cli, Start, poll
from support.hostile_events import BROKEN, KEPT, LOADED
from support.warehouse_files import query, tables_of, warehouse_in
from support.webhooks import Receiving, as_event, receiving

NAMES = ("call_started", "transcript_updated", "transfer_started", "call_ended", "call_analyzed")
EVENT_ROWS = "select call_id, event, transfer_destination, transfer_option from call_events order by all"
COUNTS = "select event, sum(event_count)::integer from etl_events group by all order by all"


def rows(data: Path, statement: str) -> list[tuple[Any, ...]]:
    return query(warehouse_in(data), statement)


def call_at(name: str, call_id: str) -> dict[str, Any]:
    """Return a call as an event has it."""
    call: dict[str, Any] = {
        "call_id": call_id,
        "agent_id": "agent",
        "call_type": "phone_call",
        "call_status": "ongoing",
        "start_timestamp": 1_790_000_000_000,
    }
    if name == "call_started":
        return call
    words = [{"role": "agent", "content": f"said by {name}", "words": []}]
    call |= {"transcript": f"Agent: said by {name}\n", "transcript_object": words}
    if name in ("call_ended", "call_analyzed"):
        call |= {"call_status": "ended", "end_timestamp": 1_790_000_060_000}
        call |= {"disconnection_reason": "user_hangup"}
    if name == "call_analyzed":
        call |= {"call_analysis": {"call_summary": "short", "user_sentiment": "Neutral"}}
    return call


def event_of(name: str, call_id: str) -> bytes:
    more = {"transfer_destination": {"number": "+4930"}, "transfer_option": {"type": "warm_transfer"}}
    event = {"event": name, "call": call_at(name, call_id)} | (more if name == "transfer_started" else {})
    return encode(event)  # as the simulated API spells it, so that the payloads have the same hash


def test_odd_events_are_kept_and_stop_nothing(start: Start, cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    bodies = [*BROKEN.values(), *KEPT.values(), *LOADED.values()]
    good = as_event("call_ended", call_at("call_ended", "call_good"))
    with receiving(start, data) as receiver:
        assert [receiver.send(body) for body in (*bodies, good)] == [204] * (len(bodies) + 1)
        receiver.process.until(lambda: not list((data / "received").glob("*.events")))
    assert "could not be loaded" not in receiver.process.err
    assert "Traceback" not in receiver.process.err
    calls = {call_id for (call_id,) in rows(data, "select call_id from calls")}
    assert calls == {*LOADED, "call_good"}
    assert len(list((data / "quarantine").rglob("*.body"))) == len(BROKEN)
    [(kept,)] = rows(data, "select count(*) from etl_events where event like 'chat%'")
    assert kept
    # Also where all of it is read again.
    (data / "warehouse.duckdb").unlink()
    assert cli("load").code == 0
    assert {call_id for (call_id,) in rows(data, "select call_id from calls")} == calls


def test_what_a_call_says_is_not_changed_by_leaving_out_secrets(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with receiving(start, data) as receiver:
        for call_id in ("call_escape", "call_token", "call_link"):
            assert receiver.send(LOADED[call_id]) == 204
    found = dict(rows(data, "select call_id, metadata from calls"))
    assert found["call_escape"] == {"a": r"R\u0026D"}
    assert found["call_token"] == {"b": 2}
    said = found["call_link"]["said"]
    assert said.startswith('{"url": "https://files.example/a.wav')
    assert "abcdef" not in said


def test_every_order_of_a_calls_events_gives_the_same_rows(start: Start, cli: Cli, tmp_path: Path) -> None:
    """Each order is that of a call of its own; loads come in between, and some events come again."""
    data = tmp_path / "data"
    orders = {f"call_{number}": order for number, order in enumerate(itertools.permutations(NAMES))}
    rng = random.Random(4)
    rounds = [[(call_id, order[place]) for call_id, order in orders.items()] for place in range(len(NAMES))]
    account = Account()
    for call_id in orders:
        account.put(call_at("call_analyzed", call_id))
    failed: list[int] = []

    def send(receiver: Receiving, part: list[tuple[str, str]]) -> None:
        for call_id, name in part:
            for _ in range(1 + (rng.random() < 0.2)):
                if receiver.send(event_of(name, call_id)) != 204:
                    failed.append(1)

    with receiving(start, data, PIPELINE_RECEIVE_LOAD="1s") as receiver, running(account) as server:
        for number, of_round in enumerate(rounds):
            rng.shuffle(of_round)
            threads = [threading.Thread(target=send, args=(receiver, of_round[at::2])) for at in range(2)]
            for thread in threads:
                thread.start()
            if number == 1:
                # The API is asked meanwhile, and knows already how it ends.
                some = [call_id for call_id in orders if rng.random() < 0.2]
                asked = cli(
                    "backfill", *some, server=server, PIPELINE_DATA_DIR=data, PIPELINE_LOCK_TIMEOUT="60s"
                )
                assert asked.code == 0, asked.err
            for thread in threads:
                thread.join()
            poll(lambda: not list((data / "received").glob("*.events")))
    assert not failed
    with running(account) as server:
        other = cli("backfill", *orders, server=server, PIPELINE_DATA_DIR=tmp_path / "asked")
        assert other.code == 0
    found, events = tables_of(warehouse_in(data)), rows(data, EVENT_ROWS)
    assert found == tables_of(warehouse_in(tmp_path / "asked"))
    assert len(events) == len(orders) * (len(NAMES) - 1)
    assert {row[2]["number"] for row in events if row[1] == "transfer_started"} == {"+4930"}
    counts = rows(data, COUNTS)
    # And so it is after each way to make the tables again.
    assert cli("replay").code == 0
    assert (tables_of(warehouse_in(data)), rows(data, EVENT_ROWS), rows(data, COUNTS)) == (
        found,
        events,
        counts,
    )
    (data / "warehouse.duckdb").unlink()
    assert cli("load").code == 0
    assert (tables_of(warehouse_in(data)), rows(data, EVENT_ROWS), rows(data, COUNTS)) == (
        found,
        events,
        counts,
    )


def test_transfers_are_rows_each_once(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    call = call_at("transfer_started", "call_1")

    def transfer(name: str, number: str, began: int) -> bytes:
        return as_event(
            name,
            call,
            transfer_destination={"number": number},
            transfer_option={"type": "cold_transfer"},
            start_timestamp=began,
        )

    bodies = [
        transfer("transfer_started", "+4930", 1),
        transfer("transfer_cancelled", "+4930", 1),
        transfer("transfer_started", "+4940", 2),
        transfer("transfer_started", "+4930", 3),
        transfer("transfer_bridged", "+4930", 3),
    ]
    with receiving(start, data) as receiver:
        for body in (*bodies, *reversed(bodies)):
            assert receiver.send(body) == 204
        receiver.process.until(lambda: not list((data / "received").glob("*.events")))
        assert receiver.send(bodies[0]) == 204
    found = rows(data, "select event, transfer_destination, transfer_option from call_events order by all")
    numbers = sorted((event, destination["number"]) for event, destination, _ in found)
    assert numbers == [
        ("transfer_bridged", "+4930"),
        ("transfer_cancelled", "+4930"),
        ("transfer_started", "+4930"),
        ("transfer_started", "+4930"),
        ("transfer_started", "+4940"),
    ]
    assert {option["type"] for _, _, option in found} == {"cold_transfer"}
    assert rows(data, "select count(*) from calls") == [(1,)]


OPTED_OUT = {"data_storage_setting": "basic_attributes_only"}


@pytest.mark.parametrize("setting", ["drop", "keep"])
def test_nothing_said_in_an_opted_out_call_or_chat_is_on_disk_unless_it_is_to_be_kept(
    start: Start, tmp_path: Path, setting: str
) -> None:
    data = tmp_path / "data"
    secret = "what nobody may keep"
    turn = [{"role": "user", "content": secret, "words": []}]
    spoken = {"transcript": secret, "transcript_object": turn, "transcript_with_tool_calls": turn}
    bodies = [as_event(name, call_at(name, "call_1") | spoken | OPTED_OUT) for name in NAMES]
    bodies += [
        # A kind that is not known yet, a call that is rejected, and chats.
        as_event("call_renamed", call_at("call_ended", "call_2") | spoken | OPTED_OUT, transcript=turn),
        as_event("call_ended", call_at("call_ended", "call_3") | spoken | OPTED_OUT | {"end_timestamp": "x"}),
        as_event("chat_ended", None, chat={"chat_id": "chat_1"} | spoken | OPTED_OUT),
        as_event("chat_ended", None, chat={"chat_id": "chat_2", "message_with_tool_calls": turn} | OPTED_OUT),
    ]
    with receiving(start, data, PIPELINE_OPTED_OUT=setting) as receiver:
        assert [receiver.send(body) for body in bodies] == [204] * len(bodies)
    places = [path for path in data.rglob("*") if path.is_file()]
    landed = [
        line
        for path in (data / "landing").rglob("*.ndjson.zst")
        for line in (path.read_bytes(), *_read(path))
    ]
    contents = [*(path.read_bytes() for path in places), *landed]
    assert any(secret.encode() in content for content in contents) is (setting == "keep")
    assert rows(data, "select call_id from calls") == [("call_1",)]
    assert (rows(data, "select transcript from calls") == [(secret,)]) is (setting == "keep")


def _read(path: Path) -> list[bytes]:
    from pipeline.landing.ndjson import read_lines

    return [*read_lines(path), *read_superseded(path)]


def test_chats_are_counted_and_what_is_not_known_is_named(start: Start, cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    chat = {"chat_id": "chat_1", "chat_status": "ended"}
    bodies = [as_event(f"chat_{what}", None, chat=chat) for what in ("started", "ended", "analyzed")] * 2
    bodies += [as_event("call_sang", call_at("call_ended", "call_new"))] * 3
    with receiving(start, data) as receiver:
        assert [receiver.send(body) for body in bodies] == [204] * len(bodies)
    assert rows(data, COUNTS) == [
        ("call_sang", 3),
        ("chat_analyzed", 2),
        ("chat_ended", 2),
        ("chat_started", 2),
    ]
    said = json.loads(cli("status", "--json").out)
    assert [(row["kind"], row["value"]) for row in said["drift"]] == [("event", "call_sang")]
