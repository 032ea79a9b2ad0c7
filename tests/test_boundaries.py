"""What may import what: the contracts in pyproject.toml hold, and hold at run time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.simulator import CallBook, running

ROOT = Path(__file__).parent.parent
COMMANDS = [
    "demo",
    "backfill",
    "sync",
    "reconcile",
    "refresh",
    "load",
    "replay",
    "repair",
    "publish",
    "compact",
    "migrate",
    "check",
    "status",
    "inspect",
    "report",
    "serve",
    "doctor",
    "simulate",
    "config",
    "docs",
]

_HELP = """
import sys
sys.argv = ["pipeline", *sys.argv[1:]]
from pipeline.cli import app
try:
    app()
except SystemExit as left:
    assert left.code == 0, left.code
slow = {"aiohttp", "altair", "duckdb", "httpx", "prefect", "rich", "sqlalchemy"} & set(sys.modules)
assert not slow, slow
"""


def test_import_contracts_hold() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_imports_nothing_slow(command: str | None) -> None:
    arguments = ["--help"] if command is None else [command, "--help"]
    helped = subprocess.run(
        [sys.executable, "-c", _HELP, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert helped.returncode == 0, helped.stderr
    assert "Usage" in helped.stdout


def test_help_lists_options_under_their_headings() -> None:
    helped = CliRunner().invoke(app, ["backfill", "--help"]).stdout
    headings = ["Arguments:", "Where things are:", "How the API is asked:", "What is done:", "Options:"]
    assert [line for line in helped.splitlines() if line in headings] == headings


_BACKFILL = """
import json, os, sys
from pipeline.__main__ import main
leave = os._exit
def report(code):
    sys.stderr.flush()
    with open("imported.json", "w") as file:
        json.dump(sorted({name.partition(".")[0] for name, module in sys.modules.items() if module}), file)
    leave(code)
os._exit = report
sys.argv = ["pipeline", "backfill", *sys.argv[1:]]
main()
"""
_BOOK = CallBook(count=3, until=datetime(2025, 6, 2, tzinfo=UTC))


@dataclass(frozen=True)
class _Backfill:
    """A backfill against the simulated API, in a process and a folder of its own."""

    code: int
    out: str
    err: str
    imported: set[str]
    requests: int


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """The address of a Prefect server that is not there: nobody else gets the port meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api"


@pytest.fixture
def backfill(tmp_path: Path) -> Iterator[Callable[..., _Backfill]]:
    """Run a backfill with options and with settings for Prefect."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with running(_BOOK) as server:

        def run(*options: str, **settings: str) -> _Backfill:
            before = server.requests.total
            ran = subprocess.run(
                [sys.executable, "-c", _BACKFILL, *_BOOK.call_ids(), "--json", *options],
                cwd=tmp_path,
                env=kept
                | {
                    "HOME": str(tmp_path),
                    "PREFECT_HOME": str(tmp_path / "prefect"),
                    "DO_NOT_TRACK": "1",
                    "RETELL_BASE_URL": server.base_url,
                    "RETELL_API_KEY": server.api_key,
                }
                | settings,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            imported = set(json.loads((tmp_path / "imported.json").read_text()))
            return _Backfill(ran.returncode, ran.stdout, ran.stderr, imported, server.requests.total - before)

        yield run


def _assert_fetched(ran: _Backfill) -> None:
    assert ran.code == 0, ran.err
    assert sum(json.loads(ran.out)["outcomes"].values()) == _BOOK.count
    assert json.loads(ran.out)["fetched_count"] == _BOOK.count <= ran.requests


def test_a_backfill_imports_nothing_of_prefect_where_no_server_is_named(
    backfill: Callable[..., _Backfill],
) -> None:
    ran = backfill()
    _assert_fetched(ran)
    assert ran.err == ""
    assert {"duckdb", "httpx", "sqlalchemy"} <= ran.imported, "it was a real one"
    assert "prefect" not in ran.imported


def test_a_backfill_does_not_wait_for_pandas_where_that_is_installed(
    backfill: Callable[..., _Backfill], tmp_path: Path
) -> None:
    installed = tmp_path / "installed" / "pandas"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    ran = backfill(PYTHONPATH=str(installed.parent))
    _assert_fetched(ran)
    assert "pandas" not in ran.imported


def test_no_prefect_wins_over_a_named_server(backfill: Callable[..., _Backfill], nobody: str) -> None:
    ran = backfill("--no-prefect", PREFECT_API_URL=nobody)
    _assert_fetched(ran)
    assert ran.err == ""
    assert "prefect" not in ran.imported


@pytest.mark.slow
def test_a_named_server_that_does_not_answer_is_a_warning_and_no_reason_to_do_nothing(
    backfill: Callable[..., _Backfill], nobody: str
) -> None:
    ran = backfill(PREFECT_API_URL=nobody)
    _assert_fetched(ran)
    assert ran.err.startswith("warning: the server at PREFECT_API_URL does not answer")
    assert ran.err.count("\n") == 1
    assert "prefect" in ran.imported


def test_a_server_that_is_asked_for_and_does_not_answer_is_refused_in_one_sentence(
    backfill: Callable[..., _Backfill], nobody: str, tmp_path: Path
) -> None:
    ran = backfill("--prefect", PREFECT_API_URL=nobody)
    assert (ran.code, ran.out, ran.requests) == (2, "", 0)
    assert ran.err.startswith("error: no Prefect server answers")
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "data").exists()
