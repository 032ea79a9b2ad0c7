"""Answers that are planned for single calls and pages of an account, and taken one by one.

Invariant: plans for one call or page follow each other, and each is given as often as it was planned.
"""

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

_MESSAGES = {
    402: "Trial has ended, please add payment method.",
    422: "Cannot find requested asset under given api key.",
    429: "Account rate limited, please throttle your requests.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A planned answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def make(cls, status: int, body: Any, headers: Mapping[str, str]) -> "Answer":
        """Return an answer; without a body it says what the API says with this status."""
        message = _MESSAGES.get(status, f"Planned answer of {status}.")
        said = {"status": "error", "message": message} if body is None else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(said).encode(), named)


class Failures:
    """The plans of one account, by call id or by number of a page."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._plans: defaultdict[str | int, deque[tuple[Answer, int | None]]] = defaultdict(deque)
        self._delays: dict[str, float] = {}

    def plan(self, asked: str | int, answer: Answer, times: int | None) -> None:
        """Plan an answer to the next requests for a call or a page, or to all of them."""
        if times is not None and times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        with self._lock:
            self._plans[asked].append((answer, times))

    def plan_delay(self, call_id: str, seconds: float) -> None:
        """Let every answer for a call take this long."""
        with self._lock:
            self._delays[call_id] = seconds

    def read_delay(self, call_id: str) -> float:
        """Return how long the answer for a call is to take."""
        with self._lock:
            return self._delays.get(call_id, 0.0)

    def take(self, asked: str | int) -> Answer | None:
        """Return the next planned answer and count it, or None when nothing is planned."""
        with self._lock:
            plans = self._plans.get(asked)
            if not plans:
                return None
            answer, times = plans[0]
            if times == 1:
                plans.popleft()
            elif times is not None:
                plans[0] = (answer, times - 1)
            return answer
