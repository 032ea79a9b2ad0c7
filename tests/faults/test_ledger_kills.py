"""Kills runs that list at random moments: what they had listed or were given is fetched by the next run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.simulator import Account, Simulator, running
from pipeline.simulator.rules import ListingRules
from support.accounts import call, not_connected, outcomes, rows, whole
from support.lab import tables_in
from support.zygote import Command, Ended, Zygote

SETTLED = {"loaded", "unchanged"}


class Place:
    """An account of calls with and without a start, and commands that work on it."""

    def __init__(self, folder: Path, zygote: Zygote) -> None:
        self.folder = folder
        self.zygote = zygote
        self.account = Account(rules=ListingRules(most_on_page=25))
        self.ids = [self._put(call(f"started_{index:03d}", 100 + 400 * index)) for index in range(90)]
        self.ids += [self._put(not_connected(f"silent_{index:03d}")) for index in range(60)]

    def _put(self, payload: dict[str, object]) -> str:
        self.account.put(payload)
        return str(payload["call_id"])

    def start(self, server: Simulator, data_dir: Path, *args: object) -> Command:
        """Start a command in a data folder."""
        return self.zygote.start(
            *args,
            RETELL_BASE_URL=server.base_url,
            RETELL_API_KEY=server.api_key,
            PIPELINE_DATA_DIR=data_dir,
            PIPELINE_CHUNK_SIZE=10,
            PIPELINE_CONCURRENCY=4,
            PIPELINE_PUBLISH="off",
        )

    def run(self, server: Simulator, data_dir: Path, *args: object) -> Ended:
        """Run a command in a data folder to its end."""
        return self.start(server, data_dir, *args).wait()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    zygote = Zygote(tmp_path / "commands")
    try:
        yield Place(tmp_path, zygote)
    finally:
        zygote.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_a_sync_that_ends_between_pages_leaves_the_rest_to_the_next(
    place: Place, number: signal.Signals
) -> None:
    data_dir = place.folder / "data"
    commands: list[Command] = []

    listings: list[int] = []

    def note(page: int) -> None:
        if page == 1:
            listings.append(page)
        # The second page of the second listing, which is that of the calls without a start.
        if page == 2 and len(listings) == 2:
            os.kill(commands[0].pid, number)
            time.sleep(0.3)

    place.account.on_page = note
    with running(place.account) as server:
        commands.append(place.start(server, data_dir, "sync"))
        ended = commands[0].wait()
        assert ended.code in (-9, 130), ended.err
        place.account.on_page = None
        again = place.run(server, data_dir, "sync")
        assert (again.code, "Traceback" in again.err) == (0, False), again.err
        assert whole(data_dir) == set(place.ids)
        assert place.run(server, data_dir, "sync").code == 0
        assert max(server.requests.by_call.values()) <= 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("command", ["sync", "backfill", "reconcile", "numbers"])
def test_a_run_that_is_killed_at_random_moments_comes_to_what_an_undisturbed_one_does(
    place: Place, command: str, seed: int
) -> None:
    rng = random.Random(f"{command} {seed}")
    ids = place.folder / "ids.txt"
    ids.write_text("\n".join(place.ids))
    args: dict[str, tuple[object, ...]] = {
        "sync": ("sync",),
        "backfill": ("backfill", ids),
        "reconcile": ("reconcile", "--since", "90d"),
        "numbers": ("backfill", ids, "--numbers-only"),
    }
    with running(place.account, delay_s=0.01) as server:
        undisturbed, data_dir = place.folder / "undisturbed", place.folder / "data"
        typical = place.run(server, undisturbed, *args[command])
        place.run(server, undisturbed, "sync")
        for _ in range(4):
            started = place.start(server, data_dir, *args[command])
            time.sleep(rng.uniform(0.05, typical.seconds))
            if started.is_running():
                os.kill(
                    started.pid, rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
                )
            ended = started.wait()
            assert ended.code in (-9, 0, 130), ended.err
            assert "Traceback" not in ended.err
        # Whatever is open is fetched by a sync, also where it did not come to be listed.
        assert place.run(server, data_dir, "sync").code == 0
        assert whole(data_dir) == set(place.ids)
        assert set(outcomes(data_dir).values()) <= SETTLED
        assert tables_in(data_dir / "warehouse.duckdb") == tables_in(undisturbed / "warehouse.duckdb")
        # What is landed alone tells the same.
        stands = rows(
            data_dir, "select call_id, fetched_at, listed_hash, given_at from etl_outcomes order by 1"
        )
        for path in data_dir.glob("warehouse.duckdb*"):
            path.unlink()
        assert place.run(server, data_dir, "load").code == 0
        assert stands == rows(
            data_dir, "select call_id, fetched_at, listed_hash, given_at from etl_outcomes order by 1"
        )
        assert tables_in(data_dir / "warehouse.duckdb") == tables_in(undisturbed / "warehouse.duckdb")
        assert place.run(server, data_dir, "reconcile", "--since", "90d").code == 0


def test_an_interruption_while_a_connection_is_closed_writes_no_traceback() -> None:
    said = "import logging, pipeline.warehouse.database; logging.getLogger('sqlalchemy.pool.x').error('')"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
