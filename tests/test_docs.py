"""The README says what exists: commands, options, settings, exit codes, tables, views, and the two lines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import typer

from pipeline import sql
from pipeline.cli import app
from pipeline.config import Settings
from pipeline.warehouse import tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FENCED_LINES = re.findall(r"^```sh\n(.+)\n```$", README, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_heading(name: str) -> None:
    assert f"\n### {name}\n" in README


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_named(name: str) -> None:
    options = {
        option for parameter in COMMANDS[name].params for option in parameter.opts if option[:2] == "--"
    }
    assert {option for option in options if option not in README} == set()


@pytest.mark.parametrize("field", Settings.model_fields.values(), ids=lambda field: str(field.alias))
def test_every_setting_is_in_the_table(field: object) -> None:
    assert f"| `{field.alias}` |" in README  # type: ignore[attr-defined]


def test_every_exit_code_is_in_the_table() -> None:
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


@pytest.mark.parametrize("name", [*tables.metadata.tables, *sql.names("views")])
def test_every_table_and_view_is_named(name: str) -> None:
    assert f"`{name}`" in README


def test_the_first_two_lines_are_those_that_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    main_job, tests = FENCED_LINES[:2]
    assert "demo" in main_job
    assert "pytest" in tests
    assert [line for line in (main_job, tests) if line not in ci] == []


def test_no_file_names_a_registry_or_a_path_of_the_author() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    # Spelled in halves, because this file is looked at too.
    private = re.compile(
        "|".join(["/wo" + "rk/", "/ro" + "ot/", "py" + "pi.org", "python" + "hosted", "npm" + "js"])
    )
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and private.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(name)
    assert found == []
