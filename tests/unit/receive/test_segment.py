"""A segment gives back what was written, and whatever happens to it, no event that never came."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.receive.segment import Received, find_segments, read_from, read_segment

EVENTS = st.lists(
    st.builds(
        Received, st.integers(0, 2**53), st.binary(max_size=300), st.integers(0, 2**45), st.integers(0, 3)
    ),
    max_size=6,
    unique_by=lambda event: event.at_us,
)
SAME_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, events: list[Received]) -> tuple[Path, bytes]:
    content = b"".join(event.to_record() for event in events)
    path = folder / "run-000000.events"
    path.write_bytes(content)
    return path, content


@SAME_FOLDER
@given(EVENTS)
def test_what_is_written_is_read(tmp_path: Path, events: list[Received]) -> None:
    path, content = written(tmp_path, events)
    assert read_segment(path).events == events
    assert not read_segment(path).is_damaged
    found = list(read_from(path, 0, len(content)))
    assert [event for _, event in found] == events
    for place, _ in found:
        rest = [event for _, event in read_from(path, place, len(content))]
        assert rest == events[len(events) - len(rest) :]


@SAME_FOLDER
@given(EVENTS, st.data())
def test_a_segment_that_was_cut_has_the_events_before_the_cut(
    tmp_path: Path, events: list[Received], data: st.DataObject
) -> None:
    path, content = written(tmp_path, events)
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    found = read_segment(path)
    assert found.events == events[: len(found.events)]
    ends = [sum(len(event.to_record()) for event in events[: number + 1]) for number in range(len(events))]
    assert len(found.events) == sum(end <= cut for end in ends)
    # The process was killed while it wrote: nobody was answered.
    assert not found.is_damaged


@SAME_FOLDER
@given(EVENTS.filter(bool), st.data())
def test_a_changed_bit_costs_an_event_at_most_and_is_noticed(
    tmp_path: Path, events: list[Received], data: st.DataObject
) -> None:
    path, content = written(tmp_path, events)
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(changed))
    found = read_segment(path)
    assert len(found.events) == len(events) - 1
    assert [event for event in events if event in found.events] == found.events
    assert found.is_damaged


@pytest.mark.parametrize("name", ["run-000000.damaged", "notes.txt", "run.events", "run-1.events", ".events"])
def test_what_is_no_segment_is_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "run-000003.events").mkdir()
    assert find_segments(tmp_path) == []
    assert (tmp_path / name).exists()
