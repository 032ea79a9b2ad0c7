"""Says how fast an account lets calls through, and how long so many more of them take."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountPace:
    """What a route lets through: ``limit`` requests in every ``window_s`` seconds.

    ``left`` is how many the window still has that ends in ``ends_in_s`` seconds, those under way included;
    ``share`` is which part of a window (0 to 1) is ours where others ask too. ``has_held`` says whether
    anything had to wait, ``is_holding`` whether it had to in this window or in the one before.
    """

    limit: int
    window_s: float
    left: int
    ends_in_s: float
    share: float
    has_held: bool
    is_holding: bool

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.limit / self.window_s

    def estimate_s(self, calls: int) -> float:
        """Return the seconds until the account has let so many more calls through; 0 where it does so now."""
        beyond = calls - self.left * self.share
        if beyond <= 0:
            return 0.0
        windows = math.ceil(beyond / max(1.0, self.limit * self.share))
        return self.ends_in_s + (windows - 1) * self.window_s


def describe_rate(rate: float) -> str:
    """Return, in words, that the account is what limits a run: ``rate`` is in calls per second."""
    return (
        f"limited by the account: {rate:,.0f} calls a second"
        if rate >= 100
        else (f"limited by the account: {rate:.3g} calls a second")
    )
