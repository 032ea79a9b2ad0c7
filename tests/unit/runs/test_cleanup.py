"""What the dead have left is cleared or finished, what the living write is not touched, damage is mended."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.config import Settings, load_settings
from pipeline.errors import LandingError
from pipeline.files.atomic import mark_folder_used, write_atomically
from pipeline.landing import ndjson
from pipeline.landing.chunk import ChunkWriter, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.ndjson import PayloadFile
from pipeline.landing.outcome import Outcome
from pipeline.landing.repair import repair
from pipeline.runs import cleanup
from pipeline.warehouse import file_copy
from support.warehouse_files import landed_lines

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def line_of(call_id: str) -> bytes:
    return b'{"call_id": "%s", "agent_id": "a", "call_status": "ended"}' % call_id.encode()


def writer_of(settings: Settings, *call_ids: str, number: int = 0) -> ChunkWriter:
    writer = Landing.of(settings).open_chunk("run", number)
    for call_id in call_ids:
        line = line_of(call_id)
        digest = hashlib.sha256(line).hexdigest()
        writer.add(Outcome(call_id, "accepted", 1, NOON, 200, payload_hash=digest), line)
    return writer


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_nobody_finishes_is_removed_and_what_is_landed_stays(settings: Settings, tmp_path: Path) -> None:
    writer_of(settings, "a").finish()
    landed = names(tmp_path)
    for left in (
        "landing/run/run-000001.ndjson.zst.part",
        "landing/run/run-000001.json.part",
        "landing/other/other-000000.json.part",
        "quarantine/run/x.body.0a1b2c.part",
        "sync.json.0a1b2c.part",
        "analytics.duckdb.making",
        "analytics.duckdb.making.wal",
    ):
        (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / left).write_bytes(b"half")
    (tmp_path / "analytics.duckdb.publishing").touch()
    (tmp_path / "film.part").write_bytes(b"of somebody else")
    cleanup.clear_leftovers(settings, Landing.of(settings).look())
    assert names(tmp_path) == landed | {"analytics.duckdb.publishing", "film.part"}


def test_what_is_being_written_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    writer = writer_of(settings, "a")
    cleanup.clear_leftovers(settings, Landing.of(settings).look())
    chunk = writer.finish()
    assert landed_lines(verify_chunk(chunk.manifest)) == [line_of("a")]
    (tmp_path / "quarantine" / "run").mkdir(parents=True)
    part = tmp_path / "quarantine" / "run" / "x.body.part"
    part.touch()
    with mark_folder_used(part.parent):
        cleanup.clear_leftovers(settings, Landing.of(settings).look())
        assert part.exists()
    cleanup.clear_leftovers(settings, Landing.of(settings).look())
    assert not part.exists()


def test_a_chunk_that_only_lacked_its_name_is_finished(settings: Settings) -> None:
    landing = Landing.of(settings)
    chunk = writer_of(settings, "a", "b").finish()
    # As a kill between the two renames leaves it.
    chunk.manifest.rename(chunk.manifest.with_name(f"{chunk.manifest.name}.part"))
    assert landing.find_manifests() == {}
    cleanup.clear_leftovers(settings, Landing.of(settings).look())
    assert landed_lines(verify_chunk(landing.find_manifests()[chunk.chunk_id])) == [
        line_of("a"),
        line_of("b"),
    ]


def test_a_chunk_that_could_not_be_written_in_part_is_given_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_of(settings, "a")

    def refuse(self: PayloadFile, lines: list[bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    # Every line is a piece, which is written while the next one is awaited.
    monkeypatch.setattr(ndjson, "_PIECE", 1)
    monkeypatch.setattr(PayloadFile, "_write", refuse)
    writer.add(Outcome("b", "accepted", 1, NOON, 200), b"{}")
    with pytest.raises(LandingError, match="No space left on device"):
        writer.add(Outcome("c", "accepted", 1, NOON, 200), b"{}")
    monkeypatch.undo()
    # There is room again, but what was held back is gone.
    with pytest.raises(LandingError, match="No space left on device"):
        writer.finish()
    assert names(tmp_path) == set()


def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "file", b"former")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "file", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"former"}


def test_a_copy_that_nobody_waits_for_gets_no_name(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 1000)
    # Another process than the one that copies was its parent.
    ran = subprocess.run(
        [sys.executable, "-I", "-c", file_copy._PROGRAM, source, target, "1"], capture_output=True, text=True
    )
    assert "nobody waits for the copy any more" in ran.stderr
    assert names(tmp_path) == {"source"}
    file_copy.copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()


def test_a_repair_keeps_what_is_sound_and_names_what_is_lost(settings: Settings, tmp_path: Path) -> None:
    landing = Landing.of(settings)
    whole = writer_of(settings, "a").finish()
    # Lines that compress to nothing would all be in the part that is cut off.
    writer = landing.open_chunk("run", 1)
    lines = {f"c{index}": line_of(f"c{index}")[:-1] + b', "x": "%s"}' % os.urandom(20_000).hex().encode()
             for index in range(20)}  # fmt: skip
    for call_id, line in lines.items():
        digest = hashlib.sha256(line).hexdigest()
        writer.add(Outcome(call_id, "accepted", 1, NOON, 200, payload_hash=digest), line)
    writer.add(Outcome("gone", "not_found", 1, NOON, 404))
    cut = writer.finish()
    assert cut.payloads is not None
    cut.payloads.write_bytes(cut.payloads.read_bytes()[: cut.byte_count // 2])
    orphan = writer_of(settings, "o", number=2).finish()
    orphan.manifest.unlink()
    [payloads] = landing.find_orphans()
    assert payloads == orphan.payloads

    done = repair(landing, "mended")
    assert [chunk.chunk_id for chunk in done.chunks] == [cut.chunk_id, orphan.chunk_id]
    half, other = done.chunks
    assert half.lost
    assert half.kept
    assert half.kept + len(half.lost) == 20
    assert (other.kept, other.lost) == (1, ())
    assert done.lost_ids is not None
    assert done.lost_ids.read_text().split() == list(half.lost)
    landed = [line for path in landing.find_manifests().values() for line in landed_lines(verify_chunk(path))]
    kept = [line for call_id, line in lines.items() if call_id not in half.lost]
    assert sorted(landed) == sorted([line_of("a"), *kept, line_of("o")])
    outcomes = {each.call_id: each for each in landing.read_outcomes("mended")}
    assert outcomes["gone"].outcome == "not_found"
    assert outcomes[next(iter(outcomes))].fetched_at == NOON
    assert whole.manifest.exists()
    # Nothing was deleted, and there is nothing more to do.
    aside = {path.name for path in done.set_aside.iterdir()}
    assert {cut.payloads.name, cut.manifest.name} <= aside
    # The copy in its payloads gave the other its manifest back.
    assert verify_chunk(orphan.manifest) == orphan
    assert repair(landing, "again").chunks == []
