"""Finds which table's rows belong to a row of which other table, by which columns, and how many may.

There are no foreign keys to read: a table belongs to another when it has all columns of its key, and to the
one with the longest such key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table

from pipeline.warehouse.tables import CALL_TABLES

# What tells the rows of a table apart that others belong to.
_KEYS = {
    "calls": ("call_id",),
    "utterances": ("call_id", "utterance_index"),
    "latency_stats": ("call_id", "metric"),
    "etl_runs": ("run_id",),
    "etl_chunks": ("chunk_id",),
    "known_disconnection_reasons": ("disconnection_reason",),
}
# At most one row for one of what they belong to by that key.
_ONE = {("calls", "call_analysis"), ("calls", "conversations"), ("calls", "etl_outcomes")}
_ONE |= {("utterances", "turn_timings")}


@dataclass(frozen=True)
class Join:
    """Rows of `child` belong to a row of `parent` by `columns`, which both have.

    `has_parent` says whether there always is such a row, `is_many` whether several rows may belong to it.
    """

    parent: str
    child: str
    columns: tuple[str, ...]
    has_parent: bool
    is_many: bool


def find_joins(tables: Iterable[Table]) -> list[Join]:
    """Return the joins between tables, in the order of the child tables."""
    return [_make_join(parent, table) for table in tables for parent in _find_parents(table)]


def _find_parents(table: Table) -> list[str]:
    columns = set(table.columns.keys())
    own_key = _KEYS.get(table.name, ())
    lengths = {
        parent: len(key)
        for parent, key in _KEYS.items()
        if parent != table.name and columns.issuperset(key) and set(own_key) != set(key)
    }
    # An outcome or a reject belongs to its run as well as to its call.
    return [parent for parent, length in lengths.items() if length == max(lengths.values())]


def _make_join(parent: str, child: Table) -> Join:
    columns = _KEYS[parent]
    # An id that was asked for need not be a call, and a run of another warehouse may have landed a chunk.
    is_loaded_with_parent = child in CALL_TABLES
    has_parent = is_loaded_with_parent and not any(child.columns[name].nullable for name in columns)
    return Join(parent, child.name, columns, has_parent, (parent, child.name) not in _ONE)
