"""Functions of the package have names that say what they do: see `docs/naming.md`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "pipeline"
# What was done to something is no name for what does it; such a word may follow a verb (`load_landed`).
PARTICIPLE = re.compile(
    r"_?(\w*[^e]ed|told|held|left|kept|found|given|taken|done|written|shown|drawn|seen|said|gone|chosen)"
)
VERBS = {"feed", "need", "seed", "embed"}


def functions() -> Iterator[tuple[str, str]]:
    """Yield every function that is no property, with the file it is in; local ones are left out."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for owner in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(owner, ast.Module | ast.ClassDef):
                continue
            for node in owner.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    decorators = {getattr(each, "id", None) for each in node.decorator_list}
                    if not decorators & {"property", "cached_property"}:
                        yield str(path.relative_to(PACKAGE)), node.name


def test_no_function_is_named_by_a_participle() -> None:
    named = list(functions())
    assert len(named) > 500
    assert [
        f"{path}: {name}"
        for path, name in named
        if PARTICIPLE.fullmatch(name) and "_" not in name.strip("_") and name.strip("_") not in VERBS
    ] == []
