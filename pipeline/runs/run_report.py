"""How a run ended: what a user reads, and what `--json` prints.

How it ended is derived from the outcomes of its ids, never counted beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline import log
from pipeline.errors import PipelineError
from pipeline.times import utc_now

if TYPE_CHECKING:
    from pipeline.load.loads import Loaded

# What is said of an outcome, in the order in which outcomes are named.
OUTCOME_LABELS = {
    "accepted": "fetched and landed",
    "loaded": "loaded",
    "unchanged": "unchanged",
    "listed": "listed, the whole call to come",
    "changed": "changed at the source, to be fetched again",
    "waiting": "not asked for yet",
    "not_final": "not final yet",
    "deleted": "deleted at the source",
    "not_found": "not found",
    "rejected": "rejected",
    "failed": "failed",
}
_EXIT_CODES = {"succeeded": 0, "failed": 1, "partial": 3, "interrupted": 130}


@dataclass(frozen=True)
class Unaccounted:
    """An id that did not become a call, and why; path and value for a rejected payload."""

    call_id: str
    outcome: str
    reason: str | None
    json_path: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Compared:
    """What a `reconcile` found between two moments (UTC), in calls; `is_proved`: it was put right."""

    since: datetime
    until: datetime
    listed: int
    unchanged: int
    missing: int
    changed: int
    deleted: int
    is_proved: bool

    @property
    def summary(self) -> str:
        """Return what was found, in words."""
        return (
            f"{self.listed:,} calls listed from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d} (UTC): "
            f"{self.unchanged:,} unchanged, {self.missing:,} were missing, {self.changed:,} had changed; "
            f"{self.deleted:,} are deleted at the source; "
            + ("warehouse and account agree" if self.is_proved else "not proved: run it again")
        )

    def as_facts(self) -> dict[str, Any]:
        """Return the values that are recorded."""
        return {name: value for name, value in vars(self).items() if name != "is_proved"}


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
    account_rate: float | None = None
    """Calls a second that the account lets through, where its limit held the run back."""
    compared: Compared | None = None
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
        """Return the exit code of the process (docs/commands.md lists them)."""
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

    def log_end(self) -> None:
        """Log how the run ended: what `--json` prints, without its lists."""
        facts = {name: value for name, value in self.as_json().items() if not isinstance(value, list)}
        log.event(
            "run",
            **facts,
            problem_count=len(self.problems),
            unaccounted_count=len(self.unaccounted),
            drift_count=len(self.drift),
            exit_code=self.exit_code,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        values = {name: value for name, value in vars(self).items() if not name.startswith("is_")}
        return values | {
            "status": self.status,
            "started_at": f"{self.started_at.isoformat()}Z",
            "dry_run": self.is_dry_run,
            "unaccounted": [vars(item) for item in self.unaccounted],
            "compared": None if self.compared is None else vars(self.compared),
            "duration_s": round(self.duration_s, 3),
            "error": None if self.error is None else str(self.error),
        }
