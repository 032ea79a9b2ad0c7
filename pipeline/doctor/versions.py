"""Checks that the installed packages have versions that this version of the pipeline works with.

The bounds are read from the metadata of the installed pipeline, so `pyproject.toml` is the only place that
names them.
"""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

from pipeline.doctor.finding import Finding

_CHECK = "dependencies"
_DISTRIBUTION = "call-analytics-pipeline"


def check() -> list[Finding]:
    """Return one finding for each package with a wrong version, or a single one if there is none."""
    try:
        required = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        return [
            Finding(
                _CHECK,
                "warn",
                "the package is not installed, so its bounds are not known",
                "run `pip install -e .` in the clone",
            )
        ]
    needed = [each for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
    mismatches = [found for each in needed if (found := _find_mismatch(each)) is not None]
    return mismatches or [Finding(_CHECK, "ok", f"{len(needed)} packages, each within its bounds")]


def _find_mismatch(needed: Requirement) -> Finding | None:
    advice = f"run `pip install '{needed.name}{needed.specifier}'`"
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return Finding(_CHECK, "fail", f"{needed.name} is not installed", advice)
    if needed.specifier.contains(version, prereleases=True):
        return None
    return Finding(_CHECK, "fail", f"{needed.name} {version}, where {needed.specifier} is needed", advice)
