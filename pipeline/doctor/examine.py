"""Examines the whole installation: versions, the API, the data folder, the warehouse."""

from __future__ import annotations

from pipeline.config import Settings
from pipeline.doctor import api, data_folder, versions, warehouse, webhooks
from pipeline.doctor.finding import Finding
from pipeline.errors.limits import find_limit


def examine(settings: Settings, *, offline: bool = False) -> list[Finding]:
    """Return the findings of all checks, good and bad; `offline` leaves out the requests."""
    found = [
        *versions.check(),
        *api.check(settings, offline=offline),
        *webhooks.check(settings, offline=offline),
    ]
    for name, check in (("data folder", data_folder.check), ("warehouse", warehouse.check)):
        try:
            found += check(settings)
        except OSError as refused:
            limit = find_limit(refused)
            advice = "fix the permissions of the folders above it, or name another with --data-dir"
            advice = advice if limit is None else limit.advice
            found.append(Finding(name, "fail", f"cannot be looked at ({refused.strerror})", advice))
    return found
