"""A disk that is full, read-only, or damaged is one sentence, and what the sentence says to do works.

See also tests/unit/test_landing.py (every kind of damage to a chunk, folders that cannot be written),
tests/integration/test_errors.py (a file that cannot grow, a damaged chunk) and tests/unit/test_load_laws.py
(a load that fails half way).
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import sql
from pipeline.landing.folder import Landing
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.lab import Lab, assert_complete, assert_whole, sentence, tables_in
from support.warehouse_files import landed_calls, load_manifests

KB = 1024
WHOLE_MB = 64


class Tmpfs:
    """A small disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size_kb: int, *options: str) -> None:
        subprocess.run(
            ["mount", "-o", ",".join(["remount", f"size={size_kb}k", *options]), self.folder], check=True
        )


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Tmpfs]:
    """A disk that can be made smaller and larger; only where mounting is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={WHOLE_MB}m", "faults", folder])
    except FileNotFoundError:
        mounted = None
    if mounted is None or mounted.returncode:
        pytest.skip("mounting is not allowed here: the tests with a limit for the size of files say the same")
    yield Tmpfs(folder)
    subprocess.run(["umount", folder], check=True)


# What is too large: the empty database, the schema, the log of a load or the database.
@pytest.mark.parametrize("limit_kb", [8, 40, 1500])
def test_a_file_that_cannot_grow_stops_a_run_and_nothing_is_lost(lab: Lab, limit_kb: int) -> None:
    data_dir = lab.place()
    ended = lab.run(data_dir, "backfill", lab.ids, PIPELINE_PUBLISH="run", file_limit=limit_kb * KB)
    assert "File too large" in sentence(ended)
    assert_whole(lab, data_dir)
    completed(lab, data_dir)


@pytest.mark.parametrize("size_kb", [100, 900, 2500, 7000])
def test_a_disk_that_is_full_while_landing_loading_or_publishing_loses_nothing(
    lab: Lab, tmpfs: Tmpfs, size_kb: int
) -> None:
    data_dir = tmpfs.folder / "data"
    tmpfs.resize(size_kb)
    ended = lab.run(data_dir, "backfill", lab.ids, PIPELINE_PUBLISH="run")
    assert "No space left on device" in sentence(ended)
    assert_whole(lab, data_dir)
    tmpfs.resize(WHOLE_MB * KB)
    completed(lab, data_dir)


def size_of(path: Path) -> int:
    """A log comes and goes while one looks at it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def completed(lab: Lab, data_dir: Path) -> None:
    """Load what is landed, run the same command again, and compare."""
    before = lab.server.requests.by_call
    landed = landed_calls(data_dir)
    if landed:
        loaded = lab.run(data_dir, "load")
        assert loaded.code == 0, loaded.err
        assert assert_whole(lab, data_dir) == len(landed)
    again = lab.run(data_dir, "backfill", lab.ids, PIPELINE_PUBLISH="run")
    assert again.code == 0, again.err
    asked = lab.server.requests.by_call
    assert {call_id: asked[call_id] - before[call_id] for call_id in landed} == dict.fromkeys(landed, 0)
    assert_complete(lab, data_dir)
    assert tables_in(data_dir / "analytics.duckdb") == lab.tables


@pytest.mark.parametrize("command", ["load", "replay", "publish", "compact", "migrate"])
def test_a_disk_that_is_full_for_a_command_leaves_the_tables_and_the_same_command_works_later(
    lab: Lab, command: str
) -> None:
    data_dir = lab.place("landed" if command == "load" else "loaded")
    args = (command, "--to", "base") if command == "migrate" else (command,)
    # More than the log of the record of a run, less than anything that a command does.
    ended = lab.run(data_dir, *args, file_limit=60 * KB)
    said = sentence(ended)
    assert "File too large" in said
    present = assert_whole(lab, data_dir)
    assert present == (0 if command == "load" else len(lab.tables["calls"]))
    assert not list(data_dir.glob("*.making*")) + list(data_dir.glob("*.part"))
    assert not list(data_dir.glob("*.compacting*"))
    assert lab.run(data_dir, *args).code == 0
    if command == "migrate":
        assert lab.run(data_dir, "load").code == 0
    assert_complete(lab, data_dir)


READ_ONLY = {
    "backfill": "cannot write to",
    "load": "Permission denied",
    "replay": "Permission denied",
    "publish": "Permission denied",
    "migrate": "Permission denied",
}


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_folder_that_cannot_be_written_is_one_sentence(lab: Lab, command: str) -> None:
    data_dir = lab.place("loaded")
    args = {"backfill": ("backfill", lab.ids), "migrate": ("migrate", "--to", "base")}.get(
        command, (command,)
    )
    folders = [data_dir, *(path for path in data_dir.rglob("*") if path.is_dir())]
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    asked = lab.server.requests.total
    for path in (*files, *folders):
        path.chmod(0o500 if path.is_dir() else 0o400)
    ended = lab.run(data_dir, *args, is_ordinary=True)
    for path in (*files, *folders):
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert READ_ONLY[command] in sentence(ended)
    assert lab.server.requests.total == asked
    assert lab.run(data_dir, *args).code == 0
    if command == "migrate":
        assert lab.run(data_dir, "load").code == 0
    assert_complete(lab, data_dir)


def test_permissions_lost_in_the_middle_of_a_run_end_it_and_what_was_landed_is_loaded(lab: Lab) -> None:
    data_dir = lab.place()
    # Slow enough that chunks remain to be landed.
    env = lab.env(data_dir, PIPELINE_CONCURRENCY=1, PIPELINE_RATE=15)
    command = lab.zygote.start("backfill", lab.ids, is_ordinary=True, **env)  # type: ignore[arg-type]
    while len(landed_calls(data_dir)) < 5:
        assert command.is_running(), command.err
    [folder] = (path for path in (data_dir / "landing").iterdir() if path.is_dir())
    folder.chmod(0o500)
    ended = command.wait()
    folder.chmod(0o700)
    assert f"cannot write to {folder} (Permission denied): make room or fix the permissions" in sentence(
        ended
    )
    landed = landed_calls(data_dir)
    assert 5 <= len(landed) < len(lab.tables["calls"])
    assert assert_whole(lab, data_dir) == len(landed)
    completed(lab, data_dir)


DAMAGE = ("cut", "flipped byte", "payloads gone", "manifest gone", "manifest garbled")


def damage(how: str, rng: random.Random, payloads: Path, manifest: Path) -> None:
    """Do to a chunk what a disk does, or a hand."""
    content = bytearray(payloads.read_bytes())
    match how:
        case "cut":
            payloads.write_bytes(content[: rng.randrange(len(content) // 2, len(content))])
        case "flipped byte":
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            payloads.write_bytes(content)
        case "payloads gone":
            payloads.unlink()
        case "manifest gone":
            manifest.unlink()
        case "manifest garbled":
            manifest.write_bytes(manifest.read_bytes()[:-40])


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_chunk_is_named_and_repair_brings_every_call_back(lab: Lab, how: str) -> None:
    rng = random.Random(how)
    data_dir = lab.place("landed")
    # The chunk of the ids that were given has no payloads.
    files = sorted((data_dir / "landing").glob("*/*.zst"))
    payloads = rng.choice([path for path in files if "given" not in path.name])
    manifest = payloads.with_name(payloads.name.replace(".ndjson.zst", ".json"))
    damage(how, rng, payloads, manifest)

    ended = lab.run(data_dir, "load")
    said = sentence(ended)
    assert (str(manifest) if how == "manifest garbled" else str(payloads)) in said
    assert "`python -m pipeline repair`" in said
    assert assert_whole(lab, data_dir) == len(lab.tables["calls"]) - 5

    repaired = lab.run(data_dir, "repair", "--json")
    assert repaired.code == 0, repaired.err
    done = json.loads(repaired.out)
    [mended] = done["mended"]
    if how in ("manifest gone", "manifest garbled"):
        assert (mended["kept"], mended["lost"]) == (5, [])
    else:
        assert mended["kept"] + len(mended["lost"]) == 5
        assert mended["lost"]
    assert lab.run(data_dir, "load").code == 0
    assert assert_whole(lab, data_dir) == len(lab.tables["calls"]) - len(mended["lost"])
    if mended["lost"]:
        again = lab.run(data_dir, "backfill", done["lost_ids"], "--force")
        assert again.code == 0, again.err
    assert json.loads(lab.run(data_dir, "repair", "--json").out)["mended"] == []
    assert lab.run(data_dir, "replay").code == 0
    assert_complete(lab, data_dir)


@pytest.mark.parametrize("how", ["cut", "flipped byte"])
def test_a_damaged_warehouse_says_so_and_a_load_fills_a_new_one(lab: Lab, how: str) -> None:
    data_dir = lab.place("loaded")
    warehouse = data_dir / "warehouse.duckdb"
    content = bytearray(warehouse.read_bytes())
    if how == "cut":
        warehouse.write_bytes(content[: len(content) // 3])
    else:
        # One in every block: which of them are in use is DuckDB's affair.
        for place in range(20_000, len(content), 256 * KB):
            content[place] ^= 1
        warehouse.write_bytes(content)
    for command in ("load", "replay", "status"):
        said = sentence(lab.run(data_dir, command))
        assert f"the warehouse {warehouse} is damaged" in said
        assert "move it away, then `python -m pipeline load`" in said
    filled_anew(lab, data_dir)
    assert_complete(lab, data_dir)


def filled_anew(lab: Lab, data_dir: Path) -> None:
    """Do what the sentence says: move the warehouse away and load. A log that was beside it is put aside."""
    warehouse = data_dir / "warehouse.duckdb"
    had_log = warehouse.with_name(f"{warehouse.name}.wal").exists()
    warehouse.rename(data_dir.with_name(f"{data_dir.name}.damaged"))
    loaded = lab.run(data_dir, "load")
    assert loaded.code == 0, loaded.err
    aside = warehouse.with_name(f"{warehouse.name}.wal.orphaned")
    assert aside.exists() == had_log
    aside.unlink(missing_ok=True)


def _load_into_log(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load as earlier versions did, killed before the file was closed: all is in the log."""
    read = sql.read

    def with_log(name: str) -> str:
        text = read(name)
        if name == "stage/limits":
            text += "set checkpoint_threshold = '1TB'; pragma disable_checkpoint_on_shutdown;"
        return text

    warehouse = Warehouse.at(data_dir / "warehouse.duckdb")
    schema.ensure(warehouse)
    with monkeypatch.context() as patch:
        patch.setattr(sql, "read", with_log)
        landing = Landing(data_dir / "landing", data_dir / "quarantine")
        assert load_manifests(warehouse, landing.find_manifests().values()).problems == []


@pytest.mark.parametrize("how", ["whole", "cut", "garbage", "of another file"])
def test_a_log_left_behind_is_replayed_or_named_and_a_load_brings_back_what_it_held(
    lab: Lab, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = lab.place("landed")
    log = data_dir / "warehouse.duckdb.wal"
    if how in ("whole", "cut"):
        _load_into_log(data_dir, monkeypatch)
        assert size_of(log) > 100 * KB
        if how == "cut":
            log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    elif how == "garbage":
        log.write_bytes(random.Random(how).randbytes(50_000))
    else:
        other = lab.place("landed")
        lab.run(other, "migrate", "--to", "base")
        command = lab.zygote.start("migrate", **lab.env(other))  # type: ignore[arg-type]
        while command.is_running() and not (other / "warehouse.duckdb.wal").exists():
            pass
        command.kill()
        left = other / "warehouse.duckdb.wal"
        log.write_bytes(left.read_bytes() if left.exists() else b"")
    ended = lab.run(data_dir, "load")
    if ended.code:
        assert "is damaged" in sentence(ended)
        filled_anew(lab, data_dir)
    assert_complete(lab, data_dir)
