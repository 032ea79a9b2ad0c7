"""The deployments of prefect.yaml on a real Prefect server, run by a real worker."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import httpx
import pytest

from pipeline.simulator import CallBook, Simulator, running
from pipeline.warehouse.database import Warehouse
from support.command_line import Start
from support.prefect_server import DEADLINE_S, PrefectServer
from support.warehouse_files import query, warehouse_in

# Servers, workers and runs are programs that take seconds to start.
pytestmark = pytest.mark.slow

KEY = "key_c0ffee5ecre7c0ffee"
UNTIL = datetime(2025, 6, 2, 15, tzinfo=UTC)
BOOK = CallBook(seed=21, count=1200, until=UNTIL, days=14, not_connected=True)
IDS = list(BOOK.call_ids())


@pytest.fixture(autouse=True)
def _patience(_no_hang: None) -> None:
    """Give every wait for Prefect, which can stall on a busy machine, the time it may take."""
    signal.alarm(2 * DEADLINE_S)


@pytest.fixture(scope="module")
def api() -> Iterator[Simulator]:
    with running(BOOK, api_key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def prefect(api: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server to which the project is deployed; the key is in its Secret block alone."""
    server = PrefectServer(
        tmp_path_factory.mktemp("prefect"),
        {
            "RETELL_BASE_URL": api.base_url,
            "PIPELINE_CHUNK_SIZE": "25",
            "PIPELINE_REFRESH_WINDOW": "36500d",
            # What is logged most is searched for the key.
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "pipeline",
        },
    )
    block = f"from prefect.blocks.system import Secret; Secret(value={KEY!r}).save('retell-api-key')"
    try:
        # The first worker makes the pool that the deployments name.
        server.first_worker = server.worker()
        server.until(lambda: server.post("/work_pools/filter"))
        commands = [
            ("prefect", "--no-prompt", "deploy", "--all"),
            ("prefect", "automation", "create", "--from-file", "docs/automations.yaml"),
            ("python", "-c", block),
        ]
        with ThreadPoolExecutor() as side_by_side:
            list(side_by_side.map(lambda command: server.command(*command), commands))
        server.pause_schedules()
        yield server
    finally:
        server.stop()


def ids_file(prefect: PrefectServer, name: str, ids: list[str]) -> str:
    (prefect.clone / name).write_text("".join(f"{call_id}\n" for call_id in ids))
    return name


def in_warehouse(prefect: PrefectServer) -> set[str]:
    return {call_id for (call_id,) in query(warehouse_in(prefect.data_dir), "select call_id from calls")}


def landed(prefect: PrefectServer) -> set[str]:
    return {
        outcome["call_id"]
        for manifest in prefect.data_dir.glob("landing/*/*.json")
        for outcome in json.loads(manifest.read_bytes())["outcomes"]
        if outcome["outcome"] != "waiting"
    }


def test_deployments_say_what_they_are_and_when_they_run(prefect: PrefectServer) -> None:
    found = {
        name: prefect.deployment(name)
        for name in (
            "sync-calls/sync",
            "refresh-calls/refresh",
            "reconcile-calls/reconcile",
            "check-warehouse/check",
            "compact-landing/compact",
            "write-report/report",
            "backfill-calls/backfill",
        )
    }
    assert all(
        deployment["description"] and "call-analytics" in deployment["tags"] for deployment in found.values()
    )
    slugs = {name: [schedule["slug"] for schedule in found[name]["schedules"]] for name in found}
    assert slugs == {
        "sync-calls/sync": ["hourly"],
        "refresh-calls/refresh": ["every-15-minutes"],
        "reconcile-calls/reconcile": ["weekly"],
        "check-warehouse/check": ["daily"],
        "compact-landing/compact": ["daily"],
        "write-report/report": ["daily"],
        "backfill-calls/backfill": [],
    }
    assert all(deployment["global_concurrency_limit"]["limit"] for deployment in found.values())
    strategies = [deployment["concurrency_options"]["collision_strategy"] for deployment in found.values()]
    assert strategies == ["CANCEL_NEW"] * 6 + ["ENQUEUE"]


def test_the_form_of_a_backfill_describes_and_checks_what_is_typed(prefect: PrefectServer) -> None:
    schema = prefect.deployment("backfill-calls/backfill")["parameter_openapi_schema"]
    assert set(schema["properties"]) == {"ids", "ids_file", "force", "numbers_only"}
    assert all(field.get("description") for field in schema["properties"].values())
    with pytest.raises(httpx.HTTPStatusError) as refused:
        prefect.trigger("backfill-calls/backfill", ids=["../../delete-agent"])
    assert refused.value.response.status_code == 409
    assert "does not match" in refused.value.response.text


def test_two_backfills_at_once_both_end_with_a_right_warehouse(
    prefect: PrefectServer, api: Simulator
) -> None:
    first, second = IDS[:260], IDS[180:400]
    runs = [
        prefect.trigger("backfill-calls/backfill", ids_file=ids_file(prefect, "first.txt", first)),
        prefect.trigger("backfill-calls/backfill", ids=[*second, "nobody_knows_this_call"]),
    ]
    whole, partial = (prefect.ended(run) for run in runs)
    assert (whole["state_type"], whole["state_name"]) == ("COMPLETED", "Completed"), whole["state"]
    assert (partial["state_type"], partial["state_name"]) == ("COMPLETED", "Partial"), partial["state"]
    assert "1 not found" in partial["state"]["message"]
    # What an automation can react to.
    prefect.until(lambda: prefect.events("prefect.flow-run.Partial"))
    assert (whole["name"], partial["name"]) == ("backfill 260 ids", "backfill 221 ids")
    assert in_warehouse(prefect) == set(IDS[:400])
    counts = query(
        warehouse_in(prefect.data_dir),
        "select (select count(*) from utterances), (select count(*) from words), "
        "(select count(*) from latency_stats)",
    )
    payloads = [BOOK.payload(index) for index in range(400)]
    turns = [turn for payload in payloads for turn in payload.get("transcript_object") or []]
    metrics = [
        name for payload in payloads for name in payload if name.endswith("_latency") and payload[name]
    ]
    assert counts == [(len(turns), sum(len(turn.get("words") or []) for turn in turns), len(metrics))]
    for run in runs:
        names = [task["name"].split("-")[0].split(" ")[0] for task in prefect.tasks(run)]
        assert 1 < names.count("extract") <= 11
        assert "load" in names
        artifacts = prefect.artifacts(run)
        assert set(artifacts) == {"backfill-progress", "backfill-report", "disconnections"}
        assert artifacts["backfill-progress"]["data"] == 100.0
        for linked in ("backfill-progress", "disconnections"):
            assert f"/artifacts/artifact/{artifacts[linked]['id']})" in artifacts["backfill-report"]["data"]
        reasons = json.loads(artifacts["disconnections"]["data"])
        assert {row["disconnection_reason"] for row in reasons} >= {"user_hangup", "agent_hangup"}
    report = prefect.artifacts(runs[1])["backfill-report"]["data"]
    assert "| nobody\\_knows\\_this\\_call | not found | HTTP 404 |" in report
    assert "p99\\_ms" in report or "p99_ms" in report


def test_sync_refresh_and_check_do_what_the_commands_do(prefect: PrefectServer) -> None:
    known = in_warehouse(prefect)
    synced = prefect.ended(prefect.trigger("sync-calls/sync", since="2025-06-01T00:00:00Z"))
    assert synced["state_name"] == "Completed", synced["state"]
    starts = {
        payload["call_id"]: payload.get("start_timestamp") for payload in map(BOOK.payload, range(BOOK.count))
    }
    from_june = datetime(2025, 6, 1, tzinfo=UTC).timestamp() * 1000
    recent = {call_id for call_id, start in starts.items() if start is not None and start >= from_june}
    assert recent <= in_warehouse(prefect)
    assert in_warehouse(prefect) - known - recent <= {call for call, start in starts.items() if start is None}
    runs = [prefect.trigger(name) for name in ("refresh-calls/refresh", "check-warehouse/check")]
    refreshed, checked = (prefect.ended(run) for run in runs)
    assert refreshed["state_name"] in ("Completed", "Partial"), refreshed["state"]
    assert checked["state_name"] == "Completed", checked["state"]
    assert "check-report" in prefect.artifacts(checked["id"])
    compacted = prefect.ended(prefect.trigger("compact-landing/compact"))
    assert compacted["state_name"] == "Completed", compacted["state"]
    assert compacted["name"] == "compact 0 chunks"


def test_the_report_is_written_where_the_worker_runs_and_shown_in_the_server(prefect: PrefectServer) -> None:
    """Needs the tests that fetch calls."""
    written = prefect.ended(prefect.trigger("write-report/report", since="2025-05-25"))
    assert written["state_name"] == "Completed", written["state"]
    assert written["name"].startswith("report 2025-05-2")
    page = prefect.data_dir / "report.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert "vegaEmbed" in page.read_text(encoding="utf-8")
    artifacts = prefect.artifacts(written["id"])
    assert set(artifacts) == {"call-report"}
    shown = artifacts["call-report"]["data"]
    assert str(page).replace("_", "\\_") in shown
    [(calls,)] = query(
        warehouse_in(prefect.data_dir),
        "select sum(calls) from daily_outcomes where day >= date '2025-05-25'",
    )
    assert f"| Calls | {calls:,} |" in shown
    image = shown.split("](data:image/png;base64,")[1].partition(")")[0]
    assert base64.b64decode(image).startswith(b"\x89PNG")
    refused = prefect.ended(prefect.trigger("write-report/report", agent="nobody"))
    assert refused["state_type"] == "FAILED"
    assert "no call is of an agent 'nobody'" in refused["state"]["message"]


def test_a_failed_check_fails_its_run_and_names_the_check(prefect: PrefectServer) -> None:
    with Warehouse.at(prefect.data_dir / "warehouse.duckdb").writing() as connection:
        connection.exec_driver_sql("create temp table doubled as select * from calls limit 1")
        connection.exec_driver_sql("insert into calls select * from doubled")
    checked = prefect.ended(prefect.trigger("check-warehouse/check"))
    assert checked["state_type"] == "FAILED"
    assert "unique_calls" in checked["state"]["message"]


@contextmanager
def silent_after(api: Simulator, calls: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answer nothing from the time so many calls have been asked for until the block ends."""
    asked, over, until = api.requests.count_request, Event(), api.requests.total + calls

    def silent(call_id: str | None) -> None:
        asked(call_id)
        if api.requests.total >= until:
            over.wait(DEADLINE_S)

    with monkeypatch.context() as patch:
        patch.setattr(api.requests, "count_request", silent)
        try:
            yield
        finally:
            over.set()


def test_a_killed_worker_loses_nothing_and_the_next_run_asks_for_nothing_landed(
    prefect: PrefectServer, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = IDS[400:1100]
    name = ids_file(prefect, "long.txt", ids)
    before = len(landed(prefect))
    asked = dict(api.requests.by_call)
    with silent_after(api, 300, monkeypatch):
        dead = prefect.trigger("backfill-calls/backfill", ids_file=name)
        prefect.until(lambda: len(landed(prefect)) >= before + 100)
        prefect.first_worker.kill()
    kept = landed(prefect) & set(ids)
    assert 0 < len(kept) < len(ids), "it was not killed in the middle"
    prefect.worker()
    again = prefect.ended(prefect.trigger("backfill-calls/backfill", ids_file=name))
    assert again["state_name"] == "Completed", again["state"]
    assert set(ids) <= in_warehouse(prefect)
    asked_for = {call: count - asked.get(call, 0) for call, count in api.requests.by_call.items()}
    assert {call for call in kept if asked_for[call] > 1} == set()
    runs = query(
        warehouse_in(prefect.data_dir), "select status from etl_runs order by started_at desc limit 2"
    )
    assert runs == [("succeeded",), ("interrupted",)]
    prefect.dead_run = dead


def test_a_command_is_tracked_where_a_server_is_named(
    prefect: PrefectServer, api: Simulator, start: Start, tmp_path: Path
) -> None:
    env = {name: value for name, value in prefect.env.items() if name.startswith("PREFECT_")}
    env["PREFECT_LOGGING_LEVEL"] = "DEBUG"
    tracked = start("backfill", *IDS[:3], "--data-dir", tmp_path / "data", "--json", server=api, **env)
    wrong = start("backfill", IDS[0], server=api, **env | {"RETELL_API_KEY": "key_wrong"})
    ran, refused = tracked.wait(DEADLINE_S), wrong.wait(DEADLINE_S)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["outcomes"] == {"loaded": 3}
    runs = prefect.post("/flow_runs/filter", flow_runs={"name": {"any_": ["backfill 3 ids"]}})
    assert [run["state_name"] for run in runs] == ["Completed"]
    assert refused.code == 1
    assert "the API refused the key (401)" in refused.err
    assert "Traceback" not in refused.err
    assert KEY not in ran.out + ran.err + refused.err


def test_with_json_prefects_own_lines_are_json_too(
    prefect: PrefectServer, api: Simulator, start: Start, tmp_path: Path
) -> None:
    env = {name: value for name, value in prefect.env.items() if name.startswith("PREFECT_")}
    options = ("--json", "--log-format", "json", "--log-level", "debug")
    ran = start("backfill", *IDS[:4], "--data-dir", tmp_path / "data", *options, server=api, **env).wait(
        DEADLINE_S
    )
    assert ran.code == 0, ran.err
    told = [json.loads(line) for line in ran.err.splitlines()]
    assert sum(line["event"] == "answer" for line in told) == 4
    assert sum(line["event"] == "outcome" for line in told) == 4
    assert {line["run_id"] for line in told if line["event"] in ("answer", "outcome", "run")} == {
        json.loads(ran.out)["run_id"]
    }


def test_a_server_that_prefect_started_for_a_command_ends_with_it(
    api: Simulator, start: Start, tmp_path: Path
) -> None:
    env = {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    env["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    tracked = start("backfill", IDS[0], "--prefect", "--data-dir", tmp_path / "data", server=api, **env)
    assert tracked.popen.wait(DEADLINE_S) == 0, tracked.err
    left = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(tmp_path / "prefect").encode() in environ.read_bytes():
                left.append(environ.parent.name)
    assert left == []


def test_what_a_worker_keeps_is_its_owners_only(prefect: PrefectServer) -> None:
    kept = list(prefect.data_dir.rglob("*"))
    assert {path.suffix for path in kept} >= {".zst", ".json", ".duckdb"}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_the_key_is_nowhere_in_the_server_or_its_logs(prefect: PrefectServer) -> None:
    searched = [path for path in (prefect.home, prefect.logs, prefect.clone) for path in path.rglob("*")]
    assert any(path.name == "prefect.db" for path in searched)
    found = [path for path in searched if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []


def test_the_automation_of_the_project_ends_a_run_that_is_dead(prefect: PrefectServer) -> None:
    """Needs the test that kills a worker: its run has nobody left to say how it ended."""
    ended = prefect.ended(prefect.dead_run)
    assert ended["state_type"] == "CRASHED"
    assert "No heartbeat" in ended["state"]["message"]
