"""Describes the tables of the report's first page: text in cells, which the page escapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """A column: its title, whether it holds numbers, and whether a phone leaves it out."""

    title: str
    is_number: bool = True
    is_optional: bool = False


class Cell(NamedTuple):
    """What a cell says, and in small letters what that is made of."""

    text: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names the row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
