"""A run's record in the warehouse: that it began, what became of its ids, and how it ended.

What a report says is read from the outcomes that are recorded here, so the report, `status` and the warehouse
cannot disagree.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from pipeline import __version__, log, sql
from pipeline.landing.outcome import Outcome
from pipeline.runs.run_report import RunReport, Unaccounted
from pipeline.times import utc_now
from pipeline.warehouse.queries import read_drift

_WRITTEN_AT_ONCE = 10_000
# Where /proc/<pid>/stat says when the process started: field 22, after the state, which is field 3.
_STARTED = 22 - 4
# The clock of the run may have been set a little since.
_CLOCK_SLACK_S = 60.0


def new_run_id() -> str:
    """Return an id that sorts by start and that no other machine will choose."""
    return f"{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def record_start(
    connection: Connection, report: RunReport, *, hides_deleted: bool = False, time_zone: str | None = None
) -> None:
    """Record that a run begins, and that runs of this machine whose process is gone have ended.

    From then on views show calls that are deleted at the source, or not where the run `hides_deleted`, and
    tell days and hours in `time_zone`, where one is given.
    """
    host = platform.node()
    dead = [
        other
        for other, pid, started_at in connection.exec_driver_sql(sql.read("runs/running"), {"host": host})
        if not _is_alive(int(pid), started_at)
    ]
    if dead:
        connection.exec_driver_sql(sql.read("runs/mark_killed"), {"run_ids": dead})
    connection.exec_driver_sql(
        sql.read("runs/record_start"),
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
    if time_zone is not None and time_zone != _read_time_zone(connection):
        set_to = {"time_zone": time_zone, "changed_at": report.started_at}
        connection.exec_driver_sql(sql.read("runs/set_time_zone"), set_to)
        connection.exec_driver_sql(sql.read("runs/apply_time_zone"))
    for name in ("forget_hidden_days", "hide_deleted"):
        connection.exec_driver_sql(sql.read(f"runs/{name}"), {"hides_deleted": hides_deleted})


def _read_time_zone(connection: Connection) -> str:
    return str(connection.exec_driver_sql(sql.read("runs/time_zone")).scalar_one())


def read_outcomes(
    connection: Connection, report: RunReport, spool: Path, *, is_listing: bool = False
) -> None:
    """Fill the report's outcomes from what is recorded for the ids in the spool since the run began.

    Of a run that `is_listing` an id counts that was recorded before and that it had not to ask for again; a
    payload that was rejected before and came again as it was is nothing new there.
    """
    connection.exec_driver_sql(sql.read("runs/requested"), {"spool": sql.escape_path(spool)})
    since, own_run = {"since": report.started_at}, {"run_id": report.run_id}
    if is_listing:
        # A listing can name a call more than once.
        report.given = report.requested = int(
            connection.exec_driver_sql(sql.read("runs/requested_count")).scalar_one()
        )
    connection.exec_driver_sql(sql.read("runs/recorded_ids"), since)
    if is_listing:
        connection.exec_driver_sql(sql.read("runs/recorded_earlier"))
    report.outcomes = {
        str(outcome): int(ids)
        for outcome, ids in connection.exec_driver_sql(
            sql.read("runs/outcomes"), since | own_run | {"is_listing": is_listing}
        )
    }
    report.unaccounted = [
        Unaccounted(*row)
        for row in connection.exec_driver_sql(
            sql.read("runs/unaccounted"), since | own_run | {"with_repeated": not is_listing}
        )
    ]


def write_outcomes(connection: Connection, report: RunReport, file: Path) -> None:
    """Write how each requested id stands to a file, for `log_outcomes` once the warehouse is closed.

    Call it after `read_outcomes`, on the same connection.
    """
    found = connection.exec_driver_sql(sql.read("runs/each_outcome"), {"since": report.started_at})
    with file.open("w", encoding="utf-8") as lines:
        while rows := found.fetchmany(_WRITTEN_AT_ONCE):
            lines.writelines(json.dumps(dict(row._mapping)) + "\n" for row in rows)


def log_outcomes(file: Path) -> None:
    """Log the outcome of every id in a file of `write_outcomes`."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            log.event("outcome", log.DEBUG, **json.loads(line))


def read_landed_outcomes(report: RunReport, landed: Iterable[Outcome]) -> None:
    """Fill the report's outcomes from what the run landed, for when the warehouse cannot be asked."""
    report.outcomes, report.unaccounted = {}, []
    found: dict[str, Outcome] = {}
    for outcome in landed:
        # What the API said of the whole call counts more than that it was listed, or given.
        if outcome.is_answer or outcome.detail == "listed" or outcome.call_id not in found:
            found[outcome.call_id] = outcome
    for outcome in sorted(found.values(), key=lambda outcome: outcome.call_id):
        log.event(
            "outcome",
            log.DEBUG,
            call_id=outcome.call_id,
            outcome=outcome.outcome,
            **outcome.to_log(),
        )
        name = "listed" if outcome.outcome == "accepted" and not outcome.is_answer else outcome.outcome
        report.outcomes[name] = report.outcomes.get(name, 0) + 1
        if outcome.outcome in ("not_found", "rejected", "failed"):
            report.unaccounted.append(
                Unaccounted(
                    outcome.call_id, outcome.outcome, outcome.reason, outcome.json_path, outcome.value
                )
            )


def record_end(connection: Connection, report: RunReport) -> None:
    """Record how the run ended, after its last load, and note in the report what drift its loads found."""
    report.drift = read_drift(connection, since=report.started_at)
    detail = str(report.error) if report.error else "; ".join(report.problems[:3]) or None
    connection.exec_driver_sql(
        sql.read("runs/record_end"),
        {
            "run_id": report.run_id,
            "status": report.status,
            "finished_at": utc_now(),
            "requested_count": report.requested,
            "fetched_count": report.fetched_count,
            "request_count": report.request_count,
            "retry_count": report.retry_count,
            "allowed_calls_per_second": report.account_rate,
            "detail": detail,
        },
    )


def _is_alive(pid: int, started_at: datetime) -> bool:
    """Return whether the process that began a run is still there."""
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
