"""One window of a route's limit: how many requests it still has, and until when it goes on.

Invariant: what a window has is never more than what the latest answers have left of it, less what is under
way: nobody knows yet which of those the server has counted.
"""

from __future__ import annotations

# Whole seconds that were rounded differ by less; a window that ends later by more is another one.
ROUNDING_S = 1.5
# What is waited for meanwhile, an answer, may come in another thread.
_LOOK_EVERY_S = 0.02
# The first request after a wait goes alone, to hear what others have left; a slow one holds nobody up longer.
_FIRST_ALONE_S = 1.0
# However much of a window others have used before, they may have stopped.
_LEAST_SHARE = 0.1
# Others start requests of which no answer has told yet.
_CAUTION = 0.5


class Window:
    """A window that began at ``began_s``; all times are seconds of one clock.

    ``assumed`` is how many requests it has as long as no answer tells, None for any number. ``is_opening``
    says that it was waited for, so that its first request goes alone.
    """

    def __init__(self, began_s: float, assumed: int | None, *, is_opening: bool) -> None:
        self.began_s = began_s
        self.ends_s: float | None = None
        self.assumed = assumed
        self.left = assumed
        self.admitted_count = 0
        self.was_awaited = self.is_opening = is_opening
        self.has_held = self.is_told = self.is_closed = False
        self._started_count = 0
        # How many it had when it was whole, by the last answer that told.
        self._limit = 0

    def find_wait(self, now_s: float, under_way: int, *, may_go_beyond: bool) -> float | None:
        """Return None if one more may start now, else until when to wait before asking again.

        ``may_go_beyond`` lets one at a time start where only an assumption says that there are no more.
        """
        if self.is_opening and self._started_count:
            if now_s < self.began_s + _FIRST_ALONE_S:
                return now_s + _LOOK_EVERY_S
            self.is_opening = False
        if self.is_closed:
            return self.ends_s
        if self.left is None or self.is_opening:
            return None
        # The last ones go one by one: what nobody dares to take would cost everybody another window.
        if self.left and (not under_way or self._find_ours(under_way) - under_way >= 1):
            return None
        if under_way:
            return min(now_s + _LOOK_EVERY_S, self.ends_s or now_s + _LOOK_EVERY_S)
        if not self.left and not self.is_told and may_go_beyond:
            return None
        return self.ends_s or now_s + _LOOK_EVERY_S

    def start(self, now_s: float, length_s: float) -> None:
        """Count a request that starts; where nobody told when the window ends, it is assumed now."""
        self._started_count += 1
        if self.ends_s is None and self.assumed is not None:
            self.ends_s = now_s + length_s

    def take_told(self, limit: int, remaining: int, ends_s: float) -> None:
        """Note what an answer has told."""
        self.admitted_count += 1
        if self.is_closed:
            return
        is_new = limit != self._limit or self.ends_s is None or ends_s > self.ends_s + ROUNDING_S
        if not self.is_told or is_new:
            self.left, self.ends_s = remaining, ends_s
        else:
            # Answers overtake each other, and each rounds its seconds: the least of all is true.
            self.left = min(self.left or 0, remaining)
            self.ends_s = min(ends_s, self.ends_s or ends_s)
        self._limit = limit
        self.is_told = True
        self.is_opening = False

    def take_untold(self, now_s: float, length_s: float) -> None:
        """Note an answer that told nothing: one less is left, and the first says when the window began."""
        self.admitted_count += 1
        if self.admitted_count == 1 and self.ends_s is not None and not self.is_closed:
            # It began when the server had the request; to ask a moment too early would cost a refusal.
            self.ends_s = now_s + length_s
        self.is_opening = False
        self._use_one()

    def lose(self) -> None:
        """Note a request without an answer, which the server may have counted."""
        if self.is_opening:
            self._started_count = 0
        else:
            self._use_one()

    def close(self, ends_s: float, *, not_before_s: float) -> None:
        """Let nobody start any more: a request was refused until ``ends_s``, and not before the other."""
        is_later = self.ends_s is None or self.is_opening or ends_s > self.ends_s + ROUNDING_S
        self.ends_s = max(not_before_s, ends_s if is_later else min(ends_s, self.ends_s or ends_s))
        self.left = 0
        self.is_closed = self.has_held = True
        self.is_opening = False

    def find_share(self, under_way: int) -> float:
        """Return which part of what the window lets through is ours: the rest is that of others."""
        others = self._limit - (self.left or 0) - self.admitted_count - under_way
        if not self.is_told or others <= 0:
            return 1.0
        return max(self.admitted_count / (self.admitted_count + others), _LEAST_SHARE)

    @property
    def tells_share(self) -> bool:
        """Whether it was ours from its beginning, and enough of it was used to say which part we get."""
        return self.was_awaited and self.is_told and 2 * (self.left or 0) <= self._limit

    @property
    def was_used_up(self) -> bool:
        """Whether it was waited for, gave most of a limit, and had less than was asked of it."""
        is_most = not self.is_told or 2 * self.admitted_count >= self._limit * self.find_share(0)
        return self.was_awaited and self.has_held and self.admitted_count > 0 and is_most

    def _find_ours(self, under_way: int) -> float:
        share = self.find_share(under_way)
        return (self.left or 0) * (share if share == 1 else share * _CAUTION)

    def _use_one(self) -> None:
        if self.left:
            self.left -= 1
