"""The seconds of call audio at which tools, transitions, keys and messages of a woven list happened.

Invariant: times never run backwards within a gap between two spoken items, and never leave that gap; so a
result comes after its tool call, and before the agent goes on.
"""

from random import Random
from typing import Any

Item = dict[str, Any]
# What the API always gives a time, in whatever call.
_ALWAYS_TIMED = ("sms", "injected")
# After the last word: until the tool is done that ends the call or hands it over.
_LAST_GAP_S = 0.3
# A gap of this length is a slow tool; the agent does not always speak on at once when it is over.
_SLOW_S = 3.0


def time_items(woven: list[Item], rng: Random, *, has_times: bool) -> list[Item]:
    """Return a woven list with the times of its items, or of those alone that always have one."""
    timed: list[Item] = []
    waiting: list[Item] = []
    clock = 0.0
    for item in woven:
        words = item.get("words")
        if words is None:
            waiting.append(item)
            continue
        if waiting:
            timed += _time_gap(waiting, clock, words[0]["start"] if words else clock, rng, has_times)
            waiting = []
        timed.append(item)
        if words:
            clock = max(clock, words[-1]["end"])
    return timed + _time_gap(waiting, clock, clock + _LAST_GAP_S, rng, has_times)


def _time_gap(items: list[Item], since: float, until: float, rng: Random, has_times: bool) -> list[Item]:
    """Return the items of one gap with times from ``since`` to ``until``, or at once where they overlap."""
    length = max(0.0, until - since)
    is_slow = length > _SLOW_S
    timed = []
    clock = since if until > since else until
    for number, item in enumerate(items):
        left = max(0.0, until - clock)
        if item["role"] == "tool_call_result":
            clock += left * (0.5 + 0.45 * rng.random() if is_slow else 0.7 + 0.25 * rng.random())
        else:
            # The more is to come in this gap, the sooner.
            clock += min(left, 0.8) * 0.4 * rng.random() / (len(items) - number)
        is_timed = has_times or item["role"] in _ALWAYS_TIMED
        timed.append({**item, "time_sec": round(clock, 3)} if is_timed else item)
    return timed
