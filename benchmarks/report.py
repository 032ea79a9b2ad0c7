"""Puts the figures of a run into the pages that quote them: the table here, the forecast in growth.md.

    python -m benchmarks.report benchmarks/results.json

What stands between `<!-- measured -->` and `<!-- /measured -->` is replaced; the words around it are not.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from benchmarks import forecast
from benchmarks.__main__ import heading, line
from benchmarks.contest import Row

_FOLDER = Path(__file__).parent
_MEASURED = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- /measured -->)", re.DOTALL)


def main(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    told = {"measurement", "is_met"}
    rows = [Row(**{name: value for name, value in row.items() if name not in told}) for row in found["rows"]]
    scale = found["scale"]
    runs = f"{scale['calls']:,} calls, runs of each: {scale['repetitions']}"
    table = "\n".join([heading(found), *map(line, rows)])
    replace(_FOLDER / "README.md", f"{runs}; {table}\n")
    figures = forecast.Figures.read(path)
    replace(_FOLDER / "growth.md", f"{forecast.tables(figures)}\n")


def replace(page: Path, measured: str) -> None:
    text, count = _MEASURED.subn(lambda _: measured, page.read_text(encoding="utf-8"))
    assert count == 1, f"{page} has {count} places for what is measured"
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
