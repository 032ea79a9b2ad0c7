"""A run: its id, its record in the warehouse, and the report of how it ended.

How a run ended is derived from the outcomes that are recorded for its ids, never counted beside them, so the
report, `status` and the warehouse cannot disagree.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from pipeline import __version__, log, sql
from pipeline.errors import PipelineError
from pipeline.landing.folder import Outcome
from pipeline.warehouse.queries import drift

if TYPE_CHECKING:
    from pipeline.load.loads import Loaded

# What is said of an outcome, in the order in which outcomes are named.
OUTCOME_LABELS = {
    "accepted": "fetched and landed",
    "loaded": "loaded",
    "unchanged": "unchanged",
    "not_final": "not final yet",
    "not_found": "not found",
    "rejected": "rejected",
    "failed": "failed",
}
_NOTED_AT_ONCE = 10_000
# Where /proc/<pid>/stat says when the process started: field 22, after the state, which is field 3.
_STARTED = 22 - 4
# The clock of the run may have been set a little since.
_CLOCK_SLACK_S = 60.0
_EXIT_CODES = {"succeeded": 0, "failed": 1, "partial": 3, "interrupted": 130}


def utc_now() -> datetime:
    """Return the present as the warehouse stores it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_run_id() -> str:
    """Return an id that sorts by start and that no other machine will choose."""
    return f"{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Unaccounted:
    """An id that did not become a call, and why; path and value for a rejected payload."""

    call_id: str
    outcome: str
    reason: str | None
    json_path: str | None = None
    value: str | None = None


@dataclass
class RunReport:
    """How a run ended; what it says is what a user reads and what `--json` prints."""

    run_id: str
    command: str
    warehouse: str
    started_at: datetime = field(default_factory=utc_now)
    given: int = 0
    requested: int = 0
    to_fetch: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    unaccounted: list[Unaccounted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    request_count: int = 0
    retry_count: int = 0
    fetched_count: int = 0
    chunks_loaded: int = 0
    calls_loaded: int = 0
    duration_s: float = 0.0
    is_interrupted: bool = False
    is_dry_run: bool = False
    error: PipelineError | None = None

    def count_load(self, one: Loaded) -> None:
        """Count what one load has loaded: what interrupts the next does not undo it."""
        self.chunks_loaded += one.chunks
        self.calls_loaded += one.records

    @property
    def status(self) -> str:
        """Return succeeded, partial, failed or interrupted; the worst that applies."""
        if self.is_interrupted:
            return "interrupted"
        if self.error is not None or self.problems or self._nothing_answered:
            return "failed"
        return "partial" if self.unaccounted else "succeeded"

    @property
    def _nothing_answered(self) -> bool:
        """Whether every single id failed: that is no part of a success."""
        return bool(self.outcomes) and set(self.outcomes) == {"failed"}

    @property
    def exit_code(self) -> int:
        """Return the process exit code of the contract for this end."""
        if self.error is not None and not self.is_interrupted:
            return self.error.exit_code
        return _EXIT_CODES[self.status]

    @property
    def summary(self) -> str:
        """Return how many ids there were and what became of them, in words."""
        counts = ", ".join(
            f"{self.outcomes[outcome]:,} {label}"
            for outcome, label in OUTCOME_LABELS.items()
            if outcome in self.outcomes
        )
        duplicates = self.given - self.requested
        return (
            f"{self.requested:,} ids"
            + (f" ({duplicates:,} duplicates dropped)" if duplicates else "")
            + (f": {counts}" if counts else "")
        )

    def tell(self) -> None:
        """Log how the run ended: what `--json` prints, without its lists."""
        told = {name: value for name, value in self.as_json().items() if not isinstance(value, list)}
        log.event(
            "run",
            **told,
            problem_count=len(self.problems),
            unaccounted_count=len(self.unaccounted),
            drift_count=len(self.drift),
            exit_code=self.exit_code,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        plain = {name: value for name, value in vars(self).items() if not name.startswith("is_")}
        return plain | {
            "status": self.status,
            "started_at": f"{self.started_at.isoformat()}Z",
            "dry_run": self.is_dry_run,
            "unaccounted": [vars(item) for item in self.unaccounted],
            "duration_s": round(self.duration_s, 3),
            "error": None if self.error is None else str(self.error),
        }


def begin(connection: Connection, report: RunReport) -> None:
    """Record that a run begins, and that runs of this machine whose process is gone have ended."""
    host = platform.node()
    dead = [
        other
        for other, pid, started_at in connection.exec_driver_sql(sql.read("runs/running"), {"host": host})
        if not _is_alive(int(pid), started_at)
    ]
    if dead:
        connection.exec_driver_sql(sql.read("runs/dead"), {"run_ids": dead})
    connection.exec_driver_sql(
        sql.read("runs/started"),
        {
            "run_id": report.run_id,
            "command": report.command,
            "started_at": report.started_at,
            "requested_count": report.requested,
            "host": host,
            "pid": os.getpid(),
            "pipeline_version": __version__,
        },
    )


def read_outcomes(connection: Connection, report: RunReport, spool: Path) -> None:
    """Fill the report's outcomes from what is recorded for the ids in the spool since the run began."""
    connection.exec_driver_sql(sql.read("runs/requested"), {"spool": sql.literal(spool)})
    since = {"since": report.started_at}
    report.outcomes = {
        str(outcome): int(ids)
        for outcome, ids in connection.exec_driver_sql(sql.read("runs/outcomes"), since)
    }
    report.unaccounted = [
        Unaccounted(*row) for row in connection.exec_driver_sql(sql.read("runs/unaccounted"), since)
    ]


def note_outcomes(connection: Connection, report: RunReport, notes: Path) -> None:
    """Write how each requested id stands to a file, for `tell_outcomes` once the warehouse is closed."""
    found = connection.exec_driver_sql(sql.read("runs/each_outcome"), {"since": report.started_at})
    with notes.open("w", encoding="utf-8") as lines:
        while rows := found.fetchmany(_NOTED_AT_ONCE):
            lines.writelines(json.dumps(dict(row._mapping)) + "\n" for row in rows)


def tell_outcomes(notes: Path) -> None:
    """Log the outcome of every id in a file of `note_outcomes`."""
    with notes.open(encoding="utf-8") as lines:
        for line in lines:
            log.event("outcome", log.DEBUG, **json.loads(line))


def read_landed(report: RunReport, landed: Iterable[Outcome]) -> None:
    """Fill the report's outcomes from what the run landed, for when the warehouse cannot be asked."""
    report.outcomes, report.unaccounted = {}, []
    for outcome in landed:
        log.event(
            "outcome",
            log.DEBUG,
            call_id=outcome.call_id,
            outcome=outcome.outcome,
            attempts=outcome.attempts,
            http_status=outcome.http_status,
            reason=outcome.reason,
            json_path=outcome.json_path,
        )
        report.outcomes[outcome.outcome] = report.outcomes.get(outcome.outcome, 0) + 1
        if outcome.outcome != "accepted":
            report.unaccounted.append(
                Unaccounted(
                    outcome.call_id, outcome.outcome, outcome.reason, outcome.json_path, outcome.value
                )
            )


def finish(connection: Connection, report: RunReport) -> None:
    """Record how the run ended, after its last load, and note in the report what drift its loads found."""
    report.drift = drift(connection, since=report.started_at)
    detail = str(report.error) if report.error else "; ".join(report.problems[:3]) or None
    connection.exec_driver_sql(
        sql.read("runs/finished"),
        {
            "run_id": report.run_id,
            "status": report.status,
            "finished_at": utc_now(),
            "requested_count": report.requested,
            "fetched_count": report.fetched_count,
            "request_count": report.request_count,
            "retry_count": report.retry_count,
            "detail": detail,
        },
    )


def _is_alive(pid: int, started_at: datetime) -> bool:
    """Tell whether the process that began a run is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A process that has ended but whose parent never asked how, as in a container, is still listed.
    try:
        state, *facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # Numbers come around, and in a container that starts again the same program gets the same one: a
        # process that is younger than the run is another.
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(facts[_STARTED]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return True
    run_age_s = (utc_now() - started_at).total_seconds()
    return state != "Z" and age_s > run_age_s - _CLOCK_SLACK_S
