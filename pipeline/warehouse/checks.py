"""Runs the checks of the warehouse: every file in `sql/checks/` returns the rows that break its rule.

A check marked `fail` means that numbers cannot be trusted; one marked `warn` that somebody should look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pipeline import sql

_SEVERITY = re.compile(r"^-- severity: (fail|warn)$", re.MULTILINE)
_SAMPLE = 20


@dataclass(frozen=True)
class CheckResult:
    """One check: what must hold, how bad it is if not, how many rows offend, and the first of them."""

    name: str
    statement: str
    severity: str
    offending: int
    sample: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        """Return pass, warn or fail."""
        return self.severity if self.offending else "pass"


def run_checks(connection: Connection) -> list[CheckResult]:
    """Run every check; the order is that of their names."""
    return [_run_check(connection, name) for name in sql.list_names("checks")]


def record_results(connection: Connection, results: list[CheckResult], at: datetime) -> None:
    """Record in the caller's transaction what the checks found at a time (UTC), for the view freshness."""
    found = [
        {"check_name": result.name, "severity": result.severity, "offending_rows": result.offending}
        for result in results
    ]
    connection.exec_driver_sql(sql.read("runs/forget_checked"))
    connection.exec_driver_sql(sql.read("runs/checked"), {"results": found, "checked_at": at})


def _run_check(connection: Connection, name: str) -> CheckResult:
    text = sql.read(f"checks/{name}")
    marked = _SEVERITY.search(text)
    if marked is None:
        raise ValueError(f"sql/checks/{name}.sql does not say how severe it is")
    result = connection.exec_driver_sql(text).mappings()
    sample = [dict(row) for row in result.fetchmany(_SAMPLE)]
    # Counted row by row, so that a check that everything fails does not fill the memory.
    offending = len(sample) + sum(1 for _ in result)
    return CheckResult(name, text.splitlines()[0].removeprefix("-- "), marked[1], offending, sample)
