"""Whatever order payloads come in and however they are split into loads, the tables say the same."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import sql
from pipeline.landing.chunk import LandedChunk
from pipeline.landing.outcome import Outcome
from pipeline.load import load_sizes
from pipeline.load import loads as loading
from pipeline.payload.validate import Accepted, validate
from pipeline.runs import plan
from pipeline.runs.quarantine import retry_quarantine
from pipeline.times import to_epoch_us
from pipeline.warehouse import schema
from pipeline.warehouse.tables import metadata
from support.warehouse_files import DATA_TABLES, Place, load_manifests

NOON = datetime(2025, 1, 10, 12, tzinfo=UTC)
DAY_S = 86_400
Rows = list[tuple[Any, ...]]
_BOOKKEPT = {
    # Whether the rows were there already depends on the loads before.
    "etl_outcomes": "call_id, replace(outcome, 'unchanged', 'loaded'), reason, http_status, attempts, "
    "fetched_at",
    "etl_rejects": "call_id, path, rejected_at, resolved_at is null",
}


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def naive(hours: float) -> datetime:
    return at(hours).replace(tzinfo=None)


def ms(hours: float) -> int:
    return int(at(hours).timestamp() * 1000)


@dataclass(frozen=True)
class Answer:
    """What came for a call id some hours after noon: a payload, or why there is none."""

    call_id: str
    hours: float
    fields: dict[str, Any] = field(default_factory=dict)
    outcome: str = "accepted"
    detail: Literal["whole", "listed"] = "whole"

    @property
    def landed(self) -> tuple[Outcome, bytes | None]:
        if self.outcome != "accepted":
            path = f"{self.hours}/{self.call_id}.body" if self.outcome == "rejected" else None
            return (
                Outcome(self.call_id, self.outcome, 1, at(self.hours), 404, "why", None, "$.x", "1", path),
                None,
            )
        body = json.dumps({"call_id": self.call_id, "agent_id": "a", "call_status": "ended"} | self.fields)
        judged = validate(self.call_id, body.encode())
        assert isinstance(judged, Accepted), judged
        outcome = Outcome(
            self.call_id,
            "accepted",
            1,
            at(self.hours),
            200,
            payload_hash=judged.payload_hash,
            detail=self.detail,
            listed_hash=judged.listed_hash,
        )
        return outcome, judged.line


def a_call(name: str, turns: int = 1, **fields: Any) -> dict[str, Any]:
    """A call that has ended and is analysed, with rows in every table."""
    words = [{"word": f"{name}{index}", "start": index, "end": index + 0.5} for index in range(turns)]
    spoken = [{"role": "agent", "content": name, "words": words} for _ in range(turns)]
    tool = {"role": "tool_call_invocation", "tool_call_id": "t", "name": name, "arguments": "{}"}
    return {
        "agent_name": name,
        "start_timestamp": ms(-2),
        "end_timestamp": ms(-1),
        "transcript_object": spoken,
        "transcript_with_tool_calls": [*spoken, *[tool] * turns, *[{"role": "dtmf", "digit": name}] * turns],
        "latency": {f"m{index}": {"p50": index, "num": 1, "values": [index]} for index in range(turns)},
        "call_analysis": {"call_summary": name},
        "call_cost": {"combined_cost": turns, "product_costs": [{"product": name, "cost": 1}] * turns},
        "added": {"by": name},
    } | fields


def listed(call_id: str, hours: float, name: str) -> Answer:
    """An item of a listing: all of a call but what was said."""
    fields = {name: value for name, value in a_call(name).items() if "transcript" not in name}
    return Answer(call_id, hours, fields, detail="listed")


ONGOING = {"call_status": "ongoing", "agent_name": "ongoing", "start_timestamp": ms(-2)}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its schema and nothing in it, to be copied: a migration takes longer than a load."""
    place = Place(tmp_path_factory.mktemp("empty"))
    schema.ensure(place.warehouse)
    return place.folder / "warehouse.duckdb"


class Warehoused:
    """A place to land answers in and load them from."""

    def __init__(self, folder: Path, empty: Path) -> None:
        shutil.copyfile(empty, folder / "warehouse.duckdb")
        self.place = Place(folder)
        self.landing = self.place.landing
        self.warehouse = self.place.warehouse
        self._number = 0

    def land(self, *answers: Answer) -> LandedChunk:
        writer = self.landing.open_chunk("run", self._number)
        self._number += 1
        for answer in answers:
            writer.add(*answer.landed)
        return writer.finish()

    def load(self, chunks: Iterable[LandedChunk] | None = None, *, replay: bool = False) -> loading.Loaded:
        """Load these chunks, or all that wait."""
        manifests = self.place.waiting() if chunks is None else [chunk.manifest for chunk in chunks]
        return load_manifests(self.warehouse, manifests, refresh_window_s=DAY_S, replay=replay)

    def take(self, *answers: Answer) -> loading.Loaded:
        """Land answers as a chunk and load it."""
        loaded = self.load([self.land(*answers)])
        assert loaded.problems == []
        return loaded

    def rows(self, statement: str) -> Rows:
        return self.place.rows(statement)

    def said(self) -> dict[str, Rows]:
        """What the warehouse says of calls, ids and rejects; which load brought a row is no part of that."""
        found: dict[str, Rows] = {}
        with self.warehouse.reading() as connection:
            for name in DATA_TABLES:
                columns = [
                    column.name for column in metadata.tables[name].columns if column.name != "load_id"
                ]
                listed = ", ".join(f'"{column}"' for column in columns)
                result = connection.exec_driver_sql(f"select {listed} from {name} order by all")
                found[name] = [tuple(row) for row in result]
            for name, columns_of in _BOOKKEPT.items():
                result = connection.exec_driver_sql(f"select {columns_of} from {name} order by all")
                found[name] = [tuple(row) for row in result]
        return found

    def call(self, columns: str) -> tuple[Any, ...]:
        (row,) = self.rows(f"select {columns} from calls")
        return row

    def outcomes(self) -> dict[str, str]:
        return dict(self.rows("select call_id, outcome from etl_outcomes"))

    def counts(self) -> dict[str, int]:
        counted = " union all ".join(f"select '{name}', count(*) from {name}" for name in DATA_TABLES)
        return dict(self.rows(counted))


@pytest.fixture
def here(tmp_path: Path, empty: Path) -> Warehoused:
    return Warehoused(tmp_path, empty)


HISTORIES: dict[str, list[Answer]] = {
    "grew": [Answer("grew", 1, a_call("short")), Answer("grew", 2, a_call("long", 3))],
    "shrank": [Answer("shrank", 1, a_call("long", 3)), Answer("shrank", 2, a_call("short"))],
    "same": [Answer("same", hours, a_call("same", 2)) for hours in (1, 2, 3)],
    "returned": [
        Answer("returned", 1, a_call("before", 2)),
        Answer("returned", 2, a_call("between", 1)),
        Answer("returned", 3, a_call("before", 2)),
    ],
    "ended": [Answer("ended", 1, ONGOING), Answer("ended", 2, ONGOING), Answer("ended", 3, a_call("end"))],
    "ongoing": [Answer("ongoing", 1, ONGOING)],
    "mended": [Answer("mended", 1, outcome="rejected"), Answer("mended", 2, a_call("mended"))],
    "broke": [Answer("broke", 1, a_call("sound")), Answer("broke", 2, outcome="rejected")],
    "wavering": [
        Answer("wavering", 1, outcome="rejected"),
        Answer("wavering", 2, a_call("sound")),
        Answer("wavering", 3, outcome="rejected"),
        Answer("wavering", 4, outcome="failed"),
    ],
    "recovered": [
        Answer("recovered", 1, a_call("before", 2)),
        Answer("recovered", 2, outcome="rejected"),
        Answer("recovered", 3, a_call("after")),
    ],
    "appeared": [Answer("appeared", 1, outcome="not_found"), Answer("appeared", 2, a_call("here"))],
    "vanished": [Answer("vanished", 1, a_call("here")), Answer("vanished", 2, outcome="not_found")],
    "never": [Answer("never", 1, outcome="failed"), Answer("never", 2, outcome="not_found")],
    "numbered": [listed("numbered", 1, "numbers")],
    "completed": [listed("completed", 1, "numbers"), Answer("completed", 2, a_call("numbers", 2))],
    "rerun": [Answer("rerun", 1, a_call("before", 2)), listed("rerun", 2, "after")],
    "confirmed": [Answer("confirmed", 1, a_call("same", 1)), listed("confirmed", 2, "same")],
    "waiting": [Answer("waiting", 1, outcome="waiting")],
    "reached": [Answer("reached", 1, outcome="waiting"), Answer("reached", 2, a_call("reached"))],
    "given_again": [Answer("given_again", 1, a_call("known")), Answer("given_again", 2, outcome="waiting")],
}
ANSWERS = [answer for history in HISTORIES.values() for answer in history]
NEWEST = {
    call_id: max(accepted, key=lambda answer: (answer.detail == "whole", answer.hours))
    for call_id, history in HISTORIES.items()
    if (accepted := [answer for answer in history if answer.outcome == "accepted"])
}
# How ids stand whose last answer does not say it alone: outcome, reason, status, attempts, answered at.
STANDS: dict[str, tuple[Any, ...]] = {
    "vanished": ("deleted", "why", 404, 1, 2),
    "numbered": ("listed", None, None, 0, None),
    "completed": ("loaded", None, 200, 1, 2),
    "rerun": ("changed", None, 200, 1, 1),
    "confirmed": ("loaded", None, 200, 1, 1),
    "waiting": ("waiting", None, None, 0, None),
    "given_again": ("waiting", None, 200, 1, 1),
}


def how_it_stands(call_id: str) -> tuple[Any, ...]:
    """The row of an id in the ledger, written down from its history by hand."""
    if call_id in STANDS:
        *said, hours = STANDS[call_id]
        return (call_id, *said, None if hours is None else naive(hours))
    last = HISTORIES[call_id][-1]
    if last.outcome != "accepted":
        return (call_id, last.outcome, "why", 404, 1, naive(last.hours))
    return (call_id, "not_final" if last.fields is ONGOING else "loaded", None, 200, 1, naive(last.hours))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> dict[str, Rows]:
    """What the warehouse says when the newest payload of every call is all that was ever fetched."""
    newest = Warehoused(tmp_path_factory.mktemp("newest"), empty)
    newest.take(*NEWEST.values())
    found = newest.said()
    # What earlier answers leave behind is written down here by hand.
    first_seen = {
        call_id: min(answer.hours for answer in HISTORIES[call_id] if answer.outcome == "accepted")
        for call_id in NEWEST
    }
    columns = [column.name for column in metadata.tables["calls"].columns if column.name != "load_id"]
    place = columns.index("first_seen_at")
    found["calls"] = [(*row[:place], naive(first_seen[row[0]]), *row[place + 1 :]) for row in found["calls"]]
    found["etl_outcomes"] = sorted(map(how_it_stands, HISTORIES), key=str)
    gone = {"deleted_at_source_at": naive(2), "deleted_sequence": to_epoch_us(at(2))}
    found["calls"] = [
        tuple(
            gone.get(column, value) if row[0] == "vanished" else value
            for column, value in zip(columns, row, strict=True)
        )
        for row in found["calls"]
    ]
    found["etl_rejects"] = [
        ("broke", "2/broke.body", naive(2), True),
        ("mended", "1/mended.body", naive(1), False),
        ("recovered", "2/recovered.body", naive(2), False),
        ("wavering", "1/wavering.body", naive(1), False),
        ("wavering", "3/wavering.body", naive(3), True),
    ]
    return found


@st.composite
def splits(draw: st.DrawFn) -> list[list[list[Answer]]]:
    """Loads of chunks of all answers: any order, any split, a call at most once in a chunk."""
    answers = draw(st.permutations(ANSWERS))
    chunk_count = draw(st.integers(1, 5))
    chunks: list[list[Answer]] = [[] for _ in range(chunk_count)]
    for answer in answers:
        wanted = draw(st.integers(0, chunk_count - 1))
        for number in range(wanted, len(chunks) + 1):
            if number == len(chunks):
                chunks.append([])
            if answer.call_id not in {other.call_id for other in chunks[number]}:
                chunks[number].append(answer)
                break
    load_count = draw(st.integers(1, 4))
    loads: list[list[list[Answer]]] = [[] for _ in range(load_count)]
    for chunk in chunks:
        loads[draw(st.integers(0, load_count - 1))].append(chunk)
    return [chunks for chunks in loads if chunks]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(splits())
def test_any_split_and_order_gives_the_same_tables(
    empty: Path, expected: dict[str, Rows], loads: list[list[list[Answer]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Warehoused(Path(folder), empty)
        for chunks in loads:
            assert here.load([here.land(*chunk) for chunk in chunks]).problems == []
        assert here.said() == expected


def test_one_by_one_in_time_and_backwards_gives_the_same_tables_and_so_does_a_replay(
    tmp_path: Path, empty: Path, expected: dict[str, Rows]
) -> None:
    most = max(map(len, HISTORIES.values()))
    steps = [[history[step] for history in HISTORIES.values() if step < len(history)] for step in range(most)]
    for name, order in {"forwards": steps, "backwards": steps[::-1]}.items():
        (tmp_path / name).mkdir()
        here = Warehoused(tmp_path / name, empty)
        chunks = [here.land(*step) for step in order]
        for chunk in chunks:
            here.load([chunk])
        assert here.said() == expected, name
    again = here.load(chunks, replay=True)
    assert (again.problems, again.chunks) == ([], len(chunks))
    assert here.said() == expected


def test_loading_again_changes_nothing(here: Warehoused) -> None:
    chunks = [
        here.land(Answer("a", 1, a_call("a", 2)), Answer("b", 1, outcome="rejected")),
        here.land(Answer("c", 1)),
    ]
    first = here.load()
    assert (first.chunks, first.records, first.problems) == (2, 2, [])
    said, listed = here.said(), here.rows("select * from etl_chunks order by all")
    for again in (here.load(chunks), here.load()):
        assert (again.chunks, again.records, again.problems) == (0, 0, [])
    assert here.said() == said
    assert here.rows("select * from etl_chunks order by all") == listed
    assert here.load(chunks, replay=True).chunks == 2
    assert here.said() == said
    assert here.rows("select * from etl_chunks order by all") == listed


def test_the_newest_payload_wins_in_every_table_and_an_older_one_never_does(here: Warehoused) -> None:
    here.take(Answer("a", 2, a_call("long", 3)))
    assert min(here.counts().values()) >= 1
    here.take(Answer("a", 4, a_call("short", 1)))
    newest = here.said()
    assert here.rows("select distinct word from words") == [("short0",)]
    assert set(here.counts().values()) == {1}
    here.take(Answer("a", 3, a_call("old", 2)))
    assert here.said() == newest
    here.take(Answer("a", 1, a_call("oldest", 2)))
    assert here.call("agent_name, first_seen_at, extracted_at") == ("short", naive(1), naive(4))
    assert set(here.counts().values()) == {1}


def test_an_empty_call_leaves_no_row_of_its_fuller_self(here: Warehoused) -> None:
    here.take(Answer("a", 1, a_call("full", 2)), Answer("b", 1, a_call("other", 2)))
    other = {name: len([row for row in rows if row[0] == "b"]) for name, rows in here.said().items()}
    here.take(Answer("a", 2))
    for name, rows in here.said().items():
        if name in DATA_TABLES:
            assert len([row for row in rows if row[0] == "b"]) == other[name]
            assert len([row for row in rows if row[0] == "a"]) == (1 if name == "calls" else 0)


def test_an_older_payload_does_not_replace_one_that_was_seen_again_unchanged(here: Warehoused) -> None:
    here.take(Answer("a", 1, a_call("kept")))
    here.take(Answer("a", 3, a_call("kept")))
    here.take(Answer("a", 2, a_call("older")))
    assert here.call("agent_name, first_seen_at, extracted_at") == ("kept", naive(1), naive(3))


@pytest.mark.parametrize("first", ["rejected", "accepted"])
def test_a_reject_settles_when_a_later_payload_is_accepted(here: Warehoused, first: str) -> None:
    answers = [Answer("a", 1, outcome="rejected"), Answer("a", 2, a_call("a"))]
    for answer in answers if first == "rejected" else answers[::-1]:
        here.take(answer)
    assert here.rows("select path, resolved_at from etl_rejects") == [("1/a.body", naive(2))]
    here.take(Answer("a", 3, outcome="rejected"))
    assert here.rows("select path from etl_rejects where resolved_at is null") == [("3/a.body",)]
    assert here.outcomes() == {"a": "rejected"}
    assert here.call("agent_name") == ("a",)


def test_a_quarantined_body_that_passes_now_is_landed_with_the_time_of_its_fetch(here: Warehoused) -> None:
    bodies = {"older": 1, "mended": 1, "still": 1}
    for call_id in bodies:
        body = (
            b"{"
            if call_id == "still"
            else json.dumps({"call_id": call_id, "agent_id": "a", "call_status": "x"}).encode()
        )
        here.landing.quarantine(str(1), call_id, body, {})
    here.take(*(Answer(call_id, 1, outcome="rejected") for call_id in bodies))
    here.take(Answer("mended", 0.5, a_call("before")))
    here.take(Answer("older", 0.5, a_call("before")), Answer("still", 0.5, outcome="failed"))
    chunks, passed, failed = retry_quarantine(here.warehouse, here.landing, "replay", 1)
    assert ([chunk.record_count for chunk in chunks], passed, failed) == ([1, 1], 2, 1)
    assert here.load().problems == []
    assert here.rows("select call_id, call_status, extracted_at from calls order by all") == [
        ("mended", "x", naive(1)),
        ("older", "x", naive(1)),
    ]
    assert here.rows("select call_id from etl_rejects where resolved_at is null") == [("still",)]
    assert retry_quarantine(here.warehouse, here.landing, "again", 1) == ([], 0, 1)


def damaged(chunk: LandedChunk) -> None:
    assert chunk.payloads is not None
    chunk.payloads.write_bytes(b"not what was landed")


def test_a_damaged_chunk_is_named_and_its_neighbours_load(here: Warehoused) -> None:
    chunks = [here.land(Answer(call_id, 1, a_call(call_id))) for call_id in "abc"]
    assert chunks[1].payloads is not None
    sound = chunks[1].payloads.read_bytes()
    damaged(chunks[1])
    loaded = here.load()
    assert (loaded.chunks, loaded.records) == (2, 2)
    assert len(loaded.problems) == 1
    assert str(chunks[1].payloads) in loaded.problems[0]
    assert here.rows("select call_id from calls order by all") == [("a",), ("c",)]
    assert set(here.outcomes()) == {"a", "c"}
    chunks[1].payloads.write_bytes(sound)
    assert (here.load().chunks, here.counts()["calls"]) == (1, 3)


@pytest.mark.parametrize("held", ["bx", "bb", "xy", ""])
def test_a_chunk_that_lacks_a_payload_its_manifest_names_is_a_problem_and_not_loaded(
    here: Warehoused, held: str
) -> None:
    writer = here.landing.open_chunk("odd", 0)
    for call_id, other in zip("bd", held or "  ", strict=True):
        line = Answer(other, 1).landed[1] if held else None
        writer.add(Answer(call_id, 1).landed[0], line)
    odd = writer.finish()
    here.land(Answer("a", 1, a_call("a")))
    here.land(Answer("c", 1, a_call("c")))
    loaded = here.load()
    assert loaded.chunks == 2
    assert len(loaded.problems) == 1
    assert odd.chunk_id in loaded.problems[0]
    assert "manifest" in loaded.problems[0]
    assert here.rows("select call_id from calls order by all") == [("a",), ("c",)]
    assert here.outcomes() == {"a": "loaded", "c": "loaded"}
    assert here.place.waiting() == [odd.manifest]


def test_a_load_that_fails_half_way_leaves_nothing_behind(
    here: Warehoused, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.take(Answer("a", 1, a_call("kept", 2)))
    before, listed = here.said(), here.rows("select chunk_id from etl_chunks")
    chunk = here.land(Answer("a", 2, a_call("new", 3)), Answer("b", 2, outcome="rejected"))
    read = sql.read
    with monkeypatch.context() as patch:
        patch.setattr(
            sql,
            "read",
            lambda name: "select error('a number: 5')" if name == "load/etl_chunks" else read(name),
        )
        loaded = here.load()
    assert (loaded.chunks, len(loaded.problems)) == (0, 1)
    assert chunk.chunk_id in loaded.problems[0]
    assert "a number" not in loaded.problems[0]
    assert here.said() == before
    assert here.rows("select chunk_id from etl_chunks") == listed
    assert here.load().problems == []
    assert here.call("agent_name") == ("new",)


def test_loads_are_bounded_and_told_one_by_one(here: Warehoused, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        here.land(Answer(f"c{number}", 1))
    monkeypatch.setattr(load_sizes, "_MOST_RECORDS", 2)
    told: list[int] = []
    loaded = load_manifests(
        here.warehouse, here.place.waiting(), on_load=lambda one: told.append(one.records)
    )
    assert told == [2, 2, 1]
    assert (loaded.chunks, loaded.records) == (5, 5)
    assert here.rows("select count(distinct load_id) from etl_chunks") == [(3,)]
    assert here.place.waiting() == []


def test_what_a_load_finds_refines_the_outcome(here: Warehoused) -> None:
    analysed, silent = {"call_analysis": {"call_summary": "x"}}, {"end_timestamp": ms(-1)}
    sent: Sequence[tuple[str, dict[str, Any], float, str]] = [
        ("analysed", silent | analysed, 1, "loaded"),
        ("error", {"call_status": "error"} | analysed, 1, "loaded"),
        ("not_connected", {"call_status": "not_connected"} | analysed, 1, "loaded"),
        ("without_analysis", silent, 1, "not_final"),
        ("ended_long_ago", silent, 24, "loaded"),
        ("ended_just_within", silent, 22.9, "not_final"),
        ("ongoing", ONGOING, 1, "not_final"),
        ("analysed_while_ongoing", ONGOING | analysed, 1, "not_final"),
        ("registered", {"call_status": "registered"}, 999, "not_final"),
        ("new_status", {"call_status": "hibernating"} | analysed, 1, "not_final"),
        ("null_analysis", silent | {"call_analysis": None}, 1, "not_final"),
    ]
    here.take(*(Answer(call_id, hours, fields) for call_id, fields, hours, _ in sent))
    assert here.outcomes() == {call_id: outcome for call_id, _, _, outcome in sent}
    here.take(*(Answer(call_id, hours + 0.05, fields) for call_id, fields, hours, _ in sent))
    assert here.outcomes() == {
        call_id: "unchanged" if outcome == "loaded" else "not_final" for call_id, _, _, outcome in sent
    }


def test_the_outcome_of_an_older_answer_does_not_hide_a_newer_one(here: Warehoused) -> None:
    here.take(Answer("a", 2, outcome="not_found"))
    here.take(Answer("a", 1, a_call("a")))
    assert here.outcomes() == {"a": "deleted"}
    assert here.counts()["calls"] == 1


def planned(
    here: Warehoused, tmp_path: Path, ids: Sequence[str], hours: float, force: bool = False
) -> tuple[plan.Plan, list[str]]:
    spool = tmp_path / "spool"
    spool.write_text("".join(f"{position},{call_id}\n" for position, call_id in enumerate(ids)), "ascii")
    with here.warehouse.writing() as connection:
        made = plan.make_plan(
            connection,
            spool,
            len(ids),
            as_of=naive(hours),
            force=force,
            refresh_window_s=DAY_S,
            refetch_after_s=900,
        )
        plan.record_skipped(connection, "this run", naive(hours))
    return made, list(made.ids())


def test_a_plan_fetches_each_id_once_and_none_that_can_bring_nothing_new(
    here: Warehoused, tmp_path: Path
) -> None:
    here.take(
        Answer("final", 1, a_call("final")),
        Answer("young", 1, ONGOING),
        Answer("missing", 1, outcome="not_found"),
        Answer("broken", 1, outcome="rejected"),
        Answer("unlucky", 1, outcome="failed"),
    )
    ids = ["zz", "final", "young", "final", "missing", "aa", "zz", "broken", "unlucky", "NULL", "001", "1"]
    made, fetched = planned(here, tmp_path, ids, 1.2)
    assert fetched == ["zz", "missing", "aa", "broken", "unlucky", "NULL", "001", "1"]
    assert (made.given, made.requested, made.duplicates) == (12, 10, 2)
    assert (made.final, made.resting, made.to_fetch) == (1, 1, 8)
    left = "select call_id, outcome, attempts, fetched_at from etl_outcomes where run_id = 'this run'"
    assert here.rows(f"{left} order by all") == [
        ("final", "unchanged", 0, naive(1)),
        ("young", "not_final", 0, naive(1)),
    ]
    made, fetched = planned(here, tmp_path, ["young", "final"], 1.3)
    assert (fetched, made.final, made.resting) == (["young"], 1, 0)
    made, fetched = planned(here, tmp_path, ["young", "final", "young"], 1.2, force=True)
    assert (fetched, made.final, made.resting, made.duplicates) == (["young", "final"], 0, 0, 1)


def test_a_call_is_fetched_again_after_its_last_answer_broke(here: Warehoused, tmp_path: Path) -> None:
    here.take(Answer("a", 1, ONGOING))
    here.take(Answer("a", 2, outcome="failed"))
    assert planned(here, tmp_path, ["a"], 2.1)[1] == ["a"]


def test_a_call_without_an_analysis_is_left_once_the_window_is_over(here: Warehoused, tmp_path: Path) -> None:
    here.take(Answer("a", 1, {"end_timestamp": ms(0)}))
    assert planned(here, tmp_path, ["a"], 23.9)[1] == ["a"]
    assert planned(here, tmp_path, ["a"], 24.1)[1] == []
