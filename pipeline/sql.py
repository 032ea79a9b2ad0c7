"""Finds and reads the SQL files: one object or statement per file, none of it written in Python."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Return the folder `sql` or `migrations`: beside the package in a clone, inside it when installed."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


@cache
def read(name: str) -> str:
    """Return the text of ``sql/<name>.sql``, for example ``read("load/words")``."""
    return (folder("sql") / f"{name}.sql").read_text(encoding="utf-8")


def names(group: str) -> list[str]:
    """Return the names of the files in ``sql/<group>/``, sorted, without their ending."""
    return sorted(path.stem for path in (folder("sql") / group).glob("*.sql"))
