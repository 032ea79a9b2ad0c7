"""What is landed is read back as it was, damage is told with its path, and all that arrives is landed."""

import asyncio
import hashlib
import json
import logging
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KeyRefused, LandingError
from pipeline.extract import extraction
from pipeline.extract.extraction import Extraction
from pipeline.files.atomic import write_atomically
from pipeline.landing import ndjson
from pipeline.landing.chunk import ChunkWriter, LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.ndjson import read_lines
from pipeline.landing.outcome import Outcome
from pipeline.landing.payload_file import find_copy
from pipeline.payload.fast_parse import parse_body
from pipeline.payload.strict_json import Malformed
from pipeline.retell.answer import Answer
from pipeline.times import to_epoch_us
from support.warehouse_files import landed_lines

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
any_lines = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=8)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing", tmp_path / "quarantine")


def an_outcome(call_id: str, outcome: str = "accepted") -> Outcome:
    return Outcome(call_id, outcome, 1, NOON, 200, payload_hash="h")


def land(landing: Landing, lines: list[bytes], run_id: str = "run", number: int = 0) -> LandedChunk:
    writer = landing.open_chunk(run_id, number)
    for index, line in enumerate(lines):
        writer.add(an_outcome(f"c{index}"), line)
    return writer.finish()


def payloads_of(chunk: LandedChunk) -> Path:
    assert chunk.payloads is not None
    return chunk.payloads


def manifest_of(chunk: LandedChunk) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(chunk.manifest.read_bytes())
    return manifest


@settings(max_examples=40, deadline=None)
@given(any_lines)
def test_what_is_landed_is_read_back(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing", Path(folder) / "quarantine")
        chunk = land(landing, lines)
        assert landed_lines(chunk) == lines
        assert verify_chunk(chunk.manifest) == chunk
        assert landing.find_manifests() == {chunk.chunk_id: chunk.manifest}


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_lines_longer_than_a_block_are_read_whole(landing: Landing, size: int) -> None:
    lines = [b"a", b"x" * size, b"b"]
    assert landed_lines(land(landing, lines)) == lines


@pytest.mark.parametrize("piece", [1, 10, 50, 1 << 20])
def test_lines_are_read_back_in_order_whatever_the_pieces_they_are_compressed_in(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(ndjson, "_PIECE", piece)
    lines = [b"%d" % number * (number % 7) for number in range(100)]
    chunk = land(landing, lines)
    assert landed_lines(verify_chunk(chunk.manifest)) == lines
    # One frame, because readers stop at the end of the first.
    assert zstandard.ZstdDecompressor().decompressobj().decompress(payloads_of(chunk).read_bytes()) == (
        b"".join(line + b"\n" for line in lines)
    )


def test_a_manifest_says_what_is_beside_it(landing: Landing) -> None:
    writer = landing.open_chunk("run", 7)
    writer.add(an_outcome("a"), b'{"call_id":"a"}')
    writer.add(an_outcome("b", "not_found"))
    writer.add(replace(an_outcome("c", "rejected"), json_path="$.x", value="1", quarantine_path="run/c.body"))
    chunk = writer.finish()
    manifest, payloads = manifest_of(chunk), payloads_of(chunk)
    assert payloads.name == "run-000007.ndjson.zst"
    assert manifest["payload_file"] == payloads.name
    assert manifest["chunk_id"] == chunk.chunk_id == "run-000007"
    assert manifest["run_id"] == chunk.manifest.parent.name == "run"
    assert manifest["record_count"] == chunk.record_count == 1
    content = payloads.read_bytes()
    assert manifest["byte_count"] == chunk.byte_count < len(content)
    frame = content[: chunk.byte_count]
    assert zstandard.ZstdDecompressor().decompressobj().decompress(frame) == b'{"call_id":"a"}\n'
    assert manifest["sha256"] == chunk.sha256 == hashlib.sha256(frame).hexdigest()
    copy = find_copy(content)
    assert copy is not None
    assert (copy.content, copy.start) == (chunk.manifest.read_bytes(), chunk.byte_count)
    assert [(said["call_id"], said["outcome"]) for said in manifest["outcomes"]] == [
        ("a", "accepted"),
        ("b", "not_found"),
        ("c", "rejected"),
    ]
    assert chunk.manifest.read_bytes().count(b"\n") == 1


def test_a_chunk_without_payloads_has_a_copy_of_its_manifest_alone(landing: Landing) -> None:
    writer = landing.open_chunk("run", 0)
    writer.add(an_outcome("a", "failed"))
    chunk = writer.finish()
    assert (chunk.payloads, chunk.record_count, chunk.sha256) == (None, 0, None)
    assert verify_chunk(chunk.manifest) == chunk
    copy = find_copy(chunk.manifest.with_name("run-000000.ndjson.zst").read_bytes())
    assert copy is not None
    assert (copy.content, copy.start) == (chunk.manifest.read_bytes(), 0)


def test_outcomes_are_read_back_as_they_were(landing: Landing) -> None:
    moment = datetime(2025, 3, 30, 1, 59, 59, 123_456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    outcomes = [
        Outcome("a", "accepted", 3, moment, 200, payload_hash="é"),
        Outcome("b", "rejected", 1, NOON, 200, "wrong", None, "$.x", '"\ud83d"', "run/b.body"),
        Outcome("c", "failed", 9, NOON, None, "timeout"),
    ]
    for number, outcome in enumerate(outcomes):
        writer = landing.open_chunk("run", number)
        writer.add(outcome, b"{}" if outcome.outcome == "accepted" else None)
        writer.finish()
    land(landing, [b"{}"], "other run")
    numbered = [replace(each, sequence=to_epoch_us(each.fetched_at)) for each in outcomes]
    assert list(landing.read_outcomes("run")) == numbered
    assert list(landing.read_outcomes("no such run")) == []


def test_chunks_are_listed_in_the_order_of_runs_and_numbers(landing: Landing) -> None:
    for run_id, number in [("20250102", 0), ("20250101", 10), ("20250101", 9), ("20241231", 999_999)]:
        land(landing, [b"{}"], run_id, number)
    assert list(landing.find_manifests()) == [
        "20241231-999999",
        "20250101-000009",
        "20250101-000010",
        "20250102-000000",
    ]


def test_a_landing_that_is_not_there_has_no_chunks(landing: Landing) -> None:
    assert landing.find_manifests() == {}


def test_unfinished_and_stray_files_are_no_chunks(landing: Landing) -> None:
    chunk = land(landing, [b"{}"])
    folder = chunk.manifest.parent
    unfinished = landing.open_chunk("run", 1)
    unfinished.add(an_outcome("a"), b"{}")
    for name in (
        "run-000002.json.part",
        "run-000003.ndjson.zst",
        "run-000004.ndjson.zst.part",
        "notes.json",
        "run-12.json",
        ".DS_Store",
    ):
        (folder / name).write_bytes(b"?")
    (landing.landing_dir / "run-000005.json").write_bytes(b"{}")
    assert list(landing.find_manifests()) == [chunk.chunk_id]
    assert [outcome.call_id for outcome in landing.read_outcomes("run")] == ["c0"]
    unfinished.discard()


def test_a_discarded_chunk_leaves_nothing(landing: Landing) -> None:
    writer = landing.open_chunk("run", 0)
    writer.add(an_outcome("a"), b"{}")
    writer.discard()
    assert list((landing.landing_dir / "run").iterdir()) == []


def test_a_chunk_that_is_finished_after_a_killed_one_takes_the_place_of_its_part(landing: Landing) -> None:
    killed = landing.open_chunk("run", 0)
    killed.add(an_outcome("a"), b"x" * 1000)
    chunk = land(landing, [b"{}"])
    killed.discard()
    assert landed_lines(verify_chunk(chunk.manifest)) == [b"{}"]


def test_a_chunk_refuses_an_id_twice(landing: Landing) -> None:
    writer = landing.open_chunk("run", 0)
    writer.add(an_outcome("a"), b"1")
    for again in (an_outcome("a"), an_outcome("a", "not_found")):
        with pytest.raises(ValueError, match="at most once"):
            writer.add(again, b"2")
    chunk = writer.finish()
    assert landed_lines(chunk) == [b"1"]
    assert len(manifest_of(chunk)["outcomes"]) == 1


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip_a_bit,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "something after its end": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "a folder": turn_into_a_folder,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_payloads_are_told_with_their_path(landing: Landing, damage: str) -> None:
    chunk = land(landing, [b'{"call_id":"a"}'])
    DAMAGE[damage](payloads_of(chunk))
    with pytest.raises(LandingError, match=r"is missing or not what its manifest says") as caught:
        verify_chunk(chunk.manifest)
    assert caught.value.path == chunk.payloads
    assert str(chunk.payloads) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"5", b"{}", b"\xff\xfe", b'{"payload_file": null}'],
)
def test_a_manifest_that_cannot_be_read_is_told_with_its_path(landing: Landing, content: bytes) -> None:
    chunk = land(landing, [b"{}"])
    chunk.manifest.write_bytes(content)
    with pytest.raises(LandingError, match=r"manifest .* cannot be read") as caught:
        verify_chunk(chunk.manifest)
    assert caught.value.path == chunk.manifest
    assert str(chunk.manifest) in str(caught.value)


@pytest.mark.parametrize(
    "facts",
    [
        {"chunk_id": "run-000001"},
        {"chunk_id": 5},
        {"payload_file": 5},
        {"payload_file": ""},
        {"payload_file": "../run-000000.ndjson.zst"},
        {"payload_file": None},
        {"record_count": 2},
        {"outcomes": []},
        {"outcomes": None},
        {"outcomes": [{}]},
    ],
    ids=str,
)
def test_a_manifest_that_contradicts_itself_is_refused(landing: Landing, facts: dict[str, Any]) -> None:
    chunk = land(landing, [b"{}"])
    chunk.manifest.write_text(json.dumps(manifest_of(chunk) | facts))
    with pytest.raises(LandingError, match=r"manifest .* cannot be read") as caught:
        verify_chunk(chunk.manifest)
    assert caught.value.path == chunk.manifest


def test_a_manifest_that_is_gone_is_told_with_its_path(landing: Landing) -> None:
    with pytest.raises(LandingError) as caught:
        verify_chunk(landing.landing_dir / "run" / "run-000000.json")
    assert caught.value.path == landing.landing_dir / "run" / "run-000000.json"


def test_a_folder_that_cannot_be_written_is_told_before_and_while_landing(tmp_path: Path) -> None:
    (tmp_path / "landing").write_bytes(b"a file, where a folder should be")
    landing = Landing(tmp_path / "landing", tmp_path / "quarantine")
    writer = landing.open_chunk("run", 0)
    attempts: list[Callable[[], object]] = [
        landing.check_writable,
        lambda: landing.open_chunk("run", 0).add(an_outcome("a"), b"{}"),
        writer.finish,
    ]
    for attempt in attempts:
        with pytest.raises(LandingError, match=r"cannot write to .*--data-dir") as caught:
            attempt()
        assert str(caught.value.path).startswith(str(tmp_path / "landing"))


def test_a_quarantine_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "quarantine").write_bytes(b"")
    landing = Landing(tmp_path / "landing", tmp_path / "quarantine")
    for attempt in (landing.check_writable, lambda: landing.quarantine("run", "a", b"", {})):
        with pytest.raises(LandingError, match="cannot write to") as caught:
            attempt()
        assert str(caught.value.path).startswith(str(tmp_path / "quarantine"))


def test_a_writable_folder_is_left_as_it_was(landing: Landing) -> None:
    landing.check_writable()
    assert list(landing.landing_dir.iterdir()) == list(landing.quarantine_dir.iterdir()) == []


def test_quarantine_keeps_the_body_and_what_is_known_of_it(landing: Landing) -> None:
    body = b"\xff\0{not json"
    path = landing.quarantine("run", "a", body, {"call_id": "a", "value": "é"})
    assert (landing.quarantine_dir / path).read_bytes() == body
    facts = json.loads((landing.quarantine_dir / path).with_suffix(".json").read_bytes())
    assert facts == {"call_id": "a", "value": "é"}


def test_a_file_that_is_written_durably_replaces_its_earlier_self(tmp_path: Path) -> None:
    for content in (b"long content", b"short"):
        write_atomically(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"short"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not (shutil.which("zstdcat") and shutil.which("jq")), reason="zstdcat or jq is missing")
def test_a_chunk_reads_with_zstdcat_and_jq(landing: Landing) -> None:
    chunk = land(landing, ['{"call_id":"a","agent_name":"é"}'.encode(), b'{"call_id":"b"}'])
    script = 'set -e; zstdcat "$1" | jq -r ".call_id + (.agent_name // empty)"'
    ran = subprocess.run(
        ["sh", "-c", script, "sh", str(chunk.payloads)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["aé"]
    tested = subprocess.run(["zstdcat", str(chunk.payloads)], capture_output=True, check=True)
    assert tested.stdout.splitlines() == landed_lines(chunk)


def answer_for(call_id: str) -> Answer:
    """Answer as the client does; the end of an id says what becomes of it."""
    kind = call_id.rsplit("-", 1)[-1]
    if kind in ("missing", "failed"):
        status = "not_found" if kind == "missing" else "failed"
        return Answer(call_id, status, 404, 1, NOON, reason="no")  # type: ignore[arg-type]
    if kind == "broken":
        return Answer(call_id, "malformed", 200, 1, NOON, b"{", fault=Malformed("not JSON", is_syntax=True))
    document = {"call_id": call_id, "agent_id": 5 if kind == "wrong" else "a", "call_status": "ended"}
    body = json.dumps(document).encode()
    return Answer(call_id, "found", 200, 1, NOON, body, parse_body(body))


EXPECTED = {
    "good": "accepted",
    "wrong": "rejected",
    "broken": "rejected",
    "missing": "not_found",
    "failed": "failed",
}


class Api:
    """A source that answers at once, or after `hold` lets it; `asked` are the ids in the order they came."""

    def __init__(self, hold: Callable[[str], Coroutine[Any, Any, object]] | None = None) -> None:
        self.asked: list[str] = []
        self._hold = hold

    async def get_call(self, call_id: str) -> Answer:
        self.asked.append(call_id)
        await (self._hold(call_id) if self._hold else asyncio.sleep(0))
        return answer_for(call_id)


def extraction_of(
    landing: Landing, api: Api, chunk_size: int = 3, concurrency: int = 2, **told: Any
) -> Extraction:
    return Extraction("run", landing, api, chunk_size, concurrency, **told)


def run(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end, or fail where it would go on for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(30):
            await work

    asyncio.run(bounded())


async def turns(count: int = 50) -> None:
    """Let everything that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


def landed_outcomes(landing: Landing) -> dict[str, str]:
    """What is landed for every id, once it is proved that accepted ones have their payloads."""
    outcomes = list(landing.read_outcomes("run"))
    found = {outcome.call_id: outcome.outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    held: list[str] = []
    for manifest in landing.find_manifests().values():
        chunk = verify_chunk(manifest)
        held += [json.loads(line)["call_id"] for line in landed_lines(chunk)]
    assert sorted(held) == sorted(call_id for call_id, outcome in found.items() if outcome == "accepted")
    assert not list(landing.landing_dir.rglob("*.part"))
    return found


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(list(EXPECTED)), min_size=1, max_size=25),
    chunk_size=st.integers(1, 8),
    concurrency=st.integers(1, 9),
)
def test_every_id_gets_one_outcome_however_it_is_extracted(
    kinds: list[str], chunk_size: int, concurrency: int
) -> None:
    ids = [f"c{number}-{kind}" for number, kind in enumerate(kinds)]
    told: list[str] = []
    chunks: list[LandedChunk] = []
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing", Path(folder) / "quarantine")
        working = extraction_of(
            landing,
            Api(),
            chunk_size,
            concurrency,
            on_outcome=lambda outcome: told.append(outcome.call_id),
            on_chunk=chunks.append,
        )
        run(working.run(iter(ids)))
        found = landed_outcomes(landing)
        assert {chunk.chunk_id for chunk in chunks} == set(landing.find_manifests())
    assert found == {call_id: EXPECTED[call_id.rsplit("-", 1)[-1]] for call_id in ids}
    assert sorted(told) == sorted(ids)
    assert working.counts == Counter(found.values())
    assert len(chunks) == -(-len(ids) // chunk_size)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_slow_disk_holds_extraction_up_and_loses_nothing(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    ids = [f"c{number}-good" for number in range(40)]
    landed_at_once: list[int] = []
    finish = ChunkWriter.finish

    def slow(self: ChunkWriter) -> LandedChunk:
        landed_at_once.append(len(working._landing_now))
        asyncio.run(asyncio.sleep(0.005))
        return finish(self)

    monkeypatch.setattr(ChunkWriter, "finish", slow)
    working = extraction_of(landing, Api(), 1, concurrency)
    run(working.run(iter(ids)))
    assert set(landed_outcomes(landing)) == set(ids)
    assert max(landed_at_once) <= 1 + concurrency


def test_a_rejected_body_is_kept_in_quarantine(landing: Landing) -> None:
    run(extraction_of(landing, Api()).run(iter(["a-wrong", "b-broken"])))
    outcomes = {outcome.call_id: outcome for outcome in landing.read_outcomes("run")}
    wrong, broken = outcomes["a-wrong"], outcomes["b-broken"]
    assert (wrong.json_path, wrong.value) == ("$.agent_id", "5")
    assert broken.reason == "not JSON"
    assert (landing.quarantine_dir / str(wrong.quarantine_path)).read_bytes() == answer_for("a-wrong").body
    assert (landing.quarantine_dir / str(broken.quarantine_path)).read_bytes() == b"{"


def test_what_arrived_is_landed_when_the_source_stops_the_run(landing: Landing) -> None:
    async def hold(call_id: str) -> None:
        if call_id == "c5-good":
            raise KeyRefused(401, call_id)
        await asyncio.sleep(0)

    api = Api(hold)
    told: list[str] = []
    working = extraction_of(landing, api, 100, 3, on_outcome=lambda outcome: told.append(outcome.call_id))
    with pytest.raises(KeyRefused):
        run(working.run(f"c{number}-good" for number in range(1000)))
    assert {"c0-good", "c1-good", "c2-good"} <= set(told)
    assert set(landed_outcomes(landing)) == set(told)
    assert len(api.asked) < 20


def test_what_arrived_is_landed_when_the_run_is_cancelled(landing: Landing) -> None:
    told: list[str] = []

    async def cancelled() -> None:
        stuck = asyncio.Event()

        async def hold(call_id: str) -> None:
            if call_id == "c8-good":
                stuck.set()
            if call_id in ("c7-good", "c8-good"):
                await asyncio.Event().wait()

        working = extraction_of(
            landing, Api(hold), 3, 2, on_outcome=lambda outcome: told.append(outcome.call_id)
        )
        task = asyncio.create_task(working.run(f"c{number}-good" for number in range(100)))
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelled())
    assert set(landed_outcomes(landing)) == {f"c{number}-good" for number in range(7)}


def test_chunks_after_one_that_cannot_be_landed_are_landed_and_the_failure_is_told(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finish = ChunkWriter.finish

    def full(self: ChunkWriter) -> LandedChunk:
        if self.chunk_id.endswith("-000001"):
            self.discard()
            raise LandingError("disk full")
        return finish(self)

    monkeypatch.setattr(ChunkWriter, "finish", full)
    told: list[str] = []
    working = extraction_of(landing, Api(), 2, 2, on_outcome=lambda outcome: told.append(outcome.call_id))
    with caplog.at_level(logging.ERROR), pytest.raises(LandingError, match="disk full"):
        run(working.run(f"c{number}-good" for number in range(1000)))
    assert len(told) < 1000
    lost = set(told) - {outcome.call_id for outcome in landing.read_outcomes("run")}
    assert len(lost) == 2


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_refused_key_costs_one_request(landing: Landing, concurrency: int) -> None:
    async def refuse(call_id: str) -> None:
        await turns()
        raise KeyRefused(401, call_id)

    api = Api(refuse)
    with pytest.raises(KeyRefused):
        run(
            extraction_of(landing, api, concurrency=concurrency).run(
                f"c{number}-good" for number in range(50)
            )
        )
    assert len(api.asked) == 1
    assert landing.find_manifests() == {}


def test_the_first_request_goes_alone_and_the_others_go_together(landing: Landing) -> None:
    seen: list[int] = []

    async def scenario() -> None:
        first, others = asyncio.Event(), asyncio.Event()

        async def hold(call_id: str) -> None:
            await (first if call_id == "c0-good" else others).wait()

        api = Api(hold)
        task = asyncio.create_task(
            extraction_of(landing, api, concurrency=4).run(f"c{number}-good" for number in range(10))
        )
        await turns()
        seen.append(len(api.asked))
        first.set()
        await turns()
        seen.append(len(api.asked))
        others.set()
        await task
        seen.append(len(api.asked))

    run(scenario())
    # The worker of the first has gone on to a next one meanwhile: 1 + 4.
    assert seen == [1, 5, 10]
    assert len(landed_outcomes(landing)) == 10


def test_a_slow_first_answer_holds_nobody_up_for_long(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_FIRST_ALONE_S", 0.001)

    async def scenario() -> None:
        all_others = asyncio.Event()

        async def hold(call_id: str) -> None:
            if call_id == "c0-good":
                await all_others.wait()
            elif len(api.asked) == 10:
                all_others.set()

        api = Api(hold)
        await extraction_of(landing, api, concurrency=2).run(f"c{number}-good" for number in range(10))

    run(scenario())
    assert len(landed_outcomes(landing)) == 10


def test_a_chunk_of_a_slow_api_is_landed_before_it_is_full(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_CHUNK_AGE_S", 0.001)

    async def scenario() -> None:
        landed = asyncio.Event()

        async def hold(call_id: str) -> None:
            if call_id == "c1-good":
                await landed.wait()

        working = extraction_of(landing, Api(hold), 100, 1, on_chunk=lambda chunk: landed.set())
        await working.run(iter(["c0-good", "c1-good"]))

    run(scenario())
    assert set(landed_outcomes(landing)) == {"c0-good", "c1-good"}


def test_ids_are_taken_one_by_one_and_not_ahead_of_the_workers(landing: Landing) -> None:
    taken: list[int] = []

    def endless() -> Any:
        for number in range(10**9):
            taken.append(number)
            yield f"c{number}-good"

    async def hold(call_id: str) -> None:
        if int(call_id[1:].split("-")[0]) >= 20:
            raise KeyRefused(401)
        await asyncio.sleep(0)

    with pytest.raises(KeyRefused):
        run(extraction_of(landing, Api(hold), 4, 3).run(endless()))
    assert len(taken) <= 20 + 3


def test_nothing_to_fetch_lands_nothing(landing: Landing) -> None:
    run(extraction_of(landing, Api(), concurrency=1).run(iter([])))
    assert landing.find_manifests() == {}


def test_reading_a_file_that_is_cut_gives_no_line_that_was_not_there(landing: Landing) -> None:
    chunk = land(landing, [b"x" * 50, b"y" * 50])
    payloads = payloads_of(chunk)
    payloads.write_bytes(payloads.read_bytes()[:-6])
    assert set(read_lines(payloads)) <= {b"x" * 50, b"y" * 50}
