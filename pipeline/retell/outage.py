"""Decides how long a run goes on while the API cannot be reached.

Invariant: an outage ends with the first answer or ends the run. Before anybody has ever answered that takes
seconds, since an address or a network is wrong; later it takes minutes, since a server is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.errors import NoConnection

_LONGEST_AT_FIRST_S = 5.0
_LONGEST_S = 180.0


class Outage:
    """Told of every answer and of every failure to connect to ``address``; ``clock`` is in seconds."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._is_known = False
        self._failures = 0
        self._since_s = 0.0

    def answered(self) -> None:
        """Note that somebody answered, whatever they said."""
        self._is_known = True
        self._failures = 0

    def unconnected(self, reason: str, paused_s: float) -> None:
        """Note a failure; raise `NoConnection` when the outage has lasted too long.

        ``paused_s`` is for how long requests are held back in this outage, the next pause included.
        """
        now_s = self._clock()
        if not self._failures:
            self._since_s = now_s
        self._failures += 1
        lasted_s = max(now_s - self._since_s, paused_s)
        if lasted_s > (_LONGEST_S if self._is_known else _LONGEST_AT_FIRST_S):
            raise NoConnection(self._address, self._failures, reason)
