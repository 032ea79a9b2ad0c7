"""Whatever validation accepts loads without an error, and not a row more or less than the payload holds.

The payloads come from two makers: odd ones with values of the wrong type among them, and ones made from the
types of Retell's own SDK. All are loaded together, because a load of thousands takes hardly longer than a
load of one.
"""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from pipeline.landing.outcome import Outcome
from pipeline.payload.validate import Accepted, Rejected, validate
from pipeline.warehouse import schema
from support import expected_rows as rows
from support.odd_payloads import HUNT, Maker, body_of
from support.sdk_payloads import CALL_TYPES, DEEPEST, LONGEST_WORDS, WIDEST_METADATA, SdkMaker, enum_values
from support.warehouse_files import DATA_TABLES, NOON, Place, load_manifests

_PAYLOADS = HUNT or 2000
_CHUNK = 500
# Metrics that nobody validates, because no field of that name is known: their numbers may be anything.
_FREE = "metric in ('turn', 'new\nline', '')"


class Collected:
    """The accepted payloads, each under a call id of its own, as they are landed."""

    def __init__(self) -> None:
        self.accepted: dict[str, Accepted] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.rejected: list[Rejected] = []
        self.enum_values: set[tuple[str, str, Any]] = set()

    def take(self, payload: dict[str, Any], ascii_only: bool) -> None:
        call_id = f"call_{len(self.accepted)}"
        judged = validate(call_id, body_of(payload | {"call_id": call_id}, ascii_only))
        if isinstance(judged, Rejected):
            self.rejected.append(judged)
        else:
            self.accepted[call_id] = judged
            self.documents[call_id] = json.loads(judged.line)


@pytest.fixture(scope="module", params=["odd", "sdk"])
def source(request: pytest.FixtureRequest) -> str:
    """Who makes the payloads."""
    return str(request.param)


@pytest.fixture(scope="module")
def collected(source: str) -> Collected:
    """The payloads of this run."""
    found = Collected()
    maker = Maker(random.Random(None if HUNT else 7))
    sdk = SdkMaker(maker)
    # Those of the SDK's types are several times as large.
    for number in range(_PAYLOADS if source == "odd" else _PAYLOADS * 3 // 5):
        payload = maker.payload() if source == "odd" else sdk.payload(number)
        found.take(payload, maker.rng.random() < 0.5)
    found.enum_values = sdk.seen
    return found


@pytest.fixture(scope="module")
def place(collected: Collected, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A warehouse with all accepted payloads, or a failure that shows the one that cannot be loaded."""
    place = Place(tmp_path_factory.mktemp("accepted"))
    schema.ensure(place.warehouse)
    # Plain ones apart: a file with any other is read a second time, for what the first read drops.
    for is_plain in (True, False):
        call_ids = [call_id for call_id, judged in collected.accepted.items() if judged.is_plain is is_plain]
        assert len(call_ids) > _PAYLOADS / 20
        for start in range(0, len(call_ids), _CHUNK):
            _load(place, collected, call_ids[start : start + _CHUNK])
    return place


def _load(place: Place, collected: Collected, call_ids: list[str]) -> None:
    try:
        _load_chunk(place, collected, call_ids)
    except DBAPIError as failure:
        if len(call_ids) == 1:
            line = collected.accepted[call_ids[0]].line.decode()
            pytest.fail(f"accepted, but the load fails: {failure.orig}\n{line[:2000]}", pytrace=False)
        half = len(call_ids) // 2
        _load(place, collected, call_ids[:half])
        _load(place, collected, call_ids[half:])


_NUMBER = iter(range(10**6))


def _load_chunk(place: Place, collected: Collected, call_ids: list[str], **known: bool) -> None:
    writer = place.landing.open_chunk("run", next(_NUMBER))
    for call_id in call_ids:
        judged = collected.accepted[call_id]
        writer.add(
            Outcome(
                call_id,
                "accepted",
                1,
                NOON,
                200,
                payload_hash=judged.payload_hash,
                **{"has_plain_speech": judged.has_plain_speech, "is_plain": judged.is_plain} | known,
            ),
            judged.line,
        )
    chunk = writer.finish()
    loaded = load_manifests(place.warehouse, [chunk.manifest])
    assert loaded.problems == []


def test_what_the_sdk_types_allow_is_accepted(source: str, collected: Collected) -> None:
    if source == "odd":
        assert len(collected.accepted) > _PAYLOADS / 2
        assert len(collected.rejected) > _PAYLOADS / 100
    else:
        assert collected.rejected == []


def test_the_sdk_payloads_have_every_enum_value_and_every_extreme(source: str, collected: Collected) -> None:
    if source == "odd":
        pytest.skip("says something of the other maker")
    every = set().union(*map(enum_values, CALL_TYPES))
    assert len(every) > 200
    assert every - collected.enum_values == set()
    documents = list(collected.documents.values())
    words = [sum(len(turn["words"]) for turn in rows.turns(document)[1]) for document in documents[:12]]
    assert words.count(LONGEST_WORDS) == 4
    assert max(len(json.dumps(document.get("metadata"))) for document in documents) > WIDEST_METADATA
    assert any(json.dumps(document).count("[") >= 3 * DEEPEST / 2 for document in documents)


def test_every_accepted_payload_is_a_call(collected: Collected, place: Place) -> None:
    found = dict(place.rows("select call_id, payload_hash from calls"))
    assert found == {call_id: judged.payload_hash for call_id, judged in collected.accepted.items()}


def test_every_turn_is_an_utterance_as_it_was_sent(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, index): (turn.get("role"), turn.get("content"), len(turn.get("words") or []))
        for call_id, document in collected.documents.items()
        for index, turn in enumerate(rows.turns(document)[1])
    }
    found = place.rows("select call_id, utterance_index, role, content, word_count from utterances")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_call_says_where_its_turns_come_from(collected: Collected, place: Place) -> None:
    expected = {call_id: rows.turns(document)[0] for call_id, document in collected.documents.items()}
    assert len(set(expected.values())) == 4
    assert dict(place.rows("select call_id, transcript_source from calls")) == expected


def test_every_word_is_a_row_as_it_was_sent(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, index, number): (
            word.get("word"),
            rows.number(word.get("start")),
            rows.number(word.get("end")),
        )
        for call_id, document in collected.documents.items()
        for index, turn in enumerate(rows.turns(document)[1])
        for number, word in enumerate(turn.get("words") or [])
    }
    found = place.rows("select call_id, utterance_index, word_index, word, start_s, end_s from words")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:3]: row[3:] for row in found} == expected


def test_every_latency_metric_has_one_row_with_its_numbers(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, metric): (
            *(rows.number(stats.get(name)) for name in rows.SUMMARY[:-1]),
            rows.count(stats.get("num")),
        )
        for call_id, document in collected.documents.items()
        for metric, stats in _metrics(document).items()
        if any(stats.get(name) is not None for name in rows.SUMMARY) or stats.get("values")
    }
    found = place.rows(
        "select call_id, metric, p50_ms, p90_ms, p95_ms, p99_ms, max_ms, min_ms, num from latency_stats"
        f" where not ({_FREE})"
    )
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_latency_sample_is_a_row(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, metric, index): rows.number(value)
        for call_id, document in collected.documents.items()
        for metric, stats in _metrics(document).items()
        for index, value in enumerate(stats.get("values") or [])
    }
    found = place.rows(
        f"select call_id, metric, value_index, value_ms from latency_values where not ({_FREE})"
    )
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:3]: row[3] for row in found} == expected


def test_tool_calls_and_events_are_all_the_woven_items_that_are_not_speech(
    collected: Collected, place: Place
) -> None:
    for table, count in (("tool_calls", rows.tool_calls), ("transcript_events", rows.events)):
        expected = {call_id: count(document) for call_id, document in collected.documents.items()}
        found = dict(place.rows(f"select call_id, count(*) from {table} group by call_id"))
        assert found == {call_id: count for call_id, count in expected.items() if count}
        assert sum(found.values()) > _PAYLOADS / 10


def test_every_tool_call_stands_at_the_last_word_before_it(collected: Collected, place: Place) -> None:
    expected = {}
    for call_id, document in list(collected.documents.items())[12:]:
        for index, (phase, number, _) in enumerate(rows.tool_items(document)):
            if phase == "session":
                expected[call_id, index] = rows.place(document, number)
    found = place.rows("select call_id, tool_call_index, utterance_index, word_index from tool_calls")
    places = {row[:2]: row[2:] for row in found}
    assert {key: places[key] for key in expected} == expected
    assert sum(1 for at in expected.values() if at != (None, None)) > _PAYLOADS / 100


def test_every_analysis_that_says_something_is_a_row(collected: Collected, place: Place) -> None:
    expected = {
        call_id: document["call_analysis"].get("call_summary")
        for call_id, document in collected.documents.items()
        if document.get("call_analysis")
    }
    found = place.rows("select call_id, call_summary from call_analysis")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert dict(found) == expected


def test_every_product_cost_is_a_row(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, index): (line.get("product"), rows.number(line.get("cost")))
        for call_id, document in collected.documents.items()
        for index, line in enumerate((document.get("call_cost") or {}).get("product_costs") or [])
    }
    found = place.rows("select call_id, cost_index, product, cost_cents from call_costs")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_field_without_a_column_is_in_extra(collected: Collected, place: Place) -> None:
    found = place.rows("select call_id, cast(extra as varchar) from calls")
    extras = {call_id: json.loads(extra) if extra else None for call_id, extra in found}
    expected = {call_id: rows.call_extra(document) for call_id, document in collected.documents.items()}
    assert [(extras[call_id], extra) for call_id, extra in expected.items() if extras[call_id] != extra] == []
    assert len(extras) == len(expected)


def test_what_turns_words_and_tools_hold_beyond_their_columns_is_in_extra(
    collected: Collected, place: Place
) -> None:
    turns, tools = {}, {}
    for call_id, document in collected.documents.items():
        for index, turn in enumerate(rows.turns(document)[1]):
            turns[call_id, index] = rows.turn_extra(turn)
        for index, (_, _, item) in enumerate(rows.tool_items(document)):
            # What is no time is no column.
            is_timed = isinstance(item.get("time_sec"), int | float)
            known = (
                "role",
                "tool_call_id",
                "name",
                "type",
                "arguments",
                *(("time_sec",) if is_timed else ()),
            )
            tools[call_id, index] = rows.rest(item, *known) or None
    found = place.rows("select call_id, utterance_index, cast(extra as varchar) from utterances")
    assert {row[:2]: json.loads(row[2]) if row[2] else None for row in found} == turns
    found = place.rows(
        "select call_id, tool_call_index, cast(extra -> 'invocation' as varchar) from tool_calls"
    )
    assert {row[:2]: json.loads(row[2]) if row[2] else None for row in found} == tools
    assert sum(1 for extra in (*turns.values(), *tools.values()) if extra) > _PAYLOADS / 20


def test_plain_payloads_come_to_the_same_rows_whichever_way_they_are_read(
    collected: Collected, place: Place, tmp_path: Path
) -> None:
    plain = [call_id for call_id, judged in collected.accepted.items() if judged.is_plain]
    read_otherwise = Place(tmp_path)
    shutil.copyfile(place.folder / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with read_otherwise.warehouse.writing() as connection:
        for table in DATA_TABLES:
            connection.exec_driver_sql(f"delete from {table}")
    _load_chunk(read_otherwise, collected, plain, has_plain_speech=False, is_plain=False)
    found, expected = read_otherwise.tables(), place.tables()
    for table in DATA_TABLES:
        assert found[table] == [row for row in expected[table] if row[0] in set(plain)]


@pytest.mark.slow
def test_a_replay_of_all_payloads_changes_nothing(source: str, collected: Collected, place: Place) -> None:
    if source == "sdk":
        pytest.skip("the other maker's are odder, and a replay takes as long as the loads")
    before = place.tables()
    loaded = place.replay()
    assert not loaded.problems
    assert loaded.records >= len(collected.accepted)
    assert place.tables() == before


def _metrics(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    free = ("turn", "new\nline", "")
    return {name: stats for name, stats in rows.metrics(document).items() if name not in free}
