"""A data folder that grows old fast: each step is an hour of its account, lived through by a sync.

The processes of the folder have a clock that goes on by an hour for each step, so days close and chunks are
merged as they would be. Some are killed.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.simulator import Account, Simulator, running
from support.accounts import call, not_connected, ongoing, rows
from support.zygote import Command, Ended, Zygote

_CALLS_PER_HOUR = 3
# So many runs at the beginning are compared with as many at the end.
_COMPARED = 24


@dataclass(frozen=True)
class Age:
    """What a run takes and what lies on disk at one time, medians of a day of runs."""

    hours: int
    calls: int
    sync_s: float
    load_s: float
    peak_mb: float
    warehouse_mb: float
    landing_files: int
    landing_mb: float


@dataclass
class OldPlace:
    """The folder, its account, and what its runs took."""

    data_dir: Path
    zygote: Zygote
    server: Simulator
    account: Account
    hours: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    _ended: list[Ended] = field(default_factory=list)
    _loads: list[Ended] = field(default_factory=list)
    _young: Age | None = None
    _open: list[str] = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)

    def live(self, hours: int, rng: random.Random) -> None:
        """Live through some hours; each ends with all that the account has in the warehouse."""
        for _ in range(hours):
            self._call(rng)
            if rng.random() < 0.05:
                self._kill(rng, "sync")
            self._ended.append(self._run("sync"))
            self.hours += 1
            if self.hours % 24 == 0:
                if rng.random() < 0.3:
                    self._kill(rng, "compact")
                self._run("compact")
                self._loads.append(self._run("load"))
            if self.hours % (7 * 24) == 0:
                self._run("refresh")
            if self.hours == _COMPARED + 2:
                self._young = self.measure(at_the_end=False)

    @property
    def young(self) -> Age:
        """What runs took at the beginning, and what lay on disk then."""
        assert self._young is not None
        return self._young

    def check(self) -> None:
        """Fail unless every call of the account is there, whole and as it was last, and nothing waits."""
        self._run("refresh")
        there = {row[0] for row in rows(self.data_dir, "select call_id from calls where detail = 'whole'")}
        assert there == set(self._ids)
        ongoing = rows(self.data_dir, "select call_id from calls where call_status = 'ongoing'")
        assert {row[0] for row in ongoing} == {f"call_{name}" for name in self._open}
        assert "0 payloads from 0 landed chunks" in self._run("load").out
        assert self._run("check").code == 0

    def describe(self) -> str:
        """Return what it lived through, in words."""
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.tally.items()))
        return f"{self.hours:,} hours ({counts})"

    def measure(self, *, at_the_end: bool) -> Age:
        """Return what runs took: those at the beginning, or the last ones."""
        part = slice(-_COMPARED, None) if at_the_end else slice(2, _COMPARED + 2)
        syncs, loads = self._ended[part], self._loads[-3:] if at_the_end else self._loads[:3]
        files = [path for path in (self.data_dir / "landing").rglob("*") if path.is_file()]
        return Age(
            self.hours,
            len(self._ids),
            statistics.median(ended.seconds for ended in syncs),
            statistics.median(ended.seconds for ended in loads) if loads else 0.0,
            max(ended.peak_mb for ended in syncs),
            (self.data_dir / "warehouse.duckdb").stat().st_size / 1e6,
            len(files),
            sum(path.stat().st_size for path in files) / 1e6,
        )

    def _call(self, rng: random.Random) -> None:
        """Let an hour of calls happen, and end those that were going on."""
        for name in self._open:
            self.account.put(call(name, self._ago(rng)))
        self._open = []
        for number in range(rng.randrange(2 * _CALLS_PER_HOUR)):
            name = f"{self.hours}_{number}"
            kind = rng.random()
            if kind < 0.1:
                self._open.append(name)
                self.account.put(ongoing(name, self._ago(rng)))
            elif kind < 0.2:
                self.account.put(not_connected(name))
            else:
                self.account.put(call(name, self._ago(rng)))
            self._ids.append(f"call_{name}")

    def _ago(self, rng: random.Random) -> float:
        # Seconds before now: what is still to come is as long after it.
        return -3600.0 * self.hours + rng.randrange(60, 3000)

    def _run(self, command: str) -> Ended:
        ended = self._start(command).wait()
        assert ended.code == 0, (command, self.hours, ended.err)
        self.tally[command] += 1
        return ended

    def _kill(self, rng: random.Random, command: str) -> None:
        started = self._start(command)
        time.sleep(rng.uniform(0, 0.6))
        if started.kill().code:
            self.tally[f"{command} killed"] += 1

    def _start(self, command: str) -> Command:
        return self.zygote.start(
            command,
            clock_ahead_days=self.hours / 24,
            RETELL_BASE_URL=self.server.base_url,
            RETELL_API_KEY=self.server.api_key,
            PIPELINE_DATA_DIR=self.data_dir,
            PIPELINE_PUBLISH="run",
            PIPELINE_LOCK_TIMEOUT="30s",
        )


@contextmanager
def old_place(folder: Path) -> Iterator[OldPlace]:
    """Make a data folder that has seen nothing yet, with an account of its own."""
    account, zygote = Account(), Zygote(folder / "commands")
    try:
        with running(account) as server:
            yield OldPlace(folder / "data", zygote, server, account)
    finally:
        zygote.close()
