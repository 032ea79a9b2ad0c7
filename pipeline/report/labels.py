"""What the report calls things, and the colours it gives them; colours are CSS variables of the page."""

from __future__ import annotations

from typing import NamedTuple


class Named(NamedTuple):
    """A value as it is stored, what the page calls it, its colour, and how its legend is drawn."""

    key: str
    label: str
    colour: str
    mark: str = "square"


RESULTS = (
    Named("conversation", "conversation", "var(--good)"),
    Named("automated_answer", "voicemail or IVR", "var(--violet)"),
    Named("not_connected", "not connected", "var(--quiet)"),
    Named("going_on", "still going on", "var(--warn)"),
)
CATEGORIES = (
    Named("completed", "completed", "var(--good)"),
    Named("transferred", "transferred", "var(--blue)"),
    Named("automated_answer", "automated answer", "var(--violet)"),
    Named("not_connected", "not connected", "var(--quiet)"),
    Named("timeout", "timeout", "var(--warn)"),
    Named("operator", "operator", "var(--pink)"),
    Named("capacity_or_account", "capacity or account", "var(--brown)"),
    Named("platform_error", "platform error", "var(--bad)"),
    Named("unknown", "unknown reason", "var(--faint)"),
    Named("none", "no reason", "var(--fainter)"),
)
SENTIMENTS = (
    Named("Positive", "positive", "var(--good)"),
    Named("Neutral", "neutral", "var(--quiet)"),
    Named("Negative", "negative", "var(--bad)"),
    Named("Unknown", "unknown", "var(--faint)"),
)
VERDICTS = (
    Named("call_successful", "call successful", "var(--good)", "line"),
    Named("agent_task_completion_rating", "task complete (v1)", "var(--violet)", "line"),
)
ENDINGS = (
    Named("succeeded", "succeeded", "var(--good)"),
    Named("failed", "failed", "var(--bad)"),
    Named("no_verdict", "result without a verdict", "var(--quiet)"),
    Named("no_result", "no result", "var(--faint)"),
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
