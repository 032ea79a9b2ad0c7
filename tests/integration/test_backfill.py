"""A backfill from ids to rows, over real HTTP and into a real file."""

import io
import json
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Connection

from pipeline.config import Settings, load_settings
from pipeline.extract.extraction import Extraction
from pipeline.landing.ndjson import read_lines
from pipeline.landing.outcome import Outcome
from pipeline.load.loads import Loaded
from pipeline.payload.strict_json import parse
from pipeline.publish import readers_copy
from pipeline.runs.backfill import Backfill, Observer
from pipeline.runs.fetch import FetchRun, Steps
from pipeline.runs.plan import Plan
from pipeline.runs.run_report import RunReport
from pipeline.simulator import BREAKAGE_KINDS, FAULT_KINDS, CallBook, Faults, Simulator, running
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.command_line import KEY, Cli, Start
from support.warehouse_files import Payload, Place, Tables, landed_calls, query, tables_of, warehouse_in

NOW = datetime.now(UTC)
SMALL = CallBook(count=60, until=NOW)
BROKEN = CallBook(count=300, until=NOW, broken_share=0.1)
BROKEN_IDS = {
    BROKEN.call_id(index): BROKEN.breakage(index) for index in range(300) if BROKEN.is_broken(index)
}
UNKNOWN = BROKEN.unknown_ids(5)
FAULTS = Faults(share=0.3, slow_s=0.05)


def settings_for(server: Simulator, data_dir: Path, **more: object) -> Settings:
    return load_settings(api_key=server.api_key, base_url=server.base_url, data_dir=data_dir, **more)


def backfill(
    server: Simulator, data_dir: Path, ids: Iterable[str], *, force: bool = False, **more: object
) -> RunReport:
    run = Backfill(settings_for(server, data_dir, **more), force=force)
    return run.run(["-"], io.BytesIO("\n".join(ids).encode()))


def test_a_backfill_loads_every_call_it_was_asked_for(tmp_path: Path) -> None:
    with running(SMALL) as server:
        report = backfill(server, tmp_path, SMALL.call_ids())
    warehouse = warehouse_in(tmp_path)
    assert report.exit_code == 0
    assert report.status == "succeeded"
    assert (report.given, report.requested, report.to_fetch, report.fetched_count) == (60, 60, 60, 60)
    assert sum(report.outcomes.values()) == 60
    assert set(report.outcomes) == {"loaded", "not_final"}
    assert {row[0] for row in query(warehouse, "select call_id from calls")} == set(SMALL.call_ids())


def test_rows_say_what_the_served_payloads_say(tmp_path: Path) -> None:
    with running(SMALL) as server:
        backfill(server, tmp_path, SMALL.call_ids())
    payloads = [SMALL.payload(index) for index in range(60)]
    words = sum(len(turn["words"]) for payload in payloads for turn in payload.get("transcript_object") or [])
    turns = sum(len(payload.get("transcript_object") or []) for payload in payloads)
    started = {payload["call_id"]: payload.get("start_timestamp") for payload in payloads}
    warehouse = warehouse_in(tmp_path)
    assert words > 1000
    assert query(warehouse, "select count(*) from words") == [(words,)]
    assert query(warehouse, "select count(*) from utterances") == [(turns,)]
    assert dict(query(warehouse, "select call_id, epoch_ms(started_at) from calls")) == started


def test_a_second_backfill_of_the_same_ids_fetches_nothing_and_changes_nothing(tmp_path: Path) -> None:
    with running(SMALL) as server:
        backfill(server, tmp_path, SMALL.call_ids())
        before = tables_of(warehouse_in(tmp_path))
        loads = query(warehouse_in(tmp_path), "select call_id, load_id, extracted_at from calls order by all")
        requests = server.requests.total
        report = backfill(server, tmp_path, SMALL.call_ids())
        assert server.requests.total == requests
    assert report.exit_code == 0
    assert (report.requested, report.to_fetch, report.request_count) == (60, 0, 0)
    assert set(report.outcomes) == {"unchanged", "not_final"}
    assert tables_of(warehouse_in(tmp_path)) == before
    after = query(warehouse_in(tmp_path), "select call_id, load_id, extracted_at from calls order by all")
    assert after == loads


class _Counted(Steps):
    loads = 0

    def load(self, load_waiting: Callable[[], Loaded]) -> Loaded:
        self.loads += 1
        return super().load(load_waiting)


def test_a_run_loads_only_where_something_waits_and_opens_the_file_only_where_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, left = _Counted(), _Counted(), _Counted()
    opened: list[str] = []
    opens = Warehouse._open

    def counted(self: Warehouse, *, read_only: bool) -> AbstractContextManager[Connection]:
        opened.append("to read" if read_only else "to write")
        return opens(self, read_only=read_only)

    def run(folder: str, steps: Steps) -> None:
        run = Backfill(settings_for(server, tmp_path / folder), steps=steps)
        assert run.run([SMALL.call_id(0)], io.BytesIO()).exit_code == 0

    with running(SMALL) as server:
        run("data", first)
        monkeypatch.setattr(Warehouse, "_open", counted)
        run("data", again)
        # Whether it is current and what waits; the plan; the end.
        assert opened == ["to read", "to write", "to write"]
        shutil.copytree(tmp_path / "data" / "landing", tmp_path / "moved" / "landing")
        run("moved", left)
        assert server.requests.served == {SMALL.call_id(0): 1}
    assert (first.loads, again.loads, left.loads) == (1, 0, 1)
    assert tables_of(warehouse_in(tmp_path / "moved")) == tables_of(warehouse_in(tmp_path / "data"))


class _LoadingLate(Steps):
    """Loads when all is fetched, however slowly the run comes to its end."""

    async def extract(self, run: FetchRun, extraction: Extraction, plan: Plan) -> None:
        self.fetching = run
        await super().extract(run, extraction, plan)

    def load(self, load_waiting: Callable[[], Loaded]) -> Loaded:
        assert self.fetching.queue.wait_until_closed(20)
        return super().load(load_waiting)


def test_a_short_run_makes_one_copy_for_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    publishes = readers_copy.publish

    def counted(warehouse: Warehouse, copy: Path) -> readers_copy.Published:
        made.append(copy)
        return publishes(warehouse, copy)

    monkeypatch.setattr(readers_copy, "publish", counted)
    with running(SMALL) as server:
        settings = settings_for(server, tmp_path, publish="run")
        run = Backfill(settings, steps=_LoadingLate())
        assert run.run([SMALL.call_id(0)], io.BytesIO()).calls_loaded == 1
    assert made == [settings.readers_copy]
    assert query(Warehouse.at(settings.readers_copy), "select count(*) from calls") == [(1,)]


def test_duplicates_are_fetched_once(tmp_path: Path) -> None:
    call_id = SMALL.call_id(0)
    with running(SMALL) as server:
        report = backfill(server, tmp_path, [call_id, SMALL.call_id(1), call_id])
        assert server.requests.served == {call_id: 1, SMALL.call_id(1): 1}
    assert (report.given, report.requested) == (3, 2)


@dataclass(frozen=True)
class Large:
    """Two runs of 300 ids, with faults and with all that can go wrong, and tables that saw neither."""

    folder: Path
    reports: dict[str, RunReport]
    served: dict[str, dict[str, int]]

    def tables(self, name: str) -> Tables:
        return tables_of(warehouse_in(self.folder / name))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Large:
    """The runs, side by side, as each mostly waits between its retries."""
    folder = tmp_path_factory.mktemp("large")

    def run(name: str, book: CallBook) -> tuple[str, RunReport, dict[str, int]]:
        unknown = UNKNOWN if name == "partial" else []
        with running(book, faults=FAULTS) as server:
            report = backfill(server, folder / name, [*book.call_ids(), *unknown], concurrency=32)
            return name, report, server.requests.served

    whole = CallBook(count=300, until=NOW)
    sound = Place(folder / "sound")
    sound.land(Payload(call_id, whole.body(call_id) or b"") for call_id in whole.call_ids())
    assert not sound.load().problems
    for name in ("faulty", "partial"):
        # Alembic cannot migrate in several threads at once.
        schema.ensure(warehouse_in(folder / name))
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(run, ["faulty", "partial"], [whole, BROKEN]))
    reports = {name: report for name, report, _ in ended}
    return Large(folder, reports, {name: served for name, _, served in ended})


def test_a_third_of_first_requests_failing_in_every_way_changes_no_table(large: Large) -> None:
    assert {FAULTS.kind(index) for index in range(300)} == {None, *FAULT_KINDS}
    report = large.reports["faulty"]
    assert (report.exit_code, report.status) == (0, "succeeded")
    assert (report.requested, sum(report.outcomes.values())) == (300, 300)
    assert report.retry_count >= 60
    assert len(large.served["faulty"]) == 300
    assert set(large.served["faulty"].values()) == {1}
    assert large.tables("faulty") == large.tables("sound")


def test_unknown_ids_and_broken_payloads_make_a_run_partial(large: Large) -> None:
    report = large.reports["partial"]
    assert set(BROKEN_IDS.values()) == set(BREAKAGE_KINDS)
    assert (report.exit_code, report.status, report.requested) == (3, "partial", 305)
    counts = report.outcomes
    assert counts["not_found"] == 5
    assert counts["rejected"] == len(BROKEN_IDS)
    assert counts["loaded"] + counts["not_final"] == 300 - len(BROKEN_IDS)
    assert sum(counts.values()) == 305
    sound = large.tables("sound")
    rest = {name: [row for row in rows if row[0] not in BROKEN_IDS] for name, rows in sound.items()}
    assert large.tables("partial") == rest


def test_each_id_without_a_call_is_named_with_its_reason(large: Large, cli: Cli) -> None:
    listed = json.loads(cli("status", "--json", "--data-dir", large.folder / "partial").out)["unaccounted"]
    reported = [vars(item) for item in large.reports["partial"].unaccounted]
    shown = cli("status", "--data-dir", large.folder / "partial").out
    for rows in (listed, reported):
        outcomes = {row["call_id"]: row["outcome"] for row in rows}
        assert outcomes == dict.fromkeys(UNKNOWN, "not_found") | dict.fromkeys(BROKEN_IDS, "rejected")
        assert all(row["reason"] for row in rows)
    for row in listed:
        # A table folds long cells, so only the beginning of a reason stands on the line of its id.
        [line] = [line for line in shown.splitlines() if line.startswith(f" {row['call_id']} ")]
        assert row["reason"][:8] in line


def test_a_run_prints_each_id_without_a_call_on_stdout(cli: Cli) -> None:
    unknown = UNKNOWN[0]
    broken = next(call_id for call_id, kind in BROKEN_IDS.items() if kind == "array")
    with running(BROKEN) as server:
        ran = cli("backfill", broken, unknown, server=server)
    assert ran.code == 3
    assert "backfill partial: 2 ids: 1 not found, 1 rejected" in ran.out
    for call_id, reason in ((broken, "should be"), (unknown, "HTTP 404")):
        [line] = [line for line in ran.out.splitlines() if line.startswith(f" {call_id} ")]
        assert reason in line


def test_every_broken_body_is_kept_in_quarantine_as_it_came(large: Large) -> None:
    folder = large.folder / "partial"
    rows = query(warehouse_in(folder), "select call_id, path, reason, json_path from etl_rejects")
    assert {row[0] for row in rows} == set(BROKEN_IDS)
    for call_id, path, reason, json_path in rows:
        kept = folder / "quarantine" / path
        assert kept.read_bytes() == BROKEN.body(call_id)
        facts = json.loads(kept.with_suffix(".json").read_bytes())
        assert (facts["call_id"], facts["reason"], facts["json_path"]) == (call_id, reason, json_path)


def test_the_key_is_in_no_file_of_the_data_folder(large: Large) -> None:
    files = [path for path in large.folder.rglob("*") if path.is_file()]
    assert {".duckdb", ".zst", ".body", ".json"} <= {path.suffix for path in files}
    for path in files:
        assert KEY.encode() not in path.read_bytes()
        if path.suffix == ".zst":
            assert all(KEY.encode() not in line for line in read_lines(path))


def test_a_rejected_call_is_asked_for_again_and_settled_by_a_sound_payload(tmp_path: Path) -> None:
    sound = CallBook(count=300, until=NOW)
    ids = [BROKEN.call_id(i) for i in range(300) if BROKEN.breakage(i) in ("array", "nan", "duplicate_key")]
    ids.append(next(call_id for call_id in BROKEN.call_ids() if call_id not in BROKEN_IDS))
    with running(BROKEN) as server:
        first = backfill(server, tmp_path, ids)
    with running(sound) as server:
        second = backfill(server, tmp_path, ids)
        assert set(server.requests.served) == set(ids[:-1])
    assert (first.exit_code, second.exit_code) == (3, 0)
    warehouse = warehouse_in(tmp_path)
    assert query(warehouse, "select count(*) from etl_rejects where resolved_at is null") == [(0,)]
    assert query(warehouse, "select count(*) from etl_rejects") == [(len(ids) - 1,)]
    assert query(warehouse, "select count(*) from calls") == [(len(ids),)]


def test_force_fetches_final_calls_too_and_changes_no_table(tmp_path: Path) -> None:
    with running(SMALL) as server:
        backfill(server, tmp_path, SMALL.call_ids())
        before = tables_of(warehouse_in(tmp_path))
        report = backfill(server, tmp_path, SMALL.call_ids(), force=True)
        assert server.requests.served == dict.fromkeys(SMALL.call_ids(), 2)
    assert set(report.outcomes) == {"unchanged", "not_final"}
    assert tables_of(warehouse_in(tmp_path)) == before


def test_calls_that_were_not_final_are_fetched_again_and_become_what_a_late_run_sees(tmp_path: Path) -> None:
    later = CallBook(count=60, until=NOW, as_of=NOW + timedelta(hours=6))
    with running(SMALL) as server:
        first = backfill(server, tmp_path / "twice", SMALL.call_ids())
    with running(later) as server:
        second = backfill(server, tmp_path / "twice", SMALL.call_ids(), refetch_after_s=0)
        assert sum(server.requests.served.values()) == first.outcomes["not_final"] > 0
        backfill(server, tmp_path / "late", later.call_ids())
    assert second.exit_code == 0
    assert tables_of(warehouse_in(tmp_path / "twice")) == tables_of(warehouse_in(tmp_path / "late"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The tables after a run with default settings."""
    folder = tmp_path_factory.mktemp("small")
    with running(SMALL) as server:
        backfill(server, folder, SMALL.call_ids())
    return tables_of(warehouse_in(folder))


@pytest.mark.parametrize(
    ("chunk_size", "concurrency"),
    [(1, 1), pytest.param(7, 3, marks=pytest.mark.slow), pytest.param(1000, 64, marks=pytest.mark.slow)],
)
def test_tables_do_not_depend_on_chunks_and_concurrency(
    tmp_path: Path, chunk_size: int, concurrency: int
) -> None:
    with running(SMALL) as server:
        backfill(server, tmp_path / "plain", SMALL.call_ids())
        backfill(server, tmp_path / "other", SMALL.call_ids(), chunk_size=chunk_size, concurrency=concurrency)
    assert tables_of(warehouse_in(tmp_path / "other")) == tables_of(warehouse_in(tmp_path / "plain"))
    manifests = list((tmp_path / "other" / "landing").glob("*/*.json"))
    # One chunk says which ids were given.
    assert len(manifests) == 1 + -(-60 // chunk_size)


def test_every_landed_payload_is_what_was_served(tmp_path: Path) -> None:
    with running(SMALL) as server:
        backfill(server, tmp_path, SMALL.call_ids(), chunk_size=7)
    lines = [line for path in (tmp_path / "landing").glob("*/*.zst") for line in read_lines(path)]
    assert sorted(lines) == sorted(SMALL.body(call_id) or b"" for call_id in SMALL.call_ids())
    assert landed_calls(tmp_path) == dict.fromkeys(SMALL.call_ids(), 1)


def test_files_are_readable_for_their_owner_only(tmp_path: Path, cli: Cli) -> None:
    with running(SMALL) as server:
        assert cli("backfill", SMALL.call_id(0), server=server).code == 0
    paths = list((tmp_path / "data").rglob("*"))
    assert len(paths) > 4
    assert not [path for path in paths if path.stat().st_mode & 0o077]


def test_the_warehouse_can_be_read_while_the_network_is_awaited(tmp_path: Path, start: Start) -> None:
    with running(SMALL, delay_s=60) as server:
        process = start("backfill", SMALL.call_id(0), "--data-dir", tmp_path, server=server)
        process.until(lambda: server.requests.total > 0)
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as reader:
            assert reader.sql("select status from etl_runs").fetchall() == [("running",)]


def test_every_id_is_told_of_once_while_the_run_goes_on(tmp_path: Path) -> None:
    told: list[Outcome] = []
    planned: list[int] = []
    loaded: list[int] = []
    unknown = SMALL.unknown_ids(3)
    observer = Observer(
        on_outcome=told.append, on_plan=lambda plan: planned.append(plan.to_fetch), on_load=loaded.append
    )
    with running(SMALL) as server:
        run = Backfill(settings_for(server, tmp_path), observer)
        run.run([*SMALL.call_ids(), *unknown], io.BytesIO())
    assert planned == [63]
    assert sum(loaded) == 60
    assert sorted(outcome.call_id for outcome in told) == sorted([*SMALL.call_ids(), *unknown])


def test_a_field_that_is_new_loads_into_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call_id = SMALL.call_id(0)
    document = parse(SMALL.body(call_id) or b"") | {"brand_new": {"deep": [1]}, "call_status": "paused"}
    monkeypatch.setattr(CallBook, "body", lambda book, asked: json.dumps(document).encode())
    with running(SMALL) as server:
        report = backfill(server, tmp_path, [call_id])
    assert report.exit_code == 0
    rows = query(warehouse_in(tmp_path), "select call_status, extra ->> '$.brand_new' from calls")
    assert rows == [("paused", '{"deep":[1]}')]


def test_an_access_token_is_kept_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "token-of-a-web-call"
    sound = parse(SMALL.body(SMALL.call_id(0)) or b"") | {"access_token": secret}
    bodies = {
        SMALL.call_id(0): json.dumps(sound).encode(),
        SMALL.call_id(1): json.dumps(sound).encode(),  # the wrong call
        SMALL.call_id(2): json.dumps([sound]).encode(),
        SMALL.call_id(3): json.dumps([{"access_token": secret}]).encode(),
        SMALL.call_id(4): json.dumps(sound | {"call_id": SMALL.call_id(4), "call_type": [sound]}).encode(),
        SMALL.call_id(5): json.dumps({"call_id": {"access_token": secret}}).encode(),
    }
    monkeypatch.setattr(CallBook, "body", lambda book, asked: bodies[asked])
    with running(SMALL) as server:
        report = backfill(server, tmp_path, bodies)
    assert report.outcomes == {"loaded": 1, "rejected": 5}
    assert secret not in json.dumps(report.as_json())
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert secret.encode() not in path.read_bytes()
        if path.suffix == ".zst":
            assert all(secret.encode() not in line for line in read_lines(path))
