"""Fields of today's payloads as real accounts send them now and then: latencies, costs, spellings, moments.

Invariant: none of it depends on what was said, so a listing tells the same; and what a call has once it is
over, it keeps.
"""

from collections.abc import Iterable
from random import Random
from typing import Any

from .calls import Call
from .chance import choose
from .outcomes import NEVER_CONNECTED
from .quirks import CallQuirks

Payload = dict[str, Any]
# Nothing was said in a call that ends so, and it may never have begun.
_NEVER_BEGAN = "error_llm_websocket_open"
_PLANS = ("free", "team", "business")
_LATENCY_QUIRKS = (
    "null_latency_value", "latency_without_num", "latency_without_summary", "latency_without_values",
)  # fmt: skip


def loses_start(reason: str, quirks: CallQuirks) -> bool:
    """Return whether a call that ends for one of v1's reasons has the status error and no start."""
    return reason == _NEVER_BEGAN and quirks.has("error_without_start")


def add_oddities(call: Call, payload: Payload, quirks: CallQuirks) -> None:
    """Change the fields of a payload that a quirk of its call is about."""
    if quirks.has("custom_attributes"):
        payload["custom_attributes"] = _make_attributes(quirks.stream("custom_attributes"))
    if quirks.has("version_with_point"):
        payload["agent_version"] = float(payload["agent_version"])
    if loses_start(call.reason, quirks):
        _drop_start(payload, quirks.stream("error_without_start"))
    if "disconnection_reason" not in payload:
        return
    if quirks.has("empty_reason"):
        payload["disconnection_reason"] = ""
    if call.reason in NEVER_CONNECTED:
        has_start = quirks.has("start_of_unconnected")
        if has_start:
            payload["start_timestamp"] = call.start_ms
        if has_start or quirks.has("end_of_unconnected"):
            payload["end_timestamp"] = call.end_ms
    if payload["latency"]:
        for name in _LATENCY_QUIRKS:
            if quirks.has(name):
                _change_latency(payload["latency"], name, quirks.stream(name))
    if payload["call_cost"].get("product_costs") and quirks.has("no_combined_cost"):
        payload["call_cost"] = {
            name: value for name, value in payload["call_cost"].items() if name != "combined_cost"
        }
    analysis = payload.get("call_analysis", {})
    if analysis.get("user_sentiment") == "Positive" and quirks.has("positive_in_lower_case"):
        analysis["user_sentiment"] = "positive"


def _make_attributes(rng: Random) -> Payload:
    attributes: Payload = {"plan": choose(rng, _PLANS), "seats": rng.randrange(1, 40)}
    return attributes | ({"is_renewal": rng.random() < 0.5} if rng.random() < 0.4 else {})


def _drop_start(payload: Payload, rng: Random) -> None:
    """Let a call look as if it had never begun: it stays registered until it fails."""
    payload.pop("start_timestamp", None)
    if payload["call_status"] == "ongoing":
        payload["call_status"] = "registered"
    if "disconnection_reason" in payload:
        if rng.random() < 0.5:
            del payload["end_timestamp"]
        payload |= {"duration_ms": 0, "call_cost": {"combined_cost": 0}}


def _change_latency(latency: Payload, name: str, rng: Random) -> None:
    """Change every metric of a call, or one of them."""
    metrics: Iterable[str] = latency if rng.random() < 0.5 else [choose(rng, tuple(latency))]
    for metric in metrics:
        stats = latency[metric]
        if name == "null_latency_value":
            values = stats.get("values", [])
            place = rng.randrange(len(values)) if values else 0
            changed = {**stats, "values": [*values[:place], None, *values[place + 1 :]]}
        elif name == "latency_without_num":
            changed = {key: value for key, value in stats.items() if key != "num"}
        elif name == "latency_without_summary":
            changed = {key: value for key, value in stats.items() if key == "values"}
        else:
            changed = {key: value for key, value in stats.items() if key != "values"}
        # Of two quirks at once, one leaves what the other takes.
        latency[metric] = changed or stats
