"""Whatever a user gets wrong is one sentence on stderr that says what to do, and an exit code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipeline.simulator import CallBook, Simulator, running
from support.command_line import Cli, Holder, Ran, Start
from support.warehouse_files import landed_calls, query, warehouse_in

BOOK = CallBook(count=60, until=datetime.now(UTC))
CALL_ID = BOOK.call_id(0)


@pytest.fixture
def server() -> Iterator[Simulator]:
    """A simulated API."""
    with running(BOOK) as server:
        yield server


def sentence(ran: Ran) -> str:
    """Return the one line of an error; fail when there is more, or anything else."""
    assert "Traceback" not in ran.err + ran.out
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("error: ")
    return lines[0].removeprefix("error: ")


# What is in the file of ids, under which name, and what the error says of it.
BAD_FILES = {
    "empty": ("ids.txt", b"", "there are no call ids in ids.txt"),
    "only comments": ("ids.txt", b"\n# none yet\n  \n", "there are no call ids in ids.txt"),
    "malformed": ("ids.txt", b"# first\nabc\n\nno/good\n", "ids.txt line 4: 'no/good' is not a call id"),
    "two on a line": ("ids.txt", b"abc def\n", "ids.txt line 1: 'abc def' is not a call id"),
    "too long": ("ids.txt", b"a" * 129, "ids.txt line 1: 'aaaaaaaaaaaaa"),
    "terminal escape": ("ids.txt", b"abc\n\x1b[31mred\n", "ids.txt line 2: '\\x1b[31mred' is not a call id"),
    "csv without the column": ("ids.csv", b"call,agent\nabc,x\n", "ids.csv has no column call_id"),
    "csv with two columns": (
        "ids.csv",
        b"call_id,Call ID\nabc,x\n",
        "ids.csv line 1 has two call ids, named",
    ),
    "csv with a short row": (
        "ids.csv",
        b"agent,call_id\nx,abc\n\ny\n",
        "ids.csv line 4: '' is not a call id",
    ),
    "csv with a malformed id": ("ids.csv", b"call_id\nabc\nno good\n", "ids.csv line 3: 'no good' is not"),
    "csv with a column only": ("ids.csv", b"call_id\n", "there are no call ids in ids.csv"),
    "broken json": ("ids.json", b'["abc",\n"def"', "ids.json line 2 ends in the middle of its JSON"),
    "json with a number": ("ids.json", b'["abc", 5]', "ids.json item 2: '5' is not a call id"),
    "json with nothing": ("ids.json", b"[]", "there are no call ids in ids.json"),
    "json with a long number": ("ids.json", b"[" + b"1" * 5000 + b"]", "ids.json"),
    "json too deep": ("ids.json", b"[" * 200_000, "ids.json line 1 is nested too deep"),
    "binary": ("ids.txt", b"abc\n\x89PNG\r\n\x1a\n\0\xff", "ids.txt line 2 is neither UTF-8 nor UTF-16 text"),
    "workbook": (
        "ids.xlsx",
        b"PK\x03\x04\x14\0",
        "ids.xlsx is an Excel workbook or another zip file: save it as",
    ),
    "utf-16": ("ids.txt", "abc\n".encode("utf-16-le"), "ids.txt is UTF-16 text without a byte order mark"),
    "nul bytes": ("ids.txt", b"abc\0\0\n", "ids.txt line 1 has a NUL byte, so it is no text: save"),
    "one endless line": ("ids.txt", b"abc," * 50_000, "ids.txt"),
    "a quote that never ends": (
        "ids.csv",
        b'call_id\n"abc\n' + b"x\n" * 100_000,
        "ids.csv line 2 opens a quote that is never closed",
    ),
    "a quote that takes rows with it": (
        "ids.csv",
        b"call_id,summary\n"
        + b"".join(b"call_%04d,%s\n" % (n, b'"said: 5' if n == 2 else b"ok") for n in range(1000)),
        "ids.csv line 4 opens a quote that is still open at the id on line 5: close it",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_of_ids_is_an_error_before_anything_is_fetched(
    case: str, cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    name, content, expected = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    ran = cli("backfill", name, server=server)
    assert expected in sentence(ran)
    assert ran.code == 2
    assert ran.out == ""
    assert server.requests.total == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_bad_ids_on_stdin_are_named_with_their_line(cli: Cli, server: Simulator) -> None:
    ran = cli("backfill", "-", server=server, stdin=b"abc\n../../delete-agent\n")
    assert "stdin line 2: '../../delete-agent' is not a call id" in sentence(ran)
    assert ran.code == 2
    ran = cli("backfill", "-", server=server)
    assert "there are no call ids in stdin" in sentence(ran)
    assert ran.code == 2
    ran = cli("backfill", "-", server=server, stdin=b"\xff\xfe\0")
    assert "stdin line 1 is neither UTF-8 nor UTF-16 text" in sentence(ran)
    assert server.requests.total == 0


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("missing.txt", "there is no file missing.txt: name an existing file"),
        ("no/such/file", "there is no file no/such/file"),
        (".", ". is a folder: name the file of ids in it"),
        ("not an id", "argument 1: 'not an id' is not a call id"),
        ("a" * 300, "argument 1: 'aaaaaa"),
        ("", "is not a call id"),
        ("https://api.example/x", "there is no file https://api.example/x"),
    ],
)
def test_a_bad_argument_is_an_error_before_anything_is_fetched(
    argument: str, expected: str, cli: Cli, server: Simulator
) -> None:
    ran = cli("backfill", argument, server=server)
    assert expected in sentence(ran)
    assert ran.code == 2
    assert server.requests.total == 0


def test_a_wrong_key_stops_the_run_at_once(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(BOOK.call_ids()))
    ran = cli("backfill", ids, server=server, RETELL_API_KEY="key_of_somebody", PIPELINE_CONCURRENCY=4)
    assert sentence(ran) == (
        "the API refused the key (401): check RETELL_API_KEY and that it belongs to the workspace of "
        "these calls"
    )
    assert ran.code == 1
    assert 1 <= server.requests.total <= 4
    assert "key_of_somebody" not in ran.out + ran.err
    assert landed_calls(tmp_path / "data") == {}


def test_no_key_names_the_variable_and_the_demo(cli: Cli, tmp_path: Path) -> None:
    ran = cli("backfill", CALL_ID)
    assert "set RETELL_API_KEY" in sentence(ran)
    assert "`python -m pipeline demo`" in ran.err
    assert ran.code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"RETELL_API_KEY": "key with blank"}, "RETELL_API_KEY is empty or holds a blank"),
        ({"RETELL_API_KEY": "schlüssel"}, "RETELL_API_KEY is empty or holds a blank"),
        (
            {"RETELL_BASE_URL": "http://api.example"},
            "would send the key unencrypted to api.example: use https",
        ),
        ({"RETELL_BASE_URL": "ftp://api.example"}, "RETELL_BASE_URL must begin with https://"),
        ({"RETELL_BASE_URL": "https://a:secret@api.example"}, "RETELL_BASE_URL must hold no user name"),
        ({"RETELL_BASE_URL": "http://[::1"}, "RETELL_BASE_URL is not a URL"),
        ({"RETELL_API_VERSION": "v3"}, "RETELL_API_VERSION cannot be used"),
        ({"PIPELINE_CONCURRENCY": "many"}, "PIPELINE_CONCURRENCY cannot be used"),
        ({"PIPELINE_CONCURRENCY": "0"}, "PIPELINE_CONCURRENCY cannot be used"),
        ({"PIPELINE_RATE": "nan"}, "PIPELINE_RATE cannot be used"),
        ({"PIPELINE_CHUNK_SIZE": "0"}, "PIPELINE_CHUNK_SIZE cannot be used"),
        ({"PIPELINE_LOCK_TIMEOUT": "soon"}, "PIPELINE_LOCK_TIMEOUT cannot be used: not a duration"),
        ({"PIPELINE_REFRESH_WINDOW": "1y"}, "PIPELINE_REFRESH_WINDOW cannot be used: not a duration"),
        ({"PIPELINE_WAREHOUSE": "postgresql://db/x"}, "the warehouse must be a DuckDB file"),
        ({"PIPELINE_WAREHOUSE": "what://"}, "the warehouse must be a DuckDB file"),
        ({"PIPELINE_DATA_DIR": "what?"}, "question mark: choose another --data-dir"),
        ({"PIPELINE_WAREHOUSE": ":memory:"}, "PIPELINE_WAREHOUSE"),
    ],
)
def test_a_bad_setting_is_an_error_before_anything_is_fetched(
    env: dict[str, str], expected: str, cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    ran = cli("backfill", CALL_ID, server=server, **env)
    assert expected in sentence(ran)
    assert ran.code == 2
    assert "secret" not in ran.err
    assert server.requests.total == 0


def test_a_data_folder_below_a_file_is_an_error_before_anything_is_fetched(
    cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ran = cli("backfill", CALL_ID, "--data-dir", "file/data", server=server)
    assert "file/data" in sentence(ran)
    assert "Not a directory" in ran.err
    assert "--data-dir" in ran.err
    assert ran.code == 1
    assert server.requests.total == 0


@pytest.mark.parametrize("command", [("load",), ("replay",), ("replay", "--quarantine"), ("migrate",)])
def test_a_warehouse_below_a_file_says_where_to_put_it(
    command: tuple[str, ...], cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ran = cli(*command, "--data-dir", "file")
    assert "choose a place you can write to" in sentence(ran)
    assert ran.code == 1


@pytest.mark.parametrize(
    "command", [("backfill", CALL_ID), ("load",), ("status",), ("check",), ("migrate",), ("inspect", CALL_ID)]
)
def test_a_warehouse_that_is_something_else_is_named_and_left(
    command: tuple[str, ...], cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a warehouse " * 1000)
    ran = cli(*command, "--warehouse", other, server=server)
    assert f"{other} is not a DuckDB file: name another with --warehouse" in sentence(ran)
    assert ran.code == 1
    assert other.read_text() == "not a warehouse " * 1000
    assert server.requests.total == 0


def test_a_warehouse_that_is_a_folder_is_one_sentence(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    ran = cli("backfill", CALL_ID, "--warehouse", tmp_path, server=server)
    assert "--warehouse" in sentence(ran)
    assert ran.code in (1, 2)
    assert server.requests.total == 0


@pytest.mark.parametrize("command", [("status",), ("check",), ("inspect", CALL_ID)])
def test_commands_that_read_say_that_there_is_no_warehouse_and_make_none(
    command: tuple[str, ...], cli: Cli, tmp_path: Path
) -> None:
    ran = cli(*command)
    assert sentence(ran) == (
        "there is no warehouse at data/warehouse.duckdb: run `backfill`, "
        "or name another with --warehouse or --data-dir"
    )
    assert ran.code == 1
    assert list(tmp_path.iterdir()) == []


def test_inspect_says_so_when_an_id_was_never_asked_for(cli: Cli) -> None:
    assert cli("migrate").code == 0
    for more in ((), ("--raw",), ("--json",)):
        ran = cli("inspect", CALL_ID, *more)
        assert f"{CALL_ID} was never asked for" in sentence(ran)
        assert (ran.code, ran.out) == (2, "")


def test_inspect_raw_of_an_id_without_a_payload_says_so(cli: Cli, server: Simulator) -> None:
    unknown = BOOK.unknown_ids(1)[0]
    assert cli("backfill", unknown, server=server).code == 3
    ran = cli("inspect", unknown, "--raw")
    assert f"{unknown} has no landed payload" in sentence(ran)
    assert ran.code == 2


def test_a_revision_that_does_not_exist_is_named_with_those_that_do(cli: Cli) -> None:
    assert cli("migrate").code == 0
    ran = cli("migrate", "--to", "tomorrow")
    assert "there is no revision 'tomorrow' to migrate to: choose head or one of base, " in sentence(ran)
    assert ran.code == 2


def test_a_warehouse_of_a_newer_version_is_not_touched(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    assert cli("migrate").code == 0
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as connection:
        connection.execute("update alembic_version set version_num = '29990101_future'")
    for command in (
        ("backfill", CALL_ID),
        ("status",),
        ("load",),
        ("migrate",),
        ("backfill", "--dry-run", CALL_ID),
    ):
        ran = cli(*command, server=server)
        assert "29990101_future, which this version does not know" in sentence(ran)
        assert ran.code == 1
    assert server.requests.total == 0


@pytest.mark.parametrize("how", ["writing", "reading"])
def test_a_warehouse_that_another_process_holds_is_waited_for_and_then_named_with_the_process(
    how: str, cli: Cli, server: Simulator, tmp_path: Path, hold: Callable[..., Holder]
) -> None:
    assert cli("migrate").code == 0
    holder = hold(tmp_path / "data" / "warehouse.duckdb", how)
    ran = cli("backfill", CALL_ID, server=server, PIPELINE_LOCK_TIMEOUT="100ms")
    *waiting, last = ran.err.splitlines()
    assert len(waiting) == 1
    assert waiting[0].startswith("waiting for data/warehouse.duckdb: held by ")
    assert last.startswith("error: data/warehouse.duckdb is still held by ")
    assert f"(process {holder.pid})" in waiting[0]
    assert f"(process {holder.pid})" in last
    assert ran.code == 1
    assert server.requests.total == 0


@pytest.mark.slow
def test_calls_fetched_while_the_warehouse_was_held_stay_landed_and_load_brings_them_in(
    tmp_path: Path, start: Start, hold: Callable[..., Holder]
) -> None:
    ids = list(BOOK.call_ids())[:10]
    with running(BOOK, delay_s=0.1) as server:
        process = start(
            "backfill", *ids, "--data-dir", tmp_path / "data", server=server,
            PIPELINE_LOCK_TIMEOUT="1s", PIPELINE_CONCURRENCY=1, PIPELINE_CHUNK_SIZE=5,
        )  # fmt: skip
        process.until(lambda: server.requests.total > 0)
        holder = hold(tmp_path / "data" / "warehouse.duckdb", "reading")
        ran = process.wait()
        holder.let_go()
        assert ran.code == 1
        assert "Traceback" not in ran.err
        last = ran.err.splitlines()[-1]
        assert f"(process {holder.pid})" in last
        assert "`python -m pipeline load`" in last
        assert "landed and waits" in last
        assert landed_calls(tmp_path / "data") == dict.fromkeys(ids, 1)
        requests = server.requests.total
        loaded = start("load", "--data-dir", tmp_path / "data").wait()
        assert loaded.code == 0
        assert server.requests.total == requests
    rows = query(warehouse_in(tmp_path / "data"), "select call_id from calls order by call_id")
    assert [row[0] for row in rows] == sorted(ids)


_FULL_DISK = """
import os, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.errors import LandingError
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
writer = Landing(Path(sys.argv[1]), Path(sys.argv[1])).open_chunk("run", 0)
try:
    for number in range(100):
        line = os.urandom(10_000).replace(b"\\n", b" ")
        writer.add(Outcome(f"c{number}", "accepted", 1, datetime.now(UTC), 200), line)
    writer.finish()
except LandingError as refused:
    print(refused)
"""


def test_a_file_that_cannot_grow_is_an_error_and_no_chunk(tmp_path: Path) -> None:
    # The limit makes the system write a part of what it is given and refuse the rest, as a full disk does.
    ran = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path / "landing")], capture_output=True, text=True
    )
    assert ran.stdout.startswith(f"cannot write to {tmp_path / 'landing' / 'run'} (File too large)"), (
        ran.stderr
    )
    assert not list(tmp_path.rglob("*.json"))


def test_a_damaged_chunk_is_named_and_the_others_load(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    ids = list(BOOK.call_ids())[:20]
    assert cli("backfill", *ids, server=server, PIPELINE_CHUNK_SIZE=5).code == 0
    assert cli("migrate", "--to", "base").code == 0
    damaged, *_ = sorted((tmp_path / "data" / "landing").glob("*/*.zst"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    ran = cli("load")
    assert f"{damaged.relative_to(tmp_path)} is missing or not what its manifest says" in sentence(ran)
    assert ran.code == 1
    assert query(warehouse_in(tmp_path / "data"), "select count(*) from calls") == [(15,)]
    waiting = json.loads(cli("status", "--json").out)["waiting_chunks"]
    assert waiting == [damaged.name.removesuffix(".ndjson.zst")]


def test_an_unreadable_manifest_is_named(cli: Cli, server: Simulator, tmp_path: Path) -> None:
    assert cli("backfill", CALL_ID, server=server).code == 0
    manifest = next(
        path for path in (tmp_path / "data" / "landing").glob("*/*.json") if "given" not in path.name
    )
    manifest.write_text("{")
    ran = cli("replay")
    assert f"the manifest {manifest.relative_to(tmp_path)} cannot be read" in sentence(ran)
    assert ran.code == 1


def test_a_landed_payload_that_is_gone_is_an_error_of_inspect_raw(
    cli: Cli, server: Simulator, tmp_path: Path
) -> None:
    assert cli("backfill", CALL_ID, server=server).code == 0
    # Beside it lies the chunk of the ids that were given, which has no payloads.
    (payloads,) = (
        path for path in (tmp_path / "data" / "landing").glob("*/*.zst") if "given" not in path.name
    )
    payloads.unlink()
    ran = cli("inspect", CALL_ID, "--raw")
    assert f"the landed payload of {CALL_ID} is not in data/landing" in sentence(ran)
    assert ran.code == 1


def test_a_dotenv_that_is_not_text_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    ran = cli("backfill", CALL_ID)
    assert ".env is not UTF-8 text" in sentence(ran)
    assert ran.code == 2


@pytest.mark.parametrize("arguments", [("backfill",), ("no-such-command",), ("status", "--no-such-option")])
def test_a_wrong_command_line_exits_with_2(arguments: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_a_bug_is_one_sentence_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("text of a payload")

    monkeypatch.setattr("pipeline.runs.offline.load_landed", broken)
    ran = cli("load")
    assert "unexpected RuntimeError, which is a bug" in sentence(ran)
    assert "text of a payload" not in ran.err
    assert ran.code == 1


def test_the_process_itself_ends_with_the_code_and_the_sentence(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline", "status"], cwd=tmp_path, env={}, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "there is no warehouse" in sentence(Ran(ran.returncode, ran.stdout, ran.stderr))


def test_a_reader_that_goes_away_is_no_error(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "status", "--json"],
        cwd=tmp_path,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert err == b""
