"""Runs the command line for tests: in this process, which is fast, or as a process that can be signalled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from pipeline import log
from pipeline.__main__ import main
from pipeline.simulator import Simulator

DEADLINE_S = 60
KEY = "key_simulated"


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class _Exit(BaseException):
    def __init__(self, code: int) -> None:
        self.code = code


class Cli:
    """Runs a command as `python -m pipeline` does, in this process, with nothing of the caller's settings."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._capsys = capsys

    def __call__(
        self, *args: object, server: Simulator | None = None, stdin: bytes = b"", **env: object
    ) -> Ran:
        """Run a command with the server's address and key, and other settings as keywords."""
        self._capsys.readouterr()
        with self._patch.context() as patch:
            for name, value in settings_of(server, env).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["pipeline", *map(str, args)])
            patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin), encoding="utf-8"))
            patch.setattr(os, "_exit", _raise_exit)
            mask, handler = os.umask(0o077), signal.getsignal(signal.SIGTERM)
            try:
                main()
                code = 0
            except (_Exit, SystemExit) as ended:
                code = ended.code if isinstance(ended.code, int) else 0
            finally:
                log.configure("info", "text")
                os.umask(mask)
                signal.signal(signal.SIGTERM, handler)
        written = self._capsys.readouterr()
        return Ran(code, written.out, written.err)


def _raise_exit(code: int) -> None:
    raise _Exit(code)


def settings_of(server: Simulator | None, env: dict[str, object]) -> dict[str, str]:
    found = {name: str(value) for name, value in env.items()}
    if server is not None:
        # What is not about the readers' copy does without: it costs every run a copy and a process.
        found = {"PIPELINE_PUBLISH": "off"} | found
        found = {"RETELL_BASE_URL": server.base_url, "RETELL_API_KEY": server.api_key} | found
    return found


class Process:
    """A command as a process of its own, whose output goes to files that can be read while it runs."""

    def __init__(self, folder: Path, number: int, args: tuple[object, ...], env: dict[str, str]) -> None:
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        clean = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "pipeline", *map(str, args)],
                cwd=folder,
                env=clean | {"HOME": str(folder)} | env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return self._err.read_text(encoding="utf-8")

    @property
    def out(self) -> str:
        """What it has written to stdout so far."""
        return self._out.read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; fail when the process ends before, or never makes it hold."""

        def holds() -> bool:
            assert self.popen.poll() is None, f"ended with {self.popen.returncode} too early: {self.err}"
            return condition()

        poll(holds)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def wait(self, deadline_s: float = DEADLINE_S) -> Ran:
        """Wait for the end."""
        code = self.popen.wait(deadline_s)
        return Ran(code, self._out.read_text(encoding="utf-8"), self.err)


Start = Callable[..., Process]


_HOLD = """
import sys, time, duckdb
while True:
    try:
        held = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
        break
    except duckdb.IOException:
        time.sleep(0.005)
print("held", flush=True)
sys.stdin.read()
"""


class Holder:
    """Another process that has the warehouse open."""

    def __init__(self, path: Path, how: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    @property
    def out(self) -> str:
        """What it has written to stdout so far."""
        return self._out.read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def let_go(self) -> None:
        """Close the warehouse; again is no harm."""
        if self._process.poll() is None:
            self._process.communicate(timeout=DEADLINE_S)


def poll(condition: Callable[[], bool]) -> None:
    """Wait until something holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)
