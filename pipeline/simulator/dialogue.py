"""Who says what in one call: a scenario with its slots filled, its tools called, cut where the call ended.

Invariant: lines alternate between speakers unless the user has fallen silent, and a tool is only the agent's.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

from . import script
from .agents import OUTBOUND
from .chance import choose
from .script import Scenario, Tool
from .slots import Slots

MAX_LINES = 40
_FAILURES = (
    '{"error": "timeout after 5000 ms"}',
    "Error: upstream returned status 503",
    '{"success": false, "error": "record is locked"}',
    "error: connection refused",
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A tool call inside an agent's line; without a result the call ended before one came."""

    name: str
    arguments: str
    result: str | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class Line:
    """What one speaker says without a change of turns, with the tools called meanwhile."""

    role: str
    parts: tuple[str | Invocation, ...]


# What the agent says, and the user's answer to it.
_Pair = tuple[tuple[str | Invocation, ...], str]


def write(rng: Random, scenario: Scenario, channel: str, slots: Slots) -> list[Line]:
    """Write the whole call up to and including the goodbyes, 10 to 40 lines."""
    opening = _opening(rng, scenario, channel)
    closing = [
        ((choose(rng, script.ANYTHING_ELSE),), choose(rng, script.NOTHING_ELSE)),
        ((choose(rng, script.GOODBYES),), choose(rng, script.BYES)),
    ]
    business: list[_Pair] = [opening.pop()]
    for exchange in scenario.exchanges:
        before = choose(rng, exchange.agent)
        answer = choose(rng, exchange.user)
        if exchange.tool is None:
            business.append(((before,), answer))
            continue
        failed = rng.random() < 0.1
        after = choose(rng, script.TOOL_FAILED if failed else exchange.found)
        business.append(((before, invoke(rng, exchange.tool, slots, failed), after), answer))
    room = MAX_LINES // 2 - len(opening) - len(business) - len(closing)
    lines = []
    for parts, answer in [*opening, *_with_side_talk(rng, business, room), *closing]:
        lines.append(agent_line(slots, *parts))
        lines.append(user_line(slots, answer))
    return lines


def _with_side_talk(rng: Random, pairs: list[_Pair], room: int) -> Iterator[_Pair]:
    """Let the user ask aside: a question ends an answer, and the agent's reply and the thanks are a pair."""
    count = min(int(rng.triangular(0, 12, 5)), room, len(script.SIDE_TALK))
    asides = iter(rng.sample(script.SIDE_TALK, count))
    places = [rng.randrange(len(pairs)) for _ in range(count)]
    for place, (parts, answer) in enumerate(pairs):
        for questions, answers in islice(asides, places.count(place)):
            yield parts, f"{answer} {choose(rng, questions)}"
            parts, answer = (choose(rng, answers),), choose(rng, script.ACKNOWLEDGED)
        yield parts, answer


def _opening(rng: Random, scenario: Scenario, channel: str) -> list[_Pair]:
    if channel == OUTBOUND:
        return [
            ((choose(rng, script.OUTREACH),), choose(rng, script.PICKED_UP)),
            ((choose(rng, scenario.offer),), "Yes. " + choose(rng, script.ACKNOWLEDGED)),
        ]
    return [((choose(rng, script.GREETINGS),), f"{choose(rng, script.HELLO)} {choose(rng, scenario.wish)}")]


def invoke(rng: Random, tool: Tool, slots: Slots, failed: bool = False) -> Invocation:
    """Call a tool with its templates filled."""
    if failed:
        result = choose(rng, _FAILURES)
    elif rng.random() < 0.12:
        # Some tools answer in plain words: a result is text, and only mostly JSON.
        result = ", ".join(f"{key}: {value}" for key, value in tool.result).format_map(slots)
    else:
        result = _fill_slots(tool.result, slots)
    return Invocation(
        tool.name, _fill_slots(tool.arguments, slots), result, 250 + int(rng.expovariate(1 / 500))
    )


def _fill_slots(pairs: tuple[tuple[str, str], ...], slots: Slots) -> str:
    return json.dumps({key: value.format_map(slots) for key, value in pairs})


def agent_line(slots: Slots, *parts: str | Invocation) -> Line:
    """Return an agent's line with its templates filled; empty texts fall away."""
    filled = (part.format_map(slots) if isinstance(part, str) else part for part in parts)
    return Line("agent", tuple(part for part in filled if part))


def user_line(slots: Slots, text: str) -> Line:
    """Return a user's line with its template filled."""
    return Line("user", (text.format_map(slots),))
