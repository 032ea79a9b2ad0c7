"""The woven transcript as today's API tells it: kinds of tools, and items that are neither speech nor tools.

Invariant: the words in the list are those that were spoken, in their order; scrubbing hides them one by one.
"""

import re
from random import Random
from typing import Any

from .chance import choose
from .slots import Slots

Item = dict[str, Any]
_BUILT_IN = ("end_call", "transfer_call")
_NODES = ("Greeting", "Collect details", "Look up", "Confirm", "Goodbye")
_HIDDEN = "[hidden]"
_DIGITS = re.compile(r"\d")


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


def session_items(rng: Random, session: str, slots: Slots) -> list[Item]:
    """Return what ran before or after a call: one tool and its result."""
    tool_call_id = f"tool_call_{rng.getrandbits(64):016x}"
    return [
        {
            "role": "tool_call_invocation",
            "tool_call_id": tool_call_id,
            "name": f"{session}_sync",
            "arguments": f'{{"customer": "{slots["first"]} {slots["last"]}"}}',
            "type": "integration_app",
        },
        {"role": "tool_call_result", "tool_call_id": tool_call_id, "content": "done", "successful": True},
    ]


def scrub(items: list[Item], hidden: set[str]) -> list[Item]:
    """Return a list without digits and names, as it is stored where personal data is not."""
    return [_scrub_item(item, hidden) for item in items]


def _scrub_item(item: Item, hidden: set[str]) -> Item:
    if "words" in item:
        words = [{**word, "word": _mask(word["word"], hidden)} for word in item["words"]]
        return {**item, "words": words, "content": " ".join(word["word"] for word in words)}
    texts: Item = {name: item[name] for name in ("content", "arguments", "digit") if name in item}
    for name, text in texts.items():
        plain = _DIGITS.sub("*", text)
        for name_of_person in hidden:
            plain = plain.replace(name_of_person, _HIDDEN)
        texts[name] = plain
    return {**item, **texts}


def _mask(word: str, hidden: set[str]) -> str:
    return _HIDDEN if _DIGITS.search(word) or word.rstrip(".,!?") in hidden else word
