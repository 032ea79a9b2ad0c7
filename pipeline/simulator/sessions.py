"""What ran before and after a call: a tool with its result, and a message.

Invariant: nothing of it was heard in the call, so its times lie at the start and behind the end.
"""

from typing import Any

from .chance import choose
from .quirks import CallQuirks
from .slots import Slots

Item = dict[str, Any]
_SESSIONS = ("pre_session", "post_session")
_TOOLS = {"pre_session": ("load_customer", "check_consent"), "post_session": ("save_outcome", "update_crm")}


def make_sessions(slots: Slots, lasted_ms: int, quirks: CallQuirks) -> dict[str, list[Item]]:
    """Return the lists of the sessions that a call has, by the field they stand in."""
    return {
        f"{session}_transcript_with_tool_calls": _make_items(session, slots, lasted_ms, quirks)
        for session in _SESSIONS
        if quirks.has(session)
    }


def _make_items(session: str, slots: Slots, lasted_ms: int, quirks: CallQuirks) -> list[Item]:
    rng = quirks.stream(session)
    tool_call_id = f"tool_call_{rng.getrandbits(64):016x}"
    since = 0.0 if session == "pre_session" else lasted_ms / 1000
    took = round(0.2 + rng.expovariate(1 / 0.6), 3) if session == "post_session" else 0.0
    items: list[Item] = [
        {
            "role": "tool_call_invocation",
            "tool_call_id": tool_call_id,
            "name": choose(rng, _TOOLS[session]),
            "arguments": f'{{"customer": "{slots["first"]} {slots["last"]}"}}',
            "type": "integration_app",
        },
        {"role": "tool_call_result", "tool_call_id": tool_call_id, "content": "done", "successful": True},
    ]
    if quirks.has("time_sec"):
        items[0]["time_sec"] = round(since, 3)
        items[1]["time_sec"] = round(since + took, 3)
    if rng.random() < 0.7:
        text = f"Thank you, {slots['first']}." if session == "post_session" else "We call you in a minute."
        sms = {"role": "sms", "content": text, "time_sec": round(since + took, 3)}
        items.append(sms)
    return items
