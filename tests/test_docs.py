"""The documentation says what exists: commands, settings, tables, rooms, links, paths, printed outputs."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer

import pipeline
import rooms
from pipeline import sql
from pipeline.cli import app
from pipeline.config import Settings
from pipeline.warehouse import schema, tables

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_command = pytest.mark.parametrize("name", sorted(COMMANDS))


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def cells(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the table below a line of column names, without backticks."""
    below = text.split(f"\n{heading}\n", 1)[1].splitlines()[1:]
    rows = []
    for line in below:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def section(text: str, name: str) -> str:
    """Return what stands below a heading, up to the next one."""
    return re.split(r"^#+ ", text.split(f"\n### {name}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


# The README


def test_the_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 120


def test_the_first_two_lines_of_the_readme_are_those_that_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    main_job, tests = re.findall(r"^```sh\n(.+)\n```$", README, re.MULTILINE)[:2]
    assert "demo" in main_job
    assert "pytest" in tests
    assert [line for line in (main_job, tests) if line not in ci] == []


@each_command
def test_the_readme_leads_to_every_command(name: str) -> None:
    assert f"[`{name}`](docs/commands.md#{name})" in README


def test_the_version_is_the_same_wherever_it_stands() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    newest = re.findall(r"^## (\d+\.\d+\.\d+)", read("changelog.md"), re.MULTILINE)[0]
    assert pipeline.__version__ == project == newest


# Commands and settings


@each_command
def test_every_command_has_a_heading_and_a_line_to_copy(name: str) -> None:
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```$", section(read("commands.md"), name), re.S | re.M)
    assert any(f"-m pipeline {name}" in block for block in blocks)


@each_command
def test_every_option_is_named_with_its_command_or_with_those_that_are_shared(name: str) -> None:
    text = read("commands.md")
    shared = text.split("\n## What all commands share\n")[1].split("\n### ")[0]
    options = {
        option for parameter in COMMANDS[name].params for option in parameter.opts if option[:2] == "--"
    }
    known = set(re.findall(r"--[a-z-]+", shared + section(text, name)))
    assert options - known == set()


def test_no_command_is_described_that_does_not_exist() -> None:
    headings = set(re.findall(r"^### ([a-z]+)$", read("commands.md"), re.MULTILINE))
    assert headings == COMMANDS.keys()


def test_every_exit_code_is_in_the_table() -> None:
    codes = [code for code, _ in cells(read("commands.md"), "| code | meaning |")]
    assert codes == ["0", "1", "2", "3", "4", "130"]


SETTINGS = {str(field.alias): name for name, field in Settings.model_fields.items()}
SETTING_ROWS = cells(read("settings.md"), "| variable | default | meaning |")


def test_the_settings_in_the_table_are_those_of_the_code() -> None:
    assert sorted(variable for variable, _, _ in SETTING_ROWS) == sorted(SETTINGS)


@pytest.mark.parametrize(("variable", "default", "_"), SETTING_ROWS, ids=lambda cell: cell[:30])
def test_the_default_in_the_table_is_the_default(
    variable: str, default: str, _: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    field, unset = SETTINGS[variable], Settings()
    if variable == "PIPELINE_WAREHOUSE":
        assert unset.warehouse_location == default.format(data_dir=unset.data_dir)
    else:
        written = Settings(**{variable: default} if default else {})  # type: ignore[arg-type]
        assert getattr(written, field) == getattr(unset, field)
        assert (getattr(unset, field) is None) == (default == "")


# The warehouse


@pytest.mark.parametrize("name", [*tables.metadata.tables, *sql.list_names("views")])
def test_every_table_and_view_is_named(name: str) -> None:
    assert f"`{name}`" in read("warehouse.md")


@pytest.fixture(scope="module")
def columns() -> list[tuple[str, str, str]]:
    """Every column of a table or view, with its type."""
    engine = sa.create_engine("duckdb:///:memory:")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        schema.apply_views(connection)
        found = connection.exec_driver_sql(
            "select table_name, column_name, data_type from duckdb_columns() where not internal"
        ).fetchall()
    engine.dispose()
    return [(str(table), str(column), str(kind)) for table, column, kind in found]


NAMES_OF_THE_API = {
    "flag_value",  # not the API's: beside it stand text_value and number_value
    "sample_rate",
    "call_successful",
    "in_voicemail",
    "successful",
    "drop_call_if_machine_detected",
    "opt_out_sensitive_data_storage",
}


def test_columns_have_the_types_that_their_names_say(columns: list[tuple[str, str, str]]) -> None:
    wrong = []
    for names, _, types in cells(read("naming.md"), "| name | means | type |"):
        allowed = set(re.findall(r"[A-Z]+", types))
        for affix in re.findall(r"…_\w+|\w+_…", names):
            is_named = str.endswith if affix[0] == "…" else str.startswith
            matching = [row for row in columns if is_named(row[1], affix.strip("…"))]
            assert matching, f"no column is named {affix}"
            wrong += [row for row in matching if row[2] not in allowed and row[1] not in NAMES_OF_THE_API]
    assert wrong == []


def test_moments_and_answers_have_the_names_that_their_types_ask_for(
    columns: list[tuple[str, str, str]],
) -> None:
    named = {
        "TIMESTAMP": re.compile(r"\w+_at|hour"),
        "DATE": re.compile(r"day|week"),
        "BOOLEAN": re.compile(r"(is|has)_\w+"),
    }
    others = {
        name for _, name, kind in columns if kind in named and not named[kind].fullmatch(name)
    } - NAMES_OF_THE_API
    assert others == set()
    text = read("naming.md")
    assert {name for name in NAMES_OF_THE_API if f"`{name}`" not in text} == set()


# The package


def test_the_rooms_of_the_map_are_those_of_the_package() -> None:
    described = {room for _, room, _ in cells(read("architecture.md"), "| floor | room | what it holds |")}
    assert described == rooms.read_rooms().keys()


def test_a_room_stands_on_the_floor_that_the_contract_gives_it() -> None:
    rows = cells(read("architecture.md"), "| floor | room | what it holds |")
    described: dict[str, set[str]] = {}
    for floor, room, _ in rows:
        described.setdefault(floor, set()).add(room)
    # Nothing is below the simulator, and only the command line is above it.
    assert list(described.values()) == rooms.read_order()


def test_the_docstring_of_the_package_names_every_room() -> None:
    words = set(re.findall(r"\w+", str(pipeline.__doc__)))
    assert rooms.read_rooms().keys() - {"__main__"} - words == set()


def test_every_folder_of_sql_is_on_the_map() -> None:
    text = read("architecture.md")
    folders = [path.name for path in (ROOT / "sql").iterdir() if path.is_dir()]
    assert [name for name in folders if f"`sql/{name}/`" not in text] == []


# Links, paths and outputs


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is written in, and its lines."""

    language: str
    lines: list[str]


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
    return [Block(language, text.splitlines()) for language, text in found]


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number, anchor = 0, slug
        while anchor in found:
            number += 1
            anchor = f"{slug}-{number}"
        found.add(anchor)
    return found


@each_page
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+://", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to)):
            broken.append(target)
    assert broken == []


TOP = "pipeline|sql|tests|migrations|benchmarks|docs|notebooks"
# NAME, CASE, … and * stand for whatever the reader puts there.
PLACEHOLDER = re.compile(r"(?!README)[A-Z]{3,}|[…*<]")


def paths_in(page: Path) -> Iterator[str]:
    """Yield the paths of code that a page names, without what the reader puts in."""
    for quoted in re.findall(r"`([^`\n]+)`", prose(page)):
        for path in re.findall(rf"(?<![\w/.])(?:{TOP})/[\w./…*<>-]*", quoted):
            parts = path.split("/")
            fixed = next((at for at, part in enumerate(parts) if PLACEHOLDER.search(part)), len(parts))
            yield "/".join(parts[:fixed])


@each_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    assert {path for path in paths_in(page) if not (ROOT / path).exists()} == set()


def test_paths_are_found_in_the_pages() -> None:
    assert len(set(paths_in(DOCS / "architecture.md"))) > 20
    assert "tests/sql/views" in set(paths_in(DOCS / "contributing.md"))


# The dictionary is written by a command, and shows what the headers of SQL files say.
WRITTEN_BY_HAND = [page for page in PAGES if page.name != "data_dictionary.md"]


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is_and_every_output_what_printed_it(page: Path) -> None:
    for block in blocks(page):
        assert block.language in {"sh", "python", "console", "mermaid", "text"}
        if block.language == "console":
            assert block.lines[0].startswith("$ ")
        for line in block.lines:
            if line.startswith("$ ") or block.language == "sh":
                assert_exists(line)


def assert_exists(line: str) -> None:
    """Say that the command, module or program of ours that a line runs exists."""
    for command in re.findall(r"-m pipeline (\w+)", line):
        assert command in COMMANDS, line
    for module in re.findall(r"-m ((?:tests|benchmarks)[\w.]*)", line):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), line
    for program in re.findall(rf"(?<![\w/])((?:{TOP})/\S+\.\w+)", line):
        assert (ROOT / program).exists(), line


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
