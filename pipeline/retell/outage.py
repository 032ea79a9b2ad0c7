"""Decides how long a run goes on while the API cannot be reached.

Invariant: an outage ends with the first answer or ends the run. Before anybody has ever answered that takes
seconds, since an address or a network is wrong; later it takes minutes, since a server is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.errors import NoConnection

_LONGEST_BEFORE_FIRST_ANSWER_S = 5.0
_LONGEST_S = 180.0


class Outage:
    """Keeps track of whether ``address`` can be reached; ``clock`` is in seconds."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._has_answered = False
        self._failures = 0
        self._since_s = 0.0

    def note_answer(self) -> None:
        """End the outage: somebody answered, whatever they said."""
        self._has_answered = True
        self._failures = 0

    def note_failure(self, reason: str, paused_s: float) -> None:
        """Begin or go on with an outage; raise `NoConnection` when it has lasted too long.

        ``paused_s`` is for how long requests are held back in this outage, the next pause included.
        """
        now_s = self._clock()
        if not self._failures:
            self._since_s = now_s
        self._failures += 1
        lasted_s = max(now_s - self._since_s, paused_s)
        if lasted_s > (_LONGEST_S if self._has_answered else _LONGEST_BEFORE_FIRST_ANSWER_S):
            raise NoConnection(self._address, self._failures, reason)
