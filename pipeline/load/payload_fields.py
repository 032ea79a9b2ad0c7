"""Tells SQL the names and types of payload fields, so that no statement has to list them again.

Invariant: it is one value, bound as a parameter; no statement is put together from names.
"""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import duckdb
from duckdb import sqltypes
from duckdb.sqltypes import DuckDBPyType

# The contract's TypedDict is the one of this module; only this module recognises it on Python 3.11.
from typing_extensions import is_typeddict

from pipeline.payload.fields import OBJECTS, list_fields

_JSON = duckdb.type("JSON")
_SCALARS = {
    str: sqltypes.VARCHAR,
    int: sqltypes.BIGINT,
    float: sqltypes.DOUBLE,
    bool: sqltypes.BOOLEAN,
}


@cache
def describe_fields() -> dict[str, Any]:
    """Return what `sql/stage/payload_fields.sql` binds.

    By object: the names of its fields, of those with a column and of those without, and a type that holds
    those with a column. And `columns`, which say what to read each field of a call as.
    """
    fields = {name: list_fields(model) for name, model in OBJECTS.items()}
    return {
        "known": {name: [field.name for field in of_one] for name, of_one in fields.items()},
        "stored": {
            name: [field.name for field in of_one if not field.is_in_extra] for name, of_one in fields.items()
        },
        "in_extra": {
            name: [field.name for field in of_one if field.is_in_extra] for name, of_one in fields.items()
        },
        "types": {name: str(_struct(model)) for name, model in OBJECTS.items()},
        "columns": {
            field.name: str(_JSON if field.is_in_extra else find_sql_type(field.annotation))
            for field in fields["call"]
        },
    }


def find_sql_type(annotation: Any) -> DuckDBPyType:
    """Return the type that a field of this type in the contract is read as.

    What may be any JSON stays JSON, and so does a model: what it holds beyond its fields is looked for.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return find_sql_type(arguments[0])
    if origin in (Union, UnionType):
        members = [member for member in arguments if member is not NoneType]
        # Text holds whatever one of several types may be.
        return find_sql_type(members[0]) if len(members) == 1 else sqltypes.VARCHAR
    if origin is list:
        return duckdb.list_type(find_sql_type(arguments[0]))
    if is_typeddict(annotation):
        return _struct(annotation)
    return _SCALARS.get(annotation, _JSON)


def _struct(model: type) -> DuckDBPyType:
    stored = [field for field in list_fields(model) if not field.is_in_extra]
    return duckdb.struct_type({field.name: find_sql_type(field.annotation) for field in stored})
