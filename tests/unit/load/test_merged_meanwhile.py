"""A chunk that was merged while it waited is loaded from what it was merged into."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.landing.merge import find_merged, merge_small_chunks, remove_sources
from pipeline.runs.compaction import merge_landed
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Payload, Place, as_body, load_manifests, query, tables_of

_LEDGER = "select call_id, run_id, fetched_at, fetched_sequence, first_seen_at from etl_outcomes order by all"
PAST = datetime.now(UTC) - timedelta(days=3)


def place_with_small_chunks(folder: Path, runs: int = 6) -> Place:
    """Return a place where each run has landed a chunk: a call of its own, and one that all have."""
    place = Place(folder)
    for run in range(runs):
        at = PAST + timedelta(hours=run)
        payloads = [
            Payload(call_id, as_body({"call_id": call_id, "call_status": "ended", "agent_id": f"v{run}"}), at)
            for call_id in (f"own_{run}", "often")
        ]
        place.land(payloads, f"run{run}", landed_at=at)
    return place


def test_a_merge_changes_no_row_and_nothing_waits_after_it(tmp_path: Path) -> None:
    place = place_with_small_chunks(tmp_path)
    place.load()
    before = place.tables()
    ledger = place.rows(_LEDGER)
    merged = merge_landed(place.warehouse, place.landing)
    assert (merged.before, merged.after, merged.problems) == (6, 1, [])
    assert (place.waiting(), place.rows("select count(*) from etl_chunks")) == ([], [(1,)])
    assert place.replay().problems == []
    assert place.tables() == before
    # Numbers, times and runs of all ids are those that they were, also in a warehouse that is made anew.
    assert place.rows(_LEDGER) == ledger
    anew = Warehouse.at(tmp_path / "anew.duckdb")
    schema.ensure(anew)
    assert load_manifests(anew, place.landing.find_manifests().values()).problems == []
    assert tables_of(anew) == before
    assert query(anew, _LEDGER) == ledger


def test_a_replay_during_which_chunks_are_merged_loads_all(tmp_path: Path) -> None:
    place = place_with_small_chunks(tmp_path)
    place.load()
    before = place.tables()
    manifests = list(place.landing.find_manifests().values())
    merge_landed(place.warehouse, place.landing)
    again = load_manifests(
        place.warehouse,
        manifests,
        replay=True,
        find_merged=lambda chunk_id: find_merged(place.landing, chunk_id),
    )
    assert (again.problems, again.chunks, again.records) == ([], 1, 7)
    assert place.tables() == before


def test_a_chunk_that_somebody_took_away_is_named(tmp_path: Path) -> None:
    place = place_with_small_chunks(tmp_path, 2)
    schema.ensure(place.warehouse)
    manifests = list(place.landing.find_manifests().values())
    manifests[0].unlink()
    loaded = load_manifests(
        place.warehouse, manifests, find_merged=lambda chunk_id: find_merged(place.landing, chunk_id)
    )
    (problem,) = loaded.problems
    assert str(manifests[0]) in problem
    assert loaded.chunks == 1


def test_a_merge_that_was_killed_is_loaded_as_what_it_is(tmp_path: Path) -> None:
    place = place_with_small_chunks(tmp_path)
    place.load()
    before = place.tables()
    done = merge_small_chunks(place.landing, "killed", datetime.now(UTC), set)
    assert len(place.waiting()) == len(done.merged) == 1
    place.load()
    assert place.tables() == before
    remove_sources(done)
    assert (place.waiting(), place.replay().problems) == ([], [])
    assert place.tables() == before
