"""Tells how far the call had come that a payload tells of, so that a late event is known for what it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

_GOING_ON = ("registered", "ongoing")
_ANALYSES = ("call_analysis", "scrubbed_call_analysis")


class Progress(IntEnum):
    """How far a call had come; a later one has a greater value."""

    GOING_ON = 0
    OVER = 1
    ANALYSED = 2


def measure_progress(call: Mapping[str, Any]) -> Progress:
    """Return how far the call of a payload had come; a payload that does not say is of one that goes on."""
    if any(call.get(name) is not None for name in _ANALYSES):
        return Progress.ANALYSED
    status = call.get("call_status")
    is_over = call.get("end_timestamp") is not None or (status is not None and status not in _GOING_ON)
    return Progress.OVER if is_over else Progress.GOING_ON
