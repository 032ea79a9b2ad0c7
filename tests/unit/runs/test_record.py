"""A run ends as the worst that applies, with the exit code of the contract."""

import itertools
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.cli import console
from pipeline.errors import (
    ApiUnreachable,
    ConfigurationError,
    KeyRefused,
    LandingError,
    PipelineError,
    WarehouseLocked,
)
from pipeline.landing.outcome import Outcome
from pipeline.runs import record
from pipeline.runs.run_report import RunReport, Unaccounted
from pipeline.warehouse import schema
from support.warehouse_files import Place

ERRORS: list[PipelineError | None] = [
    None,
    KeyRefused(401),
    ApiUnreachable("https://api", 9, "timeout"),
    LandingError("full"),
    WarehouseLocked("w.duckdb", "python", 1),
    ConfigurationError("wrong"),
]
OUTCOMES: list[dict[str, int]] = [
    {},
    {"loaded": 2},
    {"unchanged": 1, "not_final": 1},
    {"loaded": 1, "failed": 1},
    {"not_found": 2},
    {"rejected": 1},
    {"failed": 2},
    {"failed": 1, "not_found": 1},
]
GOOD = {"loaded", "unchanged", "not_final"}


def a_report(**facts: object) -> RunReport:
    return RunReport("run", "backfill", "w.duckdb", **facts)  # type: ignore[arg-type]


def unaccounted_of(outcomes: dict[str, int]) -> list[Unaccounted]:
    return [
        Unaccounted(f"{outcome}{number}", outcome, None)
        for outcome, count in outcomes.items()
        if outcome not in GOOD
        for number in range(count)
    ]


@pytest.mark.parametrize("outcomes", OUTCOMES, ids=str)
def test_a_run_ends_as_the_worst_that_applies(outcomes: dict[str, int]) -> None:
    for is_interrupted, error, problems in itertools.product(
        (True, False), ERRORS, ([], ["a chunk is damaged"])
    ):
        report = a_report(
            is_interrupted=is_interrupted,
            error=error,
            problems=problems,
            outcomes=outcomes,
            unaccounted=unaccounted_of(outcomes),
        )
        if is_interrupted:
            expected = ("interrupted", 130)
        elif error is not None:
            expected = ("failed", 2 if isinstance(error, ConfigurationError) else 1)
        elif problems or list(outcomes) == ["failed"]:
            expected = ("failed", 1)
        elif set(outcomes) - GOOD:
            expected = ("partial", 3)
        else:
            expected = ("succeeded", 0)
        assert (report.status, report.exit_code) == expected


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"outcomes": {"loaded": 1}}, 0),
        ({"outcomes": {"unchanged": 5}}, 0),
        ({"outcomes": {"not_final": 5}}, 0),
        ({"is_dry_run": True}, 0),
        ({"outcomes": {"failed": 5}}, 1),
        ({"error": KeyRefused(403)}, 1),
        ({"error": ConfigurationError("wrong")}, 2),
        ({"outcomes": {"not_found": 1}, "unaccounted": [Unaccounted("a", "not_found", None)]}, 3),
        ({"is_interrupted": True, "error": KeyRefused(401)}, 130),
    ],
)
def test_exit_codes_are_those_of_the_contract(facts: dict[str, object], code: int) -> None:
    assert a_report(**facts).exit_code == code


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_report_prints_as_json(error: PipelineError | None, capsys: pytest.CaptureFixture[str]) -> None:
    report = a_report(
        error=error,
        outcomes={"rejected": 1},
        unaccounted=[Unaccounted("a", "rejected", "should be a number", "$.x", '"ä\x1b"')],
        problems=["p"],
        duration_s=1.23456,
        is_dry_run=True,
        is_interrupted=True,
    )
    console.print_json(report.as_json())
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(report.as_json()))
    assert printed["unaccounted"] == [
        {
            "call_id": "a",
            "outcome": "rejected",
            "reason": "should be a number",
            "json_path": "$.x",
            "value": '"ä\x1b"',
        }
    ]
    assert (printed["status"], printed["dry_run"], printed["duration_s"]) == ("interrupted", True, 1.235)
    assert printed["error"] == (str(error) if error else None)
    assert {"run_id", "command", "warehouse", "outcomes", "problems", "request_count"} <= set(printed)


def test_landed_outcomes_tell_how_ids_stand_when_the_warehouse_cannot() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    report = a_report(outcomes={"stale": 9}, unaccounted=[Unaccounted("old", "failed", None)])
    record.read_landed_outcomes(
        report,
        [
            Outcome("a", "accepted", 1, now, 200),
            Outcome("b", "rejected", 1, now, 200, "wrong", json_path="$.x", value="1"),
            Outcome("c", "accepted", 1, now, 200),
            Outcome("d", "not_found", 1, now, 404, "no such call"),
        ],
    )
    assert report.outcomes == {"accepted": 2, "rejected": 1, "not_found": 1}
    assert report.unaccounted == [
        Unaccounted("b", "rejected", "wrong", "$.x", "1"),
        Unaccounted("d", "not_found", "no such call"),
    ]


def test_run_ids_differ_and_sort_by_their_start() -> None:
    ids = [record.new_run_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert [name[:16] for name in ids] == sorted(name[:16] for name in ids)


def test_a_process_that_is_younger_than_a_run_with_its_number_is_another(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    earlier, present = (RunReport(name, "backfill", "w") for name in ("earlier", "present"))
    earlier.started_at -= timedelta(days=30)
    with place.warehouse.writing() as connection:
        record.record_start(connection, earlier)
        record.record_start(connection, present)
        record.record_start(connection, RunReport("third", "backfill", "w"))
    assert place.rows("select run_id, status from etl_runs order by run_id") == [
        ("earlier", "interrupted"),
        ("present", "running"),
        ("third", "running"),
    ]


def test_a_run_is_recorded_from_its_begin_to_its_end_and_dead_ones_are_closed(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    killed, ended, present = (RunReport(name, "backfill", "w") for name in ("killed", "ended", "present"))
    ended.problems = ["p1", "p2"]
    with place.warehouse.writing() as connection:
        record.record_start(connection, killed)
        record.record_start(connection, ended)
        record.record_end(connection, ended)
        connection.exec_driver_sql(f"update etl_runs set pid = {int(gone.stdout)}")
        record.record_start(connection, present)
    assert place.rows("select run_id, status, finished_at is null, detail from etl_runs order by run_id") == [
        ("ended", "failed", False, "p1; p2"),
        ("killed", "interrupted", True, "the process ended without finishing; what it had landed was kept"),
        ("present", "running", True, None),
    ]
    assert place.rows("select pid from etl_runs where run_id = 'present'") == [(os.getpid(),)]
