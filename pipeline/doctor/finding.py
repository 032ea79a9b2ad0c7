"""A finding: one thing that was looked at, how it stands, and what to do about it.

Invariant: a finding that is not ok says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.config import Settings

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands, what was found, and what to do; nothing where it is ok."""

    check: str
    state: State
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        if (self.state == "ok") == bool(self.advice):
            raise ValueError("advice is for what is not ok")


def examine(settings: Settings, *, offline: bool = False) -> list[Finding]:
    """Look at everything; `offline` leaves out the request."""
    from pipeline.doctor import api, data_folder, versions, warehouse

    found = [*versions.findings(), *api.findings(settings, offline=offline)]
    for name, look in (("data folder", data_folder.findings), ("warehouse", warehouse.findings)):
        try:
            found += look(settings)
        except OSError as refused:
            advice = "fix the permissions of the folders above it, or name another with --data-dir"
            found.append(Finding(name, "fail", f"cannot be looked at ({refused.strerror})", advice))
    return found
