"""Simulated calls in both generations of payloads, landed and loaded without a server."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.landing.outcome import Outcome
from pipeline.simulator.book import CallBook
from support.warehouse_files import Place

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
METRICS = ("e2e", "llm", "llm_websocket_network_rtt", "asr", "tts", "knowledge_base", "s2s")
PRODUCTS = ("elevenlabs_tts", "gpt_4o", "twilio")
_V1_ONLY = ("audio_websocket_protocol", "audio_encoding", "sample_rate", "e2e_latency", "llm_latency")

Call = dict[str, Any]


def v1_calls(count: int, seed: int = 11) -> list[Call]:
    """Return calls as API v1 sends them, without the fields that are null."""
    book = CallBook(seed=seed, count=count, until=UNTIL)
    payloads = (book.payload(index) for index in range(count))
    return [{name: value for name, value in call.items() if value is not None} for call in payloads]


def as_today(call: Call, rng: np.random.Generator) -> Call:
    """Return the call as the API would send it today, with samples, costs, a version and a verdict."""
    today = {name: value for name, value in call.items() if name not in _V1_ONLY}
    today.pop("llm_websocket_network_rtt_latency", None)
    today |= {"call_type": "phone_call" if "direction" in call else "web_call"}
    today |= {"agent_version": int(rng.integers(1, 5))}
    if "e2e_latency" in call:
        today["latency"] = {metric: _latency(rng, call["e2e_latency"]["num"]) for metric in METRICS}
    if "end_timestamp" in call and "start_timestamp" in call:
        seconds = (call["end_timestamp"] - call["start_timestamp"]) / 1000
        today["call_cost"] = _cost(rng, seconds)
        today["llm_token_usage"] = {"average": float(rng.integers(500, 4000)), "num_requests": 7}
        today["duration_ms"] = call["end_timestamp"] - call["start_timestamp"]
    if "call_analysis" in call:
        analysis = call["call_analysis"]
        today["call_analysis"] = {
            "call_summary": analysis.get("call_summary"),
            "user_sentiment": analysis.get("user_sentiment"),
            "call_successful": analysis.get("call_completion_rating") == "Complete",
            "in_voicemail": call.get("disconnection_reason") == "machine_detected",
            "custom_analysis_data": {},
        }
    for item in today.get("transcript_with_tool_calls", []):
        if item.get("role") == "tool_call_result":
            item["successful"] = bool(rng.random() < 0.9)
    return today


def _latency(rng: np.random.Generator, num: int) -> dict[str, Any]:
    values = np.round(rng.lognormal(6.8, 0.5, num)).tolist()
    p50, p90, p95, p99 = np.percentile(values, (50, 90, 95, 99)).tolist() if num else (None,) * 4
    ends = {"max": max(values), "min": min(values)} if num else {}
    return {"p50": p50, "p90": p90, "p95": p95, "p99": p99, "num": num, "values": values, **ends}


def _cost(rng: np.random.Generator, seconds: float) -> dict[str, Any]:
    lines = [
        {"product": product, "cost": seconds * price, "unit_price": price, "is_transfer_leg_cost": False}
        for product, price in zip(PRODUCTS, (0.07, 0.05, 0.015), strict=True)
    ]
    if rng.random() < 0.1:
        lines.append(lines[2] | {"is_transfer_leg_cost": True})
    return {"combined_cost": sum(line["cost"] for line in lines), "product_costs": lines}


def loaded(folder: Path, calls: list[Call]) -> Place:
    """Land the calls as they are, an hour after the last could start, and load them."""
    place = Place(folder)
    for number, first in enumerate(range(0, len(calls), 500)):
        writer = place.landing.open_chunk("run", number)
        for call in calls[first : first + 500]:
            line = json.dumps(call).encode()
            landed_at = UNTIL + timedelta(hours=1)
            digest = hashlib.sha256(line).hexdigest()
            writer.add(
                Outcome(call["call_id"], "accepted", 1, landed_at, 200, payload_hash=digest),
                line,
            )
        writer.finish()
    assert place.load().problems == []
    return place
