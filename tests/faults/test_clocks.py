"""Clocks that are wrong by years: what was fetched last counts, and no call stays as a wrong clock saw it.

Each command is a process of its own, with a clock of its own. One of them runs by default, the others in the
slow suite.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.landing.folder import Landing
from pipeline.landing.manifest import read_manifest
from pipeline.simulator import Account, Simulator, running
from support.accounts import call, ongoing, rows
from support.lab import tables_in
from support.zygote import Ended, Zygote

ONGOING = "call_going_on"
IDS = [f"call_{number}" for number in range(4)] + [ONGOING]
AHEAD, BEHIND, A_BIT_BEHIND = 400, -400, -3
WAYS: dict[str, tuple[object, ...]] = {
    "backfill": ("backfill", *IDS),
    "forced": ("backfill", *IDS, "--force"),
    "sync": ("sync",),
    "refresh": ("refresh",),
}


class Place:
    """An account with a call that goes on, and a data folder; a command has any clock."""

    def __init__(self, folder: Path, zygote: Zygote, server: Simulator, account: Account) -> None:
        self.data_dir = folder / "data"
        self.zygote = zygote
        self.server = server
        self.account = account
        for call_id in IDS[:-1]:
            account.put(call(call_id.removeprefix("call_"), ago_s=7200))
        account.put(ongoing(ONGOING.removeprefix("call_")))

    def start(self, *args: object, days: float = 0) -> Any:
        return self.zygote.start(
            *args,
            clock_ahead_days=days,
            RETELL_BASE_URL=self.server.base_url,
            RETELL_API_KEY=self.server.api_key,
            PIPELINE_DATA_DIR=self.data_dir,
            PIPELINE_PUBLISH="off",
            PIPELINE_CHUNK_SIZE=2,
            # A call that is not final may be asked for at once.
            PIPELINE_REFETCH_AFTER="0s",
        )

    def run(self, *args: object, days: float = 0) -> Ended:
        ended: Ended = self.start(*args, days=days).wait()
        assert ended.code == 0, (args, days, ended.err)
        return ended

    def end_call(self) -> None:
        self.account.put(call(ONGOING.removeprefix("call_"), ago_s=600))

    @property
    def status(self) -> str:
        statuses = rows(self.data_dir, f"select call_status from calls where call_id = '{ONGOING}'")
        return str(statuses[0][0])

    def check_that_tables_stay(self) -> Ended:
        """Replay what is landed, and load it into a new warehouse: the rows are the same."""
        warehouse = self.data_dir / "warehouse.duckdb"
        before, sequences = tables_in(warehouse), self.read_sequences()
        replayed = self.run("replay")
        assert (tables_in(warehouse), self.read_sequences()) == (before, sequences)
        warehouse.unlink()
        self.run("load")
        assert (tables_in(warehouse), self.read_sequences()) == (before, sequences)
        return replayed

    def read_sequences(self) -> list[tuple[Any, ...]]:
        return rows(self.data_dir, "select call_id, sequence from calls order by all")


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    made = Zygote(tmp_path_factory.mktemp("clocks"))
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path, zygote: Zygote) -> Iterator[Place]:
    account = Account()
    with running(account) as server:
        yield Place(tmp_path, zygote, server, account)


def check_that_a_call_ends(place: Place, first: str, later: str, wrong_days: float) -> Ended:
    """Fetch with a wrong clock a call that goes on, and with the right one when it has ended."""
    place.run(*WAYS[first], days=wrong_days)
    assert place.status == "ongoing"
    place.end_call()
    place.run(*WAYS[later])
    assert place.status == "ended"
    return place.check_that_tables_stay()


def test_a_call_that_a_clock_400_days_ahead_saw_going_on_is_ended_by_the_next_backfill(place: Place) -> None:
    replayed = check_that_a_call_ends(place, "backfill", "backfill", AHEAD)
    assert "the clock was ahead when they were fetched" in replayed.err


@pytest.mark.slow
@pytest.mark.parametrize("later", WAYS)
@pytest.mark.parametrize("first", ["backfill", "sync"])
@pytest.mark.parametrize("wrong_days", [AHEAD, BEHIND, A_BIT_BEHIND])
def test_a_call_that_a_wrong_clock_saw_going_on_is_ended_by_the_next_fetch(
    place: Place, wrong_days: float, first: str, later: str
) -> None:
    replayed = check_that_a_call_ends(place, first, later, wrong_days)
    assert ("the clock was ahead" in replayed.err) == (wrong_days == AHEAD)


@pytest.mark.slow
@pytest.mark.parametrize("later", ["forced", "sync", "refresh"])
@pytest.mark.parametrize("slow_days", [BEHIND, A_BIT_BEHIND])
def test_what_a_slow_clock_fetches_is_newer_than_what_was_landed_before(
    place: Place, slow_days: float, later: str
) -> None:
    place.run("sync")
    assert place.status == "ongoing"
    place.end_call()
    place.run(*WAYS[later], days=slow_days)
    assert place.status == "ended"
    place.check_that_tables_stay()


@pytest.mark.slow
@pytest.mark.parametrize("has_clock_file", [True, False])
def test_clocks_that_jump_back_and_forth_let_the_latest_fetch_count(
    place: Place, has_clock_file: bool
) -> None:
    rng = random.Random("jumping clocks")
    for number in range(8):
        payload = call(ONGOING.removeprefix("call_"), ago_s=600, metadata={"number": number})
        place.account.put(payload)
        if not has_clock_file:
            (place.data_dir / "landing" / "clock.json").unlink(missing_ok=True)
        place.run(*WAYS["forced"], days=rng.choice([AHEAD, BEHIND, A_BIT_BEHIND, 0]))
        told = rows(place.data_dir, f"select metadata from calls where call_id = '{ONGOING}'")
        assert told == [({"number": number},)]
    place.check_that_tables_stay()


@pytest.mark.slow
def test_the_ids_of_a_run_that_was_killed_with_a_clock_ahead_are_fetched_by_the_next(place: Place) -> None:
    for call_id in IDS:
        place.account.delay(call_id, 5)
    killed = place.start(*WAYS["backfill"], days=AHEAD)
    while not list((place.data_dir / "landing").glob("*/*-given-*.json")):
        assert killed.is_running(), killed.err
    killed.kill()
    for call_id in IDS:
        place.account.delay(call_id, 0)
    place.run("sync")
    assert {
        row[0] for row in rows(place.data_dir, "select call_id from calls where detail = 'whole'")
    } == set(IDS)


@pytest.mark.slow
@pytest.mark.parametrize("later", ["forced", "sync", "refresh"])
def test_what_an_earlier_version_landed_with_a_clock_ahead_heals_with_the_next_fetch(
    place: Place, later: str
) -> None:
    place.run(*WAYS["backfill"])
    make_earlier(Landing(place.data_dir / "landing", place.data_dir / "quarantine"), AHEAD)
    (place.data_dir / "warehouse.duckdb").unlink()
    loaded = place.run("load")
    assert "the clock was ahead when they were fetched" in loaded.err
    assert place.status == "ongoing"
    place.end_call()
    place.run(*WAYS[later])
    assert place.status == "ended"
    place.check_that_tables_stay()


def make_earlier(landing: Landing, ahead_days: float) -> None:
    """Make every chunk one that an earlier version has landed, with a clock that was ahead."""
    for path in landing.find_manifests().values():
        manifest = read_manifest(path)
        payloads = path.with_name(f"{manifest.chunk_id}.ndjson.zst")
        content = payloads.read_bytes()[: manifest.byte_count]
        if manifest.record_count:
            payloads.write_bytes(content)
        else:
            payloads.unlink()
        ahead = timedelta(days=ahead_days)
        said = {
            "chunk_id": manifest.chunk_id,
            "run_id": manifest.run_id,
            "payload_file": payloads.name if manifest.record_count else None,
            "record_count": manifest.record_count,
            "byte_count": manifest.byte_count,
            "sha256": manifest.sha256,
            "landed_at": str((datetime.now(UTC) + ahead).replace(tzinfo=None)),
            "outcomes": [
                {name: value for name, value in outcome.to_manifest().items() if name != "sequence"}
                | {"fetched_at": str((outcome.fetched_at + ahead).replace(tzinfo=None))}
                for outcome in manifest.outcomes
            ],
        }
        path.write_text(json.dumps(said))
    for name in ("clock.json", "index.json"):
        (landing.landing_dir / name).unlink(missing_ok=True)
