"""Many readers at once over quack: they read the copy, get the newest, and can do nothing else.

Needs `pip install -e '.[serve]'`, for the server and for the clients.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import sql
from pipeline.config import load_settings
from pipeline.errors import ConfigurationError
from pipeline.publish import server
from support.command_line import Process, Start
from support.readers_copy import publish_calls

# Servers are programs, and the loads that are published take a second each.
pytestmark = pytest.mark.slow

TOKEN = "a-token-of-the-tests"
Ask = Callable[..., list[tuple[Any, ...]]]
Serve = Callable[..., tuple[Process, int]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a readers' copy that nobody replaces."""
    folder = tmp_path_factory.mktemp("published")
    publish_calls(folder)
    return folder


@pytest.fixture
def served(start: Start) -> Serve:
    """Start a server on a free port, and return it when it listens."""

    def begin(data_dir: Path, **env: object) -> tuple[Process, int]:
        port = free_port()
        process = start(
            "serve", "--data-dir", data_dir, "--port", port, **({"PIPELINE_SERVE_TOKEN": TOKEN} | env)
        )
        process.until(lambda: "Ctrl-C ends it" in process.err)
        return process, port

    return begin


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def client(port: int, token: str = TOKEN) -> Ask:
    """Connect a DuckDB of its own; return how it asks the server."""
    connection = duckdb.connect()
    for name in ("httpfs", "quack"):
        connection.load_extension(str(server._find_extension(name)))
    connection.execute(f"attach 'quack:127.0.0.1:{port}' as calls (token '{token}')")

    def ask(query: str, *, local: bool = False) -> list[tuple[Any, ...]]:
        if local:
            return connection.execute(query).fetchall()
        return connection.execute("from calls.query($query)", {"query": query}).fetchall()

    return ask


def _settled(column: str, kind: str) -> str:
    # Threads add fractions up in any order, which the last bits of a sum show.
    return f"round({column}, 6)" if kind == "DOUBLE" else column


def test_a_client_with_the_token_reads_every_view_as_it_is_in_the_copy(
    served: Serve, published: Path
) -> None:
    _, port = served(published)
    ask = client(port)
    with duckdb.connect(str(published / "analytics.duckdb"), read_only=True) as copy:
        for view in [*sql.list_names("views"), "published"]:
            columns = [_settled(*row[:2]) for row in copy.execute(f"describe {view}").fetchall()]
            hashed = "select count(*), bit_xor(hash({})) from {}".format(", ".join(columns), view)
            assert ask(hashed) == copy.execute(hashed).fetchall(), view
    joined = "select count(*) from calls join utterances using (call_id) where role = 'agent'"
    assert ask(joined)[0][0] > 100
    # Attached, a table is read like a local one.
    counted = ask("select count(*) from calls.calls where agent_id is not null", local=True)
    assert counted == ask("select count(*) from calls where agent_id is not null")
    assert ("daily_latency",) in ask("show tables")
    assert ask("select view_name from duckdb_views() where view_name = 'daily_costs'") == [("daily_costs",)]


def test_a_client_without_the_token_is_refused(served: Serve, published: Path) -> None:
    _, port = served(published)
    for token in ("a-token-of-others", "", TOKEN.upper()):
        with pytest.raises(duckdb.Error, match=r"Authentication failed|[Tt]oken"):
            client(port, token)


REFUSED = {
    "write": "create table calls.mine as select 1",
    "insert": "insert into calls.calls by name select 'x' as call_id",
    "drop": "drop view calls.daily_latency",
}
ASKED = {
    "write": "create table mine as select 1",
    "temporary table": "create temp table mine as select 1",
    "update": "update calls set call_status = 'x'",
    "read a file": "from read_csv('/etc/passwd')",
    "read a file by name": "from '/etc/passwd.csv'",
    "read a text": "select * from (select 1), (from read_text('/etc/passwd'))",
    "read the other side of a query": "from query('from read_text(''/etc/passwd'')')",
    "reach an address": "from 'http://127.0.0.1:9/x.csv'",
    "list files": "from glob('/*')",
    "write a file": "copy calls to '/tmp/calls.csv'",
    "attach": "attach '/tmp/other.duckdb' as other",
    "attach memory": "attach ':memory:' as other",
    "detach": "detach analytics",
    "setting": "set memory_limit = '1TB'",
    "reset": "reset lock_configuration",
    "authorize": "set global quack_authorization_function = 'quack_nop_authorization'",
    "load": "load httpfs",
    "stop the server": "from quack_stop('quack:127.0.0.1')",
    "call": "call quack_stop('quack:127.0.0.1')",
    "another server": "from \"Quack_SERVE\"('quack:0.0.0.0', token = 'mine', allow_other_hostname = true)",
    "relay": "from quack_query('quack:127.0.0.1:9', 'select 1', token = 'mine')",
    "log": "from enable_logging('Quack', storage = 'file', storage_config = {'path': '/tmp/logs'})",
    "secrets": "from duckdb_secrets()",
    "hidden": "with a as (select 1) select exists (from quack_stop('x')) from a",
    "two statements": "select 1; drop view daily_latency",
    "pragma": "pragma enable_profiling",
    "checkpoint": "from force_checkpoint()",
}


def test_a_client_can_do_nothing_but_read(served: Serve, published: Path) -> None:
    process, port = served(published)
    ask = client(port)
    before = sorted(published.iterdir())
    for what, query in ASKED.items():
        with pytest.raises(duckdb.Error, match=r"Authorization failed|disabled by configuration"):
            print(what, ask(query))
    for what, query in REFUSED.items():
        with pytest.raises(duckdb.Error):
            print(what, ask(query, local=True))
    locked = ask("select current_setting('lock_configuration'), current_setting('enable_external_access')")
    assert locked == [(True, False)]
    assert ask("select bool_and(readonly) from duckdb_databases() where not internal") == [(True,)]
    assert process.popen.poll() is None
    assert sorted(published.iterdir()) == before


def test_a_new_copy_is_read_in_the_same_session_and_meanwhile_no_query_fails(
    served: Serve, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    publish_calls(data, 0, 10)
    process, port = served(data)
    ask = client(port)
    assert ask("select calls from published") == [(10,)]
    stop, seen, failed = threading.Event(), set(), []

    def read() -> None:
        another = client(port)
        while not stop.is_set():
            try:
                [(calls, counted)] = another("select calls, (select count(*) from calls) from published")
                assert calls == counted
                seen.add(calls)
            except Exception as failure:
                failed.append(failure)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for first in (10, 20, 30):
        publish_calls(data, first, 10)
        process.until(lambda: seen >= {first + 10})  # noqa: B023  asked at once
    stop.set()
    for reader in readers:
        reader.join()
    assert failed == []
    assert seen == {10, 20, 30, 40}
    assert ask("select calls from published") == [(40,)]
    # No more than the copy that is served is kept.
    assert len(list(data.glob(".analytics.duckdb.served-*/*/analytics.duckdb"))) == 1


def test_ctrl_c_ends_it_and_leaves_nothing_behind(served: Serve, published: Path) -> None:
    process, port = served(published)
    client(port)("select 1")
    process.signal(signal.SIGINT)
    assert process.wait().code == 0
    assert list(published.glob(".analytics*")) == []
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", port)) != 0


def test_what_a_killed_server_left_is_taken_away_by_the_next(served: Serve, published: Path) -> None:
    killed, _ = served(published)
    running, port = served(published)
    killed.signal(signal.SIGKILL)
    killed.popen.wait()
    assert len(list(published.glob(".analytics*"))) == 2
    served(published)
    assert len(list(published.glob(".analytics*"))) == 2
    assert client(port)("select count(*) from calls") == [(80,)]
    assert running.popen.poll() is None


def test_a_made_up_token_is_printed_and_a_given_one_is_not(served: Serve, published: Path) -> None:
    process, port = served(published, PIPELINE_SERVE_TOKEN="")
    process.signal(signal.SIGINT)
    [address, token] = process.wait().out.splitlines()
    assert address == f"serving {published / 'analytics.duckdb'} at quack:127.0.0.1:{port}"
    assert len(token.removeprefix("token ")) > 40
    process, port = served(published)
    process.signal(signal.SIGINT)
    ended = process.wait()
    assert TOKEN not in ended.out + ended.err


def test_a_port_in_use_is_named(served: Serve, start: Start, published: Path) -> None:
    _, port = served(published)
    refused = start("serve", "--data-dir", published, "--port", port).wait()
    assert (refused.code, refused.out) == (2, "")
    sentence = (
        f"cannot listen on 127.0.0.1:{port} (Address already in use): choose another with --host or --port"
    )
    assert refused.err == f"error: {sentence}\n"


def test_without_a_copy_or_with_a_broken_one_it_says_what_to_do(start: Start, tmp_path: Path) -> None:
    refused = start("serve", "--data-dir", tmp_path, "--port", free_port()).wait()
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "run `python -m pipeline publish`" in refused.err
    (tmp_path / "analytics.duckdb").write_bytes(b"no database" * 1000)
    refused = start("serve", "--data-dir", tmp_path, "--port", free_port()).wait()
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "cannot open the readers' copy" in refused.err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("problem", ["missing", "other version"])
def test_extensions_that_are_missing_or_of_another_version_are_named(
    problem: str, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if problem == "missing":
        monkeypatch.setattr(server, "_EXTENSIONS", ("not_there",))
    else:
        monkeypatch.setattr(duckdb, "__version__", "1.5.99")
    with pytest.raises(ConfigurationError, match=r"pip install -e '\.\[serve\]'"):
        server.serve(
            load_settings(data_dir=published), "127.0.0.1", free_port(), on_ready=os.abort, say=os.abort
        )


def test_the_documented_client_reads(served: Serve, published: Path, tmp_path: Path) -> None:
    _, port = served(published)
    page = (Path(__file__).parents[2] / "docs" / "readers" / "serve.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", block.replace("9494", str(port))],
        env={"HOME": str(tmp_path), "PIPELINE_SERVE_TOKEN": TOKEN, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert "user_hangup" in ran.stdout
    assert "call_id" in ran.stdout
