"""Breaks runs at random for as long as is asked, and prints what was survived: `python -m tests.soak`.

What the tests in `tests/faults/` do a few times with fixed seeds is done here again and again. Between two
faults a data folder grows old, by a sync for each hour of its account, and it is printed what a run of it
takes at the end beside the beginning. It ends with an error, and with the seed that shows it again, at the
first promise that does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

_TESTS = Path(__file__).parent
sys.path[:0] = [str(_TESTS), str(_TESTS / "faults")]

from test_disk import DAMAGE, completed, damage  # noqa: E402

from pipeline.simulator import Faults, running  # noqa: E402
from support.ageing import Age, OldPlace, old_place  # noqa: E402
from support.killing import PHASES, Killer  # noqa: E402
from support.lab import Lab, assert_complete, assert_whole, laboratory, sentence  # noqa: E402


def full_disks(killer: Killer) -> None:
    """Stop a backfill by a limit for the size of files, then complete it."""
    lab, data_dir = killer.lab, killer.lab.place()
    ended = lab.run(
        data_dir,
        "backfill",
        lab.ids,
        PIPELINE_PUBLISH="run",
        file_limit=killer.rng.randrange(4_000, 6_000_000),
    )
    if ended.code:
        assert "File too large" in sentence(ended)
        killer.tally.kills["full disk"] += 1
    killer.tally.calls["full disk"] += assert_whole(lab, data_dir)
    completed(lab, data_dir)
    killer.tally.ends["full disk"] += 1
    shutil.rmtree(data_dir)


def damaged_chunks(killer: Killer) -> None:
    """Damage a landed chunk, repair it, and fetch again what is lost."""
    lab, data_dir = killer.lab, killer.lab.place("landed")
    payloads = killer.rng.choice(sorted((data_dir / "landing").glob("*/*.zst")))
    manifest = payloads.with_name(payloads.name.replace(".ndjson.zst", ".json"))
    damage(killer.rng.choice(DAMAGE), killer.rng, payloads, manifest)
    assert "repair" in sentence(lab.run(data_dir, "load"))
    killer.tally.calls["damaged chunk"] += assert_whole(lab, data_dir)
    done = json.loads(lab.run(data_dir, "repair", "--json").out)
    assert lab.run(data_dir, "load").code == 0
    if done["lost_ids"]:
        assert lab.run(data_dir, "backfill", done["lost_ids"], "--force").code == 0
    assert_complete(lab, data_dir)
    killer.tally.kills["damaged chunk"] += 1
    killer.tally.ends["damaged chunk"] += 1
    shutil.rmtree(data_dir)


def failing_servers(killer: Killer) -> None:
    """Backfill from a server where many first requests fail, in every way."""
    lab, data_dir = killer.lab, killer.lab.place()
    faults = Faults(share=killer.rng.uniform(0.3, 1), seed=killer.rng.randrange(1000), slow_s=0.2)
    with running(lab.book, faults=faults) as server:
        ended = lab.run(data_dir, "backfill", lab.ids, RETELL_BASE_URL=server.base_url)
        killer.tally.kills["failing server"] += server.requests.total - lab.book.count
    assert ended.code == 0, ended.err
    assert_complete(lab, data_dir)
    killer.tally.calls["failing server"] += lab.book.count
    killer.tally.ends["failing server"] += 1
    shutil.rmtree(data_dir)


# A day and a bit, so that the first day is merged.
_FIRST_HOURS = 30
_HOURS_BETWEEN = 12

WAYS = (*PHASES.values(), full_disks, damaged_chunks, failing_servers)


def soak(lab: Lab, old: OldPlace, seed: int, minutes: float) -> Killer:
    """Break things until the time is over; every way comes up before any comes up again."""
    killer = Killer(lab, random.Random(seed))
    until = time.monotonic() + 60 * minutes
    old.live(_FIRST_HOURS, killer.rng)
    while True:
        for way in killer.rng.sample(WAYS, len(WAYS)):
            if time.monotonic() >= until:
                return killer
            print(f"{way.__name__} …", file=sys.stderr, flush=True)
            way(killer)
            old.live(_HOURS_BETWEEN, killer.rng)


def print_ages(ages: list[Age]) -> None:
    """Print what a run took at the beginning and at the end, and what lies on disk."""
    print("| | " + " | ".join(f"after {age.hours:,} hours, {age.calls:,} calls" for age in ages) + " |")
    print("|---|" + "--:|" * len(ages))
    for name, picked in (
        ("a sync, s", [f"{age.sync_s:.2f}" for age in ages]),
        ("a load with nothing to do, s", [f"{age.load_s:.2f}" for age in ages]),
        ("peak memory of a sync, MB", [f"{age.peak_mb:,.0f}" for age in ages]),
        ("warehouse, MB", [f"{age.warehouse_mb:,.1f}" for age in ages]),
        ("files in landing", [f"{age.landing_files:,}" for age in ages]),
        ("landing, MB", [f"{age.landing_mb:,.2f}" for age in ages]),
    ):
        print(f"| {name} | {' | '.join(picked)} |")


def main() -> None:
    """Soak, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    given = parser.parse_args()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        laboratory(Path(folder)) as lab,
        old_place(Path(folder) / "old") as old,
    ):
        try:
            killer = soak(lab, old, given.seed, given.minutes)
            old.check()
        except BaseException:
            print(f"a promise did not hold with --seed {given.seed}", file=sys.stderr)
            raise
        tally = killer.tally
        print("| what | killed or failed | completed after | calls compared |\n|---|---|---|---|")
        for name in sorted(tally.ends | tally.kills):
            print(f"| {name} | {tally.kills[name]:,} | {tally.ends[name]:,} | {tally.calls[name]:,} |")
        killed, compared = tally.kills.total(), tally.calls.total()
        print(f"| **all** | {killed:,} | {tally.ends.total():,} | {compared:,} |")
        print(f"\nThe folder that grew old: {old.describe()}\n")
        print_ages([old.young, old.measure(at_the_end=True)])
        print(
            f"\nseed {given.seed}, {(time.monotonic() - started) / 60:.1f} minutes, "
            f"{lab.server.requests.total:,} requests; nothing was lost"
        )


if __name__ == "__main__":
    main()
