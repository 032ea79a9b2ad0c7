"""The call object as the API answers it today, and as early v2 did, made from the one of v1.

Invariant: what both objects tell of a call is the same, and today's one satisfies the types of Retell's SDK.
"""

from random import Random
from typing import Any

from .blanks import add_blanks
from .calls import Call
from .chance import choose, choose_weighted
from .money import add_leg, cost, drop_leg, token_usage
from .odd_turns import Speech, change_plain_turns, change_turns
from .oddities import add_oddities
from .outcomes import NEVER_CONNECTED
from .payload import Payload, summarise
from .quirks import CallQuirks
from .scrubbed import delete_originals, make_placeholders, scrub_items
from .sessions import make_sessions
from .timed_items import time_items
from .woven import transfer_target, woven_today

_V1_ONLY = (
    *("audio_websocket_protocol", "audio_encoding", "sample_rate", "end_call_after_silence_ms"),
    *("drop_call_if_machine_detected", "opt_out_sensitive_data_storage"),
)
_ANALYSIS = ("call_summary", "user_sentiment")
# Whoever asks not to be called, or to be called later, has not got what the call was for.
_ASKED_TO_STOP = ("user_requested_dnc", "user_requested_callback")
_LINKS = ("recording_url", "public_log_url")
_SIGNATURE = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=86400&X-Amz-Signature="


def early_v2(call: Call, v1: Payload) -> Payload:
    """Return the object between v1's and today's: latencies as in v1, analysis as today."""
    payload = {name: value for name, value in v1.items() if name not in _V1_ONLY}
    payload |= {"call_type": "phone_call" if call.by_phone else "web_call", "agent_version": 0}
    if "call_analysis" in v1:
        payload["call_analysis"] = _analysis(call, v1["call_analysis"], call.reason)
    return payload


def today(
    call: Call,
    v1: Payload,
    rng: Random,
    reason: str,
    as_of_ms: int,
    quirks: CallQuirks,
    *,
    has_blanks: bool = False,
    is_heard: bool = True,
) -> Payload:
    """Return today's object of a call; ``reason`` is why it ended, should it be over.

    With ``has_blanks`` the words carry the blanks between them. Of a call that is not heard there are no
    transcripts, and everything else.
    """
    setting = "everything_except_pii" if quirks.has("everything_except_pii") else "everything"
    if call.opted_out:
        setting = "basic_attributes_only"
    payload = _make(
        call, v1, rng, reason, as_of_ms, setting, quirks, has_blanks=has_blanks, is_heard=is_heard
    )
    add_oddities(call, payload, quirks)
    if setting == "everything_except_pii" and "disconnection_reason" in payload:
        delete_originals(call, payload, quirks)
    return payload


def _make(
    call: Call,
    v1: Payload,
    rng: Random,
    reason: str,
    as_of_ms: int,
    setting: str,
    quirks: CallQuirks,
    *,
    has_blanks: bool,
    is_heard: bool,
) -> Payload:
    payload = _setup(call, v1, rng)
    payload["data_storage_setting"] = setting
    payload["opt_in_signed_url"] = signed = rng.random() < 0.15
    if "disconnection_reason" not in v1:
        return payload | {name: v1[name] for name in ("start_timestamp",) if name in v1}
    over: Payload = {"disconnection_reason": reason, "duration_ms": 0, "transcript": "", "latency": {}}
    if call.reason in NEVER_CONNECTED:
        payload["call_status"] = "not_connected"
        over["call_cost"] = cost(rng, 0, by_phone=call.by_phone)
    else:
        over |= {"start_timestamp": call.start_ms, "end_timestamp": call.end_ms}
        over["duration_ms"] = call.end_ms - call.start_ms
        over["call_cost"] = cost(rng, over["duration_ms"], by_phone=call.by_phone)
        over["latency"] = _latency(call, rng)
        if call.conversation.llm and not call.agent.custom_llm:
            over["llm_token_usage"] = token_usage(rng, len(call.conversation.llm))
        over |= _transfer(call, rng, reason, over["call_cost"], as_of_ms)
        transcripts = _make_transcripts(
            call, v1, rng, setting, reason, quirks, has_blanks=has_blanks, is_heard=is_heard
        )
        over |= transcripts
        over |= _links(call, v1, rng, signed=signed)
    if rng.random() < 0.5:
        over["collected_dynamic_variables"] = {"city": call.slots["city"]} if call.completed else {}
    if "call_analysis" in v1:
        over["call_analysis"] = _analysis(call, v1["call_analysis"], reason)
    return payload | over


def _setup(call: Call, v1: Payload, rng: Random) -> Payload:
    payload: Payload = {
        "call_id": call.call_id,
        "call_type": "phone_call" if call.by_phone else "web_call",
        "agent_id": call.agent.agent_id,
        "agent_name": call.agent.business,
        "agent_version": rng.randrange(0, 14),
        "call_status": v1["call_status"],
        **{name: v1[name] for name in ("metadata", "retell_llm_dynamic_variables") if name in v1},
    }
    if rng.random() < 0.7:
        payload["agent_tag"] = choose_weighted(rng, (("prod", 0.8), ("staging", 0.1), (None, 0.1)))
    if not call.by_phone:
        return payload | {"access_token": f"token_{rng.getrandbits(256):064x}"}
    payload |= {name: v1[name] for name in ("from_number", "to_number", "direction")}
    payload["telephony_identifier"] = {"twilio_call_sid": f"CA{rng.getrandbits(128):032x}"}
    if rng.random() < 0.2:
        payload["custom_sip_headers"] = {"X-Campaign": choose(rng, ("spring", "winback", "referral"))}
    return payload


def _latency(call: Call, rng: Random) -> Payload:
    """Return every metric that this call has, with its samples."""
    talk, agent = call.conversation, call.agent
    if not talk.e2e:
        return {}
    is_one_model = not agent.custom_llm and rng.random() < 0.1
    samples: dict[str, list[int] | list[float]] = {
        "e2e": talk.e2e,
        "asr": [round(40 + 60 * rng.random(), 1) for _ in talk.e2e],
    }
    if is_one_model:
        samples["s2s"] = talk.llm
    else:
        samples["llm"] = talk.llm
        samples["tts"] = [round(90 + 120 * rng.random(), 1) for _ in talk.e2e]
    if agent.custom_llm:
        samples["llm_websocket_network_rtt"] = talk.rtt
    elif rng.random() < 0.3:
        samples["knowledge_base"] = [round(60 + 80 * rng.random(), 1) for _ in talk.e2e[::2]]
    return {metric: {**summarise(values), "values": values} for metric, values in samples.items()}


def _transfer(call: Call, rng: Random, reason: str, cost: Payload, as_of_ms: int) -> Payload:
    """Return where a call went on, and once that leg is over, when it ended and what it cost."""
    if call.reason != "call_transfer" or reason == "transfer_cancelled":
        return {}
    destination = choose(rng, (call.to_number, "sip:desk@office.example;transport=tls"))
    leg_ms = rng.randrange(600_000, 3_000_000) if call.leg_is_long else rng.randrange(5_000, 90_000)
    if as_of_ms < call.end_ms + leg_ms:
        return {"transfer_destination": destination, "call_cost": drop_leg(cost)}
    return {
        "transfer_destination": destination,
        "transfer_end_timestamp": call.end_ms + leg_ms,
        "call_cost": add_leg(cost, leg_ms) if call.leg_is_long else cost,
    }


def _make_transcripts(
    call: Call,
    v1: Payload,
    rng: Random,
    setting: str,
    reason: str,
    quirks: CallQuirks,
    *,
    has_blanks: bool,
    is_heard: bool,
) -> Payload:
    """Return the transcripts that are stored, whole or scrubbed; unless heard, none of their words."""
    if call.opted_out or not v1.get("transcript_object"):
        return {}
    woven = woven_today(rng, v1["transcript_with_tool_calls"], by_phone=call.by_phone)
    has_target = reason in ("call_transfer", "transfer_bridged") and rng.random() < 0.5
    is_scrubbed = setting == "everything_except_pii"
    has_both = rng.random() < 0.1 and not is_scrubbed
    if not is_heard:
        return {}
    turns = [
        {
            **turn,
            "metadata": {"response_id": number} if turn["role"] == "agent" else {"is_backchannel": False},
        }
        for number, turn in enumerate(v1["transcript_object"])
    ]
    speech = Speech(turns, woven, v1["transcript"])
    if has_target:
        # Whoever the call went to is heard too.
        answer = transfer_target(turns)
        speech.turns.append(answer)
        speech.woven.append({**answer, "words": [word.copy() for word in answer["words"]]})
        speech.transcript += f"Transfer Target: {answer['content']}\n"
    change_plain_turns(speech, quirks)
    speech.woven = time_items(speech.woven, quirks.stream("time_sec"), has_times=quirks.has("time_sec"))
    if has_blanks:
        add_blanks([len(turn["words"]) for turn in speech.turns], speech.turns, speech.woven)
    change_turns(speech, quirks)
    sessions = make_sessions(call.slots, call.end_ms - call.start_ms, quirks)
    lists = {**sessions, "transcript_with_tool_calls": speech.woven}
    if is_scrubbed or has_both:
        placeholders = make_placeholders(call.slots)
        scrubbed = {f"scrubbed_{name}": scrub_items(items, placeholders) for name, items in lists.items()}
        if is_scrubbed:
            return scrubbed
        lists |= scrubbed
    return {**lists, "transcript": speech.transcript, "transcript_object": speech.turns}


def _links(call: Call, v1: Payload, rng: Random, *, signed: bool) -> Payload:
    links = {name: v1[name] for name in _LINKS if v1.get(name)}
    if "recording_url" in links:
        links["recording_multi_channel_url"] = links["recording_url"].replace("recording", "multichannel")
    if links and rng.random() < 0.2:
        base = next(iter(links.values())).rpartition("/")[0]
        links["knowledge_base_retrieved_contents_url"] = f"{base}/kb_retrieved_contents.txt"
    if signed:
        links = {name: f"{url}{_SIGNATURE}{rng.getrandbits(256):064x}" for name, url in links.items()}
    return dict(links)


def _analysis(call: Call, v1: Payload, reason: str) -> dict[str, Any]:
    analysis = {name: v1[name] for name in _ANALYSIS if name in v1}
    topic = {"topic": call.scenario.name, "resolved": call.completed} if call.conversation.turns else {}
    return analysis | {
        "call_successful": call.completed and reason not in _ASKED_TO_STOP,
        "in_voicemail": reason in ("voicemail_reached", "machine_detected"),
        "custom_analysis_data": topic,
    }
