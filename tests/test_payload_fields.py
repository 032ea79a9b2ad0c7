"""A payload field has all its places: one that misses it is named here, and so is one that names it in vain.

How a field is added says the recipe "a new payload field" in `docs/contributing.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import StrictBool, StrictStr
from pydantic.fields import FieldInfo
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline import sql
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.load import loads, staging
from pipeline.load.payload_fields import describe_fields, find_sql_type
from pipeline.load.staging import StagedLoad
from pipeline.payload import fast_parse
from pipeline.payload.field_types import InExtra, Number, Whole
from pipeline.payload.fields import OBJECTS, PayloadField, known_names, list_fields, stored_names
from pipeline.payload.known_fields import has_plain_speech
from pipeline.warehouse.database import Warehouse, close_connection
from pipeline.warehouse.tables import metadata
from support.warehouse_files import DATA_TABLES, NOON

Columns = dict[str, set[str]]

CONTRACT = "pipeline/payload/contract.py"
WOVEN = ("tool_call_invocation", "tool_call_result", "node_transition", "dtmf", "sms", "injected")
# Objects where any JSON may stand, so that the contract's types do not lead to them.
OPEN = {("call", "telephony_identifier"): "telephony_identifier", ("turn", "metadata"): "turn_metadata"}
# Members that decide what becomes of an object.
FIXED = {"call_id": "call", "tool_call_id": "tool"}


class Sample:
    """A call with every field of the contract, each with a value that tells it, and unknown ones if asked."""

    def __init__(self, *, has_unknown: bool = False) -> None:
        self.leaves: dict[tuple[str, str], tuple[PayloadField, Any]] = {}
        self._has_unknown = has_unknown
        self._numbers = count(1001)
        self._names = {model: name for name, model in OBJECTS.items()}
        self.document = self._made("call")

    @property
    def line(self) -> bytes:
        return _compact(self.document).encode()

    @property
    def plain_turn(self) -> str:
        (turn,) = self.document["transcript_object"]
        # Objects in metadata are rare, and looked into.
        metadata = {name: value for name, value in turn["metadata"].items() if not isinstance(value, list)}
        return _compact(turn | {"metadata": metadata})

    def _made(self, name: str) -> dict[str, Any]:
        made = {field.name: self._value(name, field) for field in list_fields(OBJECTS[name])}
        return made | ({unknown_in(name): 1} if self._has_unknown else {})

    def _value(self, name: str, field: PayloadField) -> Any:
        match name, field.name:
            case _, "role":
                return "agent" if name == "turn" else name
            case "call", "transcript_object":
                return [self._made("turn")]
            case "call", "transcript_with_tool_calls":
                return [self._made("turn"), *(self._made(item) for item in WOVEN)]
            case "call", "latency":
                return {"asr": self._made("latency")}
            case key if key in OPEN:
                return self._made(OPEN[key])
        for model, inner in self._names.items():
            if field.annotation == list[model] | None:  # type: ignore[valid-type]
                return [self._made(inner)]
            if field.annotation == model | None:
                return self._made(inner)
        return self.leaves.setdefault((name, field.name), (field, self._leaf(name, field)))[1]

    def _leaf(self, name: str, field: PayloadField) -> Any:
        number = next(self._numbers)
        told = FIXED.get(field.name, f"{name}.{field.name}")
        values = {
            "VARCHAR": told,
            "BIGINT": 1_000_000 + number,
            "DOUBLE": float(number),
            "DOUBLE[]": [float(number)],
            "BOOLEAN": True,
        }
        kind = "" if field.is_in_extra else str(find_sql_type(field.annotation))
        return values.get(kind, [{"role": told}])


def _compact(node: Any) -> str:
    return json.dumps(node, separators=(",", ":"))


def unknown_in(name: str) -> str:
    return f"unheard_of_in_{name}"


class Loaded:
    """What a load of one sample came to: columns that it fills, values that it kept, fields that are new."""

    failure: str | None = None

    def __init__(self, folder: Path, sample: Sample, *, is_plain: bool) -> None:
        warehouse = Warehouse.at(folder / "warehouse.duckdb")
        writer = Landing(folder / "landing", folder / "quarantine").open_chunk("run", 0)
        outcome = Outcome(
            "call", "accepted", 1, NOON, 200, payload_hash="x", has_plain_speech=is_plain, is_plain=is_plain
        )
        writer.add(outcome, sample.line)
        scratch = warehouse.scratch()
        try:
            staged = StagedLoad([writer.finish()], scratch)
            staged.has_payloads = staging.stage_chunks(scratch, staged.chunks)
            asked = {"turn": sample.plain_turn}
            self.is_turn_plain = scratch.exec_driver_sql("select is_plain_speech($turn)", asked).scalar()
            scratch.rollback()
            with warehouse.write_from(scratch) as connection:
                try:
                    loads.write_rows(connection, staged, refresh_window_s=1)
                except DBAPIError as failure:
                    self.failure = first_line(failure)
                self.columns = {name: filled_columns(connection, name) for name in loads._TABLES}
                self.kept, self.extra = self._values(connection)
                drift = "select json_path from etl_drift where kind = 'field'"
                self.new_fields = set(connection.exec_driver_sql(drift).scalars())
        finally:
            close_connection(scratch)

    @staticmethod
    def _values(connection: Connection) -> tuple[set[Any], set[Any]]:
        kept: set[Any] = set()
        extra: set[Any] = set()
        for table in DATA_TABLES:
            rows = connection.exec_driver_sql(f"from {table}")
            for row in rows.mappings():
                for column, cell in row.items():
                    (extra if column == "extra" else kept).update(leaves(cell))
        return kept, extra


def first_line(failure: DBAPIError) -> str:
    return str(failure.orig).splitlines()[0]


def filled_columns(connection: Connection, name: str) -> set[str]:
    """Return the columns that the statement of a table fills."""
    _, statement = sql.read(f"load/{name}").split(f"insert into {name} by name\n")
    return set(connection.exec_driver_sql(f"describe {statement}").scalars())


def leaves(cell: Any) -> Iterator[Any]:
    if isinstance(cell, str) and cell[:1] in ("{", "["):
        cell = json.loads(cell)
    if isinstance(cell, datetime):
        cell = round(cell.replace(tzinfo=UTC).timestamp() * 1000)
    if isinstance(cell, (dict, list)):
        for member in cell.values() if isinstance(cell, dict) else cell:
            yield from leaves(member)
    else:
        yield cell


# Columns of calls that no payload fills: they say how the call stands at the source.
_NOT_FROM_PAYLOADS = {"deleted_at_source_at", "deleted_sequence", "is_hidden"}


def table_columns() -> Columns:
    return {name: {column.name for column in metadata.tables[name].columns} for name in loads._TABLES}


def migrated_columns(warehouse: Path) -> Columns:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute("select table_name, column_name from duckdb_columns()").fetchall()
    return {name: {column for table, column in rows if table == name} for name in loads._TABLES}


class Checker:
    """Finds what is missing, by loading calls into copies of a migrated warehouse."""

    def __init__(self, folder: Path, migrated: Path) -> None:
        self._folders = (folder / str(number) for number in count())
        self._migrated = migrated

    def misses(self, tables: Columns | None = None, migrated: Columns | None = None) -> list[str]:
        """Return a sentence for every place that misses a field, or names one that there is not."""
        sample = Sample()
        try:
            loaded = self._load(sample, is_plain=True)
        except DBAPIError as failure:
            return [f"sql/ names a field that is not in {CONTRACT}: {first_line(failure)}"]
        tables = tables or table_columns()
        found = in_columns(loaded.columns, tables, migrated or migrated_columns(self._migrated))
        found += in_quick_ways(sample, loaded)
        if found or loaded.failure:
            return found or [f"the load fails: {loaded.failure}"]
        return in_rows(sample, loaded) + in_drift(
            loaded, self._load(Sample(has_unknown=True), is_plain=False)
        )

    def _load(self, sample: Sample, *, is_plain: bool) -> Loaded:
        folder = next(self._folders)
        folder.mkdir()
        (folder / "warehouse.duckdb").write_bytes(self._migrated.read_bytes())
        return Loaded(folder, sample, is_plain=is_plain)


def in_columns(filled: Columns, tables: Columns, migrated: Columns) -> list[str]:
    found = []
    for table, columns in tables.items():
        for column in sorted(filled[table] - columns):
            found.append(
                f"{column}: no column in {table}; add it to pipeline/warehouse/tables.py and a migration"
            )
        for column in sorted(columns - filled[table] - _NOT_FROM_PAYLOADS):
            found.append(
                f"{table}.{column}: nothing fills it; add the field to {CONTRACT}, or fill the column in "
                f"sql/load/{table}.sql"
            )
        for column in sorted(columns - migrated[table]):
            found.append(f"{table}.{column}: in pipeline/warehouse/tables.py, and no migration adds it")
        for column in sorted(migrated[table] - columns):
            found.append(
                f"{table}.{column}: a migration adds it, and pipeline/warehouse/tables.py has it not"
            )
    return found


def in_quick_ways(sample: Sample, loaded: Loaded) -> list[str]:
    """Name what makes payloads with a known field slow, though right."""
    found = []
    if not (has_plain_speech(sample.document) and loaded.is_turn_plain):
        found.append("turns with all their fields are not plain; mend sql/macros/payload/is_plain_speech.sql")
    if b'"word.word"' in fast_parse.parse_body(sample.line).text:
        found.append(
            "words with all their fields are read slowly; add them to pipeline/payload/fast_parse.py"
        )
    return found


def in_rows(sample: Sample, loaded: Loaded) -> list[str]:
    found = []
    for (name, _), (field, value) in sample.leaves.items():
        told = f"{name}.{field.name}"
        # A truth value could be anybody's.
        holds = [
            isinstance(value, bool) or set(leaves(value)) <= held for held in (loaded.kept, loaded.extra)
        ]
        if field.is_in_extra and not holds[1]:
            found.append(f"{told}: no `extra` holds it; take its mark IN_EXTRA out of {CONTRACT}")
        if not field.is_in_extra and not holds[0]:
            found.append(
                f"{told}: no column holds it; fill one in sql/load/, or mark it IN_EXTRA in {CONTRACT}"
            )
    return found


def in_drift(known: Loaded, unknown: Loaded) -> list[str]:
    found = [f"{path}: in {CONTRACT}, and recorded as new all the same" for path in sorted(known.new_fields)]
    for name in OBJECTS:
        if not any(path.endswith(f".{unknown_in(name)}") for path in unknown.new_fields):
            found.append(
                f"{name}: nobody looks for new fields in it; add it to sql/macros/shared/known_names.sql and "
                "sql/load/etl_drift.sql"
            )
    return found


@pytest.fixture
def checker(tmp_path: Path, migrated: Path) -> Checker:
    return Checker(tmp_path, migrated)


def forget_names() -> None:
    for cached in (describe_fields, known_names, stored_names):
        cached.cache_clear()


@pytest.fixture
def add_field(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put a field into an object of the contract, or take one out of it, as an edit of the model would."""

    def add(object_name: str, name: str, annotation: Any) -> None:
        model = OBJECTS[object_name]
        if hasattr(model, "model_fields"):
            monkeypatch.setitem(model.__pydantic_fields__, name, FieldInfo.from_annotation(annotation))
        else:
            monkeypatch.setitem(model.__annotations__, name, annotation)
        forget_names()

    yield add
    monkeypatch.undo()
    forget_names()


def test_every_field_of_every_object_has_all_its_places(checker: Checker) -> None:
    assert checker.misses() == []


def test_a_new_field_without_a_column_is_named(checker: Checker, add_field: Any) -> None:
    tables = {
        "call": "calls",
        "call_analysis": "call_analysis",
        "product_cost": "call_costs",
        "latency": "latency_stats",
        "turn": "utterances",
        "word": "words",
        "tool_call_invocation": "tool_calls",
    }
    for number, object_name in enumerate(tables):
        add_field(object_name, f"size_{number}", (Whole, Number, StrictStr, StrictBool)[number % 4] | None)
    found = checker.misses()
    for number, table in enumerate(tables.values()):
        says = f"size_{number}: no column in {table}; add it to pipeline/warehouse/tables.py and a migration"
        assert says in found


def test_a_new_field_that_no_statement_takes_is_named(checker: Checker, add_field: Any) -> None:
    names = ("call_cost", "llm_token_usage", "tool_call_result")
    for name in names:
        add_field(name, "shoe_size", Number | None)
    assert set(checker.misses()) == {
        f"{name}.shoe_size: no column holds it; fill one in sql/load/, or mark it IN_EXTRA in {CONTRACT}"
        for name in names
    }


def test_a_new_field_that_is_to_stay_in_extra_needs_no_other_place(checker: Checker, add_field: Any) -> None:
    for name in ("call", "call_cost", "llm_token_usage", "tool_call_invocation"):
        add_field(name, "shoe_size", InExtra)
    assert checker.misses() == []


def test_a_new_field_of_an_object_that_is_kept_whole_needs_no_other_place(
    checker: Checker, add_field: Any
) -> None:
    for name in ("telephony_identifier", "turn_metadata", *WOVEN[2:]):
        add_field(name, "shoe_size", Number)
    assert checker.misses() == []


def test_a_new_field_of_words_that_makes_them_slow_is_named(checker: Checker, add_field: Any) -> None:
    add_field("word", "confidence", Number)
    slow = "words with all their fields are read slowly; add them to pipeline/payload/fast_parse.py"
    assert slow in checker.misses()


def test_a_column_that_only_some_places_have_is_named(checker: Checker, migrated: Path) -> None:
    tables = table_columns()
    tables["calls"].add("shoe_size")
    assert checker.misses(tables) == [
        f"calls.shoe_size: nothing fills it; add the field to {CONTRACT}, or fill the column in "
        "sql/load/calls.sql",
        "calls.shoe_size: in pipeline/warehouse/tables.py, and no migration adds it",
    ]
    columns = migrated_columns(migrated)
    columns["calls"].add("shoe_size")
    assert checker.misses(migrated=columns) == [
        "calls.shoe_size: a migration adds it, and pipeline/warehouse/tables.py has it not"
    ]


@pytest.mark.parametrize(("object_name", "name"), [("call", "transfer_end_timestamp"), ("word", "end")])
def test_a_statement_that_names_a_field_of_no_model_is_named(
    checker: Checker, monkeypatch: pytest.MonkeyPatch, add_field: Any, object_name: str, name: str
) -> None:
    model = OBJECTS[object_name]
    monkeypatch.delitem(getattr(model, "__pydantic_fields__", model.__annotations__), name)
    forget_names()
    (found,) = checker.misses()
    assert found.startswith(f"sql/ names a field that is not in {CONTRACT}: ")
    assert name in found
