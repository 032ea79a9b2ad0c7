"""The book of simulated calls: what its ids, payloads and broken bodies promise."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from pipeline.simulator import BREAKAGE_KINDS, FAULT_KINDS, CallBook, Faults

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
LATER = UNTIL + timedelta(days=1)
LATENCIES = ("e2e_latency", "llm_latency", "llm_websocket_network_rtt_latency")
NEVER_CONNECTED = {"dial_busy", "dial_failed", "dial_no_answer", "concurrency_limit_reached"}
REASONS = {
    "user_hangup",
    "agent_hangup",
    "call_transfer",
    "inactivity",
    "machine_detected",
    "concurrency_limit_reached",
    "dial_busy",
    "dial_failed",
    "dial_no_answer",
    "error_llm_websocket_open",
    "error_llm_websocket_lost_connection",
    "error_llm_websocket_runtime",
    "error_llm_websocket_corrupt_payload",
    "error_frontend_corrupted_payload",
    "error_twilio",
    "error_no_audio_received",
    "error_asr",
    "error_retell",
    "error_unknown",
}
PAGE_FIELDS = {
    *("call_id", "agent_id", "audio_websocket_protocol", "audio_encoding", "sample_rate", "call_status"),
    *("end_call_after_silence_ms", "from_number", "to_number", "direction", "metadata"),
    *("retell_llm_dynamic_variables", "drop_call_if_machine_detected", "opt_out_sensitive_data_storage"),
    *("start_timestamp", "end_timestamp", "transcript", "transcript_object", "transcript_with_tool_calls"),
    *("recording_url", "public_log_url", *LATENCIES, "disconnection_reason", "call_analysis"),
}


@cache
def payloads() -> list[dict[str, Any]]:
    book = CallBook(count=300, until=UNTIL, as_of=LATER)
    return [book.payload(index) for index in range(len(book))]


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def turns(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return payload.get("transcript_object") or []


def test_the_same_arguments_give_the_same_bytes_in_any_order() -> None:
    first, second = (CallBook(count=60, until=UNTIL, broken_share=0.2) for _ in range(2))
    ids = list(first.call_ids())
    assert [first.body(i) for i in ids] == [second.body(i) for i in reversed(ids)][::-1]


def test_the_bytes_do_not_depend_on_the_process() -> None:
    # Known bytes: a draw that depends on hashing, time or another call would change them.
    book = CallBook(seed=7, count=100, until=UNTIL)
    assert book.call_id(0) == "JauTrZnLDHPybGVxJxN6g4HZoYuqbmtS"
    assert book.payload(0)["start_timestamp"] == 1741875402710


def test_seeds_share_no_ids_and_no_agents() -> None:
    one, other = CallBook(seed=1, count=50, until=UNTIL), CallBook(seed=2, count=50, until=UNTIL)
    assert not set(one.call_ids()) & set(other.call_ids())
    assert one.payload(0)["agent_id"] != other.payload(0)["agent_id"]


def test_ids_are_distinct_and_look_like_the_page() -> None:
    ids = list(CallBook(count=2000).call_ids())
    assert len(set(ids)) == 2000
    assert all(len(i) == 32 and i.isascii() and i.isalnum() for i in ids)


def test_neighbouring_ids_differ_nearly_everywhere() -> None:
    for one, other in pairwise(CallBook(count=100).call_ids()):
        assert sum(a == b for a, b in zip(one, other, strict=True)) < 8


def test_an_id_decodes_to_its_index_up_to_huge_books() -> None:
    book = CallBook(count=10**12)
    for index in (0, 1, 499, 10**6, 10**12 - 1):
        assert book.index(book.call_id(index)) == index


def test_ids_of_nobody_are_unknown() -> None:
    book = CallBook(count=100)
    longer = CallBook(count=101)
    known = book.call_id(5)
    swapped = known[1] + known[0] + known[2:]
    for call_id in (*book.unknown_ids(50), longer.call_id(100), swapped, known[:-1], "", "ö" * 32, "-" * 32):
        assert book.index(call_id) is None
        assert book.body(call_id) is None
    assert len(set(book.unknown_ids(50))) == 50
    assert book.unknown_ids(50)[:10] == book.unknown_ids(10)


def test_an_index_outside_the_book_is_refused() -> None:
    book = CallBook(count=3)
    for index in (-1, 3):
        with pytest.raises(IndexError):
            book.payload(index)


@pytest.mark.parametrize(
    "arguments",
    [{"count": -1}, {"days": 0}, {"broken_share": 1.5}, {"until": datetime(2025, 3, 14)}],
)
def test_arguments_without_meaning_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs"):
        CallBook(**arguments)


def test_a_longer_book_repeats_ids_and_payloads_up_to_the_recent_tail() -> None:
    short, long = CallBook(count=60, until=UNTIL), CallBook(count=900, until=UNTIL)
    assert list(short.call_ids()) == list(long.call_ids())[:60]
    assert [short.payload(i) for i in range(57)] == [long.payload(i) for i in range(57)]


def test_small_and_empty_books_work() -> None:
    assert list(CallBook(count=0).call_ids()) == []
    assert CallBook(count=1, broken_share=1).body(CallBook(count=1).call_id(0)) is not None


def test_until_is_now_in_whole_minutes_by_default() -> None:
    book = CallBook()
    assert book.until.second == book.until.microsecond == 0
    assert timedelta(0) <= datetime.now(UTC) - book.until < timedelta(minutes=2)
    assert book.as_of == book.until


def test_every_field_of_the_page_occurs_and_no_other() -> None:
    assert set().union(*payloads()) == PAGE_FIELDS


def test_optional_fields_are_sometimes_absent_and_sometimes_null() -> None:
    for field in ("metadata", "retell_llm_dynamic_variables", "opt_out_sensitive_data_storage", "transcript"):
        assert any(field not in p for p in payloads()), field
        assert any(field in p and p[field] is None for p in payloads()), field
    assert any(p.get("metadata") == {} for p in payloads())


def test_all_documented_disconnection_reasons_occur_and_hangups_dominate() -> None:
    reasons = Counter(p["disconnection_reason"] for p in payloads())
    assert set(reasons) == REASONS
    assert reasons["user_hangup"] > reasons["agent_hangup"] > 50


def test_a_day_later_every_call_is_over() -> None:
    assert {p["call_status"] for p in payloads()} == {"ended", "error"}
    missing = sum("call_analysis" not in p for p in payloads())
    assert 0 < missing < 20


def test_at_the_end_of_the_span_some_calls_are_still_to_come_or_on_the_line() -> None:
    book = CallBook(count=50, until=UNTIL)
    now = [book.payload(index) for index in range(50)]
    by_status = {
        status: [p for p in now if p["call_status"] == status] for status in ("registered", "ongoing")
    }
    assert by_status["registered"]
    assert not any("start_timestamp" in p for p in by_status["registered"])
    assert by_status["ongoing"]
    for p in by_status["ongoing"]:
        assert p["start_timestamp"] <= ms(UNTIL)
        assert not {"end_timestamp", "transcript", "disconnection_reason", "call_analysis"} & set(p)
    just_ended = book.payload(47)
    assert 0 < ms(UNTIL) - just_ended["end_timestamp"] < 60_000
    assert "call_analysis" not in just_ended


def test_live_calls_end_with_an_analysis_when_looked_at_later() -> None:
    at_first, a_day_on = (CallBook(count=50, until=UNTIL, as_of=as_of) for as_of in (UNTIL, LATER))
    for index in (47, 48, 49):
        as_found, later = at_first.payload(index), a_day_on.payload(index)
        assert later["call_status"] == "ended"
        assert later["call_analysis"]["call_summary"]
        for field in set(as_found) - {"call_status"}:
            assert later[field] == as_found[field]


def test_what_is_final_does_not_change_when_looked_at_later() -> None:
    at_first, a_day_on = (CallBook(count=60, until=UNTIL, as_of=as_of) for as_of in (UNTIL, LATER))
    for index in range(60):
        if "call_analysis" in (as_found := at_first.payload(index)):
            assert a_day_on.payload(index) == as_found


def test_starts_follow_the_office_week() -> None:
    book = CallBook(count=400, until=UNTIL, as_of=LATER, days=28)
    starts = [
        datetime.fromtimestamp(s / 1000, UTC)
        for i in range(400)
        if (s := book.payload(i).get("start_timestamp"))
    ]
    assert all(UNTIL - timedelta(days=28) <= start <= UNTIL + timedelta(minutes=2) for start in starts)
    weekend = sum(start.weekday() >= 5 for start in starts) / len(starts)
    night = sum(4 <= start.hour < 12 for start in starts) / len(starts)
    assert weekend < 0.2
    assert night < 0.1


def test_calls_that_never_connected_hold_nothing_said() -> None:
    never = [p for p in payloads() if p["disconnection_reason"] in NEVER_CONNECTED]
    assert {"ended", "error"} == {p["call_status"] for p in never}
    assert any("start_timestamp" in p for p in never)
    assert any("start_timestamp" not in p for p in never)
    for p in never:
        assert not p.get("transcript")
        assert not any(p.get(latency) for latency in LATENCIES)
        assert p["call_analysis"]["user_sentiment"] == "Unknown"


def test_errors_have_the_status_error() -> None:
    for p in payloads():
        if p["disconnection_reason"].startswith("error_"):
            assert p["call_status"] == "error"
            assert len(turns(p)) < 10


def test_a_transfer_ends_with_a_transfer_tool_by_phone() -> None:
    for p in payloads():
        if p["disconnection_reason"] == "call_transfer" and not p.get("opt_out_sensitive_data_storage"):
            names = [item["name"] for item in p["transcript_with_tool_calls"] if "name" in item]
            assert names[-1] == "transfer_call"
            assert p["audio_websocket_protocol"] == "twilio"


def test_inactive_calls_end_with_the_silence_that_was_allowed() -> None:
    for p in payloads():
        if p["disconnection_reason"] == "inactivity":
            said_s = turns(p)[-1]["words"][-1]["end"]
            trailing = p["end_timestamp"] - p["start_timestamp"] - round(said_s * 1000)
            assert trailing == p["end_call_after_silence_ms"]


def test_opted_out_calls_keep_their_latency_and_nothing_said() -> None:
    opted_out = [p for p in payloads() if p.get("opt_out_sensitive_data_storage")]
    assert 3 <= len(opted_out) <= 30
    for p in opted_out:
        assert not {"transcript", "transcript_object", "transcript_with_tool_calls"} & set(p)
        assert not {"recording_url", "public_log_url"} & set(p)
        assert p["e2e_latency"]["num"] > 0


def test_web_calls_have_no_numbers_and_phone_calls_have_both() -> None:
    protocols = {p["audio_websocket_protocol"] for p in payloads()}
    assert protocols == {"web", "twilio"}
    for p in payloads():
        if p["audio_websocket_protocol"] == "web":
            assert not p.get("direction")
            assert "from_number" not in p
        else:
            assert p["direction"] in ("inbound", "outbound")
            assert p["from_number"].startswith("+1")
            assert p["to_number"].startswith("+1")
        if p["audio_encoding"] == "mulaw":
            assert p["sample_rate"] == 8000
        assert 8000 <= p["sample_rate"] <= 48000


def test_turns_are_their_words_and_the_transcript_is_the_turns() -> None:
    assert max(len(turns(p)) for p in payloads()) <= 40
    for p in payloads():
        for turn in turns(p):
            assert turn["role"] in ("agent", "user")
            assert turn["content"] == " ".join(word["word"] for word in turn["words"])
        said = "".join(f"{turn['role'].capitalize()}: {turn['content']}\n" for turn in turns(p))
        assert (p.get("transcript") or "") == said
        assert "{" not in said


def test_words_run_forward_within_turns_and_turns_start_in_order() -> None:
    interruptions = 0
    for p in payloads():
        for turn in turns(p):
            times = [time for word in turn["words"] for time in (word["start"], word["end"])]
            assert times == sorted(times)
            assert all(round(time, 3) == time for time in times)
        for before, after in pairwise(turns(p)):
            assert before["words"][0]["start"] < after["words"][0]["start"]
            if after["words"][0]["start"] < before["words"][-1]["end"]:
                interruptions += 1
                assert after["role"] == "user"
        if turns(p):
            assert turns(p)[-1]["words"][-1]["end"] * 1000 <= p["end_timestamp"] - p["start_timestamp"]
    assert interruptions > 10


def test_the_woven_list_says_the_same_words_around_its_tools() -> None:
    splits = failures = 0
    names = set()
    for p in payloads():
        woven = p.get("transcript_with_tool_calls") or []
        words = [word for item in woven for word in item.get("words", ())]
        assert words == [word for turn in turns(p) for word in turn["words"]]
        spoken = sum("words" in item for item in woven)
        splits += spoken > len(turns(p))
        calls = {i["tool_call_id"]: i for i in woven if i["role"] == "tool_call_invocation"}
        results = [i for i in woven if i["role"] == "tool_call_result"]
        assert {i["tool_call_id"] for i in results} <= set(calls)
        failures += sum("error" in i["content"].lower() for i in results)
        for call in calls.values():
            assert isinstance(json.loads(call["arguments"]), dict)
            names.add(call["name"])
    assert splits > 50
    assert failures > 5
    assert {"lookup_order", "check_availability", "book_appointment", "transfer_call", "end_call"} <= names


def test_latency_summaries_are_ordered_and_count_the_answers() -> None:
    for p in payloads():
        for latency in filter(None, (p.get(name) for name in LATENCIES)):
            order = [latency[key] for key in ("min", "p50", "p90", "p95", "p99", "max")]
            assert order == sorted(order)
            if turns(p):
                answers = sum(a["role"] == "user" and b["role"] == "agent" for a, b in pairwise(turns(p)))
                assert latency["num"] == answers


def test_end_to_end_latency_is_the_gap_before_the_agent_answers() -> None:
    checked = 0
    for p in payloads():
        gaps = [
            round((after["words"][0]["start"] - before["words"][-1]["end"]) * 1000)
            for before, after in pairwise(turns(p))
            if (before["role"], after["role"]) == ("user", "agent")
        ]
        if gaps and p.get("e2e_latency"):
            assert (min(gaps), max(gaps)) == (p["e2e_latency"]["min"], p["e2e_latency"]["max"])
            checked += 1
    assert checked > 150


def test_round_trips_belong_to_agents_on_a_custom_llm() -> None:
    agents = {p["agent_id"] for p in payloads()}
    custom = {p["agent_id"] for p in payloads() if p.get("llm_websocket_network_rtt_latency")}
    assert len(agents) >= 3
    assert custom
    assert custom < agents
    for p in payloads():
        if p["agent_id"] in custom:
            assert "retell_llm_dynamic_variables" not in p
        if "llm_websocket" in p["disconnection_reason"]:
            assert p["agent_id"] in custom


def test_latency_numbers_are_ints_and_floats() -> None:
    kinds = {type(p["llm_latency"]["p90"]) for p in payloads() if p.get("llm_latency")}
    assert kinds == {int, float}


@pytest.mark.parametrize(
    "as_of", [LATER, UNTIL, UNTIL - timedelta(days=2), UNTIL - timedelta(days=40)], ids=str
)
def test_an_outline_says_what_the_payload_says(as_of: datetime) -> None:
    book = CallBook(count=300, until=UNTIL, as_of=as_of)
    for index, outline in enumerate(map(book.outline, range(300))):
        p = book.payload(index)
        if outline is None:
            assert p["call_status"] == "registered"
            assert as_of < UNTIL
        else:
            assert outline[:4] == (
                p["agent_id"],
                p["call_status"],
                p.get("start_timestamp"),
                p.get("disconnection_reason"),
            )
    assert {p["agent_id"] for p in payloads()} <= set(book.agent_ids)


def test_a_call_has_an_outline_from_ninety_seconds_before_its_start() -> None:
    start = datetime.fromtimestamp(payloads()[0]["start_timestamp"] / 1000, UTC)
    early, registered = (
        CallBook(count=300, until=UNTIL, as_of=start - timedelta(seconds=seconds)).outline(0)
        for seconds in (91, 89)
    )
    assert early is None
    assert registered is not None
    assert registered[1:4] == ("registered", None, None)


def test_no_call_comes_near_an_hour() -> None:
    assert max(p.get("end_timestamp", 0) - p.get("start_timestamp", 0) for p in payloads()) < 1_800_000


def test_with_not_connected_only_the_status_of_calls_over_without_a_start_differs() -> None:
    today = CallBook(count=300, until=UNTIL, as_of=LATER, not_connected=True)
    changed = 0
    for index, p in enumerate(payloads()):
        if "start_timestamp" not in p:
            p = {**p, "call_status": "not_connected"}
            changed += 1
        assert today.payload(index) == p
        assert json.loads(today.body(today.call_id(index)) or b"") == p
    assert changed > 3
    at_the_end = CallBook(count=300, until=UNTIL, not_connected=True)
    assert {at_the_end.payload(index)["call_status"] for index in (297, 298, 299)} >= {"registered"}


def test_broken_bodies_are_the_share_that_was_asked_for_in_every_kind() -> None:
    book = CallBook(count=400, until=UNTIL, broken_share=0.1)
    kinds = Counter(book.breakage(index) for index in range(400) if book.is_broken(index))
    assert kinds.total() == 40
    assert set(kinds.values()) == {4}
    assert set(kinds) == set(BREAKAGE_KINDS)


def test_every_broken_body_breaks_what_its_kind_says() -> None:
    book = CallBook(count=60, until=UNTIL, as_of=LATER, broken_share=1)
    for index in range(60):
        call_id, kind = book.call_id(index), book.breakage(index)
        body = book.body(call_id)
        assert body is not None
        if kind in ("truncated", "html"):
            with pytest.raises(json.JSONDecodeError):
                json.loads(body)
            continue
        served, sound = json.loads(body), book.payload(index)
        if kind == "array":
            assert served == [sound]
        elif kind == "duplicate_key":
            assert body.count(b'"call_status"') == 2
        elif kind == "nan":
            assert b"NaN" in body
        elif kind == "other_call_id":
            assert book.index(served["call_id"]) not in (None, index)
        elif kind == "timestamp_string":
            assert isinstance(served["start_timestamp"], str)
        elif kind == "latency_string":
            assert isinstance(served["e2e_latency"]["p50"], str)
        elif kind == "transcript_not_list":
            assert isinstance(served["transcript_object"], dict)
        else:
            assert isinstance(served["transcript_object"][0]["words"][0]["start"], str)


def test_a_sound_body_is_its_payload_in_strict_json() -> None:
    book = CallBook(count=5, until=UNTIL)
    for index, call_id in enumerate(book.call_ids()):
        assert json.loads(book.body(call_id) or b"", parse_constant=pytest.fail) == book.payload(index)


def test_faults_are_planned_in_the_share_asked_for_and_every_kind() -> None:
    kinds = Counter(Faults(share=0.3).kind(index) for index in range(400))
    assert kinds.total() - kinds[None] == 120
    assert {kinds[kind] for kind in FAULT_KINDS} == {10}


def test_all_calls_or_none_can_be_faulted() -> None:
    assert all(Faults(share=1).kind(index) for index in range(30))
    assert not any(Faults(share=0).kind(index) for index in range(30))


def test_retry_after_is_seconds_or_a_date() -> None:
    faults = Faults(share=1, kinds=("rate_limited",), retry_after_s=2)
    values = {faults.retry_after(index, now=UNTIL) for index in range(10)}
    assert values == {"2", "Fri, 14 Mar 2025 18:00:02 GMT"}


@pytest.mark.parametrize(
    "arguments", [{"kinds": ("gremlins",)}, {"kinds": ()}, {"share": 2}, {"repeats": 256}]
)
def test_impossible_faults_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Faults(**arguments)
