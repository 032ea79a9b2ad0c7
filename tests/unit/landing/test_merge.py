"""Small chunks of past days become large ones, and all that they held stays as it was."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.landing import merge
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Receipt, judge
from pipeline.landing.manifest import read_manifest
from pipeline.landing.merge import Merge, find_merged, merge_small_chunks, remove_sources
from pipeline.landing.outcome import Outcome
from pipeline.landing.payload_file import read_superseded
from pipeline.landing.repair import repair
from support.warehouse_files import landed_lines

DAY = datetime(2025, 6, 1, tzinfo=UTC)
BEFORE = datetime(2025, 7, 1, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing", tmp_path / "quarantine")


def line_of(call_id: str, version: int = 0) -> bytes:
    return json.dumps({"call_id": call_id, "call_status": "ended", "agent_id": f"v{version}"}).encode()


def land(landing: Landing, hour: int, *call_ids: str, gone: tuple[str, ...] = ()) -> LandedChunk:
    """Land a version of each call as a run of its own."""
    at = DAY + timedelta(hours=hour)
    writer = landing.open_chunk(f"run{hour:03d}", 0)
    for call_id in call_ids:
        judgement = judge(Receipt(call_id, at, 200, 1), line_of(call_id, hour))
        writer.add(judgement.outcome, judgement.line)
    for call_id in gone:
        writer.add(Outcome(call_id, "not_found", 1, at, 404))
    return writer.finish(landed_at=at)


def merge_all(landing: Landing, before: datetime = BEFORE) -> Merge:
    done = merge_small_chunks(landing, "merge", before, set)
    remove_sources(done)
    return done


def outcomes_in(landing: Landing) -> Counter[tuple[object, ...]]:
    """Every outcome that is landed, with the run that landed it, and how new it is."""
    return Counter(
        (each.call_id, each.outcome, each.fetched_at, each.sequence, each.payload_hash, each.landed_by or run)
        for path in landing.find_manifests().values()
        for run, each in ((read_manifest(path).run_id, each) for each in read_manifest(path).outcomes)
    )


def lines_in(landing: Landing) -> Counter[bytes]:
    chunks = [verify_chunk(path) for path in landing.find_manifests().values()]
    found = Counter(line for chunk in chunks for line in landed_lines(chunk))
    for chunk in chunks:
        if chunk.payloads is not None:
            found.update(read_superseded(chunk.payloads))
    return found


def test_a_merge_keeps_outcomes_payloads_and_the_runs_that_landed_them(landing: Landing) -> None:
    for hour in range(20):
        land(landing, hour, f"a{hour}", f"b{hour}", gone=(f"c{hour}",))
    outcomes, lines = outcomes_in(landing), lines_in(landing)
    done = merge_all(landing)
    assert (len(done.sources), len(done.merged), done.problems) == (20, 1, [])
    assert (outcomes_in(landing), lines_in(landing)) == (outcomes, lines)
    assert len(landing.find_manifests()) == 1
    assert sorted(path.name for path in landing.landing_dir.iterdir()) == ["clock.json", "merge"]


def test_of_a_call_that_was_fetched_often_the_newest_payload_is_loaded_and_the_others_are_kept(
    landing: Landing,
) -> None:
    for hour in (3, 1, 2):
        land(landing, hour, "often", f"once{hour}")
    lines = lines_in(landing)
    (chunk,) = merge_all(landing).merged
    assert line_of("often", 3) in landed_lines(chunk)
    assert chunk.payloads is not None
    assert sorted(read_superseded(chunk.payloads)) == [line_of("often", 1), line_of("often", 2)]
    assert lines_in(landing) == lines
    # Merged with a newer one once more, it is superseded itself.
    land(landing, 4, "often")
    (again,) = merge_small_chunks(landing, "again", BEFORE, set).merged
    assert line_of("often", 4) in landed_lines(again)
    assert again.payloads is not None
    assert len(read_superseded(again.payloads)) == 3


def test_chunks_of_today_and_those_that_are_not_loaded_stay(landing: Landing) -> None:
    chunks = [land(landing, hour, f"a{hour}") for hour in range(6)]
    loaded = {chunk.chunk_id for chunk in chunks[:4]}
    done = merge_small_chunks(landing, "merge", DAY + timedelta(hours=2), lambda ids: loaded & set(ids))
    assert [chunk.chunk_id for chunk in done.sources] == [chunk.chunk_id for chunk in chunks[:2]]


def test_a_chunk_alone_and_large_ones_stay(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    land(landing, 0, "a")
    assert merge_all(landing).merged == []
    monkeypatch.setattr(merge, "_SMALL_BYTES", 10)
    land(landing, 1, "b")
    assert merge_all(landing).merged == []


def test_merged_chunks_are_no_larger_than_a_load(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_MOST_RECORDS", 5)
    for hour in range(7):
        land(landing, hour, f"a{hour}", f"b{hour}")
    assert [chunk.record_count for chunk in merge_all(landing).merged] == [4, 4, 4]


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_merge_that_was_killed_before_it_removed_anything_leaves_each_outcome_once(
    landing: Landing, is_recorded: bool
) -> None:
    for hour in range(5):
        land(landing, hour, f"a{hour}", "often")
    outcomes, lines = outcomes_in(landing), lines_in(landing)
    killed = merge_small_chunks(landing, "killed", BEFORE, set)
    if is_recorded:
        # Killed in the middle of removing.
        remove_sources(Merge(sources=killed.sources[:2]))
    merge_all(landing)
    assert (set(outcomes_in(landing)), lines_in(landing)) == (set(outcomes), lines)
    assert outcomes_in(landing) == outcomes


def test_a_damaged_chunk_is_named_and_stays(landing: Landing) -> None:
    chunks = [land(landing, hour, f"a{hour}") for hour in range(4)]
    assert chunks[1].payloads is not None
    chunks[1].payloads.write_bytes(b"?")
    done = merge_all(landing)
    (problem,) = done.problems
    assert str(chunks[1].payloads) in problem
    assert chunks[1].manifest.exists()
    assert len(done.sources) == 3


def test_the_merged_chunks_of_one_that_is_gone_are_found(landing: Landing) -> None:
    chunks = [land(landing, hour, f"a{hour}") for hour in range(3)]
    (merged,) = merge_all(landing).merged
    assert find_merged(landing, chunks[1].chunk_id) == [merged.manifest]
    assert find_merged(landing, "another") == []


def test_a_merged_chunk_whose_payloads_are_cut_keeps_what_is_sound(landing: Landing) -> None:
    for hour in range(4):
        land(landing, hour, f"a{hour}", "often", gone=(f"c{hour}",))
    (merged,) = merge_all(landing).merged
    assert merged.payloads is not None
    merged.payloads.write_bytes(merged.payloads.read_bytes()[: merged.byte_count])
    # Only the copy of the manifest was cut off.
    assert [(chunk.kept, chunk.lost) for chunk in repair(landing, "mended").chunks] == [(5, ())]
    assert verify_chunk(merged.manifest) == merged
    merged.payloads.write_bytes(b"")
    (chunk,) = repair(landing, "mended-again").chunks
    assert (chunk.kept, sorted(chunk.lost)) == (0, ["a0", "a1", "a2", "a3", "often"])
    assert {each.outcome for each in landing.read_outcomes("mended-again")} == {"not_found"}
