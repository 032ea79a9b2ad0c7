"""What keeps the file readable by old versions of DuckDB, which `docs/readers/try_duckdb.py` tries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline import sql

# What the file holds: other statements are run by the DuckDB that is installed here.
IN_THE_FILE = [
    f"{group}/{name}" for group in ("macros", "daily", "checks", "views") for name in sql.names(group)
]
_MACRO = re.compile(r"create or replace macro (\w+)\(([^)]*)\)")


def positions(text: str, name: str) -> Iterator[int]:
    """Yield how many arguments each use of a macro passes by position."""
    for found in re.finditer(rf"\b{name}\(", text):
        depth, pieces = 0, [""]
        for letter in text[found.end() :]:
            if letter in ")]}" and depth == 0:
                break
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and depth == 0:
                pieces.append("")
            else:
                pieces[-1] += letter
        yield sum(bool(piece.strip()) and ":=" not in piece for piece in pieces)


def test_what_has_a_default_is_passed_by_name_because_duckdb_1_3_takes_it_no_other_way() -> None:
    texts = {name: re.sub(r"--.*", "", sql.read(name)) for name in IN_THE_FILE}
    needed = {
        name: sum(":=" not in parameter for parameter in parameters.split(",") if parameter.strip())
        for text in texts.values()
        for name, parameters in _MACRO.findall(text)
        if ":=" in parameters
    }
    assert len(needed) > 9
    by_position = {
        (statement, name)
        for statement, text in texts.items()
        for name, count in needed.items()
        if any(passed > count for passed in positions(_MACRO.sub("", text), name))
    }
    assert by_position == set()
