"""The ``filter_criteria`` of a listing, in the words of Retell's published SDK.

Invariant: a criterion is understood in full or refused; a listing never ignores a part of what was asked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .book import CallBook
from .timeline import STATUSES, Timeline

# The SDK offers no filter for calls that are only registered.
FILTER_STATUSES = tuple(status for status in STATUSES if status != "registered")


class Refused(Exception):
    """A request the API answers with 400; the message says why, and is all ASCII."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """The positions ``first`` up to ``beyond`` of a timeline whose calls pass every test, given by index."""

    first: int
    beyond: int
    tests: tuple[Callable[[int], bool], ...]

    def matching(self, timeline: Timeline, positions: Iterable[int]) -> Iterable[int]:
        """Return the indices of the calls at these positions that pass the tests."""
        indices = map(timeline.index, positions)
        return filter(self._passes, indices) if self.tests else indices

    def count(self, timeline: Timeline) -> int:
        """Return how many calls match."""
        positions = range(self.first, self.beyond)
        return sum(1 for _ in self.matching(timeline, positions)) if self.tests else len(positions)

    def _passes(self, index: int) -> bool:
        return all(test(index) for test in self.tests)


def read_criteria(given: object, book: CallBook, timeline: Timeline) -> Criteria:
    """Return what ``filter_criteria`` asks for; all of them must hold."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Refused("filter_criteria must be an object.")
    first, beyond = 0, len(timeline)
    tests: list[Callable[[int], bool]] = []
    for name, value in given.items():
        if name == "start_timestamp":
            first, beyond, unequal_ms = _starts(value, timeline)
            if unequal_ms is not None:
                tests.append(_differs(timeline.start_ms, unequal_ms))
        elif name == "call_status":
            tests.append(_among(timeline.call_status, _enum(name, value, FILTER_STATUSES)))
        elif name == "disconnection_reason":
            # Any reason will do: API v1 had some that the SDK of today no longer offers.
            tests.append(_among(timeline.reason, _enum(name, value)))
        elif name == "call_id":
            tests.append(_among(lambda index: index, {book.index(call_id) for call_id in _enum(name, value)}))
        elif name == "agent":
            tests.append(_among(timeline.agent_id, _agents(value)))
        else:
            raise Refused(f"filter_criteria.{name!a} is not a filter of the simulator.")
    return Criteria(first, beyond, tuple(tests))


def _starts(given: object, timeline: Timeline) -> tuple[int, int, float | None]:
    """Return the positions that a filter on the start leaves, and the one moment it leaves out."""
    kind, op, value = _parts("start_timestamp", given)
    if (kind, op) == ("range", "bt"):
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
            raise Refused("filter_criteria.start_timestamp.value must be two numbers.")
        # Both bounds belong to the range.
        return timeline.first_from(value[0]), timeline.first_after(value[1]), None
    if kind != "number" or op not in ("eq", "ne", "gt", "ge", "lt", "le"):
        raise Refused("filter_criteria.start_timestamp must be a range with bt or a number with eq to le.")
    if not _is_number(value):
        raise Refused("filter_criteria.start_timestamp.value must be a number.")
    first = {"eq": timeline.first_from, "ge": timeline.first_from, "gt": timeline.first_after}.get(op)
    beyond = {"eq": timeline.first_after, "le": timeline.first_after, "lt": timeline.first_from}.get(op)
    return (
        first(value) if first else 0,
        # Calls without a start are not even unequal to a moment.
        beyond(value) if beyond else timeline.started,
        value if op == "ne" else None,
    )


def _enum(name: str, given: object, allowed: tuple[str, ...] | None = None) -> set[str]:
    kind, op, value = _parts(name, given)
    if (kind, op) != ("enum", "in"):
        raise Refused(f"filter_criteria.{name} must be an enum with in.")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Refused(f"filter_criteria.{name}.value must be a list of strings.")
    if allowed is not None and not set(value) <= set(allowed):
        raise Refused(f"filter_criteria.{name}.value must be some of {', '.join(allowed)}.")
    return set(value)


def _parts(name: str, given: object) -> tuple[object, Any, Any]:
    if not isinstance(given, dict) or set(given) != {"type", "op", "value"}:
        raise Refused(f"filter_criteria.{name} must be an object of type, op and value.")
    return given["type"], given["op"], given["value"]


def _agents(given: object) -> set[str]:
    if not isinstance(given, list) or not all(isinstance(agent, dict) for agent in given):
        raise Refused("filter_criteria.agent must be a list of objects.")
    for agent in given:
        # Calls of API v1 do not say which version of their agent they had.
        if not isinstance(agent.get("agent_id"), str) or set(agent) > {"agent_id"}:
            raise Refused("filter_criteria.agent must hold objects of an agent_id and nothing else.")
    return {agent["agent_id"] for agent in given}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _among(read: Callable[[int], object], wanted: Iterable[object]) -> Callable[[int], bool]:
    values = frozenset(wanted)
    return lambda index: read(index) in values


def _differs(read: Callable[[int], object], value: object) -> Callable[[int], bool]:
    return lambda index: read(index) != value
