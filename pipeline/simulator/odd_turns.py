"""Turns as real accounts list them now and then: words never spoken, odd order, an id used twice.

Invariant: what was heard and when stays as it was, and both lists tell the same words unless a quirk says
that they do not.
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from .chance import choose
from .quirks import CallQuirks

Item = dict[str, Any]
_PLANNED_MORE = ("and if you like I can also", "so let me just explain how", "which usually takes two days")
_PLANNED_STARTS = ("Sure, let me", "Okay, I will", "Of course, one")
_RETRIED = '{"status": "ok", "attempt": 2}'
_MODELS = (
    ("gpt-4.1", "gpt-4.1-mini"), ("gpt-5", "gpt-4.1"), ("claude-4.5-sonnet", "gpt-4.1"),
)  # fmt: skip
_FALLBACK_REASONS = ("primary_failed", "primary_failed", "preference_expired", "first_usable")
# A turn that is cut in two needs so many words.
_FEWEST_TO_CUT = 4


@dataclass(slots=True)
class Speech:
    """What a call's transcripts are made of: its turns, its woven list and its text."""

    turns: list[Item]
    woven: list[Item]
    transcript: str

    def find_parts(self) -> list[list[int]]:
        """Return where in the woven list the parts of each turn stand."""
        places = (place for place, item in enumerate(self.woven) if "words" in item)
        parts: list[list[int]] = []
        for turn in self.turns:
            mine = [next(places)]
            left = len(turn["words"]) - len(self.woven[mine[0]]["words"])
            while left > 0:
                mine.append(next(places))
                left -= len(self.woven[mine[-1]]["words"])
            parts.append(mine)
        return parts


def change_plain_turns(speech: Speech, quirks: CallQuirks) -> None:
    """Change what is to be changed before words get their blanks."""
    interrupted = [
        number for number in find_interrupted(speech.turns) if quirks.has_at("planned_words", number)
    ]
    changed = bool(interrupted)
    for number in interrupted:
        _plan_words(speech, number, quirks.stream("planned_words"))
    for name, change in (("planned_turn", _plan_turn), ("swapped_turns", _swap_turns)):
        if quirks.has(name):
            change(speech, quirks.stream(name))
            changed = True
    if quirks.has("repeated_tool_call_id"):
        _repeat_id(speech, quirks.stream("repeated_tool_call_id"))
    if quirks.has("backup_model"):
        _use_backup(speech, quirks.stream("backup_model"))
    if changed:
        speech.transcript = "".join(
            f"{turn['role'].replace('_', ' ').title()}: {turn['content']}\n" for turn in speech.turns
        )


def change_turns(speech: Speech, quirks: CallQuirks) -> None:
    """Change what is to be changed once all words are as they are told."""
    if quirks.has("wordless_turn"):
        _drop_words(speech, quirks.stream("wordless_turn"))
    if quirks.has("woven_only_turn") and len(speech.turns) > 2:
        del speech.turns[quirks.stream("woven_only_turn").randrange(1, len(speech.turns))]


def find_interrupted(turns: list[Item]) -> list[int]:
    """Return which turns of the agent the user interrupts."""
    return [
        number
        for number, (turn, after) in enumerate(pairwise(turns))
        if turn["role"] == "agent"
        and after["role"] == "user"
        and turn["words"]
        and after["words"]
        and after["words"][0]["start"] < turn["words"][-1]["end"]
    ]


def _never_spoken(text: str, at: float) -> list[Item]:
    return [{"word": word, "start": at, "end": at} for word in text.split()]


def _plan_words(speech: Speech, number: int, rng: Random) -> None:
    """Give a turn words that the interruption left unspoken: behind the others, or where it first began."""
    turn, parts = speech.turns[number], speech.find_parts()[number]
    before = speech.turns[number - 1]["words"] if number else []
    pause_s = turn["words"][0]["start"] - before[-1]["end"] if before else 0.0
    if pause_s > 0.2 and rng.random() < 0.25:
        planned = _never_spoken(choose(rng, _PLANNED_STARTS), round(before[-1]["end"] + 0.1, 3))
        place, is_first = parts[0], True
    else:
        planned = _never_spoken(choose(rng, _PLANNED_MORE), turn["words"][-1]["end"])
        place, is_first = parts[-1], False
    speech.turns[number] = _add_words(turn, planned, is_first)
    speech.woven[place] = _add_words(speech.woven[place], planned, is_first)


def _add_words(item: Item, planned: list[Item], is_first: bool) -> Item:
    more = [word.copy() for word in planned]
    return _with_words(item, [*more, *item["words"]] if is_first else [*item["words"], *more])


def _with_words(item: Item, words: list[Item]) -> Item:
    return {**item, "words": words, "content": " ".join([word["word"] for word in words])}


def _plan_turn(speech: Speech, rng: Random) -> None:
    """Let the user pause, so that the agent begins a turn that nobody hears because the user goes on."""
    long = [
        number
        for number, turn in enumerate(speech.turns)
        if turn["role"] == "user" and len(turn["words"]) >= _FEWEST_TO_CUT
    ]
    if not long:
        return
    number = choose(rng, long)
    turn, [place] = speech.turns[number], speech.find_parts()[number]
    middle = rng.randrange(2, len(turn["words"]) - 1)
    at = turn["words"][middle - 1]["end"]
    planned = _with_words({"role": "agent"}, _never_spoken(choose(rng, _PLANNED_STARTS), at))
    for items, position in ((speech.turns, number), (speech.woven, place)):
        whole = items[position]
        halves = [_with_words(whole, whole["words"][:middle]), _with_words(whole, whole["words"][middle:])]
        between = _with_words(planned, [word.copy() for word in planned["words"]])
        if "metadata" in whole:
            between["metadata"] = {"response_id": number}
        items[position : position + 1] = [halves[0], between, halves[1]]


def _swap_turns(speech: Speech, rng: Random) -> None:
    """List two neighbours the other way round, as if the later one had been recognised first."""
    parts = speech.find_parts()
    close = [
        number
        for number in range(len(parts) - 1)
        if len(parts[number]) == len(parts[number + 1]) == 1
        and parts[number][0] + 1 == parts[number + 1][0]
        and speech.turns[number]["role"] != speech.turns[number + 1]["role"]
    ]
    if not close:
        return
    number = choose(rng, close)
    for items, place in ((speech.turns, number), (speech.woven, parts[number][0])):
        items[place : place + 2] = [items[place + 1], items[place]]


def _repeat_id(speech: Speech, rng: Random) -> None:
    """Use a tool again under the id of its first use, with another result."""
    results = [place for place, item in enumerate(speech.woven) if item["role"] == "tool_call_result"]
    if not results:
        return
    place = choose(rng, results)
    result = speech.woven[place]
    [invocation] = [
        item
        for item in speech.woven
        if item["role"] == "tool_call_invocation" and item["tool_call_id"] == result["tool_call_id"]
    ]
    again = [{**invocation}, {**result, "content": _RETRIED, "successful": True}]
    speech.woven[place + 1 : place + 1] = again


def _use_backup(speech: Speech, rng: Random) -> None:
    """Note for some turns of the agent, and the tools between them, that a backup model answered."""
    answers = [number for number, turn in enumerate(speech.turns) if turn["role"] == "agent"]
    if not answers:
        return
    primary, backup = choose(rng, _MODELS)
    first = rng.randrange(len(answers))
    numbers = answers[first : first + 1 + rng.randrange(3)]
    used = {
        "model": backup,
        "primary_model": primary,
        "backup_model": backup,
        "reason": choose(rng, _FALLBACK_REASONS),
        "selection_latency_ms": round(300 + rng.expovariate(1 / 600), 1),
    }
    parts = speech.find_parts()
    # The tools that an answer uses stand before its first words, or between its parts.
    since = parts[numbers[0] - 1][-1] + 1 if numbers[0] else 0
    until = parts[numbers[-1]][-1] + 1
    for number in numbers:
        speech.turns[number] = _note(speech.turns[number], used)
    for place in range(since, until):
        if speech.woven[place]["role"] in ("agent", "tool_call_invocation"):
            speech.woven[place] = _note(speech.woven[place], used)


def _note(item: Item, used: Item) -> Item:
    return {**item, "metadata": {**item.get("metadata", {}), "backup_model_used": used}}


def _drop_words(speech: Speech, rng: Random) -> None:
    """Take the words of a whole turn that stands right before a tool, and leave its content."""
    parts = speech.find_parts()
    found = [
        (number, place)
        for number, [place, *more] in enumerate(parts)
        if not more
        and place + 1 < len(speech.woven)
        and speech.woven[place + 1]["role"] == "tool_call_invocation"
    ]
    if not found:
        return
    number, place = choose(rng, found)
    speech.turns[number] = {**speech.turns[number], "words": []}
    speech.woven[place] = {**speech.woven[place], "words": []}
