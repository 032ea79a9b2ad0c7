"""Of two answers the one that was landed later has the greater number, whatever the clocks said."""

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import LandingError
from pipeline.landing import clock
from pipeline.landing.chunk import ChunkWriter
from pipeline.landing.folder import Landing
from pipeline.landing.manifest import read_manifest
from pipeline.landing.outcome import Outcome
from pipeline.times import to_epoch_us

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that says what a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = NOON
        self.now = lambda zone=None: self.moment
        monkeypatch.setattr(clock, "datetime", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def land(folder: Path, wall: Clock, run_id: str, number: int = 0, took_s: float = 5) -> Outcome:
    """Land an answer that comes when the chunk is opened, as the clock says; return it as it was landed."""
    writer = Landing(folder, folder).open_chunk(run_id, number)
    writer.add(Outcome("a", "not_found", 1, wall.moment, 404))
    wall.moment += timedelta(seconds=took_s)
    landed = writer.finish()
    (outcome,) = read_manifest(landed.manifest).outcomes
    return outcome


def test_with_a_right_clock_the_number_is_the_time_of_the_answer(tmp_path: Path, wall: Clock) -> None:
    assert land(tmp_path, wall, "run").sequence == to_epoch_us(NOON)


@pytest.mark.parametrize("days", [400, -400, -3, -0.001])
def test_what_is_landed_after_a_clock_was_set_is_newer(tmp_path: Path, wall: Clock, days: float) -> None:
    first = land(tmp_path, wall, "run")
    wall.moment = NOON + timedelta(days=days)
    second = land(tmp_path, wall, "run", 1)
    wall.moment = NOON + timedelta(minutes=5)
    third = land(tmp_path, wall, "run", 2)
    fourth = land(tmp_path, wall, "run", 3)
    numbers = [outcome.sequence or 0 for outcome in (first, second, third, fourth)]
    assert numbers == sorted(set(numbers))
    # Times are kept as they were told.
    assert second.fetched_at == NOON + timedelta(days=days)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-40_000_000, 40_000_000), min_size=2, max_size=8), st.data())
def test_no_clock_and_no_loss_of_the_clocks_file_breaks_the_order(
    steps: list[int], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        wall, folder = Clock(patch), Path(place)
        numbers = []
        for number, step in enumerate(steps):
            wall.moment = NOON + timedelta(seconds=step)
            numbers.append(land(folder, wall, "run", number).sequence or 0)
            match data.draw(st.sampled_from(["keep", "keep", "lose", "damage"])):
                case "lose":
                    (folder / clock.NAME).unlink()
                case "damage":
                    (folder / clock.NAME).write_bytes(b'{"greatest": 1}')
        assert numbers == sorted(set(numbers))


def test_a_time_after_the_landing_is_put_right(tmp_path: Path, wall: Clock) -> None:
    writer = ChunkWriter(tmp_path, "run", 0)
    writer.add(Outcome("a", "not_found", 1, NOON + timedelta(days=400), 404))
    (outcome,) = read_manifest(writer.finish().manifest).outcomes
    assert (outcome.fetched_at, outcome.sequence) == (NOON, to_epoch_us(NOON))


def test_an_old_answer_that_is_landed_again_stays_old(tmp_path: Path, wall: Clock) -> None:
    first = land(tmp_path, wall, "run")
    writer = ChunkWriter(tmp_path, "run", 1)
    writer.add(first)
    (outcome,) = read_manifest(writer.finish().manifest).outcomes
    assert outcome == first


def test_a_bit_that_is_flipped_in_the_clocks_file_is_seen(tmp_path: Path, wall: Clock) -> None:
    newest = land(tmp_path, wall, "run").sequence or 0
    path = tmp_path / clock.NAME
    content = path.read_bytes()
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        reading = clock.read_clock(tmp_path, [wall.moment], newest, lambda: newest)
        # What is landed from now on is newer, and not by a year.
        assert newest < reading.number(wall.moment) < newest + 60_000_000, place
        path.write_bytes(content)


def test_a_clocks_file_that_is_no_file_is_an_error_of_one_sentence(tmp_path: Path, wall: Clock) -> None:
    os.mkfifo(tmp_path / clock.NAME)
    with pytest.raises(LandingError, match=r"clock\.json is not a file: remove it"):
        land(tmp_path, wall, "run")


def test_the_clocks_file_says_what_was_added(tmp_path: Path, wall: Clock) -> None:
    wall.moment = NOON + timedelta(days=400)
    land(tmp_path, wall, "run")
    wall.moment = NOON
    land(tmp_path, wall, "run", 1)
    said = json.loads((tmp_path / clock.NAME).read_bytes())
    assert 400 * 86_400e6 < said["correction_us"] < 401 * 86_400e6
