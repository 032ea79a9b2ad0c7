"""What 500 calls cost in a warehouse that holds 100,000 already, beside the same in an empty one.

They lie scattered over four weeks, as those of a backfill, or all on the newest day, as those of a sync. Runs
are those of the command line, with the results that they store. Apart from that: what a load alone takes
longer for each call that is held, and what storing results takes for each call of the days that were touched.

The large warehouse is made of loaded calls, copied by SQL with another id and another day. As in an account
ids say nothing of the time, so what looks for some calls has to look through all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import duckdb

from benchmarks import contest
from benchmarks.bodies import DISTINCT, Bodies, call_id, call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.landed import land, load_landed
from benchmarks.server import serving
from pipeline import sql
from pipeline.landing.folder import Landing
from pipeline.load import loads
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.publish import readers_copy
from pipeline.warehouse import schema, stored_results, tables
from pipeline.warehouse.database import Warehouse

_ADDED = 500
_BASE = 1000
_CHUNKS = 10_000
# Few calls: what grows with those that are held shows beside what they take themselves.
_FEW = 10
_FEW_TIMES = 9
# Numbers of ids are spread over as many as hashes have, so that they lie between those of the copies.
_HASHES = 2**64
# Columns of a copy that differ from those of its original; every copy is a day later.
_REPLACED = {
    "call_id": "call_id[1:9] || printf('%023d', hash(call_id, $copy))",
    "started_at": "started_at + interval (-$copy) day",
    "ended_at": "ended_at + interval (-$copy) day",
}
_COPIED = tuple(
    name
    for name, table in tables.metadata.tables.items()
    if "call_id" in table.columns and not name.startswith("etl_")
)


def measure(scale: Scale) -> Measured:
    rows, figures = [], {"pending_s_per_chunk": _seconds_per_chunk()}
    with contest.scratch() as folder, serving() as base_url:
        large = multiplied(folder / "large", scale.large)
        held = _size(large)
        published = readers_copy.publish(large, folder / "analytics.duckdb")
        figures["publish_s_per_gb"] = published.duration_s / (held / 1e9)
        few = scale.large // 10
        figures |= _growth(folder, large, multiplied(folder / "few", few), scale.large - few)
        stored: list[tuple[int, float]] = []
        for which, numbers in (
            ("", count(10 * _BASE)),
            (" of the newest day", Bodies().numbers_of_newest_day(1000 * _BASE)),
        ):

            def into_large(numbers: Iterator[int] = numbers) -> Ran:
                # What the run before has left.
                stored.append(_store_all(large))
                return _add(folder, large, base_url, numbers)

            def into_empty(numbers: Iterator[int] = numbers) -> Ran:
                return _add(folder, _migrated(folder), base_url, numbers)

            runs = contest.alternately({"large": into_large, "empty": into_empty}, scale.repetitions)
            own, empty = runs["large"], runs["empty"]
            rows.append(
                Row(
                    f"{_ADDED} calls{which} into a warehouse of {scale.large:,}",
                    f"{_ADDED} into an empty one",
                    contest.pairwise(own, empty),
                    1.5,
                    False,
                    f"{contest.seconds(own):.2f} s, {contest.cpu(own):.2f} CPU s ({held / 1e6:,.0f} MB; the "
                    f"readers' copy that a run makes at its end takes {published.duration_s:.1f} s more)",
                    f"{contest.seconds(empty):.2f} s, {contest.cpu(empty):.2f} CPU s",
                )
            )
        stored.append(_store_all(large))
    # Of each call of the days that were touched.
    figures["store_s_per_call"] = sum(cpu_s for _, cpu_s in stored) / max(
        1, sum(calls for calls, _ in stored)
    )
    return Measured(rows, figures)


def _growth(folder: Path, large: Warehouse, small: Warehouse, more: int) -> dict[str, float]:
    """Return how much longer a load, and a turn of storing results, takes for each held call."""
    loading, storing = [], []
    for number in range(_FEW_TIMES):
        ids = _spread(islice(count(number * _FEW), _FEW))
        landing = land(folder / "few" / "more", ids, run_id=f"run{number}")
        chunk = [path for path in landing.find_manifests().values() if path.parent.name == f"run{number}"]
        # The newest day of both has the same calls.
        loading.append(_load_s(large, chunk) - _load_s(small, chunk))
        storing.append(_store_newest_s(large) - _store_newest_s(small))
    return {
        "load_growth_s": max(0.0, statistics.median(loading)) / more,
        "store_growth_s": max(0.0, statistics.median(storing)) / more,
    }


def _load_s(warehouse: Warehouse, chunk: list[Path]) -> float:
    return _cpu_s(
        lambda: _loaded(
            loads.load_waiting(warehouse, ChunkQueue(chunk, is_closed=True), refresh_window_s=86_400)
        )
    )


def _loaded(loaded: loads.Loaded) -> None:
    assert loaded.records == _FEW, loaded
    assert not loaded.problems, loaded


def _store_newest_s(warehouse: Warehouse) -> float:
    stored_results.store(warehouse)
    with warehouse.writing() as connection:
        connection.exec_driver_sql("delete from stored_days where day = (select max(day) from stored_days)")
    return _cpu_s(lambda: stored_results.store(warehouse))


def _store_all(warehouse: Warehouse) -> tuple[int, float]:
    """Store what is not stored; return how many calls the days have, and the CPU seconds."""
    with warehouse.reading() as connection:
        calls = connection.exec_driver_sql(sql.read("stored/computed_call_count")).scalar()
    return int(calls or 0), _cpu_s(lambda: stored_results.store(warehouse)) if calls else 0.0


def _cpu_s(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _seconds_per_chunk() -> float:
    """Return how long a load looks for what is not loaded yet, for every chunk that is landed."""
    with contest.scratch() as folder:
        landing = Landing(folder / "landing", folder / "quarantine")
        run = landing.landing_dir / "run"
        run.mkdir(parents=True)
        for number in range(_CHUNKS):
            (run / f"run-{number:06d}.json").touch()
        started = time.monotonic()
        assert len(landing.find_manifests()) == _CHUNKS
        return (time.monotonic() - started) / _CHUNKS


def multiplied(data: Path, size: int) -> Warehouse:
    """Make a warehouse of `size` calls in a data folder."""
    landing = land(data / "base", call_ids(min(_BASE, size)))
    base = Warehouse.at(data / "base" / "base.duckdb")
    schema.ensure(base)
    assert not load_landed(base, landing).problems
    warehouse = Warehouse.at(data / "warehouse.duckdb")
    schema.ensure(warehouse)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"attach '{base.path}' as base (read_only)")
        for copy in range(max(1, size // _BASE)):
            for table in _COPIED:
                _copy(connection, table, copy)
        connection.execute("checkpoint")
        counted = connection.execute("select count(distinct call_id) from calls").fetchone()
        assert counted == (size,), counted
    # As they are where the calls came by and by.
    stored_results.store(warehouse)
    return warehouse


def _copy(connection: duckdb.DuckDBPyConnection, table: str, copy: int) -> None:
    columns = tables.metadata.tables[table].columns.keys()
    replaced = ", ".join(f"{made} as {name}" for name, made in _REPLACED.items() if name in columns)
    connection.execute(
        f"insert into {table} by name select * replace ({replaced}) from base.{table}", {"copy": copy}
    )


def _migrated(folder: Path) -> Warehouse:
    warehouse = Warehouse.at(folder / f"empty-{len(list(folder.iterdir()))}" / "warehouse.duckdb")
    schema.ensure(warehouse)
    return warehouse


def _add(folder: Path, warehouse: Warehouse, base_url: str, numbers: Iterator[int]) -> Ran:
    ids = contest.ids_file(folder, _spread(islice(numbers, _ADDED)))
    return contest.backfill(ids, Path(str(warehouse.path)).parent, base_url, PIPELINE_PUBLISH="off")


def _spread(numbers: Iterator[int]) -> list[str]:
    """Return ids between which those of the copies lie, with the bodies of these numbers."""
    listed = list(numbers)
    apart = _HASHES // len(listed) // DISTINCT * DISTINCT
    return [call_id(number + place * apart) for place, number in enumerate(listed)]


def _size(warehouse: Warehouse) -> int:
    return Path(str(warehouse.path)).stat().st_size
