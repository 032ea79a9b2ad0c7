"""A dialogue as Retell would have heard it: every word timed, tools woven in, every answer's latency sampled.

Invariant: words of a turn never run backwards, and an answer starts its latency sample after the user ends.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from .agents import Agent
from .dialogue import Invocation, Line

Item = dict[str, Any]
# Pauses after a word in milliseconds; anything else runs on.
_PAUSES = {",": 170, ".": 380, "?": 360, "!": 320}
_NO_PAUSE = 25
# More than any other tool takes.
_SLOW_TOOL_MS = 4_000
# An interruption shorter than the fastest answer cannot make two agent turns overlap.
_LONGEST_OVERLAP_MS = 300


@dataclass(slots=True)
class Conversation:
    """What was said in a call, and how long the agent took each time."""

    transcript: str = ""
    turns: list[Item] = field(default_factory=list)
    woven: list[Item] = field(default_factory=list)
    e2e: list[int] = field(default_factory=list)
    llm: list[float] = field(default_factory=list)
    rtt: list[float] = field(default_factory=list)
    end_ms: int = 0


def play(
    rng: Random, lines: list[Line], agent: Agent, slowness: float, *, is_heard: bool = True
) -> Conversation:
    """Speak the lines one after the other; unless it is heard, they are timed, and no word is kept.

    What is heard and what is not draw the same chances, so that everything but the words is the same.
    """
    played = Conversation()
    transcript: list[str] = []
    paces = {"agent": 0.92 + 0.16 * rng.random(), "user": 0.85 + 0.4 * rng.random()}
    clock = 300 + int(900 * rng.random())
    previous, began = "", clock
    for line in lines:
        if line.role == "agent" and previous == "user":
            e2e, llm, rtt = agent.answer(rng, slowness)
            played.e2e.append(e2e)
            played.llm.append(llm)
            played.rtt.append(rtt)
            clock += e2e
        elif line.role == "agent" and previous:
            # The user stays silent: the agent waits before it asks again.
            clock += 6_000 + int(4_000 * rng.random())
        elif previous:
            clock += _reaction(rng, clock, began)
        began = clock
        if is_heard:
            words, clock = _speak(rng, line, clock, paces[line.role], played.woven)
            content = " ".join([word["word"] for word in words])
            # The woven list has words of its own, so that whoever changes one list leaves the other alone.
            said = [word.copy() for word in words]
            played.turns.append({"role": line.role, "content": content, "words": said})
            transcript.append(f"{line.role.capitalize()}: {content}\n")
        else:
            clock = _time(rng, line, clock, paces[line.role], played.woven)
            played.turns.append({"role": line.role, "content": "", "words": []})
        played.end_ms = max(played.end_ms, clock)
        previous = line.role
    played.transcript = "".join(transcript)
    return played


def slow_down(lines: list[Line]) -> list[Line]:
    """Return the lines with seconds for the first tool that its agent waits for between two words."""
    for number, line in enumerate(lines):
        for place, part in enumerate(line.parts[1:-1], start=1):
            if isinstance(part, Invocation) and isinstance(line.parts[0], str):
                slow = replace(part, took_ms=_SLOW_TOOL_MS + 3 * part.took_ms)
                parts = (*line.parts[:place], slow, *line.parts[place + 1 :])
                return [*lines[:number], replace(line, parts=parts), *lines[number + 1 :]]
    return lines


def _reaction(rng: Random, clock: int, began: int) -> int:
    """Draw how long after the agent's end a user speaks: below zero when the user interrupts."""
    if clock - began > 2_500 and rng.random() < 0.08:
        return -60 - int((_LONGEST_OVERLAP_MS - 60) * rng.random())
    return 180 + int(rng.expovariate(1 / 550))


def _speak(rng: Random, line: Line, clock: int, pace: float, woven: list[Item]) -> tuple[list[Item], int]:
    """Time the words of a line and weave its parts; return the words and when the line was over."""
    words: list[Item] = []
    end = clock
    for part in line.parts:
        if isinstance(part, Invocation):
            _weave_tool(rng, part, woven)
            if words:
                clock = end = end + part.took_ms
            # Before the first word the tool runs within the response time, which is sampled already.
            continue
        said: list[Item] = []
        for word in part.split():
            end = clock + int((85 + 46 * len(word)) * pace * (0.8 + 0.4 * rng.random()))
            said.append({"word": word, "start": clock / 1_000, "end": end / 1_000})
            clock = end + _PAUSES.get(word[-1], _NO_PAUSE)
        woven.append({"role": line.role, "content": part, "words": said})
        words += said
    return words, end


def _time(rng: Random, line: Line, clock: int, pace: float, woven: list[Item]) -> int:
    """Return when a line was over, and weave its parts without words: ``_speak`` for no one to hear."""
    draw = rng.random
    end = clock
    is_first = True
    for part in line.parts:
        if isinstance(part, Invocation):
            _weave_tool(rng, part, woven)
            if not is_first:
                clock = end = end + part.took_ms
            continue
        for word in part.split():
            end = clock + int((85 + 46 * len(word)) * pace * (0.8 + 0.4 * draw()))
            clock = end + _PAUSES.get(word[-1], _NO_PAUSE)
        is_first = False
        woven.append({"role": line.role})
    return end


def _weave_tool(rng: Random, tool: Invocation, woven: list[Item]) -> None:
    tool_call_id = f"tool_call_{rng.getrandbits(64):016x}"
    woven.append(
        {
            "role": "tool_call_invocation",
            "tool_call_id": tool_call_id,
            "name": tool.name,
            "arguments": tool.arguments,
        }
    )
    if tool.result is not None:
        woven.append({"role": "tool_call_result", "tool_call_id": tool_call_id, "content": tool.result})
