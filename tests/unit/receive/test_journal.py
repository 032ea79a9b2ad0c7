"""An event is on disk before `append` returns, and what could not be written leaves nothing behind."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pipeline.errors import LandingError
from pipeline.receive.journal import Journal
from pipeline.receive.segment import Received, find_segments, is_received, read_segment


def event(number: int, size: int = 100) -> Received:
    return Received(number, b"%d" % number * size, 1000 + number, 0)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def make(folder: Path, **more: object) -> Journal:
    return Journal(folder, "run", **({"longest_s": 1000.0, "most_events": 10**6} | more))  # type: ignore[arg-type]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def events_in(folder: Path) -> list[Received]:
    found = [read_segment(segment.path) for segment in find_segments(folder)]
    assert not any(content.is_damaged for content in found)
    return [each for content in found for each in content.events]


def test_what_was_appended_is_on_disk_whatever_ends_the_process(tmp_path: Path) -> None:
    async def work() -> None:
        journal = make(tmp_path)
        await asyncio.gather(*(journal.append(event(number)) for number in range(50)))
        # As after a kill: nobody completes the segment.
        assert names_in(tmp_path) == ["run-000000.open"]
        kept = read_segment(tmp_path / "run-000000.open").events
        assert {each.at_us for each in kept} == set(range(50))
        assert is_received(tmp_path)
        assert find_segments(tmp_path) == []
        await journal.close()

    run(work)
    assert len(events_in(tmp_path)) == 50
    assert not is_received(tmp_path)


def test_many_that_wait_are_flushed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    flush = os.fdatasync

    def counted(file: int) -> None:
        flushed.append(file)
        flush(file)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def work() -> None:
        journal = make(tmp_path)
        await asyncio.gather(*(journal.append(event(number)) for number in range(500)))
        await journal.close()

    run(work)
    assert len(events_in(tmp_path)) == 500
    # The first alone, and all that came meanwhile.
    assert len(flushed) == 2


def test_a_full_disk_refuses_events_and_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    is_full = False

    def limited(file: int, content: bytes, place: int) -> int:
        if not is_full:
            return write(file, content, place)
        if len(content) > 10:
            return write(file, content[:10], place)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", limited)

    async def work() -> None:
        nonlocal is_full
        journal = make(tmp_path)
        await journal.append(event(1))
        is_full = True
        for number in (2, 3):
            with pytest.raises(LandingError, match="No space left"):
                await journal.append(event(number, 3))
        assert not await journal.check_writable()
        is_full = False
        await journal.append(event(4))
        assert await journal.check_writable()
        await journal.close()

    run(work)
    assert [each.at_us for each in events_in(tmp_path)] == [1, 4]


def test_a_segment_is_complete_when_it_is_old_or_has_many(tmp_path: Path) -> None:
    async def work() -> None:
        journal = make(tmp_path, most_events=2)
        assert not await journal.complete_due(at_once=True)
        await journal.append(event(1))
        assert not await journal.complete_due()
        assert await journal.complete_due(at_once=True)
        for number in (2, 3, 4):
            await journal.append(event(number))
        assert names_in(tmp_path) == ["run-000000.events", "run-000001.events", "run-000002.open"]
        # Another run begins with a segment of its own.
        await journal.complete_due(run_id="next")
        await journal.append(event(5))
        await journal.close()
        assert not any(name.endswith(".open") for name in names_in(tmp_path))

    run(work)
    assert [(each.run_id, each.number) for each in find_segments(tmp_path)] == [
        ("next", 0),
        ("run", 0),
        ("run", 1),
        ("run", 2),
    ]
    assert sorted(each.at_us for each in events_in(tmp_path)) == [1, 2, 3, 4, 5]


def test_a_segment_that_somebody_took_for_deserted_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open
    taken: list[Path] = []

    def taken_at_once(path: object, flags: int, *mode: int) -> int:
        file = opened(path, flags, *mode)  # type: ignore[arg-type]
        if str(path).endswith(".open") and flags & os.O_EXCL and not taken:
            # Before it is locked.
            taken.append(Path(str(path)).with_suffix(".events"))
            Path(str(path)).rename(taken[0])
        return file

    monkeypatch.setattr("pipeline.receive.journal.os.open", taken_at_once)

    async def work() -> None:
        journal = make(tmp_path)
        await journal.append(event(1))
        await journal.close()

    run(work)
    assert taken[0].read_bytes() == b""
    assert [each.at_us for each in events_in(tmp_path)] == [1]
