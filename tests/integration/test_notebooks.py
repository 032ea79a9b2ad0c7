"""What readers are told to write works: every Python block of the documentation, and the notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from support.readers_copy import publish_calls, run_program

# Each is a process that imports pandas, polars or marimo (`pip install -e '.[notebook]'`).
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "readers" / "README.md"
PAGES = (ROOT / "README.md", *sorted(INDEX.parent.glob("*.md")))


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    if page.name != "serve.md"  # needs a server: tests/integration/test_serve.py
    for number, block in enumerate(blocks(page), 1)
]

# Shows the value of the last line, as a cell of a notebook does.
_CELL = """
import ast, sys
cell = ast.parse(sys.argv[1])
last = ast.Expression(cell.body.pop().value) if isinstance(cell.body[-1], ast.Expr) else None
names = {}
exec(compile(cell, "cell", "exec"), names)
if last is not None and (shown := eval(compile(last, "cell", "eval"), names)) is not None:
    print(shown)
"""

_OPENED = """
import importlib.util, json, sys
path = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("calls", path)
notebook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(notebook)
_, names = notebook.app.run()
sizes = {name: len(names[name]) for name in ("latency", "endings", "dynamics", "turns")}
print(json.dumps(sizes | {"call": names["call"].value}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run has published its calls."""
    made = tmp_path_factory.mktemp("readers")
    (made / "data").mkdir()
    publish_calls(made / "data")
    return made


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """The notebook, where marimo may leave beside it what it remembers of a session."""
    return shutil.copy(ROOT / "notebooks" / "calls.py", tmp_path)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_python_block_of_the_documentation_runs_as_it_stands(block: str, folder: Path) -> None:
    assert run_program(_CELL, folder, block).strip() != ""


def test_the_blocks_of_the_index_run_one_after_another_in_one_process(folder: Path) -> None:
    assert len(blocks(INDEX)) == 4
    assert "user_hangup" in run_program("\n".join(blocks(INDEX)), folder)


def test_the_notebook_shows_what_the_views_say(folder: Path, notebook: Path) -> None:
    seen = json.loads(run_program(_OPENED, folder, notebook, "--copy", "data/analytics.duckdb"))
    with duckdb.connect(str(folder / "data" / "analytics.duckdb"), read_only=True) as copy:

        def count(rows: str) -> int:
            found = copy.execute(f"select count(*) from ({rows})").fetchone()
            assert found is not None
            return int(found[0])

        assert seen["latency"] == count("from daily_latency where metric = 'e2e'") > 5
        assert (
            seen["endings"] == count("select distinct day, category from daily_disconnection_categories") > 5
        )
        assert seen["dynamics"] == count("select distinct day from daily_conversations") > 2
        assert seen["turns"] == count(f"from turn_details where call_id = '{seen['call']}'") > 1


def test_the_notebook_becomes_a_page_without_anybody_at_the_screen(folder: Path, notebook: Path) -> None:
    page = folder / "calls.html"
    marimo = Path(sys.executable).with_name("marimo")
    exported = subprocess.run(
        [marimo, "export", "html", notebook, "-o", page],
        cwd=folder,
        env=os.environ | {"HOME": str(folder), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert exported.returncode == 0, exported.stderr
    shown = page.read_text(encoding="utf-8")
    assert "80 calls up to" in shown
    assert shown.count("vega-lite/v6") >= 4


def test_the_notebook_without_a_copy_says_what_to_do(tmp_path: Path, notebook: Path) -> None:
    program = "import runpy, sys; sys.argv[:] = ['x']; runpy.run_path({!r}, run_name='__main__')"
    assert run_program(program.format(str(notebook)), tmp_path) == ""
    page = tmp_path / "none.html"
    subprocess.run(
        [Path(sys.executable).with_name("marimo"), "export", "html", notebook, "-o", page],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "DO_NOT_TRACK": "1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert "python -m pipeline demo" in page.read_text(encoding="utf-8")
