"""Are the installed packages those that this version is known to work with?

The bounds are those of the installed package itself, so they are written down once, in `pyproject.toml`.
"""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

from pipeline.doctor.finding import Finding

_CHECK = "dependencies"
_DISTRIBUTION = "call-analytics-pipeline"


def findings() -> list[Finding]:
    """Return one finding for all that fit, or one for each package that does not."""
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
    wrong = [found for each in needed if (found := _wrong(each)) is not None]
    return wrong or [Finding(_CHECK, "ok", f"{len(needed)} packages, each within its bounds")]


def _wrong(needed: Requirement) -> Finding | None:
    advice = f"run `pip install '{needed.name}{needed.specifier}'`"
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return Finding(_CHECK, "fail", f"{needed.name} is not installed", advice)
    if needed.specifier.contains(version, prereleases=True):
        return None
    return Finding(_CHECK, "fail", f"{needed.name} {version}, where {needed.specifier} is needed", advice)
