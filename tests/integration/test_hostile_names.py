"""Names that look like SQL, patterns, paths or addresses are names: nothing runs, nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline import sql
from pipeline.landing.intake import Receipt, take_in
from pipeline.simulator import CallBook, running
from pipeline.warehouse.stored_results import list_result_tables
from pipeline.warehouse.tables import metadata
from support.command_line import Cli, Start
from support.warehouse_files import NOON, Payload, Place, as_body, query, tables_of, warehouse_in

LANDING = Path(__file__).parents[1] / "fixtures" / "warehouses" / "landing"
# Each with neighbours that it would match if it were a pattern, or be taken for by what reads it.
FOLDERS: dict[str, tuple[str, ...]] = {
    "it's; drop table calls; --[b] *": ("it's; drop table calls; --b neighbour",),
    "a b": (),
    '"quoted"': (),
    "ünï😀": (),
    "100%41#x": ("100A#x",),
    "a[b]": ("ab",),
    "a[!b]": ("ac",),
    "*": ("other",),
    "**": ("other",),
    "{a,b}": ("a", "b"),
    "back\\slash": ("backslash",),
    "new\nline": (),
    "$HOME": ("home",),
    "~": (),
    "~nobody_of_that_name": (),
    "-x": (),
    " blank ": ("blank",),
    "chunk_id=evil/call_id=evil": (),
    "md:x": (),
    "s3:": (),
    "s3://bucket": (),
    "https:": (),
    "file:x": ("x",),
    "../beside": (),
}


def state(folder: Path, but: Path) -> dict[str, str]:
    """Return what is in a folder, leaving out one of those below it and what leads to that."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_relative_to(but) and not but.is_relative_to(path):
            content = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(folder))] = (
                f"{path.stat().st_mode} {hashlib.sha256(content).hexdigest()}"
            )
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say of the same calls, landed where nothing is odd."""
    place = Place(tmp_path_factory.mktemp("plain"))
    shutil.copytree(LANDING, place.folder / "landing")
    assert place.load().records == 12
    return place.tables()


def test_a_folder_that_is_a_pattern_of_its_neighbours_is_loaded_from_alone(tmp_path: Path) -> None:
    own, neighbour = Place(tmp_path / "a[b]*" / "call_id=evil"), Place(tmp_path / "ab" / "call_id=evil")
    for place, agent in ((own, "own"), (neighbour, "stolen")):
        place.land([Payload("c", as_body({"call_id": "c", "agent_id": agent, "call_status": "ended"}))])
    assert own.load().problems == []
    assert own.rows("select call_id, agent_id from calls") == [("c", "own")]


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_data_folder_may_have_any_name(
    name: str, cli: Cli, tmp_path: Path, plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, home = tmp_path / "here", tmp_path / "here" / "home"
    home.mkdir(parents=True)
    monkeypatch.chdir(here)
    env = {"HOME": str(home), "TMPDIR": str(tmp_path)}
    data = home if name == "~" else Path(name).resolve()
    for neighbour in FOLDERS[name]:
        shutil.copytree(LANDING, here / neighbour / "landing", dirs_exist_ok=True)
        for path in (here / neighbour / "landing").glob("*/*.json"):
            path.write_text(json.dumps(json.loads(path.read_bytes()) | {"outcomes": [{"call_id": "stolen"}]}))
        (here / neighbour / "warehouse.duckdb").write_bytes(b"somebody else's")
    shutil.copytree(LANDING, data / "landing", dirs_exist_ok=True)
    before = state(tmp_path, data)

    def run(*args: str) -> str:
        ran = cli(*args, f"--data-dir={name}", **env)
        assert ran.code == 0, ran.err
        return ran.out

    assert json.loads(run("load", "--json"))["calls_loaded"] == 12
    warehouse = warehouse_in(data)
    assert tables_of(warehouse) == plain
    assert query(warehouse, "select chunk_id from etl_chunks") == [("20250315T060000Z-f1f1f1-000000",)]
    run("publish", f"--parquet={data / 'parquet'}")
    days = {path.parent.name for path in (data / "parquet" / "calls").rglob("*.parquet")}
    assert days
    # Those without a date are in a folder that readers take for none.
    assert all(day.startswith(("day=2025-0", "day=__HIVE")) for day in days)
    assert "0 to mend" in run("doctor", "--offline")
    run("inspect", plain["calls"][0][0], "--raw")
    run("replay")
    assert tables_of(warehouse) == plain
    assert state(tmp_path, data) == before


HOSTILE = (
    "'; drop table calls; --",
    "\"); attach 'x.db' as x; --",
    "../../../etc/passwd",
    "/absolute/path.duckdb",
    "$.a[*].b",
    "{{ x }} {% raw %} %(name)s :name $name ?",
    "line\nbreak\r\x1b[31m\u202e",
    "*[?]{a,b}~",
)


def hostile_call(call_id: str, text: str) -> dict[str, Any]:
    """Return a call that has a text wherever a payload may have one."""
    words = [{"word": text, "start": 0.1, "end": 0.5}, {"word": "refund", "start": 0.6, "end": 0.9}]
    turns = [{"role": role, "content": text, "words": words} for role in ("agent", "user", text)]
    invocation = {
        "role": "tool_call_invocation",
        "tool_call_id": text,
        "name": text,
        "type": text,
        "arguments": text,
    }
    return {
        "call_id": call_id,
        "agent_id": text,
        "agent_name": text,
        "agent_version": text,
        "agent_tag": text,
        "call_type": text,
        "call_status": text,
        "direction": text,
        "from_number": text,
        "to_number": text,
        "start_timestamp": 1_741_900_000_000,
        "end_timestamp": 1_741_900_060_000,
        "disconnection_reason": text,
        "metadata": {text: {text: text}},
        "retell_llm_dynamic_variables": {text: text},
        "transcript": text,
        "transcript_object": turns,
        "transcript_with_tool_calls": [
            *turns,
            invocation,
            {"role": "tool_call_result", "tool_call_id": text, "content": text},
            {"role": text, text: text},
        ],
        "latency": {text: {"p50": 1, "p99": 2, "num": 2, "values": [1, 2]}, "e2e": {"p50": 1, "num": 1}},
        "call_cost": {"combined_cost": 1, "product_costs": [{"product": text, "cost": 1}]},
        "call_analysis": {"call_summary": text, "user_sentiment": text, "custom_analysis_data": {text: text}},
        text: {text: [text]},
    }


@pytest.mark.slow
def test_values_that_look_like_sql_or_paths_come_through_every_command_as_they_are(
    cli: Cli, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    place = Place(data)
    calls = {f"call_{number}": text for number, text in enumerate(HOSTILE)}
    place.land([Payload(call_id, as_body(hostile_call(call_id, text))) for call_id, text in calls.items()])
    before = state(tmp_path, data)
    assert cli("load").code == 0
    for column, table, where in (
        ("agent_id", "calls", "true"),
        ("agent_name", "calls", "true"),
        ("call_status", "calls", "true"),
        ("disconnection_reason", "calls", "true"),
        ("content", "utterances", "utterance_index = 2"),
        ("role", "utterances", "utterance_index = 2"),
        ("word", "words", "utterance_index = 0 and word_index = 0"),
        ("metric", "latency_stats", "metric != 'e2e'"),
        ("name", "tool_calls", "true"),
        ("arguments", "tool_calls", "true"),
        ("result", "tool_calls", "true"),
        ("product", "call_costs", "true"),
        ("call_summary", "call_analysis", "true"),
    ):
        found = dict(place.rows(f"select call_id, {column} from {table} where {where}"))
        assert found == calls, (table, column)
    extra = dict(place.rows("select call_id, cast(extra as varchar) from calls"))
    assert {call_id: json.loads(extra[call_id])[text] for call_id, text in calls.items()} == {
        call_id: {text: [text]} for call_id, text in calls.items()
    }
    for view in sql.list_names("views"):
        place.rows(f"select * from {view}")
    shown = "".join(
        cli(*command).out
        for command in (("status",), ("check",), ("inspect", "call_6"), ("inspect", "call_0", "--json"))
    )
    assert "drop table calls" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert cli("publish", "--parquet", "data/parquet").code == 0
    assert cli("replay").code == 0
    tables = {name for (name,) in place.rows("select table_name from duckdb_tables() where not internal")}
    assert tables == {*metadata.tables, *list_result_tables(), "alembic_version"}
    assert state(tmp_path, data) == before


HIDDEN = "a\u200e\u061c\u2028\u202e\u2066\x1b]0;x\x07\x9b2J\x7f\0\ufeff\u200b\U000e0041z"
_NOT_SHOWN = set(HIDDEN) - set("a]0;x2Jz")


@pytest.fixture
def hidden_call(tmp_path: Path) -> Path:
    """A data folder with a call that has hidden characters wherever a payload may have some."""
    place = Place(tmp_path / "data")
    call = hostile_call("call_1", HIDDEN)
    place.land([Payload("call_1", json.dumps(call, ensure_ascii=False).encode())])
    # The offending value of a rejected payload is listed by `status`.
    body = as_body({"call_id": "call_2", "call_status": "ended", "start_timestamp": HIDDEN})
    writer = place.landing.open_chunk("run", 1)
    writer.add(take_in(place.landing, "run", Receipt("call_2", NOON, 200, 1), body).outcome)
    writer.finish()
    return place.folder


@pytest.mark.parametrize(
    "command",
    [("status",), ("inspect", "call_1"), ("inspect", "call_2"), ("check",), ("doctor", "--offline")],
)
def test_no_command_shows_a_person_a_hidden_character(
    cli: Cli, hidden_call: Path, command: tuple[str, ...]
) -> None:
    assert cli("load").code in (0, 3)
    ran = cli(*command)
    assert not _NOT_SHOWN & set(ran.out + ran.err)
    if command == ("inspect", "call_1"):
        assert r"a\u200e\u061c\u2028\u202e\u2066\u001b]0;x" in "".join(ran.out.split())
    if command[0] in ("status", "inspect"):
        document = cli(*command, "--json").out
        assert not _NOT_SHOWN & set(document)
        assert r"\u202e" in document


def test_the_report_has_hidden_characters_as_escapes_in_text_charts_and_title(
    cli: Cli, hidden_call: Path
) -> None:
    assert cli("load").code in (0, 3)
    assert cli("report", "--output", hidden_call / "report.html").code == 0
    page = (hidden_call / "report.html").read_text()
    own, data = page.rsplit('<script type="application/json"', 1)[0], page
    assert not _NOT_SHOWN & set(own.split("<script>")[0])
    assert "\\u202e" in own
    assert json.dumps("\\u202e")[1:-1] in data


def test_a_raw_payload_is_bytes_for_a_program_and_spelled_on_a_terminal(
    hidden_call: Path, start: Start, cli: Cli
) -> None:
    assert cli("load").code in (0, 3)
    raw = start("inspect", "call_1", "--raw", "--data-dir", hidden_call).wait().out
    assert json.loads(raw)["agent_id"] == HIDDEN
    assert "\u202e" in raw
    shown = run_on_terminal("inspect", "call_1", "--raw", "--data-dir", str(hidden_call))
    assert not _NOT_SHOWN & set(shown)
    assert json.loads(shown) == json.loads(raw)


def test_a_name_that_was_typed_is_repeated_with_its_hidden_characters_spelled(cli: Cli) -> None:
    name = "x\u202e\x1b[2J"
    for arguments in ((f"--{name}",), (name,), ("status", f"--{name}"), ("status", "--data-dir", name)):
        ran = cli(*arguments)
        assert ran.code in (1, 2)
        assert not {"\u202e", "\x1b"} & set(ran.out + ran.err)


def run_on_terminal(*arguments: str) -> str:
    """Run a command whose stdout is a terminal, and return what it shows there."""
    ours, its = pty.openpty()
    ran = subprocess.Popen([sys.executable, "-m", "pipeline", *arguments], stdout=its)
    os.close(its)
    shown = b""
    with suppress(OSError):  # how a terminal says that its other end is closed
        while block := os.read(ours, 65536):
            shown += block
    os.close(ours)
    assert ran.wait() == 0
    return shown.decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_id_or_a_file_that_looks_like_sql_or_a_path_is_refused_in_one_line(
    text: str, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "ids.txt").write_text(f"sound\n{text}\n", newline="")
    with running(CallBook(count=1)) as server:
        for ran in (
            cli("backfill", "ids.txt", server=server),
            cli("backfill", text, server=server),
            cli("inspect", text, "--warehouse", tmp_path / "none.duckdb"),
        ):
            assert ran.code in (1, 2)
            assert ran.out == ""
            assert ran.err.count("\n") == 1
            assert ran.err.removesuffix("\n").isprintable()
        assert server.requests.total == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ids.txt"]


@pytest.mark.parametrize(
    "place",
    [
        "md:x",
        "s3://bucket/x.duckdb",
        pytest.param("duckdb:///md:x", marks=pytest.mark.slow),
        pytest.param("duckdb:///s3://b/x.duckdb", marks=pytest.mark.slow),
    ],
)
def test_a_warehouse_is_a_file_here_and_nothing_of_the_network(place: str, cli: Cli, tmp_path: Path) -> None:
    ran = cli("migrate", "--warehouse", place)
    # Nobody is asked for an extension that would know what to do with it.
    assert "xtension" not in ran.err
    if ran.code == 0:
        assert [path for path in tmp_path.rglob("*") if path.is_file()]
    else:
        assert "the warehouse must be a DuckDB file" in ran.err
