"""Every command does what its help says, and with --json prints one JSON document and nothing else."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.cli import app
from pipeline.config import load_settings
from pipeline.runs.backfill import Backfill
from pipeline.simulator import CallBook, Simulator, running
from pipeline.warehouse import schema
from support.command_line import KEY, Cli, Start
from support.warehouse_files import (
    DATA_TABLES,
    landed_calls,
    put_in_quarantine,
    query,
    tables_of,
    warehouse_in,
)

BOOK = CallBook(count=60, until=datetime.now(UTC))
IDS = list(BOOK.call_ids())


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    """A simulated API."""
    with running(BOOK) as server:
        yield server


@pytest.fixture(scope="module")
def template(server: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a backfill of the whole book."""
    folder = tmp_path_factory.mktemp("template")
    settings = load_settings(api_key=server.api_key, base_url=server.base_url, data_dir=folder)
    assert Backfill(settings).run(["-"], BytesIO("\n".join(IDS).encode())).exit_code == 0
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder that commands use by default."""
    return tmp_path / "data"


@pytest.fixture
def filled(template: Path, data: Path) -> Path:
    """The data folder that commands use by default, after a backfill of the whole book."""
    shutil.copytree(template, data)
    return data


def document(out: str) -> Any:
    """Return the one JSON document that stdout must be."""
    return json.loads(out)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ids.txt", "# calls\n{0}\n\n  {1}  # the second\r\n{2}\n{0}\n"),
        ("ids", "{0}\n{1}\n{2}"),
        ("bom.txt", "\ufeff{0}\n{1}\n{2}\n"),
        ("ids.csv", 'agent,call_id\nx,{0}\n"a, b",{1}\n\ny,"{2}"\n'),
        ("semicolons.csv", "call_id;agent\n{0};x\n{1};y\n{2};z\n"),
        ("tabs.tsv", "agent\tcall_id\nx\t{0}\ny\t{1}\nz\t{2}\n"),
        ("one_column.csv", "call_id\n{0}\n{1}\n{2}\n"),
        ("ids.json", '["{0}", "{1}",\n "{2}"]'),
        ("objects.json", '[{{"call_id": "{0}"}}, {{"call_id": "{1}", "x": 1}}, "{2}"]'),
    ],
)
def test_ids_are_read_from_every_kind_of_file(
    name: str, content: str, cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.format(*IDS[:3]).encode())
    ran = cli("backfill", name, "--dry-run", "--json", server=server)
    assert ran.code == 0
    assert document(ran.out)["requested"] == 3


@pytest.mark.parametrize("content", ["{0}\n{1}\n{2}", '["{0}", {{"call_id": "{1}", "x": 1}}, "{2}"]'])
def test_ids_of_a_file_are_those_that_are_fetched(
    content: str, cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "ids").write_bytes(content.format(*IDS[:3]).encode())
    assert cli("backfill", "ids", server=server).code == 0
    assert set(landed_calls(tmp_path / "data")) == set(IDS[:3])


# What a spreadsheet, an export, a dump and a shell write, each with the same three ids.
FILES_OF_IDS = {
    "concatenated.csv": (
        b"\xef\xbb\xbfcall_id,agent\r\ncall_aaa111,x\r\ncall_bbb222,x\r\ncall_ccc333,x\r\n"
        b'"call_id"\n"call_aaa111"\n"call_bbb222"\n"call_ccc333"\n'
    ),
    "header.csv": b"Call ID,Duration\ncall_aaa111,60\ncall_bbb222,60\ncall_ccc333,60\n",
    "camel_case.csv": b"callId,Duration\ncall_aaa111,60\ncall_bbb222,60\ncall_ccc333,60\n",
    "separator.csv": b"sep=;\r\ncall_id;agent\r\ncall_aaa111;x\r\ncall_bbb222;x\r\ncall_ccc333;x\r\n",
    "utf_16.csv": "\ufeffcall_id\tagent\r\ncall_aaa111\tx\r\ncall_bbb222\tx\r\ncall_ccc333\tx\r\n".encode(
        "utf-16-le"
    ),
    "empty_columns.txt": b"call_aaa111,,,\ncall_bbb222,,,\r\n,,,\ncall_ccc333,,,",
    "lines.jsonl": b'{"call_id": "call_aaa111", "x": 1}\n{"call_id": "call_bbb222"}\n"call_ccc333"\n',
    "list.json": (
        b'{"items": [{"call_id": "call_aaa111"}, {"call_id": "call_bbb222"}, {"call_id": "call_ccc333"}], '
        b'"has_more": false}'
    ),
    "webhooks.jsonl": b"".join(
        b'{"event": "call_ended", "call": {"call_id": "%s"}}\n' % call_id
        for call_id in (b"call_aaa111", b"call_bbb222", b"call_ccc333")
    ),
}


@pytest.mark.parametrize("name", FILES_OF_IDS)
def test_files_of_ids_that_people_have_are_read(name: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES_OF_IDS[name])
    for ran in (
        cli("backfill", name, "--dry-run"),
        cli("backfill", "-", "--dry-run", stdin=FILES_OF_IDS[name]),
    ):
        dropped = 3 if name == "concatenated.csv" else 0
        assert ran.code == 0, ran.err
        assert f"would fetch 3 of 3 ids ({dropped} duplicates dropped" in ran.out


def test_a_process_without_stdin_reads_files_and_misses_only_stdin(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.cli import fetch

    monkeypatch.setattr(fetch.sys, "stdin", None)
    assert fetch._open_stdin().read() == b""


def test_ids_come_from_stdin_from_arguments_and_from_files_at_once(
    cli: Cli, server: Simulator, tmp_path: Path, data: Path
) -> None:
    (tmp_path / "ids.txt").write_text(IDS[1])
    ran = cli("backfill", IDS[0], "ids.txt", "-", server=server, stdin=f"{IDS[2]}\n{IDS[0]}\n".encode())
    assert ran.code == 0
    assert ran.out.startswith("backfill succeeded: 3 ids (1 duplicates dropped): 3 loaded\n")
    assert set(landed_calls(data)) == set(IDS[:3])


def test_a_backfill_reports_as_one_json_document(cli: Cli, server: Simulator) -> None:
    unknown = BOOK.unknown_ids(1)[0]
    ran = cli("backfill", *IDS[:3], unknown, "--json", server=server)
    report = document(ran.out)
    assert ran.code == 3
    assert report["command"] == "backfill"
    assert report["status"] == "partial"
    assert report["outcomes"] == {"loaded": 3, "not_found": 1}
    assert [(row["call_id"], row["reason"]) for row in report["unaccounted"]] == [(unknown, "HTTP 404")]
    assert report["error"] is None


def test_flags_beat_the_environment(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    ran = cli(
        "backfill", IDS[0], "--base-url", server.base_url, "--data-dir", "here", "--warehouse", "w.duckdb",
        "--api-version", "v1", "--concurrency", 2, "--rate", 1000,
        RETELL_API_KEY=KEY, RETELL_BASE_URL="https://unused.example", RETELL_API_VERSION="v2",
        PIPELINE_DATA_DIR="there", PIPELINE_WAREHOUSE="there.duckdb",
    )  # fmt: skip
    assert ran.code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "w.duckdb"]


def test_settings_are_read_from_dotenv(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"RETELL_API_KEY={KEY}\nRETELL_BASE_URL={server.base_url}\nPIPELINE_DATA_DIR=from_file\n"
    )
    assert cli("backfill", IDS[0]).code == 0
    assert (tmp_path / "from_file" / "warehouse.duckdb").exists()
    assert cli("backfill", IDS[0], PIPELINE_DATA_DIR="from_environment").code == 0
    assert (tmp_path / "from_environment" / "warehouse.duckdb").exists()


@pytest.mark.parametrize("name", ["a b", "a%20b", "a#b", "ä", "a'b", "a@b", "a:b", "[a]", "a*b"])
def test_a_data_folder_may_have_any_name(name: str, cli: Cli, server: Simulator, tmp_path: Path) -> None:
    assert cli("backfill", IDS[0], "--data-dir", name, server=server).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "warehouse.duckdb").exists()
    ran = cli("status", "--data-dir", name, "--json")
    assert [row["ids"] for row in document(ran.out)["outcomes"]] == [1]


def test_a_dry_run_asks_nothing_and_writes_nothing(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    requests = server.requests.total
    ran = cli("backfill", *IDS, IDS[0], "--dry-run", server=server)
    assert ran.code == 0
    assert ran.out.startswith("would fetch 60 of 60 ids (1 duplicates dropped, 0 final already, ")
    assert server.requests.total == requests
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_knows_what_is_there_and_leaves_it(cli: Cli, server: Simulator, filled: Path) -> None:
    requests = server.requests.total
    before = {path: path.read_bytes() for path in filled.rglob("*") if path.is_file()}
    ran = cli("backfill", *IDS, *BOOK.unknown_ids(2), "--dry-run", "--json", server=server)
    plan = document(ran.out)
    assert plan["dry_run"] is True
    assert (plan["given"], plan["requested"], plan["to_fetch"]) == (62, 62, 2)
    assert plan["final"] + plan["not_final"] == 60
    forced = document(cli("backfill", *IDS, "--dry-run", "--force", "--json", server=server).out)
    assert forced["to_fetch"] == 60
    assert server.requests.total == requests
    assert {path: path.read_bytes() for path in filled.rglob("*") if path.is_file()} == before


def test_a_forced_backfill_fetches_final_calls_again(cli: Cli, server: Simulator) -> None:
    assert cli("backfill", IDS[0], server=server).code == 0
    served = server.requests.served[IDS[0]]
    ran = cli("backfill", IDS[0], "--force", server=server)
    assert ran.code == 0
    assert server.requests.served[IDS[0]] == served + 1
    assert "1 unchanged" in ran.out


def test_a_load_brings_landed_calls_into_an_empty_warehouse(
    cli: Cli, server: Simulator, filled: Path
) -> None:
    before = tables_of(warehouse_in(filled))
    (filled / "warehouse.duckdb").unlink()
    requests = server.requests.total
    ran = cli("load", "--json")
    assert ran.code == 0
    assert document(ran.out)["calls_loaded"] == 60
    assert server.requests.total == requests
    assert tables_of(warehouse_in(filled)) == before
    again = cli("load")
    assert again.code == 0
    assert again.out.startswith("load succeeded: 0 payloads from 0 landed chunks")


def test_a_replay_changes_nothing_and_repairs_what_was_changed(cli: Cli, filled: Path) -> None:
    before = tables_of(warehouse_in(filled))
    assert cli("replay").code == 0
    assert tables_of(warehouse_in(filled)) == before
    with duckdb.connect(str(filled / "warehouse.duckdb")) as connection:
        connection.execute("delete from words where word_index = 0; update calls set agent_id = 'x'")
    assert tables_of(warehouse_in(filled)) != before
    ran = cli("replay", "--json")
    assert document(ran.out)["calls_loaded"] == 60
    assert tables_of(warehouse_in(filled)) == before


def test_a_quarantined_payload_that_passes_now_is_loaded(cli: Cli, data: Path) -> None:
    book = CallBook(count=300, until=BOOK.until, broken_share=0.1)
    array, nan = (
        next(book.call_id(index) for index in range(300) if book.breakage(index) == kind)
        for kind in ("array", "nan")
    )
    with running(book) as server:
        assert cli("backfill", array, nan, server=server).code == 3
        [body] = (data / "quarantine").glob(f"*/{array}.body")
        # As if arrays of one call were accepted from now on.
        put_in_quarantine(data, body, body.read_bytes()[1:-1])
        requests = server.requests.total
        ran = cli("replay", "--quarantine")
        assert server.requests.total == requests
    assert ran.code == 0
    assert "1 quarantined calls pass now, 1 are still rejected" in ran.err
    assert query(warehouse_in(data), "select call_id from calls") == [(array,)]
    outcomes = dict(query(warehouse_in(data), "select call_id, outcome from etl_outcomes"))
    assert outcomes == {array: "loaded", nan: "rejected"}
    open_rejects = query(warehouse_in(data), "select call_id from etl_rejects where resolved_at is null")
    assert open_rejects == [(nan,)]
    assert [row["call_id"] for row in document(cli("status", "--json").out)["unaccounted"]] == [nan]
    again = cli("replay", "--quarantine")
    assert "0 quarantined calls pass now, 1 are still rejected" in again.err


def test_a_quarantined_payload_never_replaces_a_newer_one(cli: Cli, data: Path) -> None:
    broken, sound = (CallBook(count=300, until=BOOK.until, broken_share=share) for share in (0.1, 0))
    call_id = next(broken.call_id(index) for index in range(300) if broken.breakage(index) == "array")
    with running(sound) as server:
        assert cli("backfill", call_id, server=server).code == 0
    with running(broken) as server:
        assert cli("backfill", call_id, "--force", server=server).code == 3
    with running(sound) as server:
        assert cli("backfill", call_id, "--force", server=server).code == 0
    before = tables_of(warehouse_in(data))
    [body] = (data / "quarantine").glob(f"*/{call_id}.body")
    older = json.loads(body.read_bytes())[0] | {"agent_name": "an older payload's"}
    put_in_quarantine(data, body, json.dumps(older).encode())
    # Open again, as when the sound answer came while the reject was looked at.
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute("update etl_rejects set resolved_at = null")
    assert cli("replay", "--quarantine").code == 0
    assert tables_of(warehouse_in(data)) == before


def test_down_to_base_and_up_again_keeps_a_copy_and_a_load_refills_the_tables(cli: Cli, filled: Path) -> None:
    before = tables_of(warehouse_in(filled))
    down = cli("migrate", "--to", "base", "--json")
    assert down.code == 0
    assert document(down.out) == {
        "warehouse": "data/warehouse.duckdb", "before": schema.find_head(), "after": None
    }  # fmt: skip
    copy = filled / f"warehouse.before-{schema.find_head()}.duckdb"
    assert f"kept a copy of the warehouse at data/{copy.name}" in down.err
    with duckdb.connect(str(copy), read_only=True) as connection:
        for name in DATA_TABLES:
            assert connection.table(name).count("*").fetchall() == [(len(before[name]),)]
    up = cli("migrate")
    assert up.code == 0
    assert up.out == f"data/warehouse.duckdb migrated from base to {schema.find_head()}\n"
    assert all(rows == [] for rows in tables_of(warehouse_in(filled)).values())
    assert cli("load").code == 0
    assert tables_of(warehouse_in(filled)) == before
    assert cli("migrate").out == f"data/warehouse.duckdb is at revision {schema.find_head()} already\n"


def test_a_second_copy_does_not_replace_the_first(cli: Cli, data: Path) -> None:
    for _ in range(3):
        assert cli("migrate").code == 0
        assert cli("migrate", "--to", "base").code == 0
    names = {path.name for path in data.glob("*.duckdb")}
    head = schema.find_head()
    assert names == {
        "warehouse.duckdb",
        f"warehouse.before-{head}.duckdb",
        f"warehouse.before-{head}-2.duckdb",
        f"warehouse.before-{head}-3.duckdb",
    }


def test_checks_pass_after_a_backfill_and_fail_once_a_table_was_changed(cli: Cli, filled: Path) -> None:
    sound = cli("check")
    assert sound.code == 0
    assert " 0 failed" in sound.out
    assert all(result["verdict"] != "fail" for result in document(cli("check", "--json").out))
    with duckdb.connect(str(filled / "warehouse.duckdb")) as connection:
        connection.execute("insert into words (call_id, utterance_index, word_index) values ('nobody', 0, 0)")
    ran = cli("check", "--json")
    assert ran.code == 4
    failed = [result for result in document(ran.out) if result["verdict"] == "fail"]
    assert any("nobody" in json.dumps(result["sample"]) for result in failed)
    shown = cli("check")
    assert shown.code == 4
    assert "nobody" in shown.out
    with duckdb.connect(str(filled / "warehouse.duckdb"), read_only=True) as connection:
        recorded = connection.execute("select checked_at, checks_failing from freshness").fetchone()
    assert recorded is not None
    assert (recorded[0] is not None, recorded[1]) == (True, len(failed))


def test_a_check_answers_while_a_notebook_keeps_the_warehouse_open(cli: Cli, filled: Path) -> None:
    # In a process of its own, as a notebook is.
    held = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); input()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", held, filled / "warehouse.duckdb"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    ran = cli("check")
    reader.communicate(b"\n")
    assert ran.code == 0
    assert " 0 failed" in ran.out
    assert "freshness goes on showing what the last check found" in ran.err


def test_status_shows_runs_outcomes_and_rows(cli: Cli, filled: Path) -> None:
    found = document(cli("status", "--json").out)
    assert found["revision"] == schema.find_head()
    assert found["waiting_chunks"] == []
    assert sum(row["ids"] for row in found["outcomes"]) == 60
    [run] = found["runs"]
    assert (run["command"], run["status"], run["requested_count"]) == ("backfill", "succeeded", 60)
    rows = {row["table_name"]: row["row_count"] for row in found["row_counts"]}
    assert rows["calls"] == 60
    assert rows["words"] > 1000
    shown = cli("status")
    assert shown.code == 0
    assert run["run_id"] in shown.out


def test_inspect_shows_a_call(cli: Cli, server: Simulator) -> None:
    index = next(index for index in range(60) if BOOK.payload(index).get("transcript_object"))
    call_id, payload = IDS[index], BOOK.payload(index)
    assert cli("backfill", call_id, server=server).code == 0
    found = document(cli("inspect", call_id, "--json").out)
    assert found["call"]["call_id"] == call_id
    assert found["outcome"]["outcome"] == "loaded"
    said = [turn["content"] for turn in payload["transcript_object"]]
    assert [turn["content"] for turn in found["turns"]] == said
    shown = cli("inspect", call_id)
    assert shown.code == 0
    assert call_id in shown.out


def test_inspect_raw_is_the_served_payload(cli: Cli, server: Simulator, start: Start, data: Path) -> None:
    assert cli("backfill", *IDS[:5], server=server).code == 0
    for call_id in IDS[:2]:
        ran = start("inspect", call_id, "--raw", "--data-dir", data).wait()
        assert ran.code == 0
        assert ran.out.encode() == (BOOK.body(call_id) or b"") + b"\n"


def test_inspect_of_an_unknown_call_shows_its_outcome(cli: Cli, server: Simulator) -> None:
    unknown = BOOK.unknown_ids(1)[0]
    assert cli("backfill", unknown, server=server).code == 3
    found = document(cli("inspect", unknown, "--json").out)
    assert found["call"] is None
    assert found["outcome"]["outcome"] == "not_found"
    assert "not_found" in cli("inspect", unknown).out


def test_config_shows_every_setting_and_where_it_comes_from(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PIPELINE_CHUNK_SIZE=7\nRETELL_API_KEY=key_in_file\n")
    ran = cli("config", "--rate", 5, "--json", PIPELINE_CONCURRENCY=3)
    rows = {row["setting"]: (row["value"], row["source"]) for row in document(ran.out)}
    assert rows["PIPELINE_RATE"] == ("5.0", "flag")
    assert rows["PIPELINE_CONCURRENCY"] == ("3", "environment")
    assert rows["PIPELINE_CHUNK_SIZE"] == ("7", ".env")
    assert rows["RETELL_API_VERSION"] == ("auto", "default")
    assert rows["PIPELINE_WAREHOUSE"] == ("data/warehouse.duckdb", "default")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_config_masks_the_key(more: tuple[str, ...], cli: Cli) -> None:
    ran = cli("config", *more, RETELL_API_KEY="key_very_secret")
    assert ran.code == 0
    assert "key_very_secret" not in ran.out + ran.err
    assert "RETELL_API_KEY" in ran.out
    assert "****" in ran.out
    assert "not set" in cli("config").out


def test_the_demo_needs_nothing_and_answers(cli: Cli, tmp_path: Path) -> None:
    ran = cli("demo", "--calls", 60, "--json")
    assert ran.code == 0
    found = document(ran.out)
    assert found["run"]["requested"] == 60
    assert found["daily_latency"]
    assert found["disconnections"]
    assert query(warehouse_in(tmp_path / "data" / "demo"), "select count(*) from calls") == [(60,)]


def test_the_demo_leaves_a_real_warehouse_alone(cli: Cli, tmp_path: Path) -> None:
    ran = cli("demo", "--calls", 10, PIPELINE_WAREHOUSE="real.duckdb", RETELL_API_KEY="key_real")
    assert ran.code == 0
    assert "daily" in ran.out or "latency" in ran.out
    assert not (tmp_path / "real.duckdb").exists()


def test_help_names_every_command_and_the_exit_codes(cli: Cli) -> None:
    ran = cli("--help")
    assert ran.code == 0
    for command in app.registered_commands:
        assert command.callback is not None
        assert f" {command.callback.__name__} " in ran.out
    assert "130" in ran.out


@pytest.mark.parametrize("option", ["--limit", "--list-limit"])
def test_a_limit_that_is_none_is_refused(cli: Cli, option: str) -> None:
    ran = cli("simulate", option, "100")
    assert (ran.code, ran.err) == (
        2,
        "error: '100' is not a limit such as 100:10, requests and seconds\n",
    )
