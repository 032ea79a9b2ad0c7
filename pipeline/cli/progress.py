"""Shows how far a run is: a bar on a terminal, a line now and then elsewhere.

How long it still takes is told by the speed so far, or by the account's windows where these limit the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
)
from rich.text import Text

from pipeline import log
from pipeline.cli.console import err, say
from pipeline.retell.account_pace import describe_rate
from pipeline.runs.run import Pace

_LINE_EVERY_S = 5.0


class RunProgress:
    """How far a run is; ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done = self._total = self._retries = self._loaded = 0
        self._started = self._said = clock()
        self._account: Pace | None = None
        self._account_told_at = 0.0
        self._bar: Progress | None = None
        self._task: Any = None

    def add_total(self, total: int) -> None:
        """Let so many more calls be expected."""
        if self._total == 0:
            self._started = self._said = self._clock()
        self._total += total
        if self._bar is not None:
            self._bar.update(self._task, total=self._total)
        elif err.is_terminal and total and not log.is_json():
            self._bar = Progress(
                TextColumn("fetching"),
                BarColumn(),
                MofNCompleteColumn(),
                TaskProgressColumn(show_speed=True),
                TextColumn("{task.fields[rate]}/s"),
                _TimeLeft(self.estimate_left_s),
                TextColumn("{task.fields[loaded]} loaded, {task.fields[retries]} retries{task.fields[why]}"),
                console=err,
                transient=True,
            )
            self._task = self._bar.add_task("calls", total=self._total, rate="-", loaded=0, retries=0, why="")
            self._bar.start()

    def count_call(self) -> None:
        """Count one more call."""
        self._done += 1
        self._show()

    def set_retries(self, requests: int, retries: int) -> None:
        """Take the number of retries so far."""
        self._retries = retries

    def set_account(self, pace: Pace) -> None:
        """Take what the account lets through at this moment."""
        self._account, self._account_told_at = pace, self._clock()

    def count_loaded(self, records: int) -> None:
        """Count calls that are in the warehouse now."""
        self._loaded += records

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def estimate_left_s(self) -> float | None:
        """Return the seconds until the last call is fetched; None before the first."""
        return self._estimate()[0]

    def _estimate(self) -> tuple[float | None, float | None]:
        """Return the seconds that are left, and the account's calls a second where these limit the run."""
        now, left = self._clock(), self._total - self._done
        by_speed_s = left * (now - self._started) / self._done if self._done else None
        if self._account is None:
            return by_speed_s, None
        by_account_s = max(0.0, self._account.estimate_s(left) - (now - self._account_told_at))
        # Windows are a burst and a wait: a speed on average says nothing of the time to the end of one.
        if self._account.is_holding or by_account_s > (by_speed_s or 0.0):
            return by_account_s, self._account.rate
        return by_speed_s, None

    def _show(self) -> None:
        now = self._clock()
        rate = self._done / max(now - self._started, 1e-6)
        if self._bar is None and now - self._said < _LINE_EVERY_S:
            return
        left_s, account_rate = self._estimate()
        why = "" if account_rate is None else f", {describe_rate(account_rate)}"
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=self._done,
                rate=f"{rate:,.0f}",
                loaded=f"{self._loaded:,}",
                retries=f"{self._retries:,}",
                why=why,
            )
            return
        self._said = now
        if log.is_json():
            facts = {
                "done": self._done,
                "total": self._total,
                "calls_per_s": round(rate, 1),
                "left_s": round(left_s or 0),
                "loaded": self._loaded,
                "retries": self._retries,
            }
            log.event("progress", log.INFO, **facts, account_rate=account_rate)
            return
        say(
            f"{self._done:,} of {self._total:,} calls, {rate:,.0f}/s, about {left_s or 0:,.0f} s left, "
            f"{self._loaded:,} loaded, {self._retries:,} retries{why}"
        )


class _TimeLeft(ProgressColumn):
    max_refresh = 0.5

    def __init__(self, estimate_left_s: Callable[[], float | None]) -> None:
        self._estimate_left_s = estimate_left_s
        super().__init__()

    def render(self, task: Task) -> Text:
        """Return the hours, minutes and seconds that are left."""
        left_s = self._estimate_left_s()
        shown = "-:--:--" if left_s is None else str(timedelta(seconds=round(left_s)))
        return Text(shown, style="progress.remaining")
