"""Batches are the ids in order, keep within the run's limits, and land what arrived whatever stops them."""

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipeline.config import Settings, load_settings
from pipeline.errors import KeyRefused, LandingError
from pipeline.extract import batches
from pipeline.extract.batches import Batch, Watch
from pipeline.extract.extraction import Extracted
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.simulator import CallBook, Simulator, running

BOOK = CallBook(count=40, until=datetime(2025, 6, 2, tzinfo=UTC))
IDS = tuple(BOOK.call_ids())
RUN = "20250602T000000Z-abcdef"
DEADLINE_S = 25


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Simulator]:
    with running(BOOK) as simulator:
        yield simulator


def settings_for(server: Simulator, folder: Path, **flags: object) -> Settings:
    given = {"api_key": server.api_key, "base_url": server.base_url, "api_version": "v1"}
    return load_settings(data_dir=folder, **(given | {"chunk_size": 5} | flags))


def landed(settings: Settings) -> Counter[str]:
    return Counter(outcome.call_id for outcome in Landing.of(settings).read_outcomes(RUN))


def a_batch(call_ids: tuple[str, ...] = IDS) -> Batch:
    return Batch("b00000", call_ids, concurrency=3, rate=None, chunk_size=5)


def some_ids(id_count: int) -> list[str]:
    return [f"call_{number}" for number in range(id_count)]


@hypothesis(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=3),
    concurrency=st.integers(1, 256),
    rate=st.none() | st.floats(0.001, 1000),
    chunk_size=st.integers(1, 10_000),
)
def test_batches_are_the_ids_in_order_within_the_limits_of_the_run(
    sizes: list[int], concurrency: int, rate: float | None, chunk_size: int
) -> None:
    settings = load_settings(concurrency=concurrency, rate=rate, chunk_size=chunk_size)
    numbers, names = count(), []
    for to_fetch in sizes:
        ids = some_ids(to_fetch)
        side_by_side = batches.count_side_by_side(settings, len(ids))
        split = list(batches.split(settings, iter(ids), len(ids), numbers))
        assert [call_id for batch in split for call_id in batch.call_ids] == ids
        assert all(1 <= len(batch.call_ids) <= 1000 for batch in split)
        assert all(batch.concurrency >= 1 for batch in split)
        # Those that are under way at the same time are neighbours.
        for start in range(len(split)):
            together = list(islice(split, start, start + side_by_side))
            assert sum(batch.concurrency for batch in together) <= concurrency
            # As many calls wait to be landed as in a run without batches; a half is rounded up.
            assert sum(batch.chunk_size for batch in together) <= chunk_size + side_by_side - 1
            if rate is None:
                assert {batch.rate for batch in together} == {None}
            else:
                assert sum(batch.rate or 0 for batch in together) <= rate * (1 + 1e-9)
        names += [batch.name for batch in split]
    assert len(set(names)) == len(names)


def test_a_concurrency_of_one_has_one_batch_at_a_time_and_few_ids_have_few_batches() -> None:
    assert batches.count_side_by_side(load_settings(concurrency=1), 2000) == 1
    assert batches.count_side_by_side(load_settings(concurrency=16), 2000) == 2
    assert batches.count_side_by_side(load_settings(concurrency=16), 3) == 1
    assert list(batches.split(load_settings(), iter([]), 0)) == []


def test_a_batch_lands_every_id_and_tells_of_each(server: Simulator, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    outcomes: list[Outcome] = []
    chunks: list[LandedChunk] = []
    batch = a_batch((*IDS, "call_nobody_knows"))
    extracted = batches.extract_batch(settings, RUN, batch, Watch(outcomes.append, chunks.append))
    assert extracted == Extracted(Counter(accepted=40, not_found=1), 41, 0, None)
    assert landed(settings) == Counter(batch.call_ids) == Counter(outcome.call_id for outcome in outcomes)
    assert {chunk.chunk_id for chunk in chunks} == set(Landing.of(settings).find_manifests())
    assert {chunk.chunk_id.rsplit("-", 1)[0] for chunk in chunks} == {f"{RUN}-b00000"}


def test_batches_side_by_side_never_share_a_chunk(server: Simulator, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, concurrency=4)
    split = list(batches.split(settings, iter(IDS), len(IDS)))
    assert len(split) == 2
    tasks = [
        Thread(target=batches.extract_batch, args=(settings, RUN, batch, Watch()), daemon=True)
        for batch in split
    ]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert landed(settings) == Counter(IDS)
    assert all(verify_chunk(path) for path in Landing.of(settings).find_manifests().values())


def test_a_batch_that_is_tried_again_asks_only_for_what_is_not_landed(
    server: Simulator, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path)
    batches.extract_batch(settings, RUN, a_batch(IDS[:13]), Watch())
    first = set(Landing.of(settings).find_manifests())
    again = batches.extract_batch(settings, RUN, a_batch(), Watch(), attempt=2)
    assert again.outcomes == Counter(accepted=len(IDS) - 13)
    assert server.requests.by_call == Counter(IDS)
    assert landed(settings) == Counter(IDS)
    # What the first attempt has landed stays as it was.
    assert first < set(Landing.of(settings).find_manifests())
    assert batches.extract_batch(settings, RUN, a_batch(), Watch(), attempt=3).request_count == 0


def test_a_batch_that_is_told_to_stop_asks_for_no_more_and_lands_what_arrived(
    server: Simulator, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path)
    seen: list[str] = []
    watch = Watch(
        on_outcome=lambda outcome: (seen.append(outcome.call_id), len(seen) == 7 and watch.stop.set())
    )
    extracted = batches.extract_batch(settings, RUN, a_batch(), watch)
    assert extracted.error is None
    assert landed(settings) == Counter(seen)
    assert 7 <= len(seen) <= 7 + 3
    assert server.requests.total <= 7 + 3


def test_a_batch_that_is_stopped_before_it_begins_asks_for_nothing(server: Simulator, tmp_path: Path) -> None:
    watch = Watch()
    watch.stop.set()
    extracted = batches.extract_batch(settings_for(server, tmp_path), RUN, a_batch(), watch)
    assert (extracted.request_count, extracted.outcomes, extracted.error) == (0, Counter(), None)


def test_a_batch_does_not_wait_for_an_answer_when_it_is_told_to_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = load_settings(api_key="key", base_url=address, data_dir=tmp_path)
        watch = Watch()
        task = Thread(target=batches.extract_batch, args=(settings, RUN, a_batch(), watch), daemon=True)
        task.start()
        with silent.accept()[0]:
            watch.stop.set()
            # A request is given 30 seconds, six times.
            task.join(DEADLINE_S)
            assert not task.is_alive()


def test_a_refused_key_is_returned_after_one_request(server: Simulator, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, api_key="key_wrong")
    extracted = batches.extract_batch(settings, RUN, a_batch(), Watch())
    assert isinstance(extracted.error, KeyRefused)
    assert (extracted.outcomes, extracted.request_count) == (Counter(), 1)


def test_a_landing_that_cannot_be_written_is_returned(server: Simulator, tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("a file where the folder belongs")
    extracted = batches.extract_batch(settings_for(server, tmp_path), RUN, a_batch(), Watch())
    assert isinstance(extracted.error, LandingError)


def test_what_was_landed_before_a_failure_stays(server: Simulator, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    chunks: list[LandedChunk] = []

    def spoil(chunk: LandedChunk) -> None:
        chunks.append(chunk)
        if len(chunks) == 1:
            folder = settings.landing_dir / RUN
            folder.rename(folder.with_name("kept"))
            folder.write_text("a file where the folder belongs")

    extracted = batches.extract_batch(settings, RUN, a_batch(), Watch(on_chunk=spoil))
    assert isinstance(extracted.error, LandingError)
    assert server.requests.total < len(IDS)
    (settings.landing_dir / RUN).unlink()
    (settings.landing_dir / "kept").rename(settings.landing_dir / RUN)
    assert landed(settings).total() >= 5
    assert all(verify_chunk(path) for path in Landing.of(settings).find_manifests().values())
