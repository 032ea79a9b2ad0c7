"""The labels and colours that the report gives to stored values; colours are CSS variables of the page."""

from __future__ import annotations

from typing import NamedTuple


class LegendEntry(NamedTuple):
    """A stored value, its label and colour on the page, and the shape of its mark in the legend."""

    key: str
    label: str
    colour: str
    mark: str = "square"


RESULTS = (
    LegendEntry("conversation", "conversation", "var(--good)"),
    LegendEntry("automated_answer", "voicemail or IVR", "var(--violet)"),
    LegendEntry("not_connected", "not connected", "var(--quiet)"),
    LegendEntry("going_on", "still going on", "var(--warn)"),
)
CATEGORIES = (
    LegendEntry("completed", "completed", "var(--good)"),
    LegendEntry("asked_to_stop", "asked to stop", "var(--teal)"),
    LegendEntry("transferred", "transferred", "var(--blue)"),
    LegendEntry("automated_answer", "automated answer", "var(--violet)"),
    LegendEntry("not_connected", "not connected", "var(--quiet)"),
    LegendEntry("timeout", "timeout", "var(--warn)"),
    LegendEntry("operator", "operator", "var(--pink)"),
    LegendEntry("capacity_or_account", "capacity or account", "var(--brown)"),
    LegendEntry("platform_error", "platform error", "var(--bad)"),
    LegendEntry("unknown", "unknown reason", "var(--faint)"),
    LegendEntry("none", "no reason", "var(--fainter)"),
)
SENTIMENTS = (
    LegendEntry("Positive", "positive", "var(--good)"),
    LegendEntry("Neutral", "neutral", "var(--quiet)"),
    LegendEntry("Negative", "negative", "var(--bad)"),
    LegendEntry("Unknown", "unknown", "var(--faint)"),
)
VERDICTS = (
    LegendEntry("call_successful", "call successful", "var(--good)", "line"),
    LegendEntry("agent_task_completion_rating", "task complete (v1)", "var(--violet)", "line"),
)
ENDINGS = (
    LegendEntry("succeeded", "succeeded", "var(--good)"),
    LegendEntry("failed", "failed", "var(--bad)"),
    LegendEntry("no_verdict", "result without a verdict", "var(--quiet)"),
    LegendEntry("no_result", "no result", "var(--faint)"),
)
METRICS = {
    "e2e": "end to end",
    "llm": "LLM",
    "llm_websocket_network_rtt": "LLM network",
    "asr": "speech to text",
    "tts": "text to speech",
    "knowledge_base": "knowledge base",
    "s2s": "speech to speech",
}
ROLES = {"agent": "agent", "user": "user", "transfer_target": "transfer"}
# The headline metrics in the order of the page: what each is called, and what it is counted over.
HEADLINES = {
    "calls": ("Calls", ""),
    "connect_rate": ("Connected", "calls"),
    "success_rate": ("Successful", "judged calls"),
    "conversation_success_rate": ("Successful conversations", "judged"),
    "containment_rate": ("Contained", "conversations"),
    "early_hangup_rate": ("Hung up early", "conversations"),
    "voicemail_rate": ("Voicemail", "connected calls"),
    "transfer_success_rate": ("Successful transfers", "attempts"),
    "negative_rate": ("Negative sentiment", "rated calls"),
    "e2e_p50_ms": ("End to end, p50", "turns"),
    "e2e_p95_ms": ("End to end, p95", "turns"),
    "dead_air_rate": ("Dead air", "timed calls"),
    "cents_per_connected_minute": ("Cost of a minute", "priced calls"),
}
