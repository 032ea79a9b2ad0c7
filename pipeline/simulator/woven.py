"""The woven transcript as today's API tells it: kinds of tools, and items that are neither speech nor tools.

Invariant: the words in the list are those that were spoken, in their order.
"""

from random import Random
from typing import Any

from .chance import choose

Item = dict[str, Any]
_BUILT_IN = ("end_call", "transfer_call")
_NODES = ("Greeting", "Collect details", "Look up", "Confirm", "Goodbye")


def woven_today(rng: Random, v1: list[Item], *, by_phone: bool) -> list[Item]:
    """Return the woven list of today for one of v1."""
    has_nodes = rng.random() < 0.4
    has_keys = by_phone and rng.random() < 0.15
    woven: list[Item] = []
    node = 0
    for item in v1:
        if has_nodes and item["role"] == "agent" and node + 1 < len(_NODES) and rng.random() < 0.4:
            woven.append(_transition(rng, node))
            node += 1
        woven.append(_today(rng, item))
        if has_keys and item["role"] == "user" and rng.random() < 0.1:
            woven.append({"role": "dtmf", "digit": choose(rng, "0123456789*#")})
    seconds = round(60 * rng.random(), 2)
    if by_phone and rng.random() < 0.05:
        picture = {"url": "https://media.example/photo.jpg", "summary": "A photo of the parcel."}
        sms = {"role": "sms", "content": "Here is the photo.", "time_sec": seconds, "multimedia": [picture]}
        woven.insert(rng.randrange(len(woven) + 1), sms)
    if rng.random() < 0.05:
        note = {"role": "injected", "content": "The caller is a member since 2019.", "time_sec": seconds}
        woven.insert(rng.randrange(len(woven) + 1), note)
    return woven


def _today(rng: Random, item: Item) -> Item:
    if item["role"] == "tool_call_invocation":
        kind = item["name"] if item["name"] in _BUILT_IN else choose(rng, ("custom", "custom", "mcp"))
        more: Item = {"thought_signature": f"{rng.getrandbits(64):016x}"} if rng.random() < 0.1 else {}
        return {**item, "type": kind, **more}
    if item["role"] == "tool_call_result":
        return {**item, "successful": "error" not in item["content"].lower()}
    return item


def _transition(rng: Random, node: int) -> Item:
    return {
        "role": "node_transition",
        "former_node_id": f"node_{node}",
        "former_node_name": _NODES[node],
        "new_node_id": f"node_{node + 1}",
        "new_node_name": _NODES[node + 1],
        "transition_type": choose(rng, ("normal", "normal", "normal", "global", "interrupt_go_back")),
    }


def transfer_target(turns: list[Item]) -> Item:
    """Return what the person says that a call is transferred to, after the last turn."""
    clock = 0.5 + max((word["end"] for turn in turns for word in turn["words"]), default=0.0)
    content = "Front desk, how can I help?"
    words = [
        {"word": word, "start": round(clock + 0.3 * number, 3), "end": round(clock + 0.3 * number + 0.25, 3)}
        for number, word in enumerate(content.split())
    ]
    return {"role": "transfer_target", "content": content, "words": words}
