"""Runs commands as processes of their own that need no start: a process that has imported everything forks.

`Zygote` is the side of a test; the program below it is the process that forks. Each command is a real process
with an id that can be killed, measured and limited, and costs what it does and not what Python imports.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WAIT_S = 120


@dataclass(frozen=True)
class Ended:
    """How a command ended, what it wrote, how long it took, and the most memory it had."""

    code: int
    out: str
    err: str
    seconds: float
    peak_mb: float


class Command:
    """A command that was started."""

    def __init__(self, zygote: Zygote, pid: int, out: Path, err: Path) -> None:
        self._zygote = zygote
        self._out, self._err = out, err
        self._started = time.monotonic()
        self.pid = pid
        self.ended: Ended | None = None

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return self._err.read_text(encoding="utf-8")

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended is None and self._reap(block=False) is None

    def kill(self) -> Ended:
        """End it as a power cut would, and say how it ended: it may have been faster."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for its end."""
        deadline = time.monotonic() + _WAIT_S
        while (ended := self._reap(block=False)) is None:
            assert time.monotonic() < deadline, f"it does not end: {self.err}"
            time.sleep(0.005)
        return ended

    def _reap(self, *, block: bool) -> Ended | None:
        if self.ended is None:
            answer = self._zygote.ask({"reap": self.pid})
            if answer["code"] is None:
                return None
            self.ended = Ended(
                answer["code"],
                self._out.read_text(encoding="utf-8"),
                self.err,
                time.monotonic() - self._started,
                answer["peak_kb"] / 1024,
            )
        return self.ended


class Zygote:
    """The process that forks; `folder` is where commands run and where their output goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        )

    def start(
        self,
        *args: object,
        file_limit: int | None = None,
        is_ordinary: bool = False,
        clock_ahead_days: float = 0,
        **env: object,
    ) -> Command:
        """Start a command with these settings and no others.

        ``file_limit`` is the most bytes of a file that it writes; ``is_ordinary`` makes permissions count
        for it even where the tests are run by root; its clock is ``clock_ahead_days`` ahead, or behind.
        """
        self._count += 1
        out, err = self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"
        for path in (out, err):
            path.touch()
        answer = self.ask(
            {
                "args": [str(arg) for arg in args],
                "env": {name: str(value) for name, value in env.items()},
                "out": str(out),
                "err": str(err),
                "file_limit": file_limit,
                "is_ordinary": is_ordinary,
                "clock_ahead_days": clock_ahead_days,
            }
        )
        return Command(self, answer["pid"], out, err)

    def run(self, *args: object, **options: Any) -> Ended:
        """Run a command to its end."""
        return self.start(*args, **options).wait()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request to the process and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process and every command that still runs."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_WAIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _forget_root() -> None:
    """Give up what lets root write where permissions say no."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    # Effective, permitted and inheritable, in two words each; DAC_OVERRIDE is 1 and DAC_READ_SEARCH 2.
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for word in range(3):
        data[word] &= ~0b110
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _shift_clock(days: float) -> None:
    """Let the code of the pipeline see a clock that is ahead by some days, or behind."""
    import datetime
    import importlib
    import pkgutil

    import pipeline

    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        # A module takes its name for the present when it is imported.
        if not module.name.startswith(("pipeline.flows", "pipeline.report", "pipeline.simulator")):
            importlib.import_module(module.name)
    true, ahead = datetime.datetime, datetime.timedelta(days=days)

    class AnyMoment(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, true)

    class Shifted(true, metaclass=AnyMoment):
        def __new__(cls, *args: Any, **options: Any) -> Any:
            return true(*args, **options)

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return true.now(tz) + ahead

    for name, loaded in list(sys.modules.items()):
        if name.startswith("pipeline.") and getattr(loaded, "datetime", None) is true:
            loaded.datetime = Shifted  # type: ignore[attr-defined]
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + ahead.total_seconds()
    time.time_ns = lambda: true_time_ns() + int(ahead.total_seconds()) * 1_000_000_000


def _run(request: dict[str, Any]) -> None:
    """Be the command; never return."""
    import resource

    from pipeline.__main__ import main

    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        opened = os.open(path, os.O_APPEND | (os.O_WRONLY if number else os.O_RDONLY))
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(os.dup(0), encoding="utf-8")
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["pipeline", *request["args"]]
    if request["file_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_limit"], request["file_limit"]))
    if request["is_ordinary"]:
        _forget_root()
    if request["clock_ahead_days"]:
        _shift_clock(request["clock_ahead_days"])
    main()


def _serve() -> None:
    # All that commands import, so that none has to.
    import alembic.command
    import httpx
    import zstandard

    import pipeline.cli
    from pipeline.cli import console, render
    from pipeline.landing import repair
    from pipeline.load import loads
    from pipeline.publish import readers_copy
    from pipeline.runs import backfill, cleanup, offline, quarantine
    from pipeline.warehouse import migration

    migration.read_scripts().get_current_head()
    imported = (alembic, httpx, zstandard, pipeline, backfill, console, cleanup, loads, readers_copy, repair)
    assert all((*imported, migration, render, quarantine, offline))
    children: set[int] = set()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        if "reap" in request:
            pid, status, usage = os.wait4(request["reap"], os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if pid else None
            children.discard(pid)
            answer = {"code": code, "peak_kb": usage.ru_maxrss}
        else:
            pid = os.fork()
            if not pid:
                answers.close()
                _run(request)
                os._exit(0)
            children.add(pid)
            answer = {"pid": pid}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _serve()
