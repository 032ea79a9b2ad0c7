"""The call object of API v1 as it reads at one moment in the life of a call.

Invariant: a field appears once the call has come far enough, and does not change from then on.
"""

from random import Random
from typing import Any

from .analysis import analyse
from .calls import Call
from .chance import choose, choose_weighted
from .outcomes import NEVER_CONNECTED

Payload = dict[str, Any]
_STORAGE = "https://retellai.s3.us-west-2.amazonaws.com"
_AUDIO_WEB = (("s16le", 24000), ("s16le", 24000), ("s16le", 16000), ("s16le", 44100), ("s16le", 48000))
# Mulaw is 8000 Hz by definition; a few telephony customers stream linear PCM instead.
_AUDIO_PHONE = (*((("mulaw", 8000),) * 14), ("s16le", 8000), ("s16le", 16000))
_MISSING = object()


def v1(call: Call, rng: Random, as_of_ms: int) -> Payload:
    """Return the object that API v1 would serve for a call at a moment."""
    payload = _setup(call, rng)
    ended = _make_end(call, rng)
    analysed = analyse(call, rng)
    if as_of_ms < (call.start_ms if call.connected else call.end_ms):
        payload["call_status"] = "registered"
        return payload
    if as_of_ms < call.end_ms:
        payload["call_status"] = "ongoing"
        payload["start_timestamp"] = call.start_ms
        return payload
    payload |= ended
    if call.analysed_ms is not None and as_of_ms >= call.analysed_ms:
        payload["call_analysis"] = analysed
    return payload


def _setup(call: Call, rng: Random) -> Payload:
    """Return what is known when the call is registered."""
    encoding, rate = choose(rng, _AUDIO_PHONE if call.by_phone else _AUDIO_WEB)
    payload: Payload = {
        "call_id": call.call_id,
        "agent_id": call.agent.agent_id,
        "audio_websocket_protocol": "twilio" if call.by_phone else "web",
        "audio_encoding": encoding,
        "sample_rate": rate,
        "call_status": call.final_status,
    }
    silence = _MISSING if rng.random() < 0.25 and call.reason != "inactivity" else call.silence_limit_ms
    _put(payload, "end_call_after_silence_ms", silence)
    if call.by_phone:
        payload["from_number"] = call.from_number
        payload["to_number"] = call.to_number
        payload["direction"] = call.channel
    elif rng.random() < 0.15:
        payload["direction"] = None
    _put(payload, "metadata", _metadata(call, rng))
    _put(payload, "retell_llm_dynamic_variables", _variables(call, rng))
    drop = choose_weighted(rng, ((True, 0.3), (False, 0.4), (None, 0.05), (_MISSING, 0.25)))
    _put(payload, "drop_call_if_machine_detected", True if call.reason == "machine_detected" else drop)
    opted_out = choose_weighted(rng, ((False, 0.7), (None, 0.05), (_MISSING, 0.25)))
    _put(payload, "opt_out_sensitive_data_storage", True if call.opted_out else opted_out)
    return payload


def _put(payload: Payload, key: str, value: object) -> None:
    if value is not _MISSING:
        payload[key] = value


def _metadata(call: Call, rng: Random) -> object:
    customer = f"cus_{rng.getrandbits(40):010x}"
    kinds: tuple[tuple[object, float], ...] = (
        ({}, 0.25),
        (_MISSING, 0.08),
        (None, 0.04),
        ({"customer_id": customer}, 0.25),
        ({"customer_id": customer, "campaign": choose(rng, ("spring", "winback", "referral"))}, 0.18),
        ({"crm": {"id": rng.randrange(10**6), "owner": None}, "tags": [call.scenario.name, "v1"]}, 0.12),
        ({"attempt": rng.randrange(1, 4), "score": round(rng.random(), 2), "vip": rng.random() < 0.1}, 0.08),
    )
    return choose_weighted(rng, kinds)


def _variables(call: Call, rng: Random) -> object:
    name = f"{call.slots['first']} {call.slots['last']}"
    kinds: tuple[tuple[object, float], ...] = (
        ({"customer_name": name}, 0.5),
        ({"customer_name": name, "order_number": call.slots["order"], "city": call.slots["city"]}, 0.25),
        ({}, 0.1),
        (None, 0.05),
        (_MISSING, 0.1),
    )
    drawn = choose_weighted(rng, kinds)
    # Dynamic variables fill Retell's own prompts; a custom LLM has none.
    return _MISSING if call.agent.custom_llm else drawn


def _make_end(call: Call, rng: Random) -> Payload:
    """Return what is known once the call is over."""
    payload: Payload = {}
    silent_about_times = rng.random() < 0.55
    if call.connected or not silent_about_times:
        payload["start_timestamp"] = call.start_ms
        payload["end_timestamp"] = call.end_ms
    payload |= _make_transcript(call, rng)
    talk = call.conversation
    missing = rng.random()
    if talk.e2e and (call.opted_out or missing > 0.04):
        payload["e2e_latency"] = summarise(talk.e2e)
        payload["llm_latency"] = summarise(talk.llm)
        if call.agent.custom_llm:
            payload["llm_websocket_network_rtt_latency"] = summarise(talk.rtt)
        elif missing > 0.9:
            payload["llm_websocket_network_rtt_latency"] = None
    elif missing < 0.02:
        payload["e2e_latency"] = payload["llm_latency"] = None
    payload["disconnection_reason"] = call.reason
    return payload


def _make_transcript(call: Call, rng: Random) -> Payload:
    """Return the transcript and the links, unless the call opted out of their storage."""
    talk = call.conversation
    empty_kept = rng.random() < 0.4
    logged = rng.random() < 0.92
    if call.opted_out:
        return {}
    storage = f"{_STORAGE}/{call.call_id}"
    links = {"recording_url": f"{storage}/recording.wav", "public_log_url": f"{storage}/public_log.txt"}
    if not logged:
        del links["public_log_url"]
    if talk.turns:
        return {
            "transcript": talk.transcript,
            "transcript_object": talk.turns,
            "transcript_with_tool_calls": talk.woven,
            **links,
        }
    if call.reason in NEVER_CONNECTED:
        return {"transcript": None, "recording_url": None, "public_log_url": None} if empty_kept else {}
    empty: Payload = {"transcript": "", "transcript_object": [], "transcript_with_tool_calls": []}
    return {**(empty if empty_kept else {}), "public_log_url": f"{storage}/public_log.txt"}


def summarise(samples: list[int] | list[float]) -> dict[str, int | float]:
    """Return the percentiles of samples, interpolated linearly between neighbours."""
    ranked = sorted(samples)
    summary: dict[str, int | float] = {}
    for percent in (50, 90, 95, 99):
        below, hundredths = divmod((len(ranked) - 1) * percent, 100)
        above = ranked[min(below + 1, len(ranked) - 1)]
        summary[f"p{percent}"] = _number(ranked[below] + (above - ranked[below]) * hundredths / 100)
    return {**summary, "max": _number(ranked[-1]), "min": _number(ranked[0]), "num": len(ranked)}


def _number(value: float) -> int | float:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
