"""Kills commands at random moments and asks after each kill whether the promises hold."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from pipeline.landing.folder import Landing
from pipeline.landing.manifest import read_manifest
from pipeline.landing.merge import MERGED
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.fault_place import make_older
from support.lab import Lab, assert_complete, assert_whole, loaded_chunks, statuses, strays, tables_in
from support.warehouse_files import landed_calls, query, warehouse_in

_LET_BE = 0.15


@dataclass
class Tally:
    """What was survived: kills and undisturbed ends by phase, calls compared, requests of the killed runs."""

    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)


@dataclass
class Killer:
    """Starts commands and kills them; `tally` says what came of it."""

    lab: Lab
    rng: random.Random
    tally: Tally = field(default_factory=Tally)

    def ends(self, phase: str, data_dir: Path, *args: object, **more: object) -> bool:
        """Start a command and kill it at a random moment; return whether it ended before."""
        typical_s = self.lab.seconds.get(phase)
        command = self.lab.zygote.start(*args, **self.lab.env(data_dir, **more))  # type: ignore[arg-type]
        # The first of its kind shows how long it takes; some later ones are let be, so that there is an end
        # on a machine that has become slower meanwhile.
        if typical_s is None or self.rng.random() < _LET_BE:
            ended = command.wait()
        else:
            time.sleep(self.rng.uniform(0, typical_s))
            ended = command.kill()
        if ended.code == -9:
            self.tally.kills[phase] += 1
            return False
        assert ended.code == 0, ended.err
        self.tally.ends[phase] += 1
        self.lab.seconds[phase] = ended.seconds
        return True


def killed_backfills(killer: Killer) -> None:
    """Kill a backfill until it ends: no landed call is fetched again, no load that was seen is lost."""
    lab, data_dir = killer.lab, killer.lab.place()
    before = lab.server.requests.by_call
    landed: dict[str, int] = {}
    chunks: set[str] = set()
    first = killer.tally.kills["backfill"]
    succeeded = 0
    done = False
    while not done:
        done = killer.ends("backfill", data_dir, "backfill", lab.ids)
        asked = lab.server.requests.by_call
        assert {call_id: asked[call_id] - before[call_id] for call_id in landed} == landed
        now_landed = landed_calls(data_dir)
        assert now_landed == dict.fromkeys(now_landed, 1)
        landed = {call_id: asked[call_id] - before[call_id] for call_id in now_landed}
        killer.tally.calls["backfill"] += assert_whole(lab, data_dir)
        now_loaded = loaded_chunks(data_dir)
        assert chunks <= now_loaded
        chunks = now_loaded
        # After its end is recorded a run still renews the readers' copy: killed then, it has succeeded.
        now_succeeded = statuses(data_dir)["succeeded"] if now_loaded else 0
        assert now_succeeded - succeeded in ((1,) if done else (0, 1))
        succeeded = now_succeeded
        if succeeded:
            assert_complete(lab, data_dir, was_killed=not done)
    # A run that was killed before it was recorded is in no table.
    ended = statuses(data_dir)
    assert ended["interrupted"] == ended.total() - ended["succeeded"], ended
    assert ended.total() - 1 <= killer.tally.kills["backfill"] - first
    shutil.rmtree(data_dir)


def killed_loads(killer: Killer) -> None:
    """Kill a load until it ends: each chunk is loaded once, and all that was landed is there."""
    lab, data_dir = killer.lab, killer.lab.place("landed")
    asked = lab.server.requests.total
    chunks: set[str] = set()
    done = False
    while not done:
        done = killer.ends("load", data_dir, "load")
        killer.tally.calls["load"] += assert_whole(lab, data_dir)
        now_loaded = loaded_chunks(data_dir)
        assert chunks <= now_loaded
        chunks = now_loaded
    assert_complete(lab, data_dir)
    assert lab.server.requests.total == asked
    shutil.rmtree(data_dir)


def killed_replays(killer: Killer) -> None:
    """Kill a replay until it ends: at every moment the tables say what they said before."""
    lab, data_dir = killer.lab, killer.lab.place("loaded")
    done = False
    while not done:
        done = killer.ends("replay", data_dir, "replay")
        assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
        killer.tally.calls["replay"] += len(lab.tables["calls"])
    assert_complete(lab, data_dir)
    shutil.rmtree(data_dir)


def killed_publications(killer: Killer) -> None:
    """Kill a publication until it ends: readers always have a whole copy, once they have one."""
    lab, data_dir = killer.lab, killer.lab.place("loaded")
    copy = Warehouse.at(data_dir / "analytics.duckdb", lock_timeout_s=1)
    assert lab.run(data_dir, "publish").code == 0
    done = False
    while not done:
        done = killer.ends("publish", data_dir, "publish")
        assert not Path(f"{copy.path}.wal").exists()
        assert query(copy, "select calls from published") == [(len(lab.tables["calls"]),)]
        assert tables_in(data_dir / "analytics.duckdb") == lab.tables
        assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
        killer.tally.calls["publish"] += len(lab.tables["calls"])
    assert strays(data_dir) == []
    shutil.rmtree(data_dir)


def killed_compactions(killer: Killer) -> None:
    """Kill a compaction until it ends: the warehouse is whole, and so is what is landed, merged or not."""
    lab, data_dir = killer.lab, killer.lab.place("loaded")
    landing = Landing(data_dir / "landing", data_dir / "quarantine")
    make_older(landing, days=3)
    before = len(landing.find_manifests())
    done = False
    while not done:
        done = killer.ends("compact", data_dir, "compact")
        assert not (data_dir / "warehouse.duckdb.wal").exists()
        assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
        killer.tally.calls["compact"] += len(lab.tables["calls"])
        # Neither a load nor a replay finds anything that changes a row, whatever of the merge was done.
        command = killer.rng.choice(["load", "replay"])
        ended = lab.run(data_dir, command)
        assert ended.code == 0, ended.err
        assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
    # What was merged only after a load had found it waiting is merged again.
    assert lab.run(data_dir, "compact").code == 0
    assert len(landing.find_manifests()) < before
    assert [path for path in landing.find_manifests().values() if MERGED in path.name]
    assert json.loads(lab.run(data_dir, "repair", "--json").out)["mended"] == []
    (data_dir / "warehouse.duckdb").unlink()
    assert lab.run(data_dir, "load").code == 0
    assert_complete(lab, data_dir, landed_once=False)
    shutil.rmtree(data_dir)


def killed_repairs(killer: Killer) -> None:
    """Kill a repair until it ends: what is sound is landed, and what is lost is named by one of them."""
    lab, data_dir = killer.lab, killer.lab.place("landed")
    landing = Landing(data_dir / "landing", data_dir / "quarantine")
    manifests = [path for path in landing.find_manifests().values() if read_manifest(path).record_count]
    cut, flipped, renamed, bare = killer.rng.sample(manifests, 4)
    payloads = cut.with_name(f"{cut.stem}.ndjson.zst")
    payloads.write_bytes(payloads.read_bytes()[: payloads.stat().st_size // 2])
    content = bytearray(flipped.read_bytes())
    content[killer.rng.randrange(len(content))] ^= 1
    flipped.write_bytes(content)
    renamed.rename(renamed.with_name(f"{renamed.name}.old"))
    bare.unlink()
    done = False
    while not done:
        done = killer.ends("repair", data_dir, "repair")
    lost = {
        call_id
        for path in data_dir.glob("damaged/*/to_fetch_again.txt")
        for call_id in path.read_text().split()
    }
    loaded = lab.run(data_dir, "load")
    assert loaded.code == 0, loaded.err
    found = tables_in(data_dir / "warehouse.duckdb")
    present = {row[0] for row in found["calls"]}
    assert {row[0] for row in lab.tables["calls"]} - present <= lost
    killer.tally.calls["repair"] += assert_whole(lab, data_dir)
    if lost:
        assert lab.run(data_dir, "backfill", *sorted(lost), "--force").code == 0
    assert_complete(lab, data_dir, landed_once=False)
    shutil.rmtree(data_dir)


def killed_syncs(killer: Killer) -> None:
    """Kill a sync, which lists and then fetches, until it ends: all that it can list is there whole."""
    lab, data_dir, undisturbed = killer.lab, killer.lab.place(), killer.lab.place()
    assert lab.run(undisturbed, "sync").code == 0
    done = False
    while not done:
        done = killer.ends("sync", data_dir, "sync")
    # What a killed one listed twice changes nothing.
    assert lab.run(data_dir, "sync").code == 0
    found = tables_in(data_dir / "warehouse.duckdb")
    assert found == tables_in(undisturbed / "warehouse.duckdb")
    assert query(warehouse_in(data_dir), "select count(*) from calls where detail != 'whole'") == [(0,)]
    killer.tally.calls["sync"] += len(found["calls"])
    assert strays(data_dir) == []
    shutil.rmtree(data_dir)
    shutil.rmtree(undisturbed)


def read_call_ids(connection: Connection) -> set[str]:
    """Return the ids of the calls that are there, whatever the revision."""
    return set(connection.exec_driver_sql("select call_id from calls").scalars())


def killed_migrations(killer: Killer) -> None:
    """Kill migrations: each step down, and all steps up, are taken or not, and every copy is whole."""
    lab, data_dir = killer.lab, killer.lab.place("loaded")
    warehouse = warehouse_in(data_dir)
    for phase, target in (("migrate down", "base"), ("migrate up", "head")):
        done = False
        while not done:
            done = killer.ends(phase, data_dir, "migrate", "--to", target)
            with warehouse.reading() as connection:
                at = schema.read_revision(connection)
                ids = read_call_ids(connection) if at is not None else set()
            if target == "base" and at is not None:
                assert ids == {row[0] for row in lab.tables["calls"]}
                killer.tally.calls[phase] += len(ids)
            else:
                assert at in (None, schema.find_head())
            if at == schema.find_head() and target == "base":
                assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
            # A command that went on where a killed one was kept a copy of that.
            for kept in data_dir.glob(f"warehouse.before-{schema.find_head()}*.duckdb"):
                assert tables_in(kept) == lab.tables
    assert list(data_dir.glob("warehouse.before-*.duckdb"))
    assert lab.run(data_dir, "load").code == 0
    assert_complete(lab, data_dir)
    shutil.rmtree(data_dir)


PHASES: dict[str, Callable[[Killer], None]] = {
    "backfill": killed_backfills,
    "load": killed_loads,
    "replay": killed_replays,
    "publish": killed_publications,
    "compact": killed_compactions,
    "repair": killed_repairs,
    "sync": killed_syncs,
    "migrate": killed_migrations,
}


def kills_of(tally: Tally, phase: str) -> int:
    """Return how often a phase was killed; migrations go both ways."""
    return sum(count for name, count in tally.kills.items() if name.partition(" ")[0] == phase)
