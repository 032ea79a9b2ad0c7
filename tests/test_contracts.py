"""Every import contract is broken here once, in a copy of the package: one that cannot break says nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
]
# What must not be imported, by the first words of the contract that forbids it: who imports what.
BREAKS = {
    "Each floor uses": ("payload/call_id.py", "pipeline.runs.plan"),
    "Only the flows import Prefect": ("runs/plan.py", "prefect"),
    "Flows and commands": ("cli/render.py", "pipeline.flows"),
    "Only the room of the API speaks HTTP": ("doctor/api.py", "httpx"),
    "Loading, replaying and publishing": ("load/load_sizes.py", "pipeline.retell.client"),
    "Only the report draws": ("dictionary/pages.py", "altair"),
    "Extraction cannot reach the warehouse": ("extract/batches.py", "duckdb"),
    "Payload models know only pydantic": ("payload/contract.py", "pipeline.log"),
    "The simulator shares no code": ("simulator/chance.py", "pipeline.payload.strict_json"),
}


def lint(folder: Path) -> str:
    """Check the contracts of a copy of the package; return what is said of it."""
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    # Sentences are wrapped where a terminal would end.
    return " ".join((linted.stdout + linted.stderr).split())


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copied")
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def broken(copied: Path) -> str:
    """What is said of a package that breaks every contract at once."""
    for importer, imported in BREAKS.values():
        path = copied / "pipeline" / importer
        path.write_text(f"{path.read_text(encoding='utf-8')}\nimport {imported}  # noqa\n", encoding="utf-8")
    return lint(copied)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_that_is_broken_is_named_with_the_import_that_breaks_it(broken: str, name: str) -> None:
    [(importer, imported)] = [breaks for beginning, breaks in BREAKS.items() if name.startswith(beginning)]
    module = f"pipeline.{importer.removesuffix('.py').replace('/', '.')}"
    # A line that is as wide as the terminal is followed by the verdict at once.
    assert re.search(re.escape(name) + " ?BROKEN", broken), broken
    # Of two modules of one package only the ends of the way are told.
    assert f"{module} -> {imported}" in broken, broken


def test_a_room_without_a_floor_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "pipeline" / "utils.py").write_text('"""Whatever has no room."""\n', encoding="utf-8")
    assert re.search(r"BROKEN.*pipeline\.utils", lint(tmp_path))
