"""What the commands leave behind, every file and every line, is its owner's only and holds no secret."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from pipeline.simulator import CallBook, Faults, Simulator, running
from pipeline.warehouse import schema
from support.command_line import DEADLINE_S, Ran, Start, settings_of

# Each command is a process of its own.
pytestmark = pytest.mark.slow

KEY = "key_5ecre7_c0ffee_of_the_workspace"
BOOK = CallBook(count=40, until=datetime(2025, 3, 14, 18, tzinfo=UTC), shape="today", broken_share=0.2)
IDS = [BOOK.call_id(index) for index in range(40) if BOOK.breakage(index) not in ("truncated", "html")]
QUICK_FAULTS = Faults(share=0.3, kinds=("rate_limited", "reset", "server_error"), retry_after_s=0)

# A bug of ours where a body, the key and rows are at hand.
_BUGS = (
    "pipeline.landing.intake:validate",
    "pipeline.retell.response:BodyReader.read",
    "pipeline.load.staging:stage_chunks",
    "pipeline.load.loads:write_rows",
)
_BUG = """
import functools, importlib, sys
module, _, path = sys.argv[1].partition(":")
*owners, name = path.split(".")
def bug(*given, **more):
    raise ZeroDivisionError("a bug")
setattr(functools.reduce(getattr, owners, importlib.import_module(module)), name, bug)
sys.argv = ["pipeline", *sys.argv[2:]]
from pipeline.__main__ import main
main()
"""


@pytest.fixture
def server() -> Iterator[Simulator]:
    """A simulated API that fails at first, now and then."""
    with running(BOOK, api_key=KEY, faults=QUICK_FAULTS) as server:
        yield server


def payload_secrets() -> set[str]:
    found = set()
    for payload in map(BOOK.payload, range(BOOK.count)):
        found.add(payload.get("access_token", ""))
        urls = [payload[name] for name in payload if name.endswith("_url") and isinstance(payload[name], str)]
        found |= {url.rpartition("Signature=")[2] for url in urls if "Signature=" in url}
    return found - {""}


def bytes_of(path: Path) -> bytes:
    """Return a file as it is and, where it is compressed, what it says."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        return raw + zstandard.ZstdDecompressor().stream_reader(raw).read()
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            return raw + str(connection.read_parquet(str(path)).fetchall()).encode()
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            names = [name for (name,) in connection.sql("select table_name from duckdb_tables()").fetchall()]
            return raw + b"".join(str(connection.table(name).fetchall()).encode() for name in names)
    return raw


def with_a_bug(where: str, folder: Path, server: Simulator, *args: str, **env: Any) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-c", _BUG, where, *args],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "PIPELINE_DEBUG": "1"} | settings_of(server, env),
        capture_output=True,
        text=True,
    )
    assert "ZeroDivisionError: a bug" in ran.stderr
    assert "Traceback" in ran.stderr
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_no_command_leaves_a_secret_or_a_file_for_others(
    server: Simulator, start: Start, tmp_path: Path
) -> None:
    signal.alarm(8 * DEADLINE_S)  # some thirty processes, one after the other
    data, out = tmp_path / "data", tmp_path / "out"
    out.mkdir()
    said: list[Ran] = []

    def run(*args: object, code: int | None = 0, **env: object) -> None:
        said.append(start(*args, server=server, PIPELINE_PUBLISH="run", **env).wait())
        assert code in (None, said[-1].code), said[-1].err

    at = ("--data-dir", data)
    debug = ("--log-level", "debug", "--log-format", "json")
    run("backfill", *IDS[:25], *BOOK.unknown_ids(1), *at, *debug, "--json", code=3)
    run("backfill", *IDS, *at, "--log-level", "debug", "--force", code=3)
    run("sync", *at, *debug, code=None)
    run("backfill", IDS[0], "--force", *at, *debug, code=1, RETELL_API_KEY=f"{KEY}x")
    for more in ((), ("--json",)):
        run("config", *at, *more)
        run("doctor", *at, *more)
        run("status", *at, *more)
        run("inspect", IDS[0], *at, *more)
        run("check", *at, *more, code=None)
    run("inspect", IDS[0], *at, "--raw")
    run("publish", "--parquet", out / "parquet", *at)
    run("docs", "--out", out / "docs")
    run("replay", *at, *debug)
    run("replay", "--quarantine", *at, *debug)
    for bug in _BUGS:
        for form in ("text", "json"):
            ids = [IDS[-1], "--force", "--data-dir", str(data)]
            said.append(with_a_bug(bug, out, server, "backfill", *ids, PIPELINE_LOG_FORMAT=form))
    run("load", *at, *debug)
    run("migrate", "--to", "base", *at)
    run("migrate", *at)

    secrets = payload_secrets() | {KEY}
    assert len(secrets) > 20
    kept = [data, *data.rglob("*"), *(path for path in out.rglob("*"))]
    suffixes = {path.suffix for path in kept}
    assert suffixes >= {".zst", ".json", ".duckdb", ".body", ".parquet", ".md", ".html"}
    assert f"warehouse.before-{schema.find_head()}.duckdb" in {path.name for path in kept}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    everything = b"".join(bytes_of(path) for path in kept if path.is_file())
    everything += "".join(ran.out + ran.err for ran in said).encode()
    assert [secret for secret in secrets if secret.encode() in everything] == []
    # The search finds what is there.
    assert IDS[0].encode() in everything
    assert everything.count(b"Traceback") == len(_BUGS) * 2
