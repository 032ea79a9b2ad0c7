"""Finds and reads the SQL files: one object or statement per file, none of it written in Python."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pipeline.errors import ConfigurationError

_PACKAGE = Path(__file__).parent
_GLOB = re.compile(r"[*?\[]")


def find_folder(name: str) -> Path:
    """Return the folder `sql` or `migrations`: beside the package in a clone, inside it when installed."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


@cache
def read(name: str) -> str:
    """Return the text of ``sql/<name>.sql``, for example ``read("load/words")``."""
    return (find_folder("sql") / f"{name}.sql").read_text(encoding="utf-8")


def list_names(group: str) -> list[str]:
    """Return the names of the files in ``sql/<group>/``, sorted, without their ending."""
    return sorted(path.stem for path in (find_folder("sql") / group).glob("*.sql"))


def escape_path(path: Path) -> str:
    """Return a path as a parameter that names this one file to DuckDB.

    It takes a path for a pattern, a beginning such as ``~`` or ``s3:`` for a place of its own, and would read
    a neighbour's files. Raises ConfigurationError for a path that cannot be told from a pattern.
    """
    text = str(path.absolute())
    if not _GLOB.search(text):
        return text
    if "\\" in text:
        raise ConfigurationError(
            "DuckDB cannot read below a folder with a backslash and one of * ? [ in its path: choose another "
            "--data-dir"
        )
    return _GLOB.sub(lambda found: f"[{found[0]}]", text)
