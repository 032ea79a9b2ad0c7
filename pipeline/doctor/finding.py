"""A finding: what one check looked at, what it found, and what to do about it.

Invariant: a finding that is not ok says what to do, and one that is ok says nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `advice` says what to do, and is empty where the state is ok."""

    check: str
    state: State
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        if (self.state == "ok") == bool(self.advice):
            raise ValueError("advice is for what is not ok")
