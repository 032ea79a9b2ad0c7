"""The tables as an entity-relationship diagram: boxes with the columns that join, and the lines between them.

There are no foreign keys to read: a table belongs to another when it has all columns of its key, and to the
one with the longest such key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table

# What tells the rows of a table apart that others belong to.
_KEYS = {
    "calls": ("call_id",),
    "utterances": ("call_id", "utterance_index"),
    "latency_stats": ("call_id", "metric"),
    "etl_runs": ("run_id",),
    "known_disconnection_reasons": ("disconnection_reason",),
}
# At most one row for one of what they belong to by that key.
_ONE = {("calls", "call_analysis"), ("calls", "conversations"), ("calls", "etl_outcomes")}
_ONE |= {("utterances", "turn_timings")}
_JOINING = ("call_id", "run_id", "chunk_id", "metric", "tool_call_id", "disconnection_reason")

_WIDTH, _ROW, _HEAD = 190, 18, 26
_GAP_X, _GAP_Y, _MARGIN = 110, 22, 10


@dataclass(frozen=True)
class Box:
    """A table: where its box is, and the columns it shows."""

    name: str
    columns: tuple[str, ...]
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Line:
    """A join: the path of its line, the columns it is by, and how many rows it finds."""

    parent: str
    child: str
    columns: tuple[str, ...]
    many: str
    path: str
    end_x: int
    end_y: int


@dataclass(frozen=True)
class Diagram:
    """Boxes and lines on a canvas."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]


def draw(tables: Iterable[Table]) -> Diagram:
    """Lay the tables out in columns: each stands to the right of what it belongs to."""
    named = {table.name: table for table in tables}
    parents = {name: _parents(table) for name, table in named.items()}
    levels: dict[str, int] = {}
    for name in named:
        _level(name, parents, levels)
    bottoms = dict.fromkeys(range(max(levels.values()) + 1), _MARGIN)
    boxes: dict[str, Box] = {}
    for name, table in named.items():
        shown = tuple(
            column.name for column in table.columns if column.name in _JOINING or column.name[-6:] == "_index"
        )
        height = _HEAD + _ROW * len(shown) + 6
        level = levels[name]
        x = _MARGIN + level * (_WIDTH + _GAP_X)
        boxes[name] = Box(name, shown, x, bottoms[level], _WIDTH, height)
        bottoms[level] += height + _GAP_Y
    lines = [_line(boxes[parent], boxes[child]) for child in parents for parent in parents[child]]
    width = 2 * _MARGIN + len(bottoms) * _WIDTH + (len(bottoms) - 1) * _GAP_X
    return Diagram(width, max(bottoms.values()) - _GAP_Y + _MARGIN, list(boxes.values()), lines)


def _parents(table: Table) -> list[str]:
    name, columns = table.name, set(table.columns.keys())
    found = {
        parent: len(key)
        for parent, key in _KEYS.items()
        if parent != name and columns.issuperset(key) and set(_KEYS.get(name, ())) != set(key)
    }
    # An outcome or a reject belongs to its run as well as to its call.
    return [parent for parent, length in found.items() if length == max(found.values())]


def _level(name: str, parents: dict[str, list[str]], levels: dict[str, int]) -> int:
    if name not in levels:
        levels[name] = max((_level(parent, parents, levels) + 1 for parent in parents[name]), default=0)
    return levels[name]


def _line(parent: Box, child: Box) -> Line:
    start_x, start_y = parent.x + parent.width, parent.y + _HEAD // 2
    end_x, end_y = child.x, child.y + _HEAD // 2
    middle = end_x - _GAP_X // 2
    path = f"M{start_x} {start_y}C{middle} {start_y} {middle} {end_y} {end_x} {end_y}"
    many = "1" if (parent.name, child.name) in _ONE else "n"
    return Line(parent.name, child.name, _KEYS[parent.name], many, path, end_x, end_y)
