"""Follows the server's windows of one route: so many requests, then none until the reset, then on.

Nothing is held back before the server says something. Where answers stop to tell, as many are let through in
each window as before, and one at a time beyond that, until this is refused or proves that the limit is gone.

Invariant: after a request was refused none starts before the server said to come back, up to a minute.
Thread-safe: batches of a run share it, each in a thread and an event loop of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from pipeline.retell.account_pace import AccountPace
from pipeline.retell.account_window import ROUNDING_S, Window
from pipeline.retell.limit_headers import ToldLimit

# What Retell publishes; what the server tells, or is seen to do, comes before that.
_WINDOW_S = 10.0
_SHORTEST_HOLD_S, _LONGEST_HOLD_S = 0.05, 60.0
# When to look again, in windows, where one does not open and nothing tells why.
_LOOKS = (0.1, 0.2, 0.4, 0.8)
_MOST_CAREFUL_WINDOWS = 16


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission for one request to start, in the window it was given in."""

    window: Window


class AccountLimit:
    """The limit of one route; ``clock`` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._slept_until_s = -math.inf
        self._limit: int | None = None
        # What a window is assumed to have for us: the limit, or less where others are seen to have the rest.
        self._assumed: int | None = None
        self._window_s = _WINDOW_S
        self._is_window_known = False
        self._slack_s = 0.0
        self._under_way = 0
        self._share = 1.0
        self._has_held = False
        self._refused_since_s: float | None = None
        self._silent_windows = 0
        # For how many windows nothing goes beyond what is assumed, and for how many after the next refusal.
        self._careful_windows, self._next_careful_windows = 0, 1
        self._window = Window(clock(), None, is_opening=False)

    def try_start(self, slept_until_s: float = -math.inf) -> Permit | float:
        """Return a permit, or until when to wait before asking again.

        ``slept_until_s`` is what an earlier call has returned, once that time has come. What is permitted
        ends with `admit`, `refuse` or `lose`.
        """
        with self._lock:
            self._slept_until_s = max(self._slept_until_s, slept_until_s)
            now_s = self._read_clock()
            if self._window.ends_s is not None and now_s >= self._window.ends_s:
                self._open_window(now_s)
            window = self._window
            wait_until_s = window.find_wait(now_s, self._under_way, may_go_beyond=not self._careful_windows)
            if wait_until_s is not None:
                # Waiting for the first answer of a window says nothing about its limit.
                if not window.is_opening:
                    window.has_held = self._has_held = True
                return wait_until_s
            self._under_way += 1
            window.start(now_s, self._window_s)
            return Permit(window)

    def lose(self, permit: Permit) -> None:
        """End a request that got no answer."""
        with self._lock:
            self._under_way -= 1
            permit.window.lose()

    def admit(self, permit: Permit, told: ToldLimit | None) -> None:
        """End a request that was let through, with what its answer tells."""
        with self._lock:
            now_s = self._read_clock()
            self._under_way -= 1
            self._refused_since_s = None
            self._silent_windows = 0
            self._learn_limit(told)
            # What comes late from an earlier window says nothing about this one.
            window = permit.window
            if window is not self._window:
                return
            if told is not None and told.remaining is not None and self._limit is not None:
                window.take_told(self._limit, told.remaining, self._find_end(now_s, told))
                self._assumed = self._limit
                return
            window.take_untold(now_s, self._window_s)
            if window.assumed is not None and window.admitted_count > window.assumed:
                self._assumed = max(self._assumed or 0, window.admitted_count)
                self._next_careful_windows = 1
                # No window that is enforced lets through more than two limits in its length.
                if window.admitted_count > 2 * max(window.assumed, self._limit or 0):
                    self._forget(now_s)

    def refuse(self, permit: Permit, told: ToldLimit | None, retry_after_s: float | None) -> bool:
        """End a request that was answered with 429; return whether it is known when to come back.

        Where it is not, something else than a window refuses, and this holds nobody.
        """
        with self._lock:
            now_s = self._read_clock()
            self._under_way -= 1
            self._learn_limit(told)
            window = permit.window
            is_silent = not retry_after_s and (told is None or told.reset_s is None)
            if is_silent and (self._assumed is None or (window.is_told and window.left)):
                return False
            if self._refused_since_s is None:
                self._refused_since_s = now_s
            if window is not self._window:
                return True
            if is_silent and not window.admitted_count:
                return window.is_closed or self._wait_for_silent_window(now_s)
            if not window.is_told and not window.is_closed:
                self._learn_assumed(window)
            asked_s = min(retry_after_s or 0.0, _LONGEST_HOLD_S)
            says_only_this = retry_after_s and (told is None or told.reset_s is None)
            ends_s = now_s + asked_s if says_only_this else self._find_end(now_s, told)
            window.close(ends_s, not_before_s=now_s + max(asked_s, _SHORTEST_HOLD_S))
            self._has_held = True
            return True

    @property
    def refused_for_s(self) -> float:
        """For how many seconds nothing was let through, and what was refused was told when to come back."""
        with self._lock:
            return 0.0 if self._refused_since_s is None else self._read_clock() - self._refused_since_s

    @property
    def pace(self) -> AccountPace | None:
        """What is let through; None where no limit is known."""
        with self._lock:
            limit = self._limit or self._assumed
            if limit is None:
                return None
            window = self._window
            ends_in_s = 0.0 if window.ends_s is None else max(0.0, window.ends_s - self._read_clock())
            share = window.find_share(self._under_way) if window.tells_share else self._share
            left = limit if window.left is None or window.is_opening else window.left
            return AccountPace(
                limit,
                self._window_s,
                left,
                ends_in_s,
                share,
                has_held=self._has_held,
                is_holding=window.has_held or window.was_awaited,
            )

    def _read_clock(self) -> float:
        # A sleep may end a moment early.
        return max(self._clock(), self._slept_until_s)

    def _open_window(self, now_s: float) -> None:
        old = self._window
        if old.was_used_up and not self._is_window_known:
            self._learn_length(now_s - old.began_s)
        if old.tells_share:
            self._share = old.find_share(self._under_way)
        self._careful_windows = max(0, self._careful_windows - 1)
        self._window = Window(now_s, self._assumed, is_opening=old.has_held)

    def _forget(self, now_s: float) -> None:
        """Hold nothing back any more, until the server says something anew."""
        self._limit = self._assumed = None
        self._silent_windows = 0
        self._window = Window(now_s, None, is_opening=False)

    def _wait_for_silent_window(self, now_s: float) -> bool:
        """Hold requests back until another look at a window that did not open; return whether one is due."""
        if self._silent_windows == len(_LOOKS):
            # What does not open is no window.
            self._forget(now_s)
            return False
        hold_s = min(_LOOKS[self._silent_windows] * self._window_s, _LONGEST_HOLD_S)
        self._silent_windows += 1
        self._window.close(now_s + hold_s, not_before_s=now_s + hold_s)
        self._has_held = True
        return True

    def _find_end(self, now_s: float, told: ToldLimit | None) -> float:
        """Return when the window ends by what an answer tells, or else as it is assumed."""
        if told is None or told.reset_s is None:
            return self._window.ends_s or now_s + self._window_s
        reset_s = told.reset_s
        if told.is_whole:
            if reset_s == 0 and not self._slack_s:
                # Seconds that come down to 0 are rounded down: the window goes on for up to one more.
                self._slack_s = 1.0
                if self._window.ends_s is not None:
                    self._window.ends_s += self._slack_s
            reset_s += self._slack_s
        return now_s + min(max(reset_s, _SHORTEST_HOLD_S), _LONGEST_HOLD_S)

    def _learn_limit(self, told: ToldLimit | None) -> None:
        """Take over what an answer tells of the limit."""
        if told is None:
            return
        if told.window_s is not None:
            self._window_s, self._is_window_known = told.window_s, True
        elif told.reset_s is not None and told.reset_s > self._window_s + ROUNDING_S:
            self._window_s = told.reset_s
        if told.limit is not None and told.limit != self._limit:
            self._limit = self._assumed = told.limit

    def _learn_length(self, seconds: float) -> None:
        """Take over how long a window was that was waited for and used up."""
        # A hold that was cut short is no window, and what is nearly the same is the same.
        if seconds < _LONGEST_HOLD_S and abs(seconds - self._window_s) > self._window_s / 10:
            # Seen from here a window is a little longer than it is, and most are of whole seconds.
            whole_s = math.floor(seconds)
            self._window_s = whole_s if 0 < whole_s > seconds / 1.2 else max(0.1, round(seconds, 1))

    def _learn_assumed(self, window: Window) -> None:
        """Take over how many requests a window had that refuses one, and told nothing before."""
        if window.assumed is None:
            if self._assumed is None and window.was_awaited and window.admitted_count:
                self._assumed = window.admitted_count
        elif window.admitted_count >= window.assumed:
            # What was assumed is right: going beyond it costs a refusal, so this becomes rare.
            self._careful_windows = self._next_careful_windows + 1
            self._next_careful_windows = min(2 * self._next_careful_windows, _MOST_CAREFUL_WINDOWS)
        elif window.admitted_count:
            self._assumed = min(self._assumed or window.admitted_count, window.admitted_count)
