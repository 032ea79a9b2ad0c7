"""What payloads say, read in plain Python by the definitions of the pages: a reference for views.

Nothing here knows SQL or the tables. A payload is read by itself; views group what is read.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Call = dict[str, Any]
Item = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Reasons by category, as the page of the API and the comments on the known ones have them.
CATEGORIES = {
    "completed": "user_hangup agent_hangup",
    "asked_to_stop": "user_requested_dnc user_requested_callback",
    "transferred": "call_transfer transfer_bridged transfer_cancelled",
    "automated_answer": "voicemail_reached ivr_reached machine_detected",
    "timeout": "inactivity max_duration_reached",
    "not_connected": "dial_busy dial_failed dial_no_answer invalid_destination"
    " telephony_provider_permission_denied telephony_provider_unavailable sip_routing_error marked_as_spam"
    " user_declined network_blocked",
    "capacity_or_account": "concurrency_limit_reached no_concurrency_fallback no_valid_payment"
    " credit_exhausted budget_reached scam_detected",
    "platform_error": "error_llm_websocket_open error_llm_websocket_lost_connection"
    " error_llm_websocket_runtime error_llm_websocket_corrupt_payload error_frontend_corrupted_payload"
    " error_twilio error_no_audio_received error_asr error_retell error_unknown error_user_not_joined"
    " registered_call_timeout error_inbound_webhook",
    "operator": "manual_stopped call_take_over",
}
CATEGORY_OF = {reason: name for name, reasons in CATEGORIES.items() for reason in reasons.split()}
NOBODY = {reason for name in ("not_connected", "capacity_or_account") for reason in CATEGORIES[name].split()}
NOBODY -= {"scam_detected"}
NOBODY |= {"error_user_not_joined", "registered_call_timeout", "error_inbound_webhook"}
METRICS_OF_V1 = ("e2e", "llm", "llm_websocket_network_rtt")
PHASES = ("pre_session", "session", "post_session")


@dataclass(frozen=True)
class Word:
    """A word of a turn, in whole milliseconds."""

    text: str
    start_ms: int
    end_ms: int

    @property
    def is_spoken(self) -> bool:
        return self.end_ms > self.start_ms


@dataclass(frozen=True)
class Turn:
    """A turn of the transcript."""

    index: int
    role: str
    content: str
    words: tuple[Word, ...]
    metadata: Any

    @property
    def spoken(self) -> list[Word]:
        return [word for word in self.words if word.is_spoken]


@dataclass
class Tool:
    """An invocation of a tool, with its result and the turns around it."""

    phase: str
    item: Item
    before: int | None
    after: int | None
    result: Item | None = None

    @property
    def invoked_at_s(self) -> float | None:
        return self.item.get("time_sec")

    @property
    def result_at_s(self) -> float | None:
        return None if self.result is None else self.result.get("time_sec")

    @property
    def latency_ms(self) -> float | None:
        if self.invoked_at_s is None or self.result_at_s is None:
            return None
        return (self.result_at_s - self.invoked_at_s) * 1000


class Event(NamedTuple):
    """Anything else that is woven into the transcript, with the turn before it."""

    phase: str
    item: Item
    before: int | None


def moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else EPOCH + timedelta(milliseconds=stamp)


def words_of(item: Item) -> tuple[Word, ...]:
    words = item.get("words") or []
    return tuple(Word(word["word"], round(word["start"] * 1000), round(word["end"] * 1000)) for word in words)


@dataclass
class Read:
    """A payload, as a person reads it."""

    call: Call
    zone: str = "UTC"

    @property
    def call_id(self) -> str:
        return str(self.call["call_id"])

    @property
    def agent(self) -> str | None:
        return self.call.get("agent_id")

    @property
    def version(self) -> str | None:
        version = self.call.get("agent_version")
        return None if version in (None, "") else str(int(version))

    @property
    def dated_at(self) -> datetime | None:
        start, end = (self.call.get(f"{name}_timestamp") for name in ("start", "end"))
        return moment(start if start is not None else end)

    @property
    def local_at(self) -> datetime | None:
        return self.dated_at and self.dated_at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)

    @property
    def day(self) -> date | None:
        return self.local_at and self.local_at.date()

    @property
    def key(self) -> tuple[date | None, str | None]:
        return self.day, self.agent

    @property
    def reason(self) -> str | None:
        return self.call.get("disconnection_reason") or None

    @property
    def category(self) -> str:
        return "none" if self.reason is None else CATEGORY_OF.get(self.reason, "unknown")

    @cached_property
    def analysis(self) -> Call:
        return self.call.get("call_analysis") or self.call.get("scrubbed_call_analysis") or {}

    @property
    def verdict(self) -> bool | None:
        return self.analysis.get("call_successful")

    @property
    def sentiment(self) -> str | None:
        sentiment = self.analysis.get("user_sentiment")
        return sentiment and str(sentiment).capitalize()

    @property
    def duration_ms(self) -> int | None:
        start, end = (self.call.get(f"{name}_timestamp") for name in ("start", "end"))
        if start is not None and end is not None and end < start:
            return None
        if self.call.get("duration_ms") is not None:
            return int(self.call["duration_ms"])
        return None if start is None or end is None else int(end - start)

    # What became of the call.

    @property
    def is_over(self) -> bool:
        return self.call["call_status"] not in ("registered", "ongoing")

    @property
    def is_connected(self) -> bool:
        if self.call["call_status"] in ("registered", "not_connected"):
            return False
        return self.call.get("start_timestamp") is not None and self.reason not in NOBODY

    @property
    def is_answered(self) -> bool:
        return self.is_over and self.is_connected

    @property
    def is_voicemail(self) -> bool:
        return bool(self.analysis.get("in_voicemail")) or self.reason in (
            "voicemail_reached",
            "machine_detected",
        )

    @property
    def is_conversation(self) -> bool:
        return self.is_answered and not self.is_voicemail and self.reason != "ivr_reached"

    @property
    def legs(self) -> list[Item]:
        return [line for line in self.cost_lines if line.get("is_transfer_leg_cost")]

    @property
    def is_transfer_attempt(self) -> bool:
        return (
            self.category == "transferred"
            or bool(self.call.get("transfer_destination"))
            or self.call.get("transfer_end_timestamp") is not None
            or bool(self.legs)
            or any(turn.role == "transfer_target" and turn.words for turn in self.turns)
            or any("transfer_call" in (tool.item.get("type"), tool.item.get("name")) for tool in self.tools)
        )

    @property
    def is_transferred(self) -> bool:
        has_ended = self.call.get("transfer_end_timestamp") is not None
        return has_ended or self.reason in ("call_transfer", "transfer_bridged")

    @property
    def is_contained(self) -> bool:
        return self.is_conversation and self.category == "completed" and not self.is_transfer_attempt

    # Costs and latency.

    @property
    def cost_lines(self) -> list[Item]:
        return (self.call.get("call_cost") or {}).get("product_costs") or []

    @property
    def cost(self) -> float | None:
        told = (self.call.get("call_cost") or {}).get("combined_cost")
        if told is None and self.cost_lines:
            return float(sum(line["cost"] for line in self.cost_lines))
        return None if told is None else float(told)

    @property
    def token_usage(self) -> list[Item]:
        usage = self.call.get("llm_token_usage")
        return [usage] if usage else []

    @property
    def latency(self) -> dict[str, Item]:
        told = {metric: self.call.get(f"{metric}_latency") for metric in METRICS_OF_V1}
        told |= self.call.get("latency") or {}
        return {metric: stats for metric, stats in told.items() if stats is not None}

    # Who said what.

    @property
    def source(self) -> str | None:
        names = ("transcript_object", "transcript_with_tool_calls", "scrubbed_transcript_with_tool_calls")
        return next(
            (name for name in names if any("words" in item for item in self.call.get(name) or ())), None
        )

    @cached_property
    def turns(self) -> list[Turn]:
        items = [item for item in self.call.get(self.source or "") or [] if "words" in item]
        return [
            Turn(index, item["role"], item["content"], words_of(item), item.get("metadata"))
            for index, item in enumerate(items)
        ]

    def woven(self, phase: str) -> list[Item]:
        name = f"{phase}_transcript_with_tool_calls".removeprefix("session_")
        return self.call.get(name) or self.call.get(f"scrubbed_{name}") or []

    def _find_turns(self, items: list[Item]) -> list[int | None]:
        """Return of each item which turn it is or is a part of; words are told by when they were said."""
        place_of: dict[Any, list[int]] = defaultdict(list)
        for turn in self.turns:
            place_of[turn.role, turn.words or turn.content].append(turn.index)
            if turn.words:
                for word in turn.words:
                    place_of[turn.role, word].append(turn.index)
        found: list[int | None] = []
        for item in items:
            words = words_of(item)
            whole = place_of.get((item.get("role"), words or item.get("content")), [])
            if "words" not in item:
                found.append(None)
            elif whole:
                found.append(whole.pop(0) if len(whole) > 1 else whole[0])
            else:
                parts = {place for word in words for place in place_of.get((item["role"], word), [])}
                found.append(min(parts, default=None))
        return found

    @property
    def tools(self) -> list[Tool]:
        return self._items[0]

    @property
    def events(self) -> list[Event]:
        return self._items[1]

    @cached_property
    def _items(self) -> tuple[list[Tool], list[Event]]:
        tools: list[Tool] = []
        events: list[Event] = []
        results: dict[str, list[Item]] = defaultdict(list)
        for phase in PHASES:
            items = self.woven(phase)
            places = self._find_turns(items) if phase == "session" else [None] * len(items)
            last = len(self.turns) - 1 if phase == "post_session" and self.turns else None
            first = 0 if phase == "pre_session" and self.turns else None
            for number, item in enumerate(items):
                spoken = [place for place in places[:number] if place is not None]
                before = spoken[-1] if spoken else last
                after = next((place for place in places[number:] if place is not None), first)
                if item["role"] == "tool_call_invocation":
                    tools.append(Tool(phase, item, before, after))
                elif item["role"] == "tool_call_result":
                    results[item["tool_call_id"]].append(item)
                elif places[number] is None:
                    events.append(Event(phase, item, before))
        for tool in tools:
            waiting = results[tool.item["tool_call_id"]]
            tool.result = waiting.pop(0) if waiting else None
        assert not any(results.values())
        return tools, events
