"""The wheel holds all that the package needs: installed, it works in an empty folder, far from the clone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)], check=True
    )
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it depends on is that of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    places = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    # What is named in such a file comes after the environment's own packages.
    Path(places.stdout.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a command of the environment in an empty folder; return what it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}

    def run(*command: str) -> str:
        ran = subprocess.run(
            [installed / "bin" / command[0], *command[1:]],
            cwd=tmp_path,
            env=kept | {"HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_sql_migrations_and_templates_are_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        *(f"pipeline/{path.relative_to(ROOT)}" for path in (ROOT / "sql").rglob("*.sql")),
        *(f"pipeline/{path.relative_to(ROOT)}" for path in (ROOT / "migrations").rglob("*.py")),
        *(
            str(path.relative_to(ROOT))
            for path in (ROOT / "pipeline").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ),
    }
    assert wanted - inside == set()
    assert len(wanted) > 300


def test_the_installed_command_does_what_the_module_does_in_a_clone(
    run: Callable[..., str], installed: Path, tmp_path: Path
) -> None:
    where = run("python", "-c", "import pipeline; print(pipeline.__file__)")
    assert Path(where.strip()).is_relative_to(installed), "it is not the clone that is run"
    assert "20 ids: " in run("call-analytics", "demo", "--calls", "20")
    at = ("--data-dir", "data/demo")
    assert "is at revision" in run("call-analytics", "migrate", *at)
    assert " 0 failed" in run("call-analytics", "check", *at)
    run("call-analytics", "report", *at)
    assert (tmp_path / "data" / "demo" / "report.html").stat().st_size > 100_000
    run("call-analytics", "docs", "--out", "docs")
    assert {path.name for path in (tmp_path / "docs").iterdir()} == {
        "data_dictionary.md",
        "data_dictionary.html",
    }
    usages = [run(*command, "--help") for command in (("python", "-m", "pipeline"), ("call-analytics",))]
    assert usages[0].replace("python -m pipeline", "call-analytics", 1) == usages[1]
