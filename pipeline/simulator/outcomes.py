"""How calls end: every documented disconnection reason, its weight, and what it leaves of a dialogue.

Invariant: the reason comes before anything else is drawn, so that channel, agent, dialogue and status agree.
"""

from dataclasses import dataclass, replace
from random import Random

from . import script
from .agents import INBOUND, OUTBOUND, WEB, Agent
from .chance import choose, choose_weighted
from .dialogue import Invocation, Line, agent_line, user_line
from .script import Tool
from .slots import Slots

# Weights in 200; a deck holds every reason, so any 200 calls in a row show all nineteen.
_WEIGHTS = {
    "user_hangup": 92,
    "agent_hangup": 46,
    "call_transfer": 12,
    "dial_no_answer": 9,
    "inactivity": 8,
    "machine_detected": 7,
    "dial_busy": 4,
    "dial_failed": 3,
    "error_llm_websocket_lost_connection": 3,
    "concurrency_limit_reached": 2,
    "error_llm_websocket_open": 2,
    "error_llm_websocket_runtime": 2,
    "error_twilio": 2,
    "error_no_audio_received": 2,
    "error_retell": 2,
    "error_llm_websocket_corrupt_payload": 1,
    "error_frontend_corrupted_payload": 1,
    "error_asr": 1,
    "error_unknown": 1,
}
DISCONNECTION_REASONS = tuple(_WEIGHTS)
REASON_DECK = tuple(reason for reason, weight in _WEIGHTS.items() for _ in range(weight))
# Calls that are on the line right now end in one of these once they are over.
LIVE_DECK = ("user_hangup", "user_hangup", "agent_hangup")
HANGUPS = frozenset({"user_hangup", "agent_hangup", "call_transfer"})
NEVER_CONNECTED = frozenset({"dial_busy", "dial_failed", "dial_no_answer", "concurrency_limit_reached"})
_DIALED = frozenset({"dial_busy", "dial_failed", "dial_no_answer", "machine_detected"})
_PHONE_ONLY = frozenset({"call_transfer", "error_twilio"})

_TRANSFER = Tool(
    "transfer_call", (("reason", "requested by caller"), ("queue", "office")), (("status", "ok"),)
)
_END_CALL = Tool("end_call", (("reason", "conversation finished"),), ())


def cast(rng: Random, reason: str, agents: tuple[Agent, ...]) -> tuple[Agent, str]:
    """Choose an agent and a channel that this reason can happen to."""
    if reason.startswith("error_llm_websocket"):
        agents = tuple(agent for agent in agents if agent.custom_llm)
    if reason in _DIALED:
        allowed = {OUTBOUND}
    elif reason in _PHONE_ONLY:
        allowed = {INBOUND, OUTBOUND}
    elif reason == "error_frontend_corrupted_payload":
        allowed = {WEB}
    else:
        allowed = {INBOUND, OUTBOUND, WEB}
    pairs = [
        ((agent, channel), agent.volume * share)
        for agent in agents
        for channel, share in agent.channels
        if channel in allowed
    ]
    return choose_weighted(rng, pairs)


def status(rng: Random, reason: str) -> str:
    """Return the status of a call that is over."""
    if reason.startswith("error_"):
        return "error"
    failed = {"concurrency_limit_reached": 0.7, "dial_failed": 0.5, "dial_busy": 0.15, "dial_no_answer": 0.15}
    return "error" if rng.random() < failed.get(reason, 0.0) else "ended"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is left of a dialogue: its lines, the silence after them, and whether the aim was reached."""

    lines: list[Line]
    silence_ms: int
    completed: bool = False


def end(rng: Random, reason: str, lines: list[Line], slots: Slots, silence_limit_ms: int) -> Ending:
    """Let a dialogue end for this reason."""
    if reason in NEVER_CONNECTED or reason == "error_llm_websocket_open":
        return Ending([], 400 + int(2_000 * rng.random()))
    if reason == "machine_detected":
        voicemail = user_line(slots, choose(rng, script.VOICEMAILS))
        return Ending([voicemail, lines[0]] if rng.random() < 0.4 else [voicemail], int(3_000 * rng.random()))
    if reason == "error_no_audio_received":
        return Ending(lines[:1], 20_000 + int(10_000 * rng.random()))
    if reason.startswith("error_"):
        return Ending(lines[: rng.randrange(0, 9)], int(4_000 * rng.random()))
    if reason == "inactivity":
        cut = lines[: 1 + 2 * rng.randrange(0, len(lines) // 2)]
        reminders = rng.sample(script.STILL_THERE, rng.randrange(1, 3))
        return Ending([*cut, *(agent_line(slots, text) for text in reminders)][:40], silence_limit_ms)
    if reason == "call_transfer":
        return Ending(_make_transfer(rng, lines, slots), 300 + int(1_500 * rng.random()))
    if reason == "agent_hangup":
        *kept, goodbye, _ = lines
        leave = replace(goodbye, parts=(*goodbye.parts, _make_invocation(_END_CALL, slots, result=False)))
        return Ending([*kept, leave], int(600 * rng.random()), completed=True)
    if rng.random() < 0.2:
        cut = lines[: 2 * rng.randrange(1, len(lines) // 2) + 1]
        return Ending([*cut, user_line(slots, choose(rng, script.GIVES_UP))], int(900 * rng.random()))
    return Ending(lines, int(1_200 * rng.random()), completed=True)


def _make_transfer(rng: Random, lines: list[Line], slots: Slots) -> list[Line]:
    cut = lines[: 2 * rng.randrange(2, len(lines) // 2) - 1]
    wish = user_line(slots, choose(rng, script.WANTS_PERSON))
    handover = agent_line(
        slots, choose(rng, script.TRANSFERS), _make_invocation(_TRANSFER, slots, result=True)
    )
    return [*cut, wish, handover]


def _make_invocation(tool: Tool, slots: Slots, *, result: bool) -> Invocation:
    arguments = "{" + ", ".join(f'"{key}": "{value}"' for key, value in tool.arguments) + "}"
    return Invocation(tool.name, arguments, "Transfer started" if result else None, 300)
