"""What is accepted says what the API said; what is refused says where and why; neither shows a secret."""

import hashlib
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.payload.fast_parse import parse_body
from pipeline.payload.redact import redact
from pipeline.payload.strict_json import Malformed, parse
from pipeline.payload.validate import Accepted, Rejected, validate

SECRET = "s3cr3t"
SIGNED = f"https://retellai.s3.us-west-2.amazonaws.com/c/recording.wav?X-Amz-Date=1&X-Amz-Signature={SECRET}"
UNSIGNED = "https://retellai.s3.us-west-2.amazonaws.com/c/recording.wav"
LATENCY = {"p50": 800, "p90": 1200, "p95": 1500, "p99": 2500, "max": 2700, "min": 500, "num": 10}
SPOKEN = [
    {"role": "agent", "content": "hi how are you doing?", "words": [{"word": "hi", "start": 0.7, "end": 1.3}]}
]
# The example of the page that describes get-call in v1.
PAGE: dict[str, Any] = {
    "call_id": "Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6",
    "agent_id": "oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD",
    "audio_websocket_protocol": "twilio",
    "audio_encoding": "s16le",
    "sample_rate": 24000,
    "call_status": "registered",
    "end_call_after_silence_ms": 600000,
    "from_number": "+12137771234",
    "to_number": "+12137771235",
    "direction": "inbound",
    "metadata": {},
    "retell_llm_dynamic_variables": {"customer_name": "John Doe"},
    "drop_call_if_machine_detected": True,
    "opt_out_sensitive_data_storage": True,
    "start_timestamp": 1703302407333,
    "end_timestamp": 1703302428855,
    "transcript": "Agent: hi how are you doing?\nUser: Doing pretty well.\nAgent: have a nice day\n ",
    "transcript_object": SPOKEN,
    "transcript_with_tool_calls": SPOKEN,
    "recording_url": UNSIGNED,
    "public_log_url": UNSIGNED.replace("recording.wav", "public_log.txt"),
    "e2e_latency": LATENCY,
    "llm_latency": LATENCY,
    "llm_websocket_network_rtt_latency": LATENCY,
    "disconnection_reason": "agent_hangup",
    "call_analysis": {
        "call_summary": "The user happily agreed and scheduled an appointment next Monday 10am.",
        "user_sentiment": "Positive",
        "agent_sentiment": "Friendly",
        "agent_task_completion_rating": "Complete",
        "agent_task_completion_rating_reason": "User answered all of the question asked by the AI agent.",
        "call_completion_rating": "Complete",
        "call_completion_rating_reason": "call was ended by the user.",
    },
}
LEAST = {"call_id": "c", "agent_id": "a", "call_status": "ended"}


def body_of(document: object) -> bytes:
    return json.dumps(document).encode()


def accepted(document: dict[str, Any]) -> dict[str, Any]:
    judged = validate(document["call_id"], body_of(document))
    assert isinstance(judged, Accepted), judged
    landed: dict[str, Any] = json.loads(judged.line)
    return landed


def rejected(body: bytes, call_id: str = "c") -> Rejected:
    judged = validate(call_id, body)
    assert isinstance(judged, Rejected)
    return judged


def escaped(text: str) -> str:
    """Spell every character of a text as a JSON escape."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


def test_the_example_of_the_page_is_accepted_as_it_came() -> None:
    assert accepted(PAGE) == PAGE
    early_v2 = {name: value for name, value in PAGE.items() if not name.startswith("audio_")}
    assert accepted(early_v2) == early_v2


def test_three_fields_are_all_a_call_needs() -> None:
    assert accepted(LEAST) == LEAST


@pytest.mark.parametrize("name", sorted(set(PAGE) - set(LEAST)))
def test_a_field_may_be_null_or_absent(name: str) -> None:
    nulled = PAGE | {name: None}
    assert accepted(nulled) == nulled
    absent = {field: value for field, value in PAGE.items() if field != name}
    assert accepted(absent) == absent


@pytest.mark.parametrize(
    "fields",
    [
        {"added_in_2031": {"deep": [1, {"er": None}]}},
        {"call_status": "hibernating"},
        {"disconnection_reason": "alien_abduction"},
        {"call_type": "hologram_call", "direction": "sideways"},
        {"call_analysis": {"user_sentiment": "Ecstatic", "new": [1], "call_successful": None}},
        {"call_analysis": {}},
        {"latency": {"e2e": LATENCY, "telepathy": {"p50": 1.5, "values": [1, 2.5]}, "none": None}},
        {"latency": {"note": "no object", "count": 3, "list": [1]}},
        {"latency": {}},
        {"transcript_object": []},
        {"transcript_object": [{"role": "narrator", "content": None, "mood": "grim"}, {"words": None}, {}]},
        {
            "transcript_object": [
                {"words": [{}, {"word": None, "start": None, "end": None, "confidence": 0.9}]}
            ]
        },
        {"transcript_with_tool_calls": [{"role": "tool_call_invocation", "arguments": {"not": "text"}}, {}]},
        {"call_cost": {"product_costs": [{"product": "voice", "cost": 1, "unit_price": 0.5, "new": 1}, {}]}},
        {"llm_token_usage": {"values": [1, 2], "average": 1.5, "num_requests": 2}},
        {"metadata": [1], "telephony_identifier": 7, "custom_sip_headers": "x"},
        {"agent_version": 3},
        {"agent_version": "v3"},
        {"start_timestamp": 0, "end_timestamp": 253_402_300_799_999},
        {"start_timestamp": 1703302407333.0, "duration_ms": -1, "sample_rate": 8e3},
        {"e2e_latency": {"p50": -1, "num": 2**53}},
        {"e2e_latency": {"num": 1.5}, "llm_latency": {"num": -1}, "llm_token_usage": {"num_requests": 2.5}},
        {"scrubbed_pre_session_transcript_with_tool_calls": 5, "opt_in_signed_url": "perhaps"},
        {"agent_id": None},
        {"latency": {"tts": {"values": [1, None]}}},
        {
            "transcript_object": [{}],
            "scrubbed_transcript_with_tool_calls": [{"role": "agent", "content": 5}],
        },
    ],
)
def test_what_is_new_or_strange_but_harmless_passes(fields: dict[str, Any]) -> None:
    assert accepted(LEAST | fields) == LEAST | fields


TURN = {"role": "agent", "content": "hi", "words": [{"word": "hi", "start": 0.1, "end": 0.2}]}


@pytest.mark.parametrize(
    ("fields", "path", "value"),
    [
        ({"agent_id": 5}, "$.agent_id", "5"),
        ({"call_status": 5}, "$.call_status", "5"),
        ({"call_id": 5}, "$.call_id", "5"),
        ({"agent_name": ["x"]}, "$.agent_name", '["x"]'),
        ({"agent_version": True}, "$.agent_version.str", "true"),
        ({"transcript": {}}, "$.transcript", "{}"),
        ({"sample_rate": -1}, "$.sample_rate", "-1"),
        ({"sample_rate": 2**31}, "$.sample_rate", "2147483648"),
        ({"start_timestamp": "1703302407333"}, "$.start_timestamp", '"1703302407333"'),
        ({"start_timestamp": True}, "$.start_timestamp", "true"),
        ({"start_timestamp": 1.5}, "$.start_timestamp", "1.5"),
        ({"start_timestamp": -1}, "$.start_timestamp", "-1"),
        ({"end_timestamp": 253_402_300_800_000}, "$.end_timestamp", "253402300800000"),
        ({"duration_ms": 2**63}, "$.duration_ms", "9223372036854775808"),
        ({"drop_call_if_machine_detected": 1}, "$.drop_call_if_machine_detected", "1"),
        ({"opt_out_sensitive_data_storage": "yes"}, "$.opt_out_sensitive_data_storage", '"yes"'),
        ({"transcript_object": {}}, "$.transcript_object", "{}"),
        ({"transcript_object": [TURN, "x"]}, "$.transcript_object[1]", '"x"'),
        ({"transcript_object": [TURN, TURN | {"role": 1}]}, "$.transcript_object[1].role", "1"),
        ({"transcript_object": [{"words": [{"word": 1}]}]}, "$.transcript_object[0].words[0].word", "1"),
        (
            {"transcript_object": [TURN, {"words": [{"start": 1}, {"start": "0.7"}]}]},
            "$.transcript_object[1].words[1].start",
            '"0.7"',
        ),
        ({"transcript_with_tool_calls": ["x"]}, "$.transcript_with_tool_calls[0]", '"x"'),
        ({"e2e_latency": 5}, "$.e2e_latency", "5"),
        ({"e2e_latency": {"p50": "fast"}}, "$.e2e_latency.p50", '"fast"'),
        ({"e2e_latency": {"num": "3"}}, "$.e2e_latency.num", '"3"'),
        ({"e2e_latency": {"num": True}}, "$.e2e_latency.num", "true"),
        ({"latency": []}, "$.latency", "[]"),
        ({"latency": {"tts": {"values": [1, "2"]}}}, "$.latency.tts.values[1]", '"2"'),
        ({"call_analysis": []}, "$.call_analysis", "[]"),
        ({"call_analysis": {"call_successful": "true"}}, "$.call_analysis.call_successful", '"true"'),
        ({"call_analysis": {"call_summary": 1}}, "$.call_analysis.call_summary", "1"),
        ({"call_cost": {"combined_cost": "12"}}, "$.call_cost.combined_cost", '"12"'),
        ({"call_cost": {"product_costs": [{}, {"cost": "1"}]}}, "$.call_cost.product_costs[1].cost", '"1"'),
        ({"llm_token_usage": {"num_requests": []}}, "$.llm_token_usage.num_requests", "[]"),
        (
            {"transcript_object": [], "transcript_with_tool_calls": [{}, TURN, {"words": [{"start": "1"}]}]},
            "$.transcript_with_tool_calls[2].words[0].start",
            '"1"',
        ),
        (
            {"transcript_with_tool_calls": [{"role": {}}, {"role": {"a": 1}, "words": []}]},
            "$.transcript_with_tool_calls[1].role",
            '{"a": 1}',
        ),
        (
            {"scrubbed_transcript_with_tool_calls": [{"role": "dtmf"}, {"role": "agent", "content": 5}]},
            "$.scrubbed_transcript_with_tool_calls[1].content",
            "5",
        ),
        ({"scrubbed_transcript_with_tool_calls": {}}, "$.scrubbed_transcript_with_tool_calls", "{}"),
        ({"call_id": "other"}, "$.call_id", '"other"'),
    ],
)
def test_a_wrong_value_is_rejected_with_its_place(fields: dict[str, Any], path: str, value: str) -> None:
    judged = rejected(body_of(LEAST | fields))
    assert (judged.json_path, judged.value) == (path, value)
    assert judged.reason.startswith("should ")


@pytest.mark.parametrize("name", ["call_id", "call_status"])
def test_a_missing_field_is_rejected_without_a_value(name: str) -> None:
    judged = rejected(body_of({field: value for field, value in LEAST.items() if field != name}))
    assert (judged.json_path, judged.value) == (f"$.{name}", None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[1]", "an array"),
        (b'"x"', "a text"),
        (b"true", "a truth value"),
        (b"null", "null"),
        (b"1.5", "a number"),
    ],
)
def test_what_is_no_object_is_rejected_as_a_whole(body: bytes, kind: str) -> None:
    judged = rejected(body)
    assert (judged.reason, judged.json_path) == (f"should be a JSON object, not {kind}", "$")
    assert judged.value == body.decode()


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        (b"", "$", None),
        (b"<html>502</html>", "$", "<html>502</html>"),
        (b'{"call_id": "c", "e2e_latency": {"p50": NaN}}', "$.e2e_latency.p50", "NaN"),
        (b'{"call_id": "c", "duration_ms": 1e999}', "$.duration_ms", "1e999"),
        (b'{"call_id": "c", "call_id": "d"}', "$.call_id", "call_id"),
        (b'{"call_id": "c"', "$", None),
        (b'{"call_id": "\xff"}', "$", None),
        (b"[" * 300 + b"]" * 300, "$", None),
    ],
)
def test_what_is_no_sound_json_is_rejected(body: bytes, path: str, value: str | None) -> None:
    judged = rejected(body)
    assert (judged.json_path, judged.value) == (path, value)


def test_a_long_value_is_cut() -> None:
    value = rejected(body_of(LEAST | {"agent_name": ["x" * 5000]})).value
    assert value is not None
    assert len(value) == 200
    assert value.endswith("…")


PLACES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "top": lambda inner: inner,
    "object": lambda inner: {"metadata": inner},
    "array": lambda inner: {"added": [1, [inner, inner]]},
    "woven": lambda inner: {"transcript_with_tool_calls": [{"role": "x", "deep": {"er": [inner]}}]},
    "metric": lambda inner: {"latency": {"e2e": inner}},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("token", [SECRET, None, 5, {"inner": SECRET}, [SECRET], ""], ids=str)
def test_an_access_token_is_removed_wherever_it_stands(place: str, token: object) -> None:
    kept = LEAST | PLACES[place]({"kept": 1})
    assert accepted(LEAST | PLACES[place]({"kept": 1, "access_token": token})) == kept


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "query",
    [
        "?X-Amz-Signature={}",
        "?a=1&x-goog-signature={}",
        "?Signature={}&Key-Pair-Id=1",
        "?sig={}",
        "#token={}",
    ],
)
def test_the_query_of_a_signed_url_is_removed_wherever_it_stands(place: str, query: str) -> None:
    signed = UNSIGNED + query.format(SECRET)
    landed = accepted(LEAST | PLACES[place]({"kept": signed}))
    assert landed == LEAST | PLACES[place]({"kept": UNSIGNED})


def test_a_url_that_cannot_be_parsed_loses_its_signature_too() -> None:
    assert accepted(LEAST | {"recording_url": f"http://[x?token={SECRET}"})["recording_url"] == "http://[x"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("HTTPS://x/y?X-AMZ-Signature=s3cr3t", "HTTPS://x/y"),
        (" http://x/y?token=s3cr3t", " http://x/y"),
        (
            "at https://x/y?sig=s3cr3t now, or\nhttps://x/z?a=1&sig=s3cr3t#b",
            "at https://x/y now, or\nhttps://x/z",
        ),
        ("https://x/y?page=2 and https://x/z?sig=s3cr3t", "https://x/y?page=2 and https://x/z"),
        ("https://x/y#a?sig=s3cr3t", "https://x/y"),
    ],
)
def test_signed_urls_within_a_text_lose_their_queries(text: str, kept: str) -> None:
    assert accepted(LEAST | {"transcript": text})["transcript"] == kept


@pytest.mark.parametrize("piece", ["https:", "https:?", "http:?token", "https://x/y?sig", '"access_token":'])
def test_a_long_text_full_of_beginnings_of_secrets_is_read_in_one_go(piece: str) -> None:
    def too_long(*_: object) -> None:
        raise TimeoutError

    text = piece * (1_000_000 // len(piece))
    handler = signal.signal(signal.SIGALRM, too_long)
    # Reading it again from every beginning would take hours.
    signal.alarm(30)
    try:
        assert (
            accepted(LEAST | {"transcript": text, "note": f"https://x?sig={SECRET}"})["note"] == "https://x"
        )
        assert SECRET.encode() not in redact(f'{{"t":"{text}", https://x?sig={SECRET}'.encode())
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)


def test_a_url_that_is_not_signed_keeps_its_query() -> None:
    document = LEAST | {"recording_url": f"{UNSIGNED}?page=2#top", "note": "the token= word, and a sig= too"}
    assert accepted(document) == document


def test_a_token_spelled_with_escapes_is_removed() -> None:
    for key in (escaped("access_token"), "access\\u005ftoken", "access\\u005Ftoken", "\\u0061ccess_token"):
        body = b'{"call_id":"c","agent_id":"a","call_status":"ended","x":[{"%s":"%s"}]}' % (
            key.encode(),
            SECRET.encode(),
        )
        judged = validate("c", body)
        assert isinstance(judged, Accepted)
        assert json.loads(judged.line) == LEAST | {"x": [{}]}


def test_a_signed_url_spelled_with_escapes_loses_its_query() -> None:
    spelled = [
        escaped(SIGNED),
        SIGNED.replace("/", "\\/"),
        SIGNED.replace("?", "\\u003f"),
        SIGNED.replace("-", "\\u002D"),
    ]
    for url in spelled:
        body = b'{"call_id":"c","agent_id":"a","call_status":"ended","recording_url":"%s"}' % url.encode()
        judged = validate("c", body)
        assert isinstance(judged, Accepted)
        assert json.loads(judged.line) == LEAST | {"recording_url": UNSIGNED}


@pytest.mark.parametrize(
    "document",
    [
        [LEAST | {"access_token": SECRET}],
        LEAST | {"agent_name": {"access_token": SECRET}},
        LEAST | {"agent_name": [{"deep": {"access_token": [SECRET]}}]},
        LEAST | {"agent_name": [SIGNED]},
        LEAST | {"call_analysis": SIGNED},
        LEAST | {"transcript_object": [{"words": [{"start": SIGNED}]}]},
        {"call_id": SIGNED, "agent_id": "a", "call_status": "ended"},
        SIGNED,
    ],
)
def test_a_rejected_value_shows_no_secret(document: object) -> None:
    for body in (body_of(document), body_of(document).replace(b"access_token", b"access\\u005ftoken")):
        judged = rejected(body)
        assert judged.value is not None
        assert SECRET not in str(judged)
        assert SECRET.encode() not in redact(body, parse_body(body))


def test_the_beginning_of_a_body_that_is_no_json_shows_no_secret() -> None:
    page = f'"access_token": "{SECRET}", {SIGNED} and so on'
    assert rejected(f"<pre>{page}".encode()).value == f'<pre>"access_token": "removed", {UNSIGNED} and so on'
    assert SECRET not in str(validate("c", page.encode(), Malformed("wrong", "$", page)))


@pytest.mark.parametrize(
    ("broken", "kept"),
    [
        ('{"access_token": "%s", "a": 1', '{"access_token": "removed", "a": 1'),
        ('{"a": [{"access_token":"%s"}', '{"a": [{"access_token":"removed"}'),
        ('{"access_token" :\n "%s', '{"access_token" :\n "removed"'),
        ('{"access_token": "\\"%s\\\\', '{"access_token": "removed"'),
        (
            '{"access_token": "x", "access_token": "%s"}',
            '{"access_token": "removed", "access_token": "removed"}',
        ),
        ('{"access_token": 5%s, "a"', '{"access_token": "removed", "a"'),
        ('{"n": NaN, "u": "https://x/y?a=1&Signature=%s"}', '{"n": NaN, "u": "https://x/y"}'),
        ('{"u": "HTTPS:\\/\\/x\\/y?X-Amz-Signature=%s', '{"u": "HTTPS:\\/\\/x\\/y'),
        ('{"u": "https://x/y?X\\u002dAmz-Signature=a&sig=%s", ', '{"u": "https://x/y", '),
        ('{"u": "https://x/y\\u003fX-Amz-Signature=%s", ', '{"u": "https://x/y", '),
        ('{"access\\u005ftoken": "%s", ', '{"access_token": "removed", '),
        ('{"\\u0061ccess\\u005Ftoken": "\\"\\u0022%s", ', '{"access_token": "removed", '),
    ],
)
def test_a_broken_body_is_kept_without_its_secrets(broken: str, kept: str) -> None:
    assert redact((broken % SECRET).encode()).decode() == kept


@pytest.mark.parametrize("value", ['["%s"]', '{"a": "%s"}', '{"a": [{"b": "x"}, "%s"'])
def test_a_token_that_is_no_text_is_removed_from_a_broken_body(value: str) -> None:
    kept = redact(('{"a": 1, "access_token": ' + value % SECRET).encode()).decode()
    assert SECRET not in kept
    assert kept.startswith('{"a": 1, "access_token": "removed"')


@pytest.mark.parametrize(
    "text",
    [
        '{"call_id":"c","agent_id":"a","call_status":"ended","n":1.10,"m":1E3,"big":12345678901234567890,"t":"\\u00e9"}',
        '{ "call_id" : "c","agent_id":"é","call_status":"😀" }',
        '{"call_status":"x","agent_id":"the access_token and sig=1","call_id":"c","q":"https://x?page=1"}',
    ],
)
def test_a_body_without_secrets_keeps_its_exact_bytes(text: str) -> None:
    judged = validate("c", text.encode())
    assert isinstance(judged, Accepted)
    assert judged.line == text.encode()
    assert judged.payload_hash == hashlib.sha256(judged.line).hexdigest()
    assert redact(text.encode(), parse_body(text.encode())) == text.encode()


def test_only_line_breaks_and_the_byte_order_mark_of_a_sound_body_are_changed() -> None:
    body = b'\xef\xbb\xbf{\r\n  "call_id": "c",\n\t"agent_id": "a",\r"call_status": "a\\nb"}\n'
    judged = validate("c", body)
    assert isinstance(judged, Accepted)
    assert judged.line == b'{    "call_id": "c", \t"agent_id": "a", "call_status": "a\\nb"}'


def test_an_answer_without_sound_text_is_accepted_with_replacements() -> None:
    judged = validate("c", b'{"call_id":"c","agent_id":"\\ud83d","call_status":"x","access_token":"\\udc00"}')
    assert isinstance(judged, Accepted)
    assert json.loads(judged.line) == {"call_id": "c", "agent_id": "\ufffd", "call_status": "x"}


hard_texts = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["access_token", SIGNED, "https://x?sig=", "http", "\ud83d", "\n", "\r\n", "\x85\u2028", '"', "\\"]
)
names = ["access_token", "call_id", "latency", "transcript_object", "metadata", "\ud83d", "\n", '"', "\\"]
keys = st.sampled_from(names) | st.text(max_size=3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | hard_texts
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
pieces = ['"access_token"', ":", '"', "\\", "{", "}", ",", "https://x", "?", "&sig=", "\\u00", "é", SECRET]
fragments = st.lists(st.sampled_from(pieces), max_size=12).map(lambda found: "".join(found).encode())


def without_secrets(node: Any) -> Any:
    """What must be left of a document; written down apart from the code that it judges."""
    match node:
        case dict():
            return {key: without_secrets(value) for key, value in node.items() if key != "access_token"}
        case list():
            return [without_secrets(item) for item in node]
        case str() if node.startswith("http") and "?" in node and ("sig=" in node or "X-Amz-" in node):
            return node.split("?")[0]
    return node


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60) | fragments)
def test_redacting_never_raises_and_doing_it_again_changes_nothing(body: bytes) -> None:
    once = redact(body)
    assert redact(once) == once


@settings(max_examples=60, deadline=None)
@given(documents, st.booleans())
def test_a_redacted_document_reads_as_the_document_without_its_secrets(document: Any, is_ascii: bool) -> None:
    try:
        body = json.dumps(document, ensure_ascii=is_ascii, allow_nan=False).encode()
        read = parse_body(body)
    except ValueError:
        return
    clean = redact(body, read)
    assert json.loads(clean) == without_secrets(document)
    assert SECRET.encode() not in clean


@settings(max_examples=60, deadline=None)
@given(documents, st.sampled_from([None, 1, "\r\n"]))
def test_any_body_is_one_line_without_secrets_or_a_rejection(document: Any, indent: Any) -> None:
    fields = document if isinstance(document, dict) else {"added": document}
    judged = validate("c", json.dumps(fields | LEAST, indent=indent).encode())
    if isinstance(judged, Accepted):
        assert b"\n" not in judged.line
        assert b"\r" not in judged.line
        assert SECRET.encode() not in judged.line
        assert parse(judged.line).items() >= LEAST.items()
    else:
        assert judged.json_path.startswith("$")
        assert SECRET not in str(judged)


def test_a_signature_in_a_name_goes_and_names_stay_apart() -> None:
    url = "https://a.example/x"
    found = accepted(LEAST | {"metadata": {f"{url}?sig=1": 1, f"{url}?sig=2": 2, url: 3}})
    assert found["metadata"] == {f"{url}*": 1, f"{url}**": 2, url: 3}
