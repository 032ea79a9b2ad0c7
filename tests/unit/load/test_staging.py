"""Loads are worked out ahead while the warehouse is nobody's, and decided upon when it is held."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from pipeline import sql
from pipeline.config import Settings
from pipeline.errors import LandingError, WarehouseFailed, WarehouseLocked
from pipeline.landing.chunk import LandedChunk
from pipeline.landing.outcome import Outcome
from pipeline.load import load_sizes, loads, staging
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.load_sizes import LoadDivider
from pipeline.load.staging import StagedLoad, StagingAhead
from pipeline.runs import offline
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import DATA_TABLES, NOON, Payload, Place, load_manifests

DEADLINE_S = 25
# Would take a lifetime, without a file and without memory.
ENDLESS = "select count(*) from range(1000000000000) as a, range(1000000) as b"

# Opens the warehouse for writing, says so, and keeps it until its input ends.
_HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("begin; create table visit (a int); rollback")
print("open", flush=True)
sys.stdin.read()
"""

# Loads what waits, chunk by chunk, and prints how many of the chunks it was that loaded them.
_LOAD = """
import sys
from pathlib import Path
from pipeline.landing.folder import Landing
from pipeline.load import load_sizes, loads
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.waiting import find_waiting
from pipeline.warehouse.database import Warehouse
load_sizes._MOST_RECORDS = 1
folder = Path(sys.argv[1])
warehouse = Warehouse.at(folder / "warehouse.duckdb")
landing = Landing(folder / "landing", folder / "quarantine")
with warehouse.reading() as connection:
    waiting = ChunkQueue(find_waiting(connection, landing).manifests.values(), is_closed=True)
print("ready", flush=True)
sys.stdin.readline()
loaded = loads.load_waiting(warehouse, waiting, refresh_window_s=1)
print(loaded.chunks, len(loaded.problems), flush=True)
"""


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def naive(hours: float) -> datetime:
    return at(hours).replace(tzinfo=None)


def payload(call_id: str, hours: float = 0, said: str = "said", count: int = 1) -> Payload:
    """A call with rows in every table, as many as are asked for where there may be more than one."""
    word = {"word": said, "start": 0.5, "end": 1}
    turns = [{"role": role, "content": said, "words": [word]} for role in ("agent", "user")] * count
    tool = {"role": "tool_call_invocation", "tool_call_id": "t", "name": said, "arguments": "{}"}
    body = {
        "call_id": call_id,
        "agent_id": "agent",
        "agent_name": said,
        "call_status": "ended",
        "start_timestamp": int(NOON.timestamp() * 1000),
        "end_timestamp": int(NOON.timestamp() * 1000) + 60_000,
        "transcript_object": turns,
        "transcript_with_tool_calls": [*turns, *[tool, {"role": "dtmf", "digit": said}] * count],
        "latency": {f"m{index}": {"p50": index, "num": 1, "values": [index]} for index in range(count)},
        "call_analysis": {"call_summary": said},
        "call_cost": {"combined_cost": 1, "product_costs": [{"product": said, "cost": 1}] * count},
        "added": {"by": said},
    }
    return Payload(call_id, json.dumps(body).encode(), at(hours))


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Place:
    """A place with a warehouse that has tables and no rows."""
    shutil.copyfile(migrated, tmp_path / "warehouse.duckdb")
    return Place(tmp_path)


@pytest.fixture
def scratches(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Every connection to stage in that was opened."""
    opened: list[Connection] = []
    scratch = Warehouse.scratch

    def noted(warehouse: Warehouse) -> Connection:
        opened.append(scratch(warehouse))
        return opened[-1]

    monkeypatch.setattr(Warehouse, "scratch", noted)
    return opened


def one_chunk_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_sizes, "_MOST_RECORDS", 1)


def instead_of(monkeypatch: pytest.MonkeyPatch, name: str, statement: Callable[[], str]) -> None:
    """Let a file of SQL say something else, worked out each time when it is asked for."""
    read = sql.read
    monkeypatch.setattr(sql, "read", lambda asked: statement() if asked == name else read(asked))


def before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[list[LandedChunk]], None]) -> None:
    """Do something once, when the first load is staged and not yet written."""
    stage_chunks = staging.stage_chunks
    is_done = threading.Event()

    def then_act(connection: Connection, chunks: list[LandedChunk]) -> bool:
        has_payloads = stage_chunks(connection, chunks)
        if not is_done.is_set():
            is_done.set()
            act(chunks)
        return has_payloads

    monkeypatch.setattr(staging, "stage_chunks", then_act)


def load_elsewhere(place: Place, *chunks: LandedChunk) -> None:
    """Load chunks as another process would: by way of the file only."""
    loaded = load_manifests(
        Warehouse.at(place.folder / "warehouse.duckdb", lock_timeout_s=1),
        [chunk.manifest for chunk in chunks],
    )
    assert (loaded.chunks, loaded.problems) == (len(chunks), [])


def ahead_of(place: Place) -> StagingAhead:
    return StagingAhead(place.warehouse, LoadDivider(ChunkQueue(place.waiting(), is_closed=True)))


def run_python(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process has the file open for writing, or the reason why it could not is raised."""
    with run_python(_HOLD, path) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            if process.stdout.readline() != "open\n":
                raise OSError(process.stderr.read())
            yield
        finally:
            process.kill()


def assert_nothing_lies_about(place: Place) -> None:
    # The mark of who waits is left where somebody had to, and means nothing by itself.
    lying = {path.name for path in place.folder.iterdir()} - {"warehouse.duckdb.waiting"}
    assert lying == {"landing", "warehouse.duckdb"}


def rows_of(place: Place) -> dict[str, list[Any]]:
    """What the tables of calls hold, and which chunks are loaded."""
    with place.warehouse.reading() as connection:
        return {
            name: [tuple(row) for row in connection.exec_driver_sql(f"select * from {name} order by all")]
            for name in (*DATA_TABLES, "etl_chunks")
        }


def times_of(place: Place) -> dict[str, tuple[datetime, datetime]]:
    """When each call was seen first, and when the payload was fetched that its rows are of."""
    rows = place.rows("select call_id, first_seen_at, extracted_at from calls")
    return {call_id: (first_seen_at, extracted_at) for call_id, first_seen_at, extracted_at in rows}


def outcomes_of(place: Place) -> dict[str, str]:
    return dict(place.rows("select call_id, outcome from etl_outcomes"))


def test_one_load_is_staged_ahead_of_the_one_that_is_taken_and_no_more(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_chunk_a_load(monkeypatch)
    for number in range(4):
        place.land([payload(f"c{number}")])
    taken = []
    with closing(ahead_of(place)) as ahead:
        for staged in ahead:
            taken.append(staged.chunks[0].chunk_id)
            # Whatever was begun is done, and nothing follows it before the next is asked for.
            wait([ahead._under_way], DEADLINE_S)
            assert ahead._under_way.done()
            assert len(scratches) == min(len(taken) + 1, 4)
            staged.connection.close()
    assert taken == list(place.landing.find_manifests())
    assert all(scratch.closed for scratch in scratches)


def test_a_load_is_staged_while_another_is_being_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_chunk_a_load(monkeypatch)
    for number in range(2):
        place.land([payload(f"c{number}")])
    is_second_staged = threading.Event()
    stage_chunks = staging.stage_chunks

    def told(connection: Connection, chunks: list[LandedChunk]) -> bool:
        has_payloads = stage_chunks(connection, chunks)
        if chunks[0].chunk_id == "run-000001":
            is_second_staged.set()
        return has_payloads

    met: list[bool] = []

    def written() -> str:
        if not met:
            met.append(is_second_staged.wait(DEADLINE_S))
        return "select 1"

    monkeypatch.setattr(staging, "stage_chunks", told)
    instead_of(monkeypatch, "load/words", written)
    assert place.load().chunks == 2
    assert met == [True]


def test_closing_ends_what_is_being_staged_however_long_that_would_take(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_chunk_a_load(monkeypatch)
    for number in range(3):
        place.land([payload(f"c{number}")])
    begun = threading.Event()

    def endless() -> str:
        begun.set()
        return ENDLESS

    instead_of(monkeypatch, "stage/staged_turns", endless)
    ahead = ahead_of(place)
    assert begun.wait(DEADLINE_S)
    closer = threading.Thread(target=ahead.close, daemon=True)
    closer.start()
    closer.join(DEADLINE_S)
    has_ended = not closer.is_alive()
    if not has_ended:  # or the process would wait for it for ever
        scratches[0].connection.driver_connection.interrupt()  # type: ignore[union-attr]
    assert has_ended
    assert [scratch.closed for scratch in scratches] == [True]
    assert_nothing_lies_about(place)
    with held(place.folder / "warehouse.duckdb"):
        pass


def test_closing_closes_what_is_staged_and_was_not_taken(place: Place, scratches: list[Connection]) -> None:
    place.land([payload("a")])
    ahead = ahead_of(place)
    wait([ahead._under_way], DEADLINE_S)
    assert [scratch.closed for scratch in scratches] == [False]
    ahead.close()
    assert [scratch.closed for scratch in scratches] == [True]
    assert place.rows("select * from calls") == []


def test_closing_before_and_after_everything_was_taken_does_no_harm(place: Place) -> None:
    ahead = ahead_of(place)
    assert list(ahead) == []
    ahead.close()
    ahead.close()


@pytest.mark.parametrize("kind", [LandingError, DBAPIError])
def test_why_a_load_could_not_be_staged_is_told_with_it_and_the_next_is_staged(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    one_chunk_a_load(monkeypatch)
    if kind is LandingError:
        writer = place.landing.open_chunk("odd", 0)
        # The manifest names another call than the one that the payload is of.
        writer.add(Outcome("b", "accepted", 1, NOON, 200, payload_hash="x"), payload("a").body)
        odd = writer.finish()
    else:
        odd = place.land([payload("a")], "odd")
        answers = iter(["select error('a number: 5')", sql.read("stage/answers")])
        instead_of(monkeypatch, "stage/answers", lambda: next(answers))
    place.land([payload("c")])
    with closing(ahead_of(place)) as ahead:
        first, second = list(ahead)
        assert first.chunks == [odd]
        assert isinstance(first.failure, kind)
        assert first.connection.closed
        assert (second.failure, second.has_payloads) == (None, True)
        second.connection.close()
    assert all(scratch.closed for scratch in scratches)


def test_too_little_memory_for_staging_is_a_failure_of_the_warehouse_and_nothing_is_written(
    place: Place, scratches: list[Connection]
) -> None:
    place.land([payload("a")])
    path = str(place.folder / "warehouse.duckdb")
    small = Warehouse(URL.create("duckdb", database=path, query={"memory_limit": "4MB"}))
    with pytest.raises(WarehouseFailed, match="allocate"):
        load_manifests(small, place.waiting())
    assert [scratch.closed for scratch in scratches] == [True]
    assert_nothing_lies_about(place)
    assert place.load().chunks == 1


def test_another_process_can_write_while_a_load_is_staged_and_not_while_it_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.folder / "warehouse.duckdb"
    place.land([payload("a")])
    seen: list[str] = []

    def visit(when: str) -> None:
        try:
            with held(path):
                seen.append(f"{when}: open")
        except OSError as refused:
            seen.append(f"{when}: {'held' if 'lock on file' in str(refused) else refused}")

    def in_staging() -> str:
        visit("being staged")
        return "reset disabled_optimizers"

    def in_writing() -> str:
        visit("being written")
        return "select 1"

    before_writing(monkeypatch, lambda chunks: visit("staged"))
    instead_of(monkeypatch, "stage/joins_as_estimated", in_staging)
    instead_of(monkeypatch, "load/words", in_writing)
    assert place.load().chunks == 1
    assert seen == ["being staged: open", "staged: open", "being written: held"]
    visit("loaded")
    assert seen[-1] == "loaded: open"


def test_a_chunk_that_another_process_loads_meanwhile_is_not_loaded_again_and_the_others_are(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [place.land([payload(f"c{number}"), payload("all", number)]) for number in range(3)]
    before_writing(monkeypatch, lambda staged: load_elsewhere(place, staged[1]))
    told: list[int] = []
    loaded = load_manifests(place.warehouse, place.waiting(), on_load=lambda one: told.append(one.records))
    assert (loaded.chunks, loaded.records, loaded.problems, told) == (2, 4, [], [4])
    assert place.rows("select chunk_id from etl_chunks order by all") == [(c.chunk_id,) for c in chunks]
    first, *others = (
        load_id for (load_id,) in place.rows("select load_id from etl_chunks order by loaded_at, chunk_id")
    )
    assert len(set(others)) == 1
    assert first not in others
    assert times_of(place) == {
        **{f"c{number}": (naive(0), naive(0)) for number in range(3)},
        "all": (naive(0), naive(2)),
    }


def test_where_another_process_loads_everything_meanwhile_nothing_is_loaded_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        place.land([payload(f"c{number}")])
    before_writing(monkeypatch, lambda staged: load_elsewhere(place, *staged))
    told: list[int] = []
    loaded = load_manifests(place.warehouse, place.waiting(), on_load=lambda one: told.append(one.records))
    assert (loaded.chunks, loaded.records, loaded.problems, told) == (0, 0, [], [])
    assert place.rows("select count(distinct load_id), count(*) from etl_chunks") == [(1, 2)]
    assert place.rows("select count(distinct load_id), count(*) from calls") == [(1, 2)]


def test_a_newer_payload_that_another_process_loads_meanwhile_is_not_replaced_by_the_staged_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = place.land([payload("a", 1, "older", 3), payload("b", 1, "other")])
    newer = place.land([payload("a", 2, "newer")])
    before_writing(monkeypatch, lambda staged: load_elsewhere(place, newer))
    loaded = load_manifests(place.warehouse, [older.manifest])
    assert (loaded.chunks, loaded.problems) == (1, [])
    assert times_of(place) == {"a": (naive(1), naive(2)), "b": (naive(1), naive(1))}
    assert place.rows("select distinct call_id, word from words order by all") == [
        ("a", "newer"),
        ("b", "other"),
    ]


def test_two_processes_that_load_at_the_same_time_load_every_chunk_once(place: Place) -> None:
    for number in range(3):
        place.land([payload(f"c{number}")])
    with run_python(_LOAD, place.folder) as one, run_python(_LOAD, place.folder) as other:
        processes = (one, other)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=DEADLINE_S) for process in processes]
    assert [err for _, err in said] == ["", ""]
    counted = [[int(number) for number in out.split()] for out, _ in said]
    assert sum(chunks for chunks, _ in counted) == 3
    assert [problems for _, problems in counted] == [0, 0]
    assert place.rows("select count(*), count(distinct chunk_id) from etl_chunks") == [(3, 3)]
    assert place.rows("select count(*), count(distinct call_id) from calls") == [(3, 3)]
    assert_nothing_lies_about(place)


def test_unchanged_and_older_payloads_leave_the_tables_as_if_only_new_ones_had_been_staged(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place.land([payload("same", 1, "same", 2), payload("kept", 5, "kept"), payload("grown", 1, "short")])
    assert place.load().chunks == 1
    (before,) = place.rows("select load_id from etl_chunks")[0]
    # The same words again, longer than what is kept, longer than before, and never seen.
    place.land([payload("same", 3, "same", 2), payload("kept", 2, "older", 3)])
    place.land([payload("grown", 2, "long", 3), payload("new", 2, "new", 2)])
    loaded = place.load()
    assert (loaded.chunks, loaded.records, loaded.problems) == (2, 4, [])

    expected = Place(tmp_path_factory.mktemp("expected"))
    expected.land([payload("same", 3, "same", 2), payload("kept", 5, "kept")])
    expected.land([payload("grown", 2, "long", 3), payload("new", 2, "new", 2)], "other")
    expected.load()
    tables = place.tables()
    assert tables == expected.tables()
    assert all(tables[name] for name in DATA_TABLES)
    assert times_of(place) == {
        "same": (naive(1), naive(3)),
        "kept": (naive(2), naive(5)),
        "grown": (naive(1), naive(2)),
        "new": (naive(2), naive(2)),
    }
    untouched = place.rows(f"select call_id from calls where load_id = '{before}' order by all")
    assert untouched == [("kept",), ("same",)]
    assert outcomes_of(place) == {"same": "unchanged", "kept": "loaded", "grown": "loaded", "new": "loaded"}


@pytest.mark.parametrize("name", ["it's 100% a.duckdb", '%(path)s;"b.db'])
def test_a_warehouse_is_written_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / f"in {name}"
    folder.mkdir()
    place = Place(folder)
    place.warehouse = Warehouse.at(folder / name, lock_timeout_s=1)
    place.land([payload("a")])
    assert place.load().chunks == 1
    assert place.rows("select call_id from calls") == [("a",)]
    assert {path.name for path in folder.iterdir()} == {"landing", name}
    assert {path.name for path in tmp_path.iterdir()} == {folder.name}


def test_a_warehouse_that_is_held_is_said_to_be_and_a_later_load_succeeds(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        place.land([payload(f"c{number}")])
    manifests = list(place.landing.find_manifests().values())
    patient = Warehouse.at(place.folder / "warehouse.duckdb", lock_timeout_s=0)
    with monkeypatch.context() as patch, held(place.folder / "warehouse.duckdb"):
        one_chunk_a_load(patch)
        with pytest.raises(WarehouseLocked, match="python"):
            load_manifests(patient, manifests)
    assert scratches
    assert all(scratch.closed for scratch in scratches)
    assert_nothing_lies_about(place)
    assert place.rows("select * from etl_chunks") == []
    assert load_manifests(patient, manifests).chunks == 2


def test_a_warehouse_that_is_let_go_while_it_is_waited_for_is_written(place: Place) -> None:
    place.land([payload("a")])
    path = place.folder / "warehouse.duckdb"
    with closing(ahead_of(place)) as ahead:
        staged = next(iter(ahead))
        with run_python(_HOLD, path) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"

            def let_go(pause_s: float) -> None:
                process.kill()
                process.wait()

            # The first try to attach fails, in the same connection as the one that succeeds.
            waiting = Warehouse(place.warehouse.url, lock_timeout_s=60, sleep=let_go)
            with waiting.write_from(staged.connection) as connection:
                loads.write_rows(connection, staged, refresh_window_s=1)
    assert place.rows("select call_id from calls") == [("a",)]
    assert_nothing_lies_about(place)


def test_an_interruption_while_rows_are_written_leaves_none_and_gives_up_what_is_being_staged(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        place.land([payload(f"c{number}")])
    is_staging = threading.Event()
    texts = iter([sql.read("stage/answers")])

    def staged() -> str:
        # The first load is staged, the second would be for ever.
        with suppress(StopIteration):
            return next(texts)
        is_staging.set()
        return ENDLESS

    def interrupted() -> str:
        assert is_staging.wait(DEADLINE_S)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        one_chunk_a_load(patch)
        instead_of(patch, "stage/answers", staged)
        instead_of(patch, "load/etl_chunks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            place.load()
    assert len(scratches) == 2
    assert all(scratch.closed for scratch in scratches)
    assert_nothing_lies_about(place)
    with held(place.folder / "warehouse.duckdb"):
        pass
    assert rows_of(place) == {name: [] for name in (*DATA_TABLES, "etl_chunks")}
    assert place.load().chunks == 3


def test_a_load_that_is_interrupted_reports_what_it_has_loaded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        place.land([payload(f"c{number}")])
    texts = iter([sql.read("load/etl_chunks")])

    def interrupted() -> str:
        for text in texts:
            return text
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        one_chunk_a_load(patch)
        instead_of(patch, "load/etl_chunks", interrupted)
        report = offline.load_landed(Settings(PIPELINE_DATA_DIR=place.folder, PIPELINE_PUBLISH="off"))
    assert (report.status, report.chunks_loaded, report.calls_loaded) == ("interrupted", 1, 1)
    assert place.rows("select status from etl_runs") == [("interrupted",)]
    assert place.rows("select count(*) from calls") == [(1,)]


def test_a_ctrl_c_while_the_first_load_is_staged_ends_it(
    place: Place, scratches: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.land([payload("a")])

    def endless() -> str:
        # Python hands a signal to the main thread, which waits for what is staged here.
        os.kill(os.getpid(), signal.SIGINT)
        return ENDLESS

    with monkeypatch.context() as patch:
        instead_of(patch, "stage/staged_turns", endless)
        with pytest.raises(KeyboardInterrupt):
            place.load()
    assert [scratch.closed for scratch in scratches] == [True]
    assert_nothing_lies_about(place)
    assert place.load().chunks == 1


def test_two_loads_that_do_not_fit_in_memory_do_not_mix_what_they_put_aside(place: Place) -> None:
    path = str(place.folder / "warehouse.duckdb")
    query = {"memory_limit": "40MB", "threads": "1"}
    warehouse = Warehouse(URL.create("duckdb", database=path, query=query))
    # Twice what fits, of text that is another in either.
    fill = "create temp table t as select i, repeat(md5('%s' || i), 20) as s from range(120000) as r(i)"
    check = "select count(*) from t where s = repeat(md5('%s' || i), 20)"
    found: dict[str, Any] = {}
    with closing(warehouse.scratch()) as one, closing(warehouse.scratch()) as other:
        for name, connection in (("one", one), ("other", other)):
            connection.exec_driver_sql(fill % name)
        found["one"] = one.exec_driver_sql(check % "one").scalar()
        one.close()
        found["other"] = other.exec_driver_sql(check % "other").scalar()
    assert found == {"one": 120_000, "other": 120_000}
    assert {entry.name for entry in place.folder.iterdir()} == {"warehouse.duckdb"}


def test_staging_looks_at_no_warehouse_so_one_staged_load_can_be_written_to_another_file(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place.land([payload("a")])
    path = place.folder / "warehouse.duckdb"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "calls.duckdb"
    with closing(ahead_of(place)) as ahead:
        staged = next(iter(ahead))
        assert isinstance(staged, StagedLoad)
        path.rename(elsewhere)
        with Warehouse.at(elsewhere).write_from(staged.connection) as connection:
            loads.write_rows(connection, staged, refresh_window_s=1)
    assert Warehouse.at(elsewhere).exists
    with Warehouse.at(elsewhere).reading() as connection:
        assert connection.exec_driver_sql("select call_id from calls").scalars().all() == ["a"]
