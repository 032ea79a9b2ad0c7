"""Fixtures of tests that use the command line: commands, processes, and others that hold the warehouse."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.simulator import Simulator
from support.command_line import DEADLINE_S, Cli, Holder, Process, Start, settings_of


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Fail a test that would never end, instead of the whole suite."""

    def fail(number: int, frame: object) -> None:
        raise TimeoutError(f"the test did not end within {2 * DEADLINE_S} s")

    handler = signal.signal(signal.SIGALRM, fail)
    signal.alarm(0 if "HUNT" in os.environ else 2 * DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """A command line in an empty folder, without settings from outside."""
    for name in list(os.environ):
        if name.startswith(("RETELL_", "PIPELINE_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Cli(monkeypatch, capsys)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command as a process of its own; what still runs at the end of the test is killed."""
    folder = tmp_path / "processes"
    folder.mkdir()
    started: list[Process] = []

    def begin(*args: object, server: Simulator | None = None, **env: object) -> Process:
        started.append(Process(folder, len(started), args, settings_of(server, env)))
        return started[-1]

    yield begin
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait()


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    """Have another process open a warehouse, for `reading` or for `writing`."""
    holders: list[Holder] = []

    def begin(path: Path, how: str = "writing") -> Holder:
        holders.append(Holder(path, how))
        return holders[-1]

    yield begin
    for holder in holders:
        holder.let_go()
