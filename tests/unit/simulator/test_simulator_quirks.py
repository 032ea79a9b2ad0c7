"""Quirks of simulated calls: each occurs at its rate, can be had alone, and looks as in real accounts."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from pipeline.simulator import RATES, CallBook
from pipeline.simulator.odd_turns import find_interrupted

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
COUNT = 3000
Payload = dict[str, Any]
Test = Callable[[Payload], bool]
WOVEN = "transcript_with_tool_calls"
NEVER_CONNECTED = "not_connected"
NEVER_BEGAN = {"error_llm_websocket_open", "error_user_not_joined", "registered_call_timeout"}
SUMMARY = {"p50", "p90", "p95", "p99", "max", "min", "num"}


@cache
def book_of(*names: str, share: float = 1.0, count: int = 300) -> CallBook:
    return CallBook(count=count, until=UNTIL, shape="today", quirks=dict.fromkeys(names, share))


def payloads_of(*names: str) -> list[Payload]:
    return [book_of(*names).payload(index) for index in range(300)]


def is_over(payload: Payload) -> bool:
    return "disconnection_reason" in payload


def turns(payload: Payload) -> list[Payload]:
    return payload.get("transcript_object") or []


def woven(payload: Payload) -> list[Payload]:
    return payload.get(WOVEN) or payload.get(f"scrubbed_{WOVEN}") or []


def words(items: list[Payload]) -> list[Payload]:
    return [word for item in items for word in item.get("words", ())]


def of_role(payload: Payload, *roles: str) -> list[Payload]:
    return [item for item in woven(payload) if item["role"] in roles]


def is_planned(word: Payload) -> bool:
    return bool(word["start"] == word["end"])


def is_unheard(turn: Payload) -> bool:
    return bool(turn["words"]) and all(map(is_planned, turn["words"]))


def is_swapped(payload: Payload) -> bool:
    starts = [turn["words"][0]["start"] for turn in turns(payload) if turn["words"]]
    return bool(starts != sorted(starts))


def is_woven_only(payload: Payload) -> bool:
    return len(words(woven(payload))) > len(words(turns(payload)))


def uses_backup(items: list[Payload]) -> bool:
    return any("backup_model_used" in item.get("metadata", {}) for item in items)


def results(payload: Payload) -> Counter[str]:
    return Counter(item["tool_call_id"] for item in of_role(payload, "tool_call_result"))


def waits(payload: Payload) -> list[float]:
    """Return how long the agent is silent within its turns because of a tool."""
    listed = woven(payload)
    return [
        after["words"][0]["start"] - before["words"][-1]["end"]
        for before, tool, result, after in zip(listed, listed[1:], listed[2:], listed[3:], strict=False)
        if before["role"] == after["role"] == "agent"
        and (tool["role"], result["role"]) == ("tool_call_invocation", "tool_call_result")
    ]


def metrics(payload: Payload) -> list[Payload]:
    return list(payload.get("latency", {}).values())


def analysis(payload: Payload) -> Payload:
    return payload.get("call_analysis") or payload.get("scrubbed_call_analysis") or {}


def has_values(payload: Payload) -> bool:
    return bool(metrics(payload))


def said(payload: Payload) -> bool:
    return bool(turns(payload))


def is_scrubbed(payload: Payload) -> bool:
    return bool(payload["data_storage_setting"] == "everything_except_pii")


def lost_number(payload: Payload) -> bool:
    return not {"from_number", "to_number"} <= payload.keys()


# Whether a call can have a quirk, and whether it has it.
SEEN: dict[str, tuple[Test, Test]] = {
    "time_sec": (
        lambda p: bool(of_role(p, "tool_call_invocation", "tool_call_result", "node_transition", "dtmf")),
        lambda p: all("time_sec" in item for item in woven(p) if "words" not in item),
    ),
    "slow_tool": (lambda p: bool(waits(p)), lambda p: max(waits(p)) > 4.7),
    "planned_turn": (said, lambda p: any(map(is_unheard, turns(p)))),
    "swapped_turns": (lambda p: len(turns(p)) > 3, is_swapped),
    "wordless_turn": (
        lambda p: any(
            before["role"] == "user" and after["role"] == "tool_call_invocation"
            for before, after in pairwise(p.get(WOVEN) or [])
        ),
        lambda p: any(not turn["words"] for turn in turns(p)),
    ),
    "woven_only_turn": (lambda p: len(turns(p)) > 2, is_woven_only),
    "repeated_tool_call_id": (lambda p: bool(results(p)), lambda p: max(results(p).values()) > 1),
    "backup_model": (lambda p: bool(woven(p)), lambda p: uses_backup(woven(p))),
    "pre_session": (said, lambda p: f"pre_session_{WOVEN}" in p),
    "post_session": (said, lambda p: f"post_session_{WOVEN}" in p),
    "custom_attributes": (lambda p: True, lambda p: "custom_attributes" in p),
    "null_latency_value": (has_values, lambda p: any(None in m.get("values", ()) for m in metrics(p))),
    "latency_without_num": (
        has_values,
        lambda p: any(m.keys() & {"p50", "num"} == {"p50"} for m in metrics(p)),
    ),
    "latency_without_summary": (has_values, lambda p: any(m.keys() == {"values"} for m in metrics(p))),
    "latency_without_values": (has_values, lambda p: any(m.keys() == SUMMARY for m in metrics(p))),
    "no_combined_cost": (
        lambda p: bool(p.get("call_cost", {}).get("product_costs")),
        lambda p: "combined_cost" not in p["call_cost"],
    ),
    "everything_except_pii": (lambda p: p["data_storage_setting"] != "basic_attributes_only", is_scrubbed),
    "number_removed": (
        lambda p: is_scrubbed(p) and p["call_type"] == "phone_call" and is_over(p),
        lost_number,
    ),
    "positive_in_lower_case": (
        lambda p: analysis(p).get("user_sentiment", "").lower() == "positive",
        lambda p: analysis(p)["user_sentiment"] == "positive",
    ),
    "empty_reason": (is_over, lambda p: p["disconnection_reason"] == ""),
    "version_with_point": (lambda p: True, lambda p: isinstance(p["agent_version"], float)),
    "end_of_unconnected": (
        lambda p: p["call_status"] == NEVER_CONNECTED and "start_timestamp" not in p,
        lambda p: "end_timestamp" in p,
    ),
    "start_of_unconnected": (
        lambda p: p["call_status"] == NEVER_CONNECTED,
        lambda p: "start_timestamp" in p,
    ),
    "error_without_start": (
        lambda p: p.get("disconnection_reason") in NEVER_BEGAN,
        lambda p: "start_timestamp" not in p,
    ),
}


def test_every_quirk_has_a_rate_and_a_test() -> None:
    assert {*SEEN, "planned_words"} == set(RATES)


@dataclass
class Counts:
    """What is counted over calls with the usual rates; the calls themselves are too large to keep."""

    able: Counter[str]
    seen: Counter[str]
    reasons: Counter[tuple[str | None, str]]


@cache
def count_usual() -> Counts:
    book, counts = CallBook(count=COUNT, until=UNTIL, shape="today"), Counts(Counter(), Counter(), Counter())
    for payload in map(book.payload, range(COUNT)):
        able = [name for name, (can, _) in SEEN.items() if can(payload)]
        counts.able.update(able)
        counts.seen.update(name for name in able if SEEN[name][1](payload))
        interrupted = [turns(payload)[number] for number in find_interrupted(turns(payload))]
        counts.able["planned_words"] += len(interrupted)
        counts.seen["planned_words"] += sum(any(map(is_planned, turn["words"])) for turn in interrupted)
        counts.reasons[payload.get("disconnection_reason"), payload["call_status"]] += 1
    return counts


@pytest.mark.parametrize("name", RATES)
def test_a_quirk_occurs_at_its_rate(name: str) -> None:
    seen, expected = count_usual().seen[name], RATES[name] * count_usual().able[name]
    assert seen > 0
    assert abs(seen - expected) < 4 * expected**0.5 + 2


@pytest.mark.parametrize("name", SEEN)
def test_without_its_rate_no_call_has_a_quirk(name: str) -> None:
    can, has = SEEN[name]
    if name != "number_removed":
        assert not any(has(payload) for payload in payloads_of() if can(payload))


def items_with_times(payload: Payload) -> Iterator[tuple[float, float, list[Payload]]]:
    """Yield the items between two spoken ones, with the times at which nobody speaks any more and again."""
    waiting: list[Payload] = []
    clock = 0.0
    for item in woven(payload):
        if "words" in item:
            yield clock, item["words"][0]["start"], waiting
            waiting, clock = [], max(clock, item["words"][-1]["end"])
        else:
            waiting.append(item)
    yield clock, clock + 1, waiting


def test_times_lie_between_the_words_around_an_item_and_results_after_their_tools() -> None:
    took = []
    for payload in payloads_of("time_sec"):
        invoked: dict[str, float] = {}
        for since, until, items in items_with_times(payload):
            times = [item["time_sec"] for item in items]
            assert times == sorted(times)
            assert all(min(since, until) <= time <= until for time in times)
            for item in items:
                if item["role"] == "tool_call_invocation":
                    invoked[item["tool_call_id"]] = item["time_sec"]
                if item["role"] == "tool_call_result":
                    took.append(item["time_sec"] - invoked[item["tool_call_id"]])
    assert len(took) > 100
    assert 0.1 < sorted(took)[len(took) // 2] < 1.5


def test_a_slow_tool_takes_seconds_and_silence_follows_it() -> None:
    took, silent = [], []
    for payload in payloads_of("time_sec", "slow_tool"):
        for since, until, items in items_with_times(payload):
            if until - since > 4.7 and items[-1:] and items[-1]["role"] == "tool_call_result":
                took.append(items[-1]["time_sec"] - items[-2]["time_sec"])
                silent.append(until - items[-1]["time_sec"])
    assert len(took) > 50
    assert max(took) > 4
    assert max(silent) > 1.5


def test_planned_words_change_nothing_that_was_heard() -> None:
    places = Counter[str]()
    for odd, even in zip(payloads_of("planned_words", "planned_turn"), payloads_of(), strict=True):
        for listed in (turns, woven):
            heard = [word for word in words(listed(odd)) if not is_planned(word)]
            assert [(word["start"], word["end"]) for word in heard] == [
                (word["start"], word["end"]) for word in words(listed(even))
            ]
            assert [word["word"].strip(" ") for word in heard] == [
                word["word"].strip(" ") for word in words(listed(even))
            ]
        assert words(turns(odd)) == words(woven(odd)) or not turns(odd)
        for turn in turns(odd):
            planned = [is_planned(word) for word in turn["words"]]
            if any(planned):
                assert turn["role"] == "agent"
                places["all" if all(planned) else "first" if planned[0] else "last"] += 1
            times = [time for word in turn["words"] for time in (word["start"], word["end"])]
            assert times == sorted(times)
            assert turn["content"] == "".join(word["word"] for word in turn["words"])
    assert min(places[place] for place in ("all", "first", "last")) > 5


def test_swapped_turns_are_two_neighbours_in_both_lists() -> None:
    swapped = 0
    for odd, even in zip(payloads_of("swapped_turns"), payloads_of(), strict=True):
        before, after = ([turn["words"][0]["start"] for turn in turns(p)] for p in (even, odd))
        moved = [number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
        assert sorted(after) == sorted(before)
        assert moved in ([], [*moved[:1], *(number + 1 for number in moved[:1])])
        assert [w["start"] for w in words(turns(odd))] == [w["start"] for w in words(odd.get(WOVEN) or [])]
        swapped += bool(moved)
    assert swapped > 150


def test_a_turn_without_words_stands_right_before_a_tool_and_keeps_its_content() -> None:
    seen = Counter[str]()
    for payload in payloads_of("wordless_turn"):
        for before, after in pairwise(payload.get(WOVEN) or []):
            if before.get("words") == []:
                assert before["content"].strip()
                assert after["role"] == "tool_call_invocation"
                assert before["content"] in [turn["content"] for turn in turns(payload) if not turn["words"]]
                seen[before["role"]] += 1
    assert seen["user"] > 20


def test_a_turn_that_is_only_woven_is_missing_from_the_turns() -> None:
    for odd, even in zip(payloads_of("woven_only_turn"), payloads_of(), strict=True):
        assert odd.get(WOVEN) == even.get(WOVEN)
        if len(turns(even)) > 2:
            assert len(turns(odd)) == len(turns(even)) - 1
            assert all(turn in turns(even) for turn in turns(odd))


def test_a_repeated_id_belongs_to_two_uses_with_different_results() -> None:
    repeated = 0
    for payload in payloads_of("repeated_tool_call_id"):
        uses = Counter(item["tool_call_id"] for item in of_role(payload, "tool_call_invocation"))
        for call_id, number in results(payload).items():
            if number > 1:
                contents = {
                    i["content"] for i in of_role(payload, "tool_call_result") if i["tool_call_id"] == call_id
                }
                assert (number, uses[call_id], len(contents)) == (2, 2, 2)
                repeated += 1
    assert repeated > 100


def test_backup_models_are_noted_on_turns_and_on_tools() -> None:
    roles = Counter[str]()
    for payload in payloads_of("backup_model"):
        for item in [*turns(payload), *woven(payload)]:
            used = item.get("metadata", {}).get("backup_model_used")
            if used is not None:
                roles[item["role"]] += 1
                assert used["model"] == used["backup_model"] != used["primary_model"]
                assert used["reason"] in ("primary_failed", "preference_expired", "first_usable")
                assert used["selection_latency_ms"] > 0
    assert set(roles) == {"agent", "tool_call_invocation"}


def test_sessions_hold_a_tool_its_result_and_often_a_message() -> None:
    roles = Counter[tuple[str, ...]]()
    for payload in payloads_of("pre_session", "post_session", "time_sec"):
        for session in ("pre_session", "post_session"):
            items = payload.get(f"{session}_{WOVEN}") or []
            roles[tuple(item["role"] for item in items)] += 1
            if items:
                ended_s = payload["duration_ms"] / 1000
                assert all((item["time_sec"] >= ended_s) == (session == "post_session") for item in items)
    tool = ("tool_call_invocation", "tool_call_result")
    assert {(*tool, "sms"), tool} < set(roles)


def test_of_a_scrubbed_call_only_copies_with_placeholders_stay() -> None:
    named = keys = 0
    for odd, even in zip(payloads_of("everything_except_pii"), payloads_of(), strict=True):
        if odd["data_storage_setting"] == "basic_attributes_only" or not is_over(odd):
            assert not any(name.startswith("scrubbed_") for name in odd)
            continue
        for name in (
            *("metadata", "retell_llm_dynamic_variables", "collected_dynamic_variables", "call_analysis"),
            *(WOVEN, "recording_url", "recording_multi_channel_url"),
        ):
            assert name not in odd
            assert name not in even or f"scrubbed_{name}" in odd or not even[name]
        assert not {"transcript", "transcript_object", "public_log_url"} & odd.keys()
        kept = ("call_successful", "user_sentiment", "in_voicemail")
        assert [analysis(odd).get(name) for name in kept] == [analysis(even).get(name) for name in kept]
        variables = even.get("retell_llm_dynamic_variables") or {}
        text = json.dumps(odd)
        if customer := variables.get("customer_name"):
            assert customer not in text
            named += "[person name 1]" in text
        for item in woven(odd):
            times = [time for word in item.get("words", ()) for time in (word["start"], word["end"])]
            assert times == sorted(times)
        for item in of_role(odd, "dtmf"):
            assert item["digit"] == "[PII INFO]"
            keys += 1
    assert named > 50
    assert keys > 0


def test_a_placeholder_takes_the_time_and_the_marks_of_the_name() -> None:
    text = [
        [word["word"] for word in item["words"]]
        for payload in payloads_of("everything_except_pii")
        for item in woven(payload)
        if "[person" in item.get("content", "") and "words" in item
    ]
    assert any(
        said[place : place + 3] == ["[person ", "name ", "1]."] for said in text for place in range(len(said))
    )
    assert not any("1] [person" in "".join(said) for said in text)


def test_the_number_that_is_removed_is_the_customers() -> None:
    directions = Counter[str]()
    for payload in payloads_of("everything_except_pii", "number_removed"):
        if lost_number(payload) and payload["call_type"] == "phone_call":
            directions[payload["direction"]] += 1
            assert ("to_number" in payload) == (payload["direction"] == "inbound")
    assert min(directions[direction] for direction in ("inbound", "outbound")) > 20


def test_calls_that_failed_at_once_may_have_no_start_and_no_cost() -> None:
    failed = [p for p in payloads_of("error_without_start") if p.get("disconnection_reason") in NEVER_BEGAN]
    assert failed
    for payload in failed:
        assert payload["call_status"] == "error"
        assert "start_timestamp" not in payload
        assert (payload["duration_ms"], payload["call_cost"]) == (0, {"combined_cost": 0})
        assert payload["latency"] == {}


def test_reasons_of_the_account_and_of_people_occur_with_a_status_of_their_kind() -> None:
    seen = count_usual().reasons
    for reason in ("network_blocked", "credit_exhausted", "budget_reached"):
        assert {status for said, status in seen if said == reason} == {NEVER_CONNECTED}
    for reason in ("user_requested_dnc", "user_requested_callback"):
        assert {status for said, status in seen if said == reason} == {"ended"}
        assert 10 < seen[reason, "ended"] < 100
    asked = [p for p in payloads_of() if p.get("disconnection_reason", "").startswith("user_requested")]
    assert asked
    assert not any(analysis(payload).get("call_successful") for payload in asked)


@pytest.mark.parametrize("as_of", [UNTIL - timedelta(days=2), UNTIL, UNTIL + timedelta(days=1)], ids=str)
def test_items_and_outlines_agree_with_payloads_that_have_every_quirk(as_of: datetime) -> None:
    book = book_of(*RATES, share=0.5).at(as_of)
    for index in range(300):
        payload, outline = book.payload(index), book.outline(index)
        expected = {name: value for name, value in payload.items() if "transcript" not in name}
        assert json.dumps(book.item(index)) == json.dumps(expected)
        if outline is not None:
            assert outline[:4] == (
                payload["agent_id"],
                payload["call_status"],
                payload.get("start_timestamp"),
                payload.get("disconnection_reason"),
            )


def test_a_call_keeps_its_quirks_when_it_is_looked_at_later() -> None:
    book = book_of(*RATES, share=0.5)
    later = book.at(UNTIL + timedelta(days=1))
    for index in range(280):
        payload = book.payload(index)
        if analysis(payload):
            assert later.payload(index) == payload


def test_a_quirk_depends_on_no_other_quirk_and_on_no_other_call() -> None:
    alone, together = payloads_of("custom_attributes"), payloads_of("custom_attributes", "time_sec")
    for one, other in zip(alone, together, strict=True):
        assert one["custom_attributes"] == other["custom_attributes"]
    longer = book_of("custom_attributes", count=400)
    assert [longer.payload(index) for index in range(290)] == alone[:290]


def test_other_shapes_have_no_quirks() -> None:
    for shape in ("v1", "early_v2"):
        odd = CallBook(count=60, until=UNTIL, shape=shape, quirks=dict.fromkeys(RATES, 1.0))
        even = CallBook(count=60, until=UNTIL, shape=shape, quirks={})
        assert [odd.payload(index) for index in range(60)] == [even.payload(index) for index in range(60)]


def test_rates_without_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match=r"quirks must be some of .*, not \['gremlins'\]"):
        CallBook(quirks={"gremlins": 0.5})
    with pytest.raises(ValueError, match="the share of time_sec must be between 0 and 1"):
        CallBook(quirks={"time_sec": 2})
