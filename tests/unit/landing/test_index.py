"""A folder that is settled is not looked into again, until anything about it is another thing."""

import os
import time
from pathlib import Path

import pytest

from pipeline.landing.folder import Landing
from pipeline.landing.index import Index, can_be_settled, read_index, write_index
from pipeline.landing.look import INDEX, look, look_into

KNOWN = Index("2-77", {"run1": 123, "run2": 456}, {"run1": "1-5", "run2": "1-6"})


def no_runs() -> dict[str, str]:
    raise AssertionError("nobody needs to ask")


def test_an_index_is_believed_for_the_chunks_that_it_was_written_for(tmp_path: Path) -> None:
    write_index(tmp_path, KNOWN)
    assert read_index(tmp_path, "2-77", no_runs) == KNOWN


def test_of_other_chunks_the_runs_count_that_are_as_they_were(tmp_path: Path) -> None:
    write_index(tmp_path, KNOWN)
    found = read_index(tmp_path, "3-99", lambda: {"run1": "1-5", "run2": "2-7", "run3": "1-8"})
    assert found.folders == {"run1": 123}
    # A warehouse that was made anew has none of them.
    assert read_index(tmp_path, "0-0", dict).folders == {}


def test_a_bit_that_is_flipped_in_an_index_leaves_none(tmp_path: Path) -> None:
    write_index(tmp_path, KNOWN)
    content = (tmp_path / INDEX).read_bytes()
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        (tmp_path / INDEX).write_bytes(flipped)
        assert read_index(tmp_path, "2-77", no_runs) == Index(), place


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"chunks": "2-77", "folders": {}, "runs": {}}'])
def test_what_is_no_index_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / INDEX).write_bytes(content)
    assert read_index(tmp_path, "2-77", no_runs) == Index()


def test_an_index_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    write_index(tmp_path / "missing", KNOWN)
    (tmp_path / INDEX).mkdir()
    write_index(tmp_path, KNOWN)
    assert read_index(tmp_path, "2-77", no_runs) == Index()


def test_a_folder_that_was_changed_is_looked_into_again(tmp_path: Path) -> None:
    for name in ("run1", "run2"):
        (tmp_path / name).mkdir()
    known = {folder.name: folder.changed_ns for folder in look(tmp_path).folders}
    assert look(tmp_path, known).folders == []
    (tmp_path / "run2" / "run2-000000.json").touch()
    os.utime(tmp_path / "run2", ns=(1, known["run2"] + 1))
    (folder,) = look(tmp_path, known).folders
    assert (folder.name, list(folder.manifests)) == ("run2", ["run2-000000"])
    assert look(tmp_path, known).unchanged == {"run1": known["run1"]}


@pytest.mark.parametrize(
    ("age_ns", "is_settled"),
    [(10_000_000_000, True), (60_000_001, True), (1_000_000, False), (-1_000_000, False), (-(10**15), True)],
)
def test_a_folder_that_may_be_changing_just_now_is_not_settled(
    tmp_path: Path, age_ns: int, is_settled: bool
) -> None:
    now_ns = 1_800_000_000_123_456_789
    assert can_be_settled(look_into(tmp_path, now_ns - age_ns), now_ns) is is_settled


def test_whole_seconds_are_a_long_moment(tmp_path: Path) -> None:
    now_ns = 1_800_000_001_000_000_000
    assert not can_be_settled(look_into(tmp_path, now_ns - 1_000_000_000), now_ns)
    assert can_be_settled(look_into(tmp_path, now_ns - 3_000_000_000), now_ns)


def test_what_is_no_file_of_a_chunk_is_odd_and_keeps_its_folder_open(tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing", tmp_path / "quarantine")
    folder = landing.landing_dir / "run"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "notes.txt").touch()
    (folder / "deep").mkdir()
    (folder / ".hidden").touch()
    (landing.landing_dir / "loop").symlink_to("loop")
    (landing.landing_dir / "stray.json").touch()
    os.close(os.open(os.fsencode(folder) + b"/\xff-000000.json", os.O_CREAT))
    found = landing.look()
    assert sorted(path.name for path in found.all_odd) == [
        "deep", "loop", "loop", "notes.txt", "pipe", "stray.json", "\udcff-000000.json",
    ]  # fmt: skip
    assert found.manifests == {}
    (inside,) = found.folders
    assert not can_be_settled(inside, time.time_ns() + 10**12)


def test_a_manifest_that_is_a_pipe_or_a_folder_is_a_chunk_that_is_damaged(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run-000000.json")
    (tmp_path / "run-000001.json").mkdir()
    assert list(look_into(tmp_path, 0).manifests) == ["run-000000", "run-000001"]
