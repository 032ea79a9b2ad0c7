"""Draws how the tables join: as Mermaid text, and as boxes and lines for a page that asks nobody to draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table

from pipeline.dictionary.joins import Join

_SHOWN = ("call_id", "run_id", "chunk_id", "metric", "tool_call_id", "disconnection_reason")
_WIDTH, _ROW, _HEAD = 190, 18, 26
_GAP_X, _GAP_Y, _MARGIN = 110, 22, 10


def write_mermaid(joins: Iterable[Join]) -> str:
    """Return an entity-relationship diagram in Mermaid, which GitHub draws where it shows Markdown."""
    lines = ["erDiagram"]
    for join in joins:
        parent, child = "||" if join.has_parent else "|o", "o{" if join.is_many else "o|"
        lines.append(f'    {join.parent} {parent}--{child} {join.child} : "{", ".join(join.columns)}"')
    return "\n".join(lines)


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
    """A join and the path of its line, which ends at the child's box."""

    join: Join
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


def lay_out(tables: Iterable[Table], joins: list[Join]) -> Diagram:
    """Lay the tables out in columns: each stands to the right of what it belongs to."""
    named = {table.name: table for table in tables}
    levels: dict[str, int] = {}
    for name in named:
        _set_level(name, joins, levels)
    bottoms = dict.fromkeys(range(max(levels.values()) + 1), _MARGIN)
    boxes: dict[str, Box] = {}
    for name, table in named.items():
        columns = [column.name for column in table.columns]
        shown = tuple(column for column in columns if column in _SHOWN or column.endswith("_index"))
        height = _HEAD + _ROW * len(shown) + 6
        level = levels[name]
        x = _MARGIN + level * (_WIDTH + _GAP_X)
        boxes[name] = Box(name, shown, x, bottoms[level], _WIDTH, height)
        bottoms[level] += height + _GAP_Y
    lines = [_draw_line(join, boxes[join.parent], boxes[join.child]) for join in joins]
    width = 2 * _MARGIN + len(bottoms) * _WIDTH + (len(bottoms) - 1) * _GAP_X
    return Diagram(width, max(bottoms.values()) - _GAP_Y + _MARGIN, list(boxes.values()), lines)


def _set_level(name: str, joins: list[Join], levels: dict[str, int]) -> int:
    """Note and return how many tables stand to the left of a table."""
    if name not in levels:
        parents = [join.parent for join in joins if join.child == name]
        levels[name] = max((_set_level(parent, joins, levels) + 1 for parent in parents), default=0)
    return levels[name]


def _draw_line(join: Join, parent: Box, child: Box) -> Line:
    start_x, start_y = parent.x + parent.width, parent.y + _HEAD // 2
    end_x, end_y = child.x, child.y + _HEAD // 2
    middle = end_x - _GAP_X // 2
    path = f"M{start_x} {start_y}C{middle} {start_y} {middle} {end_y} {end_x} {end_y}"
    return Line(join, path, end_x, end_y)
