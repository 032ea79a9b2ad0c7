"""Signals at random moments of every command: it ends with one sentence or its result, never a traceback."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.simulator import CallBook, Simulator, running
from support.command_line import Start

BOOK = CallBook(count=100)
COMMANDS = ["status", "load", "publish", "compact", "replay", "report", "check", "sync", "refresh", "repair"]
# So soon after its start Python itself, and not yet the command, gets a signal.
_PYTHON_STARTS_S = 0.1


@pytest.fixture(scope="module")
def served() -> Iterator[Simulator]:
    with running(BOOK) as server:
        yield server


@pytest.fixture(scope="module")
def loaded(served: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with calls that are landed and loaded."""
    from pipeline.config import load_settings
    from pipeline.runs.sync import Sync

    folder = tmp_path_factory.mktemp("loaded") / "data"
    settings = load_settings(api_key=served.api_key, base_url=served.base_url, data_dir=folder)
    assert Sync(settings).run().exit_code == 0
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_signals_at_random_moments_of_a_command_lose_nothing(
    tmp_path: Path, start: Start, served: Simulator, loaded: Path, command: str
) -> None:
    chance = random.Random(command)
    for number in range(6):
        data_dir = tmp_path / str(number)
        shutil.copytree(loaded, data_dir)
        if command == "load":
            (data_dir / "warehouse.duckdb").unlink()
        process = start(command, "--data-dir", data_dir, server=served)
        time.sleep(_PYTHON_STARTS_S + chance.uniform(0.1, 1.2))
        for _ in range(chance.randint(1, 5)):
            if process.popen.poll() is None:
                process.signal(chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
            time.sleep(chance.choice([0, 0.001, 0.02, 0.2]))
        ran = process.wait()
        assert "Traceback" not in ran.err
        assert ran.code in (0, 130), ran.err
        if ran.code == 130:
            assert "interrupted" in ran.err
        assert start(command, "--data-dir", data_dir, server=served).wait().code == 0
