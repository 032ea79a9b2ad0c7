"""What keeps the pipeline from working is found and named, with what to do; nothing stops the doctor."""

import json
import os
import shutil
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.doctor import api, data_folder
from pipeline.doctor.finding import Finding
from pipeline.retell import probe
from pipeline.retell.probe import Probed
from pipeline.simulator import CallBook, Simulator, running
from pipeline.warehouse import schema
from support.command_line import Cli, Holder, Ran
from support.warehouse_files import Payload, Place, as_body

BOOK = CallBook(count=3, until=datetime.now(UTC))


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    """A simulated API."""
    with running(BOOK) as server:
        yield server


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    """Return the findings by name; fail where one that is not ok does not say what to do."""
    assert ran.err == ""
    findings = json.loads(ran.out)
    assert all(bool(each["advice"]) == (each["state"] != "ok") for each in findings)
    assert ran.code == int(any(each["state"] == "fail" for each in findings))
    return {each["check"]: each for each in findings}


def test_without_key_data_and_network_each_is_a_line(cli: Cli, tmp_path: Path) -> None:
    # Nobody listens on the discard port.
    findings = found(cli("doctor", "--json", "--base-url", "http://127.0.0.1:9"))
    assert findings["key"]["state"] == "warn"
    assert findings["endpoint"]["state"] == "fail"
    assert "refused" in findings["endpoint"]["found"]
    assert {findings[name]["state"] for name in ("data folder", "disk", "warehouse", "dependencies")} == {
        "ok"
    }
    assert list(tmp_path.iterdir()) == []
    shown = cli("doctor", "--offline")
    assert shown.code == 0
    assert "set it or put it into .env" in shown.out
    assert " 0 to mend" in shown.out


def test_one_request_tells_of_key_endpoint_and_clock(cli: Cli, server: Simulator) -> None:
    before = server.requests.total
    findings = found(cli("doctor", "--json", server=server))
    assert server.requests.total == before + 1
    for check, words in {
        "key": "accepted by the API",
        "endpoint": "answered 404 in",
        "clock": "within 2 s",
        "API version": "/v2/get-call was asked",
    }.items():
        assert findings[check]["state"] == "ok"
        assert words in findings[check]["found"]
    assert server.requests.total == before + 1
    wrong = cli("doctor", "--json", server=server, RETELL_API_KEY="key_of_somebody")
    assert found(wrong)["key"]["found"] == "the API refused it (401)"
    assert found(wrong)["endpoint"]["state"] == "ok"
    assert "key_of_somebody" not in wrong.out
    broken = cli("doctor", "--json", server=server, RETELL_API_KEY="key of somebody")
    assert found(broken)["key"]["state"] == "fail"
    assert "key of" not in broken.out


@pytest.mark.parametrize(
    ("base_url", "state", "words"),
    [
        ("http://api.example", "fail", "use https"),
        ("https://nobody.invalid", "fail", "could not be resolved"),
        ("https:{port}", "fail", "no TLS connection could be made"),
    ],
)
def test_an_endpoint_that_is_not_reached_says_why(
    base_url: str, state: str, words: str, cli: Cli, server: Simulator
) -> None:
    url = base_url.replace("https:{port}", server.base_url.replace("http:", "https:"))
    endpoint = found(cli("doctor", "--json", "--base-url", url, RETELL_API_KEY="key_x"))["endpoint"]
    assert (endpoint["state"], words in endpoint["found"]) == (state, True)


@pytest.mark.parametrize(
    ("ahead_s", "state", "words"),
    [(-3.0, "ok", "within 3 s"), (90.0, "warn", "90 s ahead"), (-9000.0, "fail", "9,000 s behind")],
)
def test_a_clock_that_is_off_is_named(ahead_s: float, state: str, words: str) -> None:
    clock = api._check_clock(Probed("/", 404, clock_ahead_s=ahead_s))
    assert (clock.state, words in clock.found) == (state, True)
    assert api._check_clock(Probed("/", 404)).state == "ok"


@pytest.mark.parametrize(
    ("status", "state"),
    [(404, "ok"), (302, "fail"), (402, "fail"), (429, "warn"), (503, "warn"), (200, "warn")],
)
def test_an_answer_is_judged_by_its_status(status: int, state: str) -> None:
    assert api._check_endpoint(Probed("/", status)).state == state


def test_a_proxy_is_named_without_its_password(cli: Cli) -> None:
    env = {"HTTPS_PROXY": "http://me:hunter2@proxy.example:3128", "NO_PROXY": "localhost"}
    ran = cli("doctor", "--offline", "--json", **env)
    assert "https: proxy.example:3128" in found(ran)["proxy"]["found"]
    assert "hunter2" not in ran.out
    assert "me:" not in ran.out


def test_a_package_out_of_its_bounds_is_named_with_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.151.2" if name == "fastapi" else version(name))
    wrong = found(cli("doctor", "--offline", "--json"))["dependencies"]
    assert wrong["state"] == "fail"
    assert wrong["found"] == "fastapi 0.151.2, where <0.151 is needed"
    assert wrong["advice"] == "run `pip install 'fastapi<0.151'`"


def test_a_disk_that_is_nearly_full_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, state in ((400_000_000, "warn"), (1_000_000, "fail"), (10**12, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(0, 0, free))
        assert found(cli("doctor", "--offline", "--json"))["disk"]["state"] == state


@pytest.mark.slow
def test_what_others_may_read_and_what_a_killed_process_left_are_named(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").code == 0
    data = tmp_path / "data"
    sound = found(cli("doctor", "--offline", "--json"))
    assert (sound["permissions"]["state"], sound["left behind"]["state"]) == ("ok", "ok")
    (data / "warehouse.duckdb").chmod(0o644)
    part = data / "landing" / "run" / "chunk.ndjson.zst.part"
    part.parent.mkdir(parents=True)
    part.touch(0o600)
    ran = found(cli("doctor", "--offline", "--json"))
    assert "data/warehouse.duckdb may be read" in ran["permissions"]["found"]
    assert ran["left behind"]["state"] == "ok", "it may still be written to"
    # What a load that was killed had put aside.
    spilled = data / "warehouse.1f2e3d4c.duckdb.tmp"
    spilled.mkdir(0o700)
    for left in (part, spilled):
        os.utime(left, (time.time() - 7200,) * 2)
    named = found(cli("doctor", "--offline", "--json"))["left behind"]["found"]
    assert part.name in named
    assert spilled.name in named


def test_a_data_folder_that_cannot_be_used_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = found(cli("doctor", "--offline", "--json", "--data-dir", "file/data"))
    assert ran["data folder"]["found"] == f"{tmp_path / 'file'} is a file"


def test_a_folder_that_nobody_may_look_into_is_a_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(settings: object) -> list[Finding]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(data_folder, "check", refused)
    ran = found(cli("doctor", "--offline", "--json"))
    assert ran["data folder"]["found"] == "cannot be looked at (Permission denied)"
    assert ran["warehouse"]["state"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["writing", "reading"])
def test_who_holds_the_warehouse_is_named(
    how: str, cli: Cli, tmp_path: Path, hold: Callable[..., Holder]
) -> None:
    assert cli("migrate").code == 0
    assert found(cli("doctor", "--offline", "--json"))["lock"]["state"] == "ok"
    holder = hold(tmp_path / "data" / "warehouse.duckdb", how)
    ran = found(cli("doctor", "--offline", "--json"))
    assert f"(process {holder.pid})" in ran["lock"]["found"]
    assert ran["schema"]["state"] == ("warn" if how == "writing" else "ok")


@pytest.mark.slow
def test_a_schema_of_another_version_is_named(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate", "--to", "base").code == 0
    assert "behind" in found(cli("doctor", "--offline", "--json"))["schema"]["found"]
    assert cli("migrate").code == 0
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as connection:
        connection.execute("update alembic_version set version_num = '29990101_future'")
    newer = found(cli("doctor", "--offline", "--json"))["schema"]
    assert newer["state"] == "fail"
    assert "29990101_future" in newer["found"]


def test_a_warehouse_that_is_something_else_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a warehouse " * 1000)
    ran = found(cli("doctor", "--offline", "--json", "--warehouse", "notes.txt"))
    assert "notes.txt is not a DuckDB file" in ran["warehouse"]["found"]
    ran = found(cli("doctor", "--offline", "--json", "--warehouse", "postgresql://u:hunter2@db/x"))
    assert ran["warehouse"]["state"] == "fail"
    assert "hunter2" not in str(ran)


@pytest.mark.slow
def test_what_waits_is_named(cli: Cli, tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    payload = Payload("c1", as_body({"call_id": "c1", "agent_id": "a", "call_status": "ended"}))
    place.land([payload])
    assert found(cli("doctor", "--offline", "--json"))["landed chunks"]["found"] == "not loaded: run-000000"
    place.load()
    sound = found(cli("doctor", "--offline", "--json"))
    assert (sound["landed chunks"]["state"], sound["quarantine"]["state"]) == ("ok", "ok")
    assert sound["readers' copy"]["advice"] == "run `publish`"
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as connection:
        connection.execute(
            "insert into etl_rejects (call_id, run_id, reason, json_path, path, rejected_at) "
            "values ('c2', 'run', 'not a number', '$.x', 'run/c2.body', now()::timestamp)"
        )
    copy = tmp_path / "data" / "analytics.duckdb"
    copy.touch(0o600)
    os.utime(copy, (time.time() - 7300,) * 2)
    ran = found(cli("doctor", "--offline", "--json"))
    assert ran["quarantine"]["found"].startswith("1 payloads")
    assert ran["readers' copy"]["found"] == "made 2 hours ago, before the latest load"
    assert schema.find_head() in ran["schema"]["found"]


def test_a_finding_without_advice_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="advice"):
        Finding("x", "fail", "broken")
    assert data_folder._find_nearest(Path("no/such/folder")).is_dir()
    assert probe.NOBODYS_CALL not in BOOK.call_ids()
