"""What the page of a call shows beside its charts: facts, latency, and what was said with the tools between.

Everything is text for a template that escapes it: a transcript is what strangers said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.report import call_charts, figures
from pipeline.report.labels import METRICS, ROLES
from pipeline.report.queries import Answers, Row

_MOST_TEXT = 2_000


@dataclass(frozen=True)
class TranscriptItem:
    """A turn of the conversation, or a tool that was invoked after it."""

    index: int | None
    role: str
    at_s: float | None
    text: str
    notes: tuple[str, ...] = ()
    result: str | None = None
    ending: str = ""


@dataclass(frozen=True)
class CallPage:
    """The page of one of the worst calls: why it is one, what is known of it, and what was said."""

    call: Row
    agent: str
    why: list[str]
    facts: list[tuple[str, str]]
    latency: list[Row]
    transcript: list[TranscriptItem]
    charts: dict[str, list[Row]]

    @property
    def call_id(self) -> str:
        """The id of the call."""
        return str(self.call["call_id"])

    @property
    def timeline_height(self) -> int:
        """The height of its timeline in pixels."""
        return call_charts.compute_timeline_height(self.charts["timeline"])


def make_pages(answers: Answers) -> list[CallPage]:
    """Return the pages of the worst calls; calls with most faults come first."""
    calls = {call["call_id"]: call for call in answers.calls}
    return [
        _make_page(answers, calls[call_id], why) for call_id, why in figures.rank_worst_calls(answers).items()
    ]


def _make_page(answers: Answers, call: Row, why: list[str]) -> CallPage:
    agent = answers.label_agent(call["agent_id"])
    latency = [row | {"label": METRICS.get(row["metric"], row["metric"])} for row in call["call_latency"]]
    return CallPage(
        call, agent, why, _list_facts(call), latency, _list_transcript(call), call_charts.make_rows(call)
    )


def _list_facts(call: Row) -> list[tuple[str, str]]:
    """Return the names and values of what is known of a call."""
    cause = call["slow_metric"] and (
        f"{METRICS.get(call['slow_metric'], call['slow_metric'])}: p95 {call['slow_metric_p95_ms']:,.0f} ms, "
        f"usually {call['slow_metric_usual_p95_ms']:,.0f} ms"
    )
    facts: list[tuple[str, str | None]] = [
        ("Duration", _format(call["duration_ms"], lambda ms: format_clock(ms / 1000))),
        ("Direction", _format(call["direction"], lambda text: text.replace("_", " "))),
        ("Ended by", call["disconnection_reason"]),
        ("Successful", _format(call["is_successful"], lambda good: "yes" if good else "no")),
        ("User sentiment", call["user_sentiment"]),
        ("Agent version", call["agent_version"]),
        ("Agent's share of talk", _format(call["agent_talk_ratio"], lambda share: f"{share:.0%}")),
        ("Silence", _format(call["silence_rate"], lambda share: f"{share:.0%} of the dialogue")),
        ("Longest silence", _format(call["longest_silence_s"], lambda long_s: f"{long_s:,.1f} s")),
        ("Agent interrupts", _format(call["agent_interruption_count"], lambda count: f"{count:,}×")),
        ("User interrupts", _format(call["user_interruption_count"], lambda count: f"{count:,}×")),
        ("Cost", _format(call["cost_cents"], lambda cents: f"${cents / 100:,.2f}")),
        ("What was slow", cause or None),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _format(value: Any, form: Any) -> str | None:
    return None if value is None else str(form(value))


def format_clock(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _list_transcript(call: Row) -> list[TranscriptItem]:
    """Return turns and tools in the order of the conversation."""
    after: dict[int | None, list[TranscriptItem]] = {}
    for tool in call["call_tools"]:
        ending = {True: "succeeded", False: "failed"}.get(tool["successful"], "")
        took = () if tool["latency_ms"] is None else (f"took {tool['latency_ms'] / 1000:,.2f} s",)
        item = TranscriptItem(
            None,
            "tool",
            tool["at_s"],
            _shorten(tool["arguments"] or ""),
            (tool["name"] or "(no name)", *took),
            None if tool["result"] is None else _shorten(tool["result"]),
            ending,
        )
        after.setdefault(tool["utterance_index"], []).append(item)
    listed = after.pop(None, [])
    for turn in call["turns"]:
        listed.append(_make_turn(turn))
        listed += after.pop(turn["utterance_index"], [])
    # Tools after a turn that is not stored.
    return listed + [item for items in after.values() for item in items]


def _make_turn(turn: Row) -> TranscriptItem:
    notes = []
    if turn["response_gap_ms"] is not None:
        notes.append(f"after {turn['response_gap_ms'] / 1000:,.2f} s")
    if turn["overlap_ms"]:
        notes.append(f"interrupts, {turn['overlap_ms'] / 1000:,.2f} s at once")
    role = ROLES.get(turn["role"], turn["role"] or "unknown")
    return TranscriptItem(
        turn["utterance_index"], role, turn["start_s"], _shorten(turn["content"] or ""), tuple(notes)
    )


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
