"""Today's object through the real command and the real server: shapes, hostile bodies, secrets, memory."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.simulator import BREAKAGE_KINDS, HOSTILE_KINDS, CallBook, running
from pipeline.warehouse.tables import metadata
from support.command_line import Cli, settings_of
from support.sdk_payloads import CALL_TYPES
from support.warehouse_files import Payload, Place, query, warehouse_in

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent


def rows(statement: str) -> list[tuple[Any, ...]]:
    return query(warehouse_in(Path("data")), statement)


@pytest.mark.parametrize("shape", ["v1", "early_v2", "today", "mixed"])
def test_every_shape_is_read_with_no_setting_changed(cli: Cli, shape: str) -> None:
    book = CallBook(count=60, until=UNTIL, shape=shape)
    payloads = [book.payload(index) for index in range(60)]
    with running(book) as server:
        ran = cli("backfill", *book.call_ids(), "--json", server=server)
    report = json.loads(ran.out)
    assert (ran.code, report["unaccounted"], report["drift"]) == (0, [], [])
    stored = dict(rows("select call_id, payload_shape from calls"))
    assert len(stored) == 60
    # An object of early v2 that has no latencies looks as today's does.
    bare = {
        payload["call_id"]
        for payload in payloads
        if not any(payload.get(f"{metric}_latency") for metric in ("e2e", "llm"))
    }
    for index in range(60):
        found, made = stored[book.call_id(index)], book.shape_of(index)
        assert found == made or ((made, found) == ("early_v2", "today") and book.call_id(index) in bare)
    turns = rows("select count(*) from utterances")[0][0]
    assert turns == sum(
        len(payload.get("transcript_object") or [])
        or sum("words" in item for item in payload.get("scrubbed_transcript_with_tool_calls") or [])
        for payload in payloads
    )
    scrubbed = {p["call_id"] for p in payloads if p.get("data_storage_setting") == "everything_except_pii"}
    from_scrubbed = "where transcript_source = 'scrubbed_transcript_with_tool_calls'"
    told = {call_id for (call_id,) in rows(f"select call_id from calls {from_scrubbed}")}
    assert told <= scrubbed
    assert bool(told) == (shape in ("today", "mixed"))
    assert cli("check").code == 0


def test_calls_that_never_connected_and_have_no_times_are_counted_on_no_day(cli: Cli) -> None:
    book = CallBook(count=60, until=UNTIL, shape="today", quirks={})
    with running(book) as server:
        cli("backfill", *book.call_ids(), server=server)
    seen = rows(
        "select count(*), bool_and(started_at is null) from calls where call_status = 'not_connected'"
    )
    counted = rows("select sum(calls) from daily_disconnections where day is null")
    assert seen[0][0] > 3
    assert seen[0][1]
    assert counted[0][0] == seen[0][0]


def test_every_kind_of_bad_body_is_quarantined_with_path_and_reason_and_its_neighbours_load(cli: Cli) -> None:
    kinds = tuple(kind for kind in (*BREAKAGE_KINDS, *HOSTILE_KINDS) if kind not in ("truncated", "html"))
    book = CallBook(count=40, until=UNTIL, shape="today", broken_share=0.25, broken_kinds=kinds)
    broken = {book.call_id(index): book.breakage(index) for index in range(40) if book.is_broken(index)}
    with running(book) as server:
        ran = cli("backfill", *book.call_ids(), "--json", server=server)
    assert ran.code == 3
    report = json.loads(ran.out)
    assert sorted(broken.values()) == sorted(kinds)
    assert {item["call_id"] for item in report["unaccounted"]} == set(broken)
    assert {item["outcome"] for item in report["unaccounted"]} == {"rejected"}
    told = {broken[item["call_id"]]: (item["json_path"], item["reason"]) for item in report["unaccounted"]}
    assert told == {
        "other_call_id": ("$.call_id", "should be the call that was asked for"),
        "timestamp_string": ("$.start_timestamp", "should be a whole number"),
        "latency_string": ("$.e2e_latency.p50", "should be a valid number"),
        "transcript_not_list": ("$.transcript_object", "should be a valid list"),
        "word_start_string": ("$.transcript_object[0].words[0].start", "should be a valid number"),
        "nan": ("$.e2e_latency.p50", "NaN and Infinity are not JSON"),
        "array": ("$", "should be a JSON object, not an array"),
        "duplicate_key": ("$.call_status", "duplicate key"),
        "huge": ("$", "larger than 15 MiB"),
        "deep": ("$", "nested deeper than 256"),
    }
    assert rows("select count(*) from calls") == [(30,)]
    assert rows("select count(*) from etl_rejects where resolved_at is null") == [(10,)]
    kept = {path.stem for path in Path("data/quarantine").rglob("*") if path.is_file()}
    assert all(any(call_id in name for name in kept) for call_id in broken)


@pytest.mark.slow
def test_a_body_that_is_no_json_is_asked_for_again_and_then_quarantined(cli: Cli) -> None:
    book = CallBook(count=4, until=UNTIL, shape="today", broken_share=0.5, broken_kinds=("truncated", "html"))
    broken = {book.call_id(index) for index in range(4) if book.is_broken(index)}
    with running(book) as server:
        ran = cli("backfill", *book.call_ids(), "--json", server=server)
        assert all(server.requests.by_call[call_id] > 1 for call_id in broken)
    told = {item["call_id"]: item for item in json.loads(ran.out)["unaccounted"]}
    assert set(told) == broken
    assert {item["outcome"] for item in told.values()} == {"rejected"}
    assert all(item["json_path"] == "$" and item["reason"].startswith("not JSON") for item in told.values())
    assert rows("select count(*) from calls") == [(2,)]


# The command leaves by os._exit, and says how much memory it has had just before.
_RUN = """
import os, resource, runpy, sys
leave = os._exit
def tell(code):
    print(f"peak_kb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}", file=sys.stderr, flush=True)
    leave(code)
os._exit = tell
sys.argv = ["pipeline", *sys.argv[1:]]
runpy.run_module("pipeline", run_name="__main__", alter_sys=True)
"""


def peak_mb(folder: Path, book: CallBook, code: int) -> float:
    """Return how much memory a backfill of a book takes at most, in a process of its own."""
    folder.mkdir()
    (folder / "ids.txt").write_text("\n".join(book.call_ids()))
    with running(book) as server:
        ran = subprocess.run(
            [sys.executable, "-c", _RUN, "backfill", "ids.txt", "--concurrency", "4"],
            cwd=folder,
            env={"HOME": str(folder), "PYTHONPATH": str(ROOT)} | settings_of(server, {}),
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert ran.returncode == code, ran.stderr
    return int(ran.stderr.rpartition("peak_kb=")[2]) / 1024


@pytest.mark.slow
def test_forty_megabytes_and_deep_nesting_take_bounded_memory(tmp_path: Path) -> None:
    sound = CallBook(count=12, until=UNTIL, shape="today")
    hostile = CallBook(
        count=12, until=UNTIL, shape="today", broken_share=0.75, broken_kinds=("huge", "huge", "deep")
    )
    usual = peak_mb(tmp_path / "sound", sound, 0)
    # Four at a time, each with at most the cap of 15 MiB, its copy while it is judged, and small change.
    assert peak_mb(tmp_path / "hostile", hostile, 3) < usual + 4 * 2 * 15 + 30


def unpacked(path: Path) -> bytes:
    """Return a landed file as it was before it was compressed."""
    return zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())


def everything_with_secrets() -> dict[str, Any]:
    """Return an object that has a token and a signed URL in every field of today's object."""
    signed = "https://a.example/x.wav?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2"
    secret: dict[str, Any] = {"access_token": "hunter2", "url": signed, "list": [{"access_token": "hunter2"}]}
    words = [{"word": signed, "start": 1, "end": 2, **secret}]
    turn = {"role": "agent", "content": signed, "words": words, "metadata": secret, **secret}
    tool = {
        "role": "tool_call_invocation",
        "tool_call_id": "t",
        "name": signed,
        "arguments": signed,
        **secret,
    }
    result = {"role": "tool_call_result", "tool_call_id": "t", "content": signed, **secret}
    sms = {"role": "sms", "content": signed, "time_sec": 1, "multimedia": [{"url": signed}], **secret}
    woven = [turn, tool, result, sms]
    book = CallBook(count=1, until=UNTIL, shape="today")
    texts = {
        name: signed
        for model in CALL_TYPES
        for name, field in model.model_fields.items()
        if field.annotation in (str, str | None) and name != "call_id"
    }
    return {
        **book.payload(0),
        **texts,
        "access_token": "hunter2",
        "transcript_object": [turn],
        **{
            f"{scrubbed}{session}transcript_with_tool_calls": woven
            for scrubbed in ("", "scrubbed_")
            for session in ("", "pre_session_", "post_session_")
        },
        **dict.fromkeys(
            ("metadata", "retell_llm_dynamic_variables", "collected_dynamic_variables", "custom_sip_headers"),
            secret,
        ),
        "telephony_identifier": {"twilio_call_sid": signed, **secret},
        "latency": {"e2e": {"p50": 1, **secret}, signed: {"p50": 1}},
        "call_cost": {"combined_cost": 1, "product_costs": [{"product": signed, **secret}], **secret},
        "llm_token_usage": {"average": 1, "num_requests": 1, "values": [1], **secret},
        "call_analysis": {"call_summary": signed, "custom_analysis_data": secret, **secret},
        "news": secret,
    }


def test_no_field_of_todays_object_brings_a_token_or_a_signature_into_landing_or_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(Path("data"))
    document = everything_with_secrets()
    place.land([Payload(document["call_id"], json.dumps(document).encode())])
    place.load()
    for path in Path("data").rglob("*"):
        if path.suffix == ".zst":
            assert b"hunter2" not in unpacked(path)
        elif path.is_file():
            assert b"hunter2" not in path.read_bytes()
    for name in metadata.tables:
        assert "hunter2" not in str(rows(f"select * from {name}")), name
    stored = rows("select recording_url, scrubbed_recording_url, public_log_url from calls")
    assert set(stored[0]) == {"https://a.example/x.wav"}


def test_signed_urls_of_the_simulator_reach_nothing(cli: Cli) -> None:
    book = CallBook(count=60, until=UNTIL, shape="today")
    payloads = [book.payload(index) for index in range(60)]
    secrets = {payload["access_token"] for payload in payloads if "access_token" in payload}
    secrets |= {
        payload[name].rpartition("Signature=")[2]
        for payload in payloads
        for name in payload
        if name.endswith("_url") and isinstance(payload[name], str) and "Signature=" in payload[name]
    }
    assert len(secrets) > 20
    with running(book) as server:
        cli("backfill", *book.call_ids(), server=server)
    everything = "".join(str(rows(f"select * from {name}")) for name in metadata.tables)
    for path in Path("data/landing").rglob("*.zst"):
        everything += unpacked(path).decode()
    assert [secret for secret in secrets if secret in everything] == []
    assert "opt_in_signed_url" in everything
