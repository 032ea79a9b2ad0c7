"""Limits that the system sets to a process: one sentence with the right advice, and nothing is lost."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.runs.sync import Sync
from pipeline.simulator import CallBook, Simulator, running
from support.command_line import settings_of
from support.warehouse_files import query, warehouse_in

BOOK = CallBook(count=80)
COMMANDS = ["backfill", "sync", "load", "status", "publish", "repair", "compact", "report", "check", "doctor"]
_MB = 2**20


@dataclass(frozen=True)
class Limited:
    """A kind of limit, how much of it there is, and what is said where it is met."""

    kind: int
    unit: int
    advice: str
    amounts: tuple[int, ...]


LIMITS = {
    "memory": Limited(resource.RLIMIT_AS, _MB, "ulimit -v", (120, 200, 300, 400, 500, 600, 800)),
    "files": Limited(resource.RLIMIT_NOFILE, 1, "ulimit -n", (8, 12, 16, 20, 24, 32, 64)),
    "file size": Limited(resource.RLIMIT_FSIZE, 1024, "ulimit -f", (16, 200, 1500)),
}


@pytest.fixture(scope="module")
def served() -> Iterator[Simulator]:
    with running(BOOK) as server:
        yield server


@pytest.fixture(scope="module")
def loaded(served: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with calls that are landed and loaded."""
    folder = tmp_path_factory.mktemp("loaded") / "data"
    settings = load_settings(api_key=served.api_key, base_url=served.base_url, data_dir=folder)
    assert Sync(settings).run().exit_code == 0
    return folder


def run(
    served: Simulator, arguments: list[str], limited: Limited | None = None, amount: int = 0
) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if limited is not None:
            resource.setrlimit(limited.kind, (amount * limited.unit,) * 2)

    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        env={"PATH": os.environ["PATH"]} | settings_of(served, {"PIPELINE_PUBLISH": "run"}),
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=200,
    )


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_limit_is_one_sentence_and_without_it_the_same_command_completes(
    served: Simulator, loaded: Path, tmp_path: Path, command: str, kind: str
) -> None:
    limited = LIMITS[kind]
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(BOOK.call_ids()))
    for amount in limited.amounts:
        data_dir = tmp_path / str(amount)
        if command not in ("backfill", "sync"):
            shutil.copytree(loaded, data_dir)
        if command == "load":
            (data_dir / "warehouse.duckdb").unlink()
        arguments = [command, *([str(ids)] if command == "backfill" else []), "--data-dir", str(data_dir)]
        ran = run(served, arguments, limited, amount)
        assert ran.returncode in (0, 1), (amount, ran.stderr)
        if ran.returncode == 1:
            assert len(ran.stderr.splitlines()) == 1, (amount, ran.stderr)
            assert limited.advice in ran.stderr, amount
            assert "bug" not in ran.stderr
            assert run(served, arguments).returncode == 0
        if command in ("backfill", "sync", "load"):
            counted = "select count(*) from calls"
            # A listing has only the calls that have begun.
            listed = query(warehouse_in(loaded), counted)
            expected = [(len(BOOK),)] if command == "backfill" else listed
            assert query(warehouse_in(data_dir), counted) == expected
        shutil.rmtree(data_dir)
