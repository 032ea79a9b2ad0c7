"""Writes the data dictionary: every table, view and column with its definition, as Markdown and as HTML.

Every definition comes from the comments in the database and the headers of the SQL files, so that the
dictionary says exactly what the warehouse says itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Connection

from pipeline import sql
from pipeline.dictionary import diagram
from pipeline.dictionary.joins import find_joins
from pipeline.warehouse import schema, tables
from pipeline.warehouse.database import Warehouse

NAMES = ("data_dictionary.md", "data_dictionary.html")


@dataclass(frozen=True)
class ColumnEntry:
    """A column as the database describes it."""

    name: str
    type: str
    is_nullable: bool
    comment: str


@dataclass(frozen=True)
class Entry:
    """A table, view or macro: what it is, what the header of its file says, and its columns."""

    name: str
    comment: str
    notes: str
    columns: list[ColumnEntry]


# Tables that join with no other.
_ALONE = (tables.etl_checks, tables.stored_days)


def write(folder: Path) -> list[Path]:
    """Write the files of the dictionary into a folder, which is made if it is missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in make_texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def make_texts() -> dict[str, str]:
    """Return the text of each file of the dictionary, by the name of the file."""
    # The dictionary describes this version's schema, not a warehouse that may lag behind it.
    with Warehouse.in_memory().exclusive() as connection:
        tables.metadata.create_all(connection)
        schema.apply_views(connection)
        shown = list(tables.metadata.tables.values())
        macros = [(name, group) for group in schema.MACROS for name in sql.list_names(group)]
        described = {
            "tables": [_describe(connection, table.name) for table in shown],
            # A stored result is described where it is asked for: in its view.
            "views": [_describe(connection, name, f"views/{name}") for name in sql.list_names("views")],
            "macros": [_describe_macro(f"{group}/{name}") for name, group in sorted(macros)],
        }
    joined = [table for table in shown if table not in _ALONE]
    joins = find_joins(joined)
    drawings = {"mermaid": diagram.write_mermaid(joins), "diagram": diagram.lay_out(joined, joins)}
    environment = Environment(
        loader=PackageLoader("pipeline.dictionary"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return {name: environment.get_template(f"{name}.j2").render(**described, **drawings) for name in NAMES}


def _describe(connection: Connection, name: str, file: str | None = None) -> Entry:
    comment = connection.exec_driver_sql(sql.read("schema/comment"), {"name": name}).scalar()
    rows = connection.exec_driver_sql(sql.read("schema/columns"), {"name": name})
    columns = [ColumnEntry(*row) for row in rows]
    return Entry(name, str(comment), "" if file is None else _read_header(file), columns)


def _describe_macro(file: str) -> Entry:
    first, _, rest = _read_header(file).partition("\n")
    # What a caller writes: the signature ends where the body begins.
    text = sql.read(file).split("create or replace macro ", 1)[1]
    signature = " ".join(text[: text.index(")") + 1].split()).replace("( ", "(").replace(" )", ")")
    return Entry(signature, first, rest, [])


def _read_header(file: str) -> str:
    lines = []
    for line in sql.read(file).splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").removeprefix(" "))
    return "\n".join(lines)
