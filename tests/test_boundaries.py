"""What may import what: the contracts in pyproject.toml hold, and hold at run time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = [
    "demo",
    "backfill",
    "sync",
    "refresh",
    "load",
    "replay",
    "migrate",
    "check",
    "status",
    "inspect",
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
slow = {"duckdb", "httpx", "prefect", "sqlalchemy"} & set(sys.modules)
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
