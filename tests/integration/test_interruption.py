"""Whatever stops a backfill in the middle, nothing landed is lost and nothing landed is fetched twice."""

import io
import json
import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.runs.backfill import Backfill
from pipeline.simulator import CallBook, Simulator, running
from support.command_line import Holder, Process, Start
from support.warehouse_files import Tables, landed_calls, query, tables_of, warehouse_in

BOOK = CallBook(count=90, until=datetime.now(UTC))
CONCURRENCY = 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The tables after a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with running(BOOK) as server:
        settings = load_settings(api_key=server.api_key, base_url=server.base_url, data_dir=folder)
        assert Backfill(settings).run(list(BOOK.call_ids()), _NO_STDIN).exit_code == 0
    return tables_of(warehouse_in(folder))


_NO_STDIN = io.BytesIO()


def begin(start: Start, server: Simulator, data_dir: Path) -> Process:
    """Start the backfill of the book, in small chunks."""
    ids = data_dir.with_name("ids.txt")
    ids.write_text("\n".join(BOOK.call_ids()))
    return start(
        "backfill",
        ids,
        "--data-dir",
        data_dir,
        server=server,
        PIPELINE_CHUNK_SIZE=5,
        PIPELINE_CONCURRENCY=CONCURRENCY,
    )


def assert_completed(data_dir: Path, undisturbed: Tables) -> None:
    assert tables_of(warehouse_in(data_dir)) == undisturbed
    assert landed_calls(data_dir) == dict.fromkeys(BOOK.call_ids(), 1)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_run_loads_what_it_fetched_and_the_next_one_completes_it(
    tmp_path: Path, start: Start, undisturbed: Tables, number: signal.Signals
) -> None:
    data_dir = tmp_path / "data"
    with running(BOOK, delay_s=0.03) as server:
        process = begin(start, server, data_dir)
        process.until(lambda: len(landed_calls(data_dir)) >= 10)
        process.signal(number)
        ran = process.wait()
        served = server.requests.served
        landed = landed_calls(data_dir)
        loaded = {row[0] for row in query(warehouse_in(data_dir), "select call_id from calls")}
        assert ran.code == 130
        assert "run the same command again" in ran.err
        assert "Traceback" not in ran.err
        assert 10 <= len(landed) < 90
        assert loaded == set(landed)
        # Only answers that were still on their way when the signal came may be missing.
        assert loaded <= set(served)
        assert len(set(served) - loaded) <= CONCURRENCY
        assert query(warehouse_in(data_dir), "select status from etl_runs") == [("interrupted",)]

        assert begin(start, server, data_dir).wait().code == 0
        assert {call_id: server.requests.by_call[call_id] for call_id in landed} == dict.fromkeys(landed, 1)
    assert_completed(data_dir, undisturbed)


@pytest.mark.slow
def test_runs_killed_again_and_again_lose_nothing_and_fetch_no_landed_call_twice(
    tmp_path: Path, start: Start, undisturbed: Tables
) -> None:
    data_dir = tmp_path / "data"
    asked: dict[str, int] = {}
    with running(BOOK, delay_s=0.03) as server:
        for at_least in (1, 25, 50):
            process = begin(start, server, data_dir)
            process.until(lambda at_least=at_least: len(landed_calls(data_dir)) >= at_least)
            process.signal(signal.SIGKILL)
            assert process.wait().code == -signal.SIGKILL
            assert _asked_of(server, asked) == asked
            asked = _asked_of(server, landed_calls(data_dir))
            assert at_least <= len(asked) < 90
            # Every call that is in the warehouse is there whole.
            _assert_whole(data_dir, undisturbed)
        assert begin(start, server, data_dir).wait().code == 0
        assert _asked_of(server, asked) == asked
    assert_completed(data_dir, undisturbed)
    statuses = query(
        warehouse_in(data_dir), "select status, count(*) from etl_runs group by all order by all"
    )
    assert statuses == [("interrupted", 3), ("succeeded", 1)]


def _asked_of(server: Simulator, call_ids: Iterable[str]) -> dict[str, int]:
    """Return how often each of the calls has been asked for."""
    asked = server.requests.by_call
    return {call_id: asked[call_id] for call_id in call_ids}


def _assert_whole(data_dir: Path, undisturbed: Tables) -> None:
    found = tables_of(warehouse_in(data_dir))
    present = {row[0] for row in found["calls"]}
    expected = {name: [row for row in rows if row[0] in present] for name, rows in undisturbed.items()}
    assert found == expected


@pytest.mark.slow
def test_a_load_after_a_kill_brings_in_what_was_landed(
    tmp_path: Path, start: Start, hold: Callable[..., Holder]
) -> None:
    data_dir = tmp_path / "data"
    # Slow enough that the run still goes on when the holder has started.
    with running(BOOK, delay_s=0.3) as server:
        process = begin(start, server, data_dir)
        process.until(lambda: server.requests.total > 0)
        holder = hold(data_dir / "warehouse.duckdb", "reading")
        earlier = len(landed_calls(data_dir))
        process.until(lambda: len(landed_calls(data_dir)) >= earlier + 10)
        process.signal(signal.SIGKILL)
        process.wait()
        holder.let_go()
    landed = landed_calls(data_dir)
    [(present,)] = query(warehouse_in(data_dir), "select count(*) from calls")
    assert present <= earlier
    ran = start("load", "--data-dir", data_dir, "--json").wait()
    assert ran.code == 0
    assert json.loads(ran.out)["calls_loaded"] == len(landed) - present
    loaded = {row[0] for row in query(warehouse_in(data_dir), "select call_id from calls")}
    assert loaded == set(landed)


@pytest.mark.slow
def test_a_second_interruption_ends_a_run_at_once_and_the_next_one_completes_it(
    tmp_path: Path, start: Start, hold: Callable[..., Holder], undisturbed: Tables
) -> None:
    data_dir = tmp_path / "data"
    with running(BOOK, delay_s=0.03) as server:
        process = begin(start, server, data_dir)
        process.until(lambda: server.requests.total > 0)
        holder = hold(data_dir / "warehouse.duckdb", "reading")
        process.until(lambda: len(landed_calls(data_dir)) >= 10)
        process.signal(signal.SIGINT)
        process.until(lambda: "interrupted: loading what was fetched" in process.err)
        process.signal(signal.SIGINT)
        ran = process.wait()
        landed = landed_calls(data_dir)
        holder.let_go()
        assert ran.code == 130
        assert "Traceback" not in ran.err
        assert "run the same command again" in ran.err.splitlines()[-1]

        assert begin(start, server, data_dir).wait().code == 0
        assert {call_id: server.requests.by_call[call_id] for call_id in landed} == dict.fromkeys(landed, 1)
    assert_completed(data_dir, undisturbed)


def test_an_interruption_before_the_first_request_says_so_too(
    tmp_path: Path, start: Start, hold: Callable[..., Holder]
) -> None:
    hold(tmp_path / "warehouse.duckdb")
    with running(BOOK) as server:
        process = start("backfill", BOOK.call_id(0), "--data-dir", tmp_path, server=server)
        process.until(lambda: "waiting for" in process.err)
        process.signal(signal.SIGINT)
        ran = process.wait()
        assert server.requests.total == 0
    assert ran.code == 130
    assert ran.err.splitlines()[-1].startswith("interrupted")
    assert "Traceback" not in ran.err


_ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGHUP,),
        (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT),
    ],
    ids=lambda numbers: "-".join(number.name for number in numbers),
)
def test_signals_in_any_number_end_a_run_with_a_sentence_and_lose_nothing(
    tmp_path: Path, start: Start, numbers: tuple[signal.Signals, ...]
) -> None:
    data_dir = tmp_path / "data"
    with running(BOOK, delay_s=0.03) as server:
        process = begin(start, server, data_dir)
        process.until(lambda: len(landed_calls(data_dir)) >= 10)
        for number in numbers:
            process.signal(number)
        ran = process.wait()
        landed = landed_calls(data_dir)
        assert ran.code == 130
        assert "interrupted: " in ran.err
        assert "run the same command again" in ran.err.splitlines()[-1]
        assert "Traceback" not in ran.err
        assert begin(start, server, data_dir).wait().code == 0
        assert {call_id: server.requests.by_call[call_id] for call_id in landed} == dict.fromkeys(landed, 1)
    assert landed_calls(data_dir) == dict.fromkeys(BOOK.call_ids(), 1)


def test_signals_while_a_lock_is_waited_for_end_a_command_with_one_sentence(
    tmp_path: Path, start: Start, hold: Callable[..., Holder]
) -> None:
    hold(tmp_path / "warehouse.duckdb")
    for command in ("status", "publish", "load"):
        process = start(command, "--data-dir", tmp_path)
        process.until(lambda process=process: "waiting for" in process.err)
        for number in _ALL:
            process.signal(number)
        ran = process.wait()
        assert ran.code == 130
        assert [line.split(":")[0] for line in ran.err.splitlines()[1:]] == ["interrupted"]


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / "data"
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does
    try:
        with running(BOOK, delay_s=0.01) as server:
            process = begin(start, server, data_dir)
            process.until(lambda: len(landed_calls(data_dir)) >= 10)
            process.signal(signal.SIGHUP)
            assert process.wait().code == 0
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_an_interruption_says_so_on_a_line_of_json_too(tmp_path: Path, start: Start) -> None:
    with running(BOOK, delay_s=0.2) as server:
        process = start(
            *("backfill", BOOK.call_id(0), BOOK.call_id(1), "--data-dir", tmp_path, "--log-format", "json"),
            server=server,
        )
        process.until(lambda: server.requests.total > 0)
        for number in _ALL:
            process.signal(number)
        ran = process.wait()
    assert ran.code == 130
    assert "interrupted" in [json.loads(line)["event"] for line in ran.err.splitlines()]
