"""The ``filter_criteria`` of a listing, in the words of Retell's published SDK.

Invariant: a criterion is understood in full or refused; a listing never ignores a part of what was asked.
"""

from collections.abc import Callable, Iterable
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from .catalogue import Catalogue, Criteria, Listed
from .entries import ANYTHING, is_number
from .rules import ListingRules
from .timeline import STATUSES

# The SDK offers no filter for calls that are only registered.
FILTER_STATUSES = tuple(status for status in STATUSES if status != "registered")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le,
}  # fmt: skip
_EVER = (float("-inf"), float("inf"))
Test = Callable[[Listed], bool]


class Refused(Exception):
    """A request the API answers with 400 or another status; the message says why, and is all ASCII."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_criteria(given: object, catalogue: Catalogue, rules: ListingRules) -> Criteria:
    """Return what ``filter_criteria`` asks for; all of them must hold."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Refused("filter_criteria must be an object.")
    starts: tuple[float, float] | None = None
    ids: frozenset[str] | None = None
    tests: list[Test] = []
    for name, value in given.items():
        if name == "start_timestamp":
            starts, test = _read_moments(name, value, catalogue.start_ms)
            # A bound that does not belong to the range needs a test of its own.
            tests += [test] if value["op"] in ("gt", "lt", "ne") else []
        elif name == "end_timestamp":
            tests.append(_ends(value, catalogue))
        elif name == "call_status":
            tests.append(_among(catalogue, name, _enum(name, value, FILTER_STATUSES)))
        elif name == "disconnection_reason":
            # Any reason will do: API v1 had some that the SDK of today no longer offers.
            tests.append(_among(catalogue, name, _enum(name, value)))
        elif name == "call_id":
            ids = _read_ids(_enum(name, value), rules)
        elif name == "agent":
            tests.append(_among(catalogue, "agent_id", _agents(value)))
        else:
            raise Refused(f"filter_criteria.{name!a} is not a filter of the simulator.")
    finds_startless = not given.keys().isdisjoint(("call_status", "call_id"))
    return Criteria(starts, ids, finds_startless, tuple(tests))


def _read_ids(ids: set[str], rules: ListingRules) -> frozenset[str] | None:
    if rules.refuses_id_filter is not None:
        raise Refused("filter_criteria.call_id is not supported.", rules.refuses_id_filter)
    if rules.most_ids_in_filter is not None and len(ids) > rules.most_ids_in_filter:
        raise Refused(f"filter_criteria.call_id.value must be at most {rules.most_ids_in_filter} ids.")
    return None if rules.ignores_id_filter else frozenset(ids)


def _read_moments(
    name: str, given: object, read: Callable[[Listed], float | None]
) -> tuple[tuple[float, float], Test]:
    """Return the bounds of a filter on moments, and its test, which no call without the moment passes."""
    kind, op, value = _parts(name, given)
    if (kind, op) == ("range", "bt"):
        if not isinstance(value, list) or len(value) != 2 or not all(map(is_number, value)):
            raise Refused(f"filter_criteria.{name}.value must be two numbers.")
        # Both bounds belong to the range.
        low, high = value
        return (low, high), lambda listed: (moment := read(listed)) is not None and low <= moment <= high
    if kind != "number" or op not in tuple(_COMPARISONS):
        raise Refused(f"filter_criteria.{name} must be a range with bt or a number with eq to le.")
    if not is_number(value):
        raise Refused(f"filter_criteria.{name}.value must be a number.")
    compare = _COMPARISONS[op]
    bounds = (
        value if op in ("eq", "gt", "ge") else _EVER[0],
        value if op in ("eq", "lt", "le") else _EVER[1],
    )
    return bounds, lambda listed: (moment := read(listed)) is not None and compare(moment, value)


def _ends(given: object, catalogue: Catalogue) -> Test:
    (low, high), test = _read_moments("end_timestamp", given, catalogue.end_ms)
    return lambda listed: catalogue.may_end_within(listed, low, high) and test(listed)


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


def _among(catalogue: Catalogue, name: str, wanted: Iterable[object]) -> Test:
    values = frozenset((*wanted, ANYTHING))
    return lambda listed: catalogue.read(listed, name) in values
