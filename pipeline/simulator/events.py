"""The events that Retell sends of a call, made from what the call's payload is in the end.

Invariant: the call of the last event, `call_analyzed`, is what get-call returns; only of a call that is opted
out the events have what was said, which get-call never returns.
"""

from collections.abc import Iterator
from typing import Any

Item = dict[str, Any]
Event = dict[str, Any]

_ANALYSES = ("call_analysis", "scrubbed_call_analysis")
_GOING_ON = ("registered", "ongoing")
_OPTED_OUT = "basic_attributes_only"
# What is known of a call when it begins.
_AT_THE_START = (
    "call_id",
    "call_type",
    "agent_id",
    "agent_name",
    "agent_version",
    "agent_tag",
    "access_token",
    "from_number",
    "to_number",
    "direction",
    "telephony_identifier",
    "custom_sip_headers",
    "metadata",
    "retell_llm_dynamic_variables",
    "data_storage_setting",
    "opt_in_signed_url",
    "start_timestamp",
)
_TRANSFERRED = ("call_transfer", "transfer_bridged")


def make_events(payload: Item, interims: int = 0) -> list[Event]:
    """Return the events of a call in the order in which they happen; of one that goes on, that it began.

    ``interims`` is how many events tell of the transcript while the call goes on.
    """
    if payload.get("call_status") in _GOING_ON:
        return [{"event": "call_started", "call": payload}]
    final = _speak(payload) if payload.get("data_storage_setting") == _OPTED_OUT else payload
    ended = {name: value for name, value in final.items() if name not in _ANALYSES}
    events = [*_make_early(final, interims), {"event": "call_ended", "call": ended}]
    if any(name in final for name in _ANALYSES):
        events.append({"event": "call_analyzed", "call": final})
    return events


def make_chat_events(number: int) -> list[Event]:
    """Return the events of a chat."""
    chat = {"chat_id": f"chat_{number:024x}", "agent_id": "agent_chat", "chat_status": "ongoing"}
    ended = chat | {"chat_status": "ended", "transcript": "User: hello\nAgent: hello\n"}
    return [
        {"event": "chat_started", "chat": chat},
        {"event": "chat_ended", "chat": ended},
        {"event": "chat_analyzed", "chat": ended | {"chat_analysis": {"chat_summary": "A greeting."}}},
    ]


def _make_early(final: Item, interims: int) -> Iterator[Event]:
    """Yield the events before the end; a call that never connects has none."""
    if final.get("start_timestamp") is None or final.get("call_status") == "not_connected":
        return
    begun = {name: final[name] for name in _AT_THE_START if name in final} | {"call_status": "ongoing"}
    yield {"event": "call_started", "call": begun}
    for part in range(1, interims + 1):
        yield {"event": "transcript_updated", "call": begun | _cut(final, part / interims)}
    destination = final.get("transfer_destination")
    if destination is not None:
        moved = {
            "call": begun | _cut(final, 1),
            "transfer_destination": {"type": "predefined", "number": destination},
            "transfer_option": {"type": "cold_transfer"},
        }
        yield {"event": "transfer_started", **moved}
        is_bridged = final.get("disconnection_reason") in _TRANSFERRED
        yield {"event": "transfer_bridged" if is_bridged else "transfer_cancelled", **moved}


def _cut(final: Item, share: float) -> Item:
    """Return the transcripts as they are when a share of the call is over."""
    turns = final.get("transcript_object") or []
    woven = final.get("transcript_with_tool_calls") or []
    spoken = turns[: round(len(turns) * share)]
    cut: Item = {"transcript_object": spoken}
    if woven:
        cut["transcript_with_tool_calls"] = woven[: round(len(woven) * share)]
    cut["transcript"] = "".join(f"{turn['role'].title()}: {turn['content']}\n" for turn in spoken)
    return cut


def _speak(payload: Item) -> Item:
    """Return the payload of an opted-out call with what only its events have."""
    if payload.get("start_timestamp") is None or payload.get("call_status") != "ended":
        return payload
    words = [{"word": "my", "start": 1, "end": 1.5}, {"word": "secret", "start": 2, "end": 2.5}]
    turn = {"role": "user", "content": "my secret", "words": words}
    return payload | {
        "transcript": "User: my secret\n",
        "transcript_object": [turn],
        "transcript_with_tool_calls": [turn],
        "recording_url": f"https://recordings.example.com/{payload['call_id']}.wav",
    }
