"""Whatever validation accepts loads without an error, and not a row more or less than the payload holds.

Hypothesis makes texts, numbers and values of every odd kind; they are dealt out to thousands of payloads,
with values of the wrong type among them. All are loaded together, because a load of thousands takes hardly
longer than a load of one. HUNT=20000 makes that many, other ones each time.
"""

import json
import os
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from warehouse_files import NOON, Place

from pipeline import load, schema, sql
from pipeline.landing import Outcome
from pipeline.validate import Accepted, Rejected, validate_body

_HUNT = int(os.environ.get("HUNT", 0))
_PAYLOADS = _HUNT or 2000
_DRAWS = 150
_CHUNK = 250
_TOP_METRICS = ("e2e", "llm", "llm_websocket_network_rtt")
_SUMMARY = ("p50", "p90", "p95", "p99", "max", "min", "num")
_KNOWN = set(re.findall(r"^ {16}(\w+): '", sql.read("load/staged"), re.MULTILINE))
# Metrics that nobody validates, because no field of that name is known yet.
_UNKNOWN_METRICS = ("turn", "new\nline", "")

# Numbers as they may be spelled; the marks go when the body is written.
_RAW = re.compile(r'"@([^"@]+)@"')


def raw(*texts: str) -> list[str]:
    return [f"@{text}@" for text in texts]


HARD_TEXTS = [
    *(
        "",
        "\0",
        "a\0b",
        "\ud83d",
        "\ude00x",
        "😀",
        '"',
        "\\",
        "\\ud83d",
        "'; drop table calls",
        "\u2028",
        "\x7f",
    ),
    *("null", "nan", "Infinity", "1e5", "true", "{}", "[]", "$.a", "%", "\r\n", "é" * 40, "\ufeff", "\uffff"),
]
ODD_NUMBERS = raw("1E3", "1e-400", "5e-324", "-0.0", "1e+300", "9" * 300, "1.0", "0.1e1")


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


texts = st.sampled_from(HARD_TEXTS) | st.text(st.characters(exclude_categories=()), max_size=6)
numbers = (
    st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD_NUMBERS)
    | st.floats(0, 5000)
)
leaves = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([200, 240]).map(nested)
urls = st.sampled_from(
    [
        *("https://a.example/r.wav?X-Amz-Signature=0", "https://a.example/r.wav", "http://[x?token=1"),
        *("https://ⅷ／x.example/?sig=1", "?token=x", "https://a.example:port/?token=1#f"),
    ]
)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": numbers,
    "whole": st.integers(-(2**63) + 1, 2**63 - 1) | st.sampled_from([*raw("1E3", "7.0", "-2e2"), -1, 0]),
    "count": st.integers(0, 2**53) | st.sampled_from([0, 1, 2**53, *raw("1E3", "7.0")]),
    "epoch": st.integers(0, 253_402_300_799_999) | st.sampled_from([0, *raw("1.703302407333e12")]),
    "hertz": st.sampled_from([8000, 2**31 - 1, *raw("24000.0")]),
    "flag": st.booleans(),
    "value": values,
    "url": urls | texts,
    "role": st.sampled_from(["agent", "user", "transfer_target"]) | texts,
    "status": st.sampled_from(["ended", "ongoing", "registered"]) | texts,
}
ITEM_ROLES = [*["tool_call_invocation", "tool_call_result"] * 3, "node_transition", "dtmf", 7, ""]
TOOL_CALL_IDS = [*"aaaabbc", "\0", None, 1]


def drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return what Hypothesis makes of a strategy."""
    found: list[Any] = []

    @settings(
        max_examples=_DRAWS,
        derandomize=not _HUNT,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


class Maker:
    """Deals out what Hypothesis has made to payloads."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._drawn = {kind: drawn(strategy) for kind, strategy in KINDS.items()}

    def one(self, kind: str) -> Any:
        return self.rng.choice(self._drawn[kind])

    def object(self, share: float = 0.7, **kinds: str | Callable[[], Any]) -> dict[str, Any]:
        """Make an object with some of the fields in any order, a few of them null."""
        chosen = [name for name in kinds if self.rng.random() < share]
        self.rng.shuffle(chosen)
        made = {}
        for name in chosen:
            kind = kinds[name]
            is_null = self.rng.random() < 0.1
            made[name] = None if is_null else self.one(kind) if isinstance(kind, str) else kind()
        return made

    def list(self, make: Callable[[], Any], most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randint(0, most))]

    def word(self) -> dict[str, Any]:
        return self.object(0.9, word="text", start="number", end="number", confidence="value", Word="value")

    def turn(self) -> dict[str, Any]:
        return self.object(
            role="role", content="text", words=lambda: self.list(self.word, 4), metadata="value", Role="value"
        )

    def item(self) -> dict[str, Any]:
        if self.rng.random() < 0.4:
            return self.turn()
        return self.object(
            0.8,
            role=lambda: self.rng.choice(ITEM_ROLES), tool_call_id=lambda: self.rng.choice(TOOL_CALL_IDS),
            name="text", type="value", arguments="value",
            content="value", successful="value", digit="text",
        )  # fmt: skip

    def latency(self) -> dict[str, Any]:
        share = self.rng.choice([0, 0.2, 0.9])
        return self.object(
            share, p50="number", p90="number", p95="number", p99="number", max="number", min="number",
            num="count", values=lambda: self.list(lambda: self.one("number"), 4), p42="value",
        )  # fmt: skip

    def metrics(self) -> dict[str, Any]:
        names = ["e2e", "llm", "asr", "tts", "s2s", "knowledge_base", "E2E", self.one("text")]
        others = [None, 5, "x", [1]]
        return {
            name: self.rng.choice(others) if self.rng.random() < 0.1 else self.latency()
            for name in self.rng.sample(names, self.rng.randint(0, 4))
        }

    def analysis(self) -> dict[str, Any]:
        return self.object(
            self.rng.choice([0, 0.5]), call_summary="text", user_sentiment="text", agent_sentiment="text",
            agent_task_completion_rating="text", call_successful="flag", in_voicemail="flag",
            custom_analysis_data="value", news="value",
        )  # fmt: skip

    def cost(self) -> dict[str, Any]:
        def line() -> dict[str, Any]:
            return self.object(
                product="text", cost="number", unit_price="number", is_transfer_leg_cost="flag", more="value"
            )

        return self.object(combined_cost="number", product_costs=lambda: self.list(line, 3), total="value")

    def payload(self) -> dict[str, Any]:
        made = {"agent_id": self.one("text"), "call_status": self.one("status")} | self.object(
            0.4, agent_name="text", agent_version="number", call_type="text", direction="text",
            from_number="text", audio_encoding="text", sample_rate="hertz", end_call_after_silence_ms="whole",
            drop_call_if_machine_detected="flag", metadata="value", retell_llm_dynamic_variables="value",
            collected_dynamic_variables="value", custom_sip_headers="value", start_timestamp="epoch",
            end_timestamp="epoch", transfer_end_timestamp="epoch", duration_ms="whole", transcript="text",
            transcript_object=lambda: self.list(self.turn, 4),
            transcript_with_tool_calls=lambda: self.list(self.item, 12),
            recording_url="url", public_log_url="url", disconnection_reason="text",
            telephony_identifier="value", e2e_latency=self.latency, llm_latency=self.latency,
            llm_websocket_network_rtt_latency=self.latency,
            latency=self.metrics, call_analysis=self.analysis, call_cost=self.cost,
            llm_token_usage=lambda: self.object(average="number", num_requests="count", values="value"),
            access_token="value",
        )  # fmt: skip
        if self.rng.random() < 0.3:
            made |= self.object(
                0.3, turn_latency=self.junk_latency, _latency=self.latency, new_url="url", Call_Id="value",
                json="value", filename="value", extra="value", CALL_STATUS="value",
            )  # fmt: skip
            odd = {
                "new\nline_latency": self.latency(),
                "": self.one("value"),
                self.one("text"): self.one("value"),
            }
            name = self.rng.choice(list(odd))
            made |= {name: odd[name]}
        if self.rng.random() < 0.2:
            # A copy: what was dealt out is dealt out again.
            made = json.loads(json.dumps(made))
            self.spoil(made)
        return made

    def junk_latency(self) -> Any:
        kinds = dict.fromkeys([*_SUMMARY, "values"], "value")
        return self.object(**kinds) if self.rng.random() < 0.8 else self.one("value")

    def spoil(self, made: dict[str, Any]) -> None:
        """Put a value of any kind somewhere in a payload."""
        node: Any = made
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = self.rng.choice(keys)
            if not isinstance(node[key], dict | list) or not node[key] or self.rng.random() < 0.2:
                node[key] = self.one("value")
                return
            node = node[key]


def body_of(payload: dict[str, Any], ascii_only: bool) -> bytes:
    text = _RAW.sub(r"\1", json.dumps(payload, ensure_ascii=ascii_only))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _RAW.sub(r"\1", json.dumps(payload)).encode()


class Collected:
    """The accepted payloads, each under a call id of its own, as they are landed."""

    def __init__(self) -> None:
        self.accepted: dict[str, Accepted] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.rejected = 0

    def take(self, payload: dict[str, Any], ascii_only: bool) -> None:
        call_id = f"call_{len(self.accepted)}"
        judged = validate_body(call_id, body_of(payload | {"call_id": call_id}, ascii_only))
        if isinstance(judged, Rejected):
            self.rejected += 1
        else:
            self.accepted[call_id] = judged
            self.documents[call_id] = json.loads(judged.line)


@pytest.fixture(scope="module")
def collected() -> Collected:
    """The payloads of this run."""
    found = Collected()
    maker = Maker(random.Random(None if _HUNT else 7))
    for _ in range(_PAYLOADS):
        found.take(maker.payload(), maker.rng.random() < 0.5)
    return found


@pytest.fixture(scope="module")
def place(collected: Collected, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A warehouse with all accepted payloads, or a failure that shows the one that cannot be loaded."""
    place = Place(tmp_path_factory.mktemp("accepted"))
    schema.ensure(place.warehouse)
    call_ids = list(collected.accepted)
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


def _load_chunk(place: Place, collected: Collected, call_ids: list[str]) -> None:
    writer = place.landing.writer("run", next(_NUMBER))
    for call_id in call_ids:
        judged = collected.accepted[call_id]
        writer.add(
            Outcome(call_id, "accepted", 1, NOON, 200, payload_hash=judged.payload_hash),
            judged.line,
        )
    chunk = writer.finish()
    with place.warehouse.writing() as connection:
        load.load_chunks(connection, [place.landing.verified(chunk.manifest)], refresh_window_s=86_400)


def test_most_made_up_payloads_are_accepted_and_some_are_not(collected: Collected) -> None:
    assert len(collected.accepted) > _PAYLOADS / 2
    assert collected.rejected > _PAYLOADS / 100


def test_every_accepted_payload_is_a_call(collected: Collected, place: Place) -> None:
    found = dict(place.rows("select call_id, payload_hash from calls"))
    assert found == {call_id: judged.payload_hash for call_id, judged in collected.accepted.items()}


def test_every_turn_is_an_utterance_as_it_was_sent(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, index): (turn.get("role"), turn.get("content"), len(turn.get("words") or []))
        for call_id, document in collected.documents.items()
        for index, turn in enumerate(document.get("transcript_object") or [])
    }
    found = place.rows("select call_id, utterance_index, role, content, word_count from utterances")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_word_is_a_row_as_it_was_sent(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, index, number): (word.get("word"), _number(word.get("start")), _number(word.get("end")))
        for call_id, document in collected.documents.items()
        for index, turn in enumerate(document.get("transcript_object") or [])
        for number, word in enumerate(turn.get("words") or [])
    }
    found = place.rows("select call_id, utterance_index, word_index, word, start_s, end_s from words")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:3]: row[3:] for row in found} == expected


def test_every_latency_metric_has_one_row_with_its_numbers(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, metric): tuple(_number(stats.get(name)) for name in _SUMMARY[:-1])
        for call_id, document in collected.documents.items()
        for metric, stats in _metrics(document).items()
        if any(stats.get(name) is not None for name in _SUMMARY) or stats.get("values")
    }
    found = place.rows(
        "select call_id, metric, p50_ms, p90_ms, p95_ms, p99_ms, max_ms, min_ms from latency_stats"
        " where metric not in ('turn', 'new\nline', '')"
    )
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_latency_sample_is_a_row(collected: Collected, place: Place) -> None:
    expected = {
        (call_id, metric, index): _number(value)
        for call_id, document in collected.documents.items()
        for metric, stats in _metrics(document).items()
        for index, value in enumerate(stats.get("values") or [])
    }
    found = place.rows(
        "select call_id, metric, value_index, value_ms from latency_values"
        " where metric not in ('turn', 'new\nline', '')"
    )
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:3]: row[3] for row in found} == expected


def test_sample_counts_are_whole_numbers_as_sent(collected: Collected, place: Place) -> None:
    found = place.rows(
        "select call_id, metric, num from latency_stats where num is not null"
        " and metric not in ('turn', 'new\nline', '')"
    )
    assert len(found) > _PAYLOADS / 10
    for call_id, metric, num in found:
        assert num == pytest.approx(_metrics(collected.documents[call_id])[metric]["num"], rel=1e-15)


def test_tool_calls_and_events_are_all_the_woven_items_that_are_not_speech(
    collected: Collected, place: Place
) -> None:
    tools: dict[str, int] = {}
    events: dict[str, int] = {}
    for call_id, document in collected.documents.items():
        items = [item for item in document.get("transcript_with_tool_calls") or [] if not _is_speech(item)]
        invoked = [item for item in items if item.get("role") == "tool_call_invocation"]
        ids = {str(item["tool_call_id"]) for item in invoked if item.get("tool_call_id") is not None}
        answered = {
            str(item["tool_call_id"])
            for item in items
            if item.get("role") == "tool_call_result" and str(item.get("tool_call_id")) in ids
        }
        tools[call_id] = len(invoked)
        events[call_id] = len(items) - len(invoked) - len(answered)
    for table, expected in (("tool_calls", tools), ("transcript_events", events)):
        found = dict(place.rows(f"select call_id, count(*) from {table} group by call_id"))
        assert found == {call_id: count for call_id, count in expected.items() if count}
        assert sum(found.values()) > _PAYLOADS / 10


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
        (call_id, index): (line.get("product"), _number(line.get("cost")))
        for call_id, document in collected.documents.items()
        for index, line in enumerate((document.get("call_cost") or {}).get("product_costs") or [])
    }
    found = place.rows("select call_id, cost_index, product, cost_cents from call_costs")
    assert len(found) == len(expected) > _PAYLOADS / 10
    assert {row[:2]: row[2:] for row in found} == expected


def test_every_field_without_a_column_is_in_extra(collected: Collected, place: Place) -> None:
    expected = {
        call_id: {name: value for name, value in document.items() if name not in _KNOWN}
        for call_id, document in collected.documents.items()
    }
    found = place.rows("select call_id, cast(extra as varchar) from calls where extra is not null")
    extras = {call_id: json.loads(extra) for call_id, extra in found}
    assert extras == {call_id: extra for call_id, extra in expected.items() if extra}


def test_a_replay_of_all_payloads_changes_nothing(collected: Collected, place: Place) -> None:
    before = place.tables()
    loaded = load.replay_landed(place.warehouse, place.landing, refresh_window_s=86_400)
    assert not loaded.problems
    assert loaded.records >= len(collected.accepted)
    assert place.tables() == before


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _metrics(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the validated metrics: those in `latency`, then those at the top level."""
    found = {
        metric: stats
        for metric in _TOP_METRICS
        if isinstance(stats := document.get(f"{metric}_latency"), dict)
    }
    nested = document.get("latency") or {}
    found |= {metric: stats for metric, stats in nested.items() if isinstance(stats, dict)}
    return {metric: stats for metric, stats in found.items() if metric not in ("turn", "new\nline", "")}


def _is_speech(item: dict[str, Any]) -> bool:
    return item.get("role") in ("agent", "user", "transfer_target") or isinstance(item.get("words"), list)
