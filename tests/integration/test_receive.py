"""A receiver that runs: events become rows, reach readers and other receivers, and nothing secret is kept."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.landing.folder import Landing
from pipeline.retell.signature import verify
from pipeline.simulator import Account, CallBook, EventSender, make_chat_events, make_events, running
from support.command_line import KEY, Cli, Start, poll
from support.warehouse_files import query, tables_of, warehouse_in
from support.webhooks import as_event, receiving, start_receiver

BOOK = CallBook(seed=3, count=60, shape="today")


def send_all(url: str, book: CallBook = BOOK, **more: Any) -> set[str]:
    """Send the events of all calls; return the ids of the calls."""
    sender = EventSender(url, KEY, pause_s=0.05, **more)
    sent = sender.run(make_events(book.payload(index), interims=2) for index in range(len(book)))
    assert all(each.is_acknowledged for each in sent)
    return {each.subject_id for each in sent}


def rows(data: Path, statement: str) -> list[tuple[Any, ...]]:
    return query(warehouse_in(data), statement)


def comparable(data: Path) -> Any:
    """Return the tables, but for the texts of opted-out calls, of which events say more than the API."""
    volatile = "first_seen_at, extracted_at, load_id, sequence, deleted_sequence, event"
    said = "data_storage_setting is distinct from 'basic_attributes_only'"
    return tables_of(warehouse_in(data)) | {
        "calls": rows(
            data, f"select * exclude ({volatile}, payload_hash, transcript) from calls order by all"
        ),
        "texts": rows(data, f"select call_id, payload_hash, transcript from calls where {said} order by all"),
    }


def json_of(cli: Cli, *args: object, **env: object) -> Any:
    ran = cli(*args, "--json", **env)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_calls_arrive_and_are_those_of_get_call(start: Start, cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with receiving(start, data) as receiver:
        ids = send_all(receiver.url, repeated=0.2, late=0.2)
    assert {call_id for (call_id,) in rows(data, "select call_id from calls")} == ids
    with running(BOOK) as server:
        assert (
            cli("backfill", *BOOK.call_ids(), server=server, PIPELINE_DATA_DIR=tmp_path / "asked").code == 0
        )
        assert comparable(data) == comparable(tmp_path / "asked")
        # Nothing is left to be asked for but what was never analysed.
        before = dict(server.requests.served)
        assert cli("sync", server=server).code == 0
        asked = {
            call_id for call_id, count in server.requests.served.items() if count > before.get(call_id, 0)
        }
        assert cli("reconcile", server=server).code in (0, 3)
    assert len(asked) < len(ids) / 4
    assert comparable(data) == comparable(tmp_path / "asked")
    [(events, keys)] = rows(
        data, "select count(*), count(distinct (call_id, event, event_key)) from call_events"
    )
    assert events == keys
    assert rows(data, "select status from etl_runs where command = 'receive'") == [("succeeded",)]
    assert json_of(cli, "status")["drift"] == []


def test_readers_have_them_while_it_runs(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with receiving(start, data, PIPELINE_PUBLISH="run") as receiver:
        for number in range(2):
            body = as_event("call_ended", {"call_id": f"call_{number}", "call_status": "ended"})
            assert receiver.send(body) == 204
            copy = data / "analytics.duckdb"

            def has_it(expected: int = number + 1, copy: Path = copy) -> bool:
                if not copy.exists():
                    return False
                return query(type(warehouse_in(data)).at(copy), "select count(*) from calls") == [(expected,)]

            receiver.process.until(has_it)
        metrics = f"{receiver.base_url}/metrics"
        # Told after readers have them.
        poll(lambda: "pipeline_receive_events_waiting 0.0" in receiver.http.get(metrics).text)


def test_what_is_no_call_is_kept_and_stops_nothing(start: Start, cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    hostile = "../../etc/passwd"
    bodies = [
        b"{no json",
        b"",
        as_event("call_ended"),
        as_event("call_ended", {"call_id": hostile}),
        as_event("call_ended", {"call_id": "call_bad", "start_timestamp": "soon"}),
        as_event("call_renamed", {"call_id": "call_new"}),
        *(json.dumps(event).encode() for event in make_chat_events(1)),
        as_event("call_ended", {"call_id": "call_good", "call_status": "ended"}),
    ]
    with receiving(start, data) as receiver:
        assert [receiver.send(body) for body in bodies] == [204] * len(bodies)
    assert rows(data, "select call_id from calls") == [("call_good",)]
    status = json_of(cli, "status")
    events = {row["event"]: (row["events"], row["becomes"]) for row in status["events"]}
    assert events["chat_ended"] == (1, "landed, not loaded yet")
    assert events["call_renamed"] == (1, "landed; not known")
    assert [(row["kind"], row["value"], row["first_call_id"]) for row in status["drift"]] == [
        ("event", "call_renamed", "call_new")
    ]
    assert len(status["unaccounted"]) == 5
    kept = b"".join(path.read_bytes() for path in (data / "quarantine").rglob("*.body"))
    assert b"{no json" in kept
    assert hostile.encode() in kept
    shown = cli("status").out
    assert "Events received" in shown
    assert "landed, not loaded yet" in shown
    # Chats are there for the version that loads them, as is what nobody knew.
    landing = Landing(data / "landing", data / "quarantine")
    [manifest] = landing.find_manifests().values()
    packed = manifest.with_name(manifest.name.replace(".json", ".ndjson.zst"))
    from pipeline.landing.payload_file import read_superseded

    names = [json.loads(line)["event"] for line in read_superseded(packed)]
    assert names == ["call_renamed", "chat_started", "chat_ended", "chat_analyzed"]


OPTED_OUT = {
    "call_id": "call_o",
    "call_status": "ended",
    "data_storage_setting": "basic_attributes_only",
    "start_timestamp": 1_790_000_000_000,
    "end_timestamp": 1_790_000_060_000,
}
SPOKEN = {
    "transcript": "User: my secret\n",
    "transcript_object": [{"role": "user", "content": "my secret", "words": []}],
    "recording_url": "https://recordings.example.com/1.wav",
}


@pytest.mark.parametrize("setting", ["drop", "keep"])
def test_what_was_said_in_opted_out_calls_is_left_out_or_kept(
    start: Start, cli: Cli, tmp_path: Path, setting: str
) -> None:
    data = tmp_path / "data"
    analysed = OPTED_OUT | {"call_analysis": {"call_summary": "short"}}
    with receiving(start, data, PIPELINE_OPTED_OUT=setting) as receiver:
        assert receiver.send(as_event("call_ended", OPTED_OUT | SPOKEN)) == 204
        assert receiver.send(as_event("call_analyzed", analysed | SPOKEN)) == 204
    everything = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert (b"my secret" in everything) is (setting == "keep")
    # The API does not have it, and asked again for something new it says the rest.
    account = Account()
    account.put(analysed | {"metadata": {"later": 1}})
    with running(account) as server:
        assert cli("backfill", "call_o", "--force", server=server, PIPELINE_OPTED_OUT=setting).code == 0
        assert cli("sync", server=server, PIPELINE_OPTED_OUT=setting).code == 0
        served = dict(server.requests.served)
        assert cli("sync", server=server, PIPELINE_OPTED_OUT=setting).code == 0
        assert dict(server.requests.served) == served
    statement = "select metadata, transcript, recording_url from calls"
    said = (
        ("User: my secret\n", "https://recordings.example.com/1.wav") if setting == "keep" else (None, None)
    )
    assert rows(data, statement) == [({"later": 1}, *said)]
    assert rows(data, "select content from utterances") == ([("my secret",)] if setting == "keep" else [])
    # Also in a warehouse that is made anew from what is landed.
    (data / "warehouse.duckdb").unlink()
    assert cli("load").code == 0
    assert rows(data, statement) == [({"later": 1}, *said)]


def test_what_a_killed_receiver_had_taken_is_loaded_by_any_run(
    start: Start, cli: Cli, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    receiver = start_receiver(start, data, PIPELINE_RECEIVE_LOAD="1h")
    ids = send_all(receiver.url)
    children = Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children").read_text().split()
    receiver.kill()
    # The process that loads ends with the one that started it.
    poll(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    loaded = cli("load")
    assert loaded.code == 0, loaded.err
    assert {call_id for (call_id,) in rows(data, "select call_id from calls")} == ids
    assert not [path for path in (data / "received").iterdir() if path.is_file()]


def test_the_key_signatures_and_tokens_are_in_no_file_and_no_log(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    call = {"call_id": "call_1", "call_status": "ended", "access_token": "token_of_a_web_call"}
    call["recording_url"] = "https://x.example/a.wav?X-Amz-Signature=abcdef0123456789"
    env = {"PIPELINE_LOG_LEVEL": "debug", "PIPELINE_LOG_FORMAT": "json"}
    with receiving(start, data, PIPELINE_RECEIVE_LOAD="1h", **env) as receiver:
        assert receiver.send(as_event("call_ended", call)) == 204
        assert receiver.send(b"{" + as_event("call_ended", call)) == 204
        in_the_journal = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    said = receiver.process.out + receiver.process.err
    for content in (
        in_the_journal,
        b"".join(p.read_bytes() for p in data.rglob("*") if p.is_file()),
        said.encode(),
    ):
        for secret in (KEY.encode(), b"token_of_a_web_call", b"abcdef0123456789"):
            assert secret not in content
        assert not re.search(rb"d=[0-9a-f]{64}", content)
    for line in receiver.process.err.splitlines():
        json.loads(line)


class Target:
    """A receiver of somebody else: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, str]] = []
        self.status = 200
        self.answer: Callable[[bytes], int] = lambda body: self.status
        self.port = 0


@contextmanager
def listening(target: Target) -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = target.answer(body)
            if status < 300:
                target.taken.append((body, self.headers["x-retell-signature"]))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    servers: list[ThreadingHTTPServer] = []

    def bind() -> bool:
        # Whoever asked in vain may have had the port for its own end.
        with suppress(OSError):
            servers.append(ThreadingHTTPServer(("127.0.0.1", target.port), Handler))
        return bool(servers)

    poll(bind)
    with servers[0] as server:
        target.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield target
        server.shutdown()


def test_events_are_passed_on_as_they_came_to_all_who_take_them(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    well, away, refusing = Target(), Target(), Target()
    refusing.answer = lambda body: 400 if b"call_1" in body else 200
    with listening(away):
        pass  # it has a port, and nobody listens there for a while
    token = {"access_token": "token_of_a_web_call"}
    bodies = [
        as_event("call_ended", {"call_id": f"call_{number}", "call_status": "ended"} | token)
        for number in range(5)
    ]
    with listening(well), listening(refusing):
        urls = [f"http://127.0.0.1:{target.port}/hook" for target in (well, away, refusing)]
        with receiving(start, data, PIPELINE_RECEIVE_FORWARD=",".join(urls)) as receiver:
            assert [receiver.send(body) for body in bodies] == [204] * 5
            poll(lambda: len(well.taken) == 5)
            poll(lambda: len(refusing.taken) == 4)
            assert sorted(body for body, _ in well.taken) == bodies
            for body, signature in well.taken:
                assert verify(body, signature, [KEY], int(signature[2:].partition(",")[0])) is not None
            # Landed and loaded meanwhile, whoever is away.
            poll(lambda: not list((data / "received").glob("*.events")))
            with listening(away):
                poll(lambda: len(away.taken) == 5)
            poll(
                lambda: (
                    "pipeline_receive_events_given_up_total"
                    in receiver.http.get(f"{receiver.base_url}/metrics").text
                )
            )
    assert sorted(body for body, _ in away.taken) == bodies
    assert rows(data, "select count(*) from calls") == [(5,)]


def test_what_was_not_passed_on_yet_is_after_a_restart(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    target = Target()
    with listening(target):
        pass
    url = f"http://127.0.0.1:{target.port}/hook"
    bodies = [as_event("call_ended", {"call_id": f"call_{n}", "call_status": "ended"}) for n in range(3)]
    receiver = start_receiver(start, data, PIPELINE_RECEIVE_FORWARD=url)
    assert [receiver.send(body) for body in bodies] == [204] * 3
    receiver.kill()
    with listening(target), receiving(start, data, PIPELINE_RECEIVE_FORWARD=url) as again:
        assert again.send(as_event("call_ended", {"call_id": "call_9"})) == 204
        poll(lambda: len(target.taken) == 4)
    assert {body for body, _ in target.taken} >= set(bodies)
    for body, signature in target.taken:
        assert verify(body, signature, [KEY], int(signature[2:].partition(",")[0])) is not None
    # And only once, however often it starts.
    with listening(target), receiving(start, data, PIPELINE_RECEIVE_FORWARD=url) as again:
        assert again.send(as_event("call_ended", {"call_id": "call_10"})) == 204
        poll(lambda: any(b"call_10" in body for body, _ in target.taken))
    assert len(target.taken) == 5


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        ([], {"RETELL_API_KEY": ""}, "no key to verify events with: set RETELL_API_KEY"),
        ([], {"PIPELINE_RECEIVE_ALLOW": "everybody"}, "PIPELINE_RECEIVE_ALLOW cannot be used: 'everybody'"),
        (["--trust-proxy", "10.0.0.300"], {}, "--trust-proxy cannot be used: '10.0.0.300'"),
        (
            [],
            {"PIPELINE_RECEIVE_FORWARD": "http://crm.example.com/x"},
            "PIPELINE_RECEIVE_FORWARD cannot be used",
        ),
        (["--path", "retell"], {}, "--path retell cannot be used"),
        (["--path", "/metrics"], {}, "--path /metrics cannot be used"),
        ([], {"PIPELINE_RECEIVE_LOAD": "soon"}, "PIPELINE_RECEIVE_LOAD cannot be used"),
        ([], {"PIPELINE_OPTED_OUT": "sometimes"}, "PIPELINE_OPTED_OUT cannot be used"),
        (["--host", "203.0.113.7"], {}, "cannot listen on 203.0.113.7:8088"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    cli: Cli, args: list[str], env: dict[str, str], said: str
) -> None:
    ended = cli("receive", *args, **({"RETELL_API_KEY": KEY} | env))
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_port_in_use_and_a_second_signal(start: Start, cli: Cli, tmp_path: Path) -> None:
    with receiving(start, tmp_path / "data") as receiver:
        port = receiver.base_url.rpartition(":")[2]
        ended = cli("receive", "--port", port, RETELL_API_KEY=KEY)
        assert ended.code == 2
        assert "choose another with --host or --port" in ended.err
        os.kill(receiver.process.pid, 2)
        os.kill(receiver.process.pid, 15)
        assert receiver.process.wait().code == 0
    assert "Traceback" not in receiver.process.err


def test_doctor_says_whether_events_would_arrive(start: Start, cli: Cli, tmp_path: Path) -> None:
    def found(url: str, key: str = KEY) -> tuple[str, str]:
        ran = cli("doctor", "--json", PIPELINE_RECEIVE_URL=url, RETELL_WEBHOOK_KEY=key, RETELL_BASE_URL=url)
        [finding] = [each for each in json.loads(ran.out) if each["check"] == "receiver"]
        return finding["state"], finding["found"]

    with receiving(start, tmp_path / "data") as receiver:
        assert found(receiver.url) == ("ok", "answers, and takes what the key has signed")
        assert found(receiver.url, "key_of_others") == ("fail", "answered 401: it does not take the key")
        assert found(receiver.base_url) == ("fail", "answered 404, where 204 was expected")
    assert found(receiver.url)[0] == "fail"
    assert rows(tmp_path / "data", "select count(*) from etl_events") == [(0,)]
