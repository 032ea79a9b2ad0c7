"""The types that a field of a payload may have: strict where a wrong value would corrupt a table."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_LAST_MS = 253_402_300_799_999  # the end of the year 9999
_INT64 = 2**63 - 1


def _whole(value: object) -> object:
    """Let 3 and 3.0 pass as whole numbers, but no text, no truth value and no fraction."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("should be a whole number")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("should be a whole number, without a fraction")
    return int(value)


Whole = Annotated[int, BeforeValidator(_whole), Field(ge=-_INT64, le=_INT64)]
Hertz = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=2**31 - 1)]
EpochMs = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=_LAST_MS)]
# Strict mode refuses text and truth values by itself, far faster than a function called for every word.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _InExtra:
    """Marks a field that the API is known to send and no column has: it is kept in `extra`."""


IN_EXTRA = _InExtra()
# What nobody checks: any JSON may stand there.
InExtra = Annotated[Any, IN_EXTRA]


class NamedObject:
    """Refuses what is no object in the words in which a model of that name would."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        is_object = core_schema.custom_error_schema(
            core_schema.is_instance_schema(dict),
            "model_type",
            custom_error_context={"class_name": self._name},
        )
        return core_schema.chain_schema([is_object, handler(source)])


class AnyObject:
    """Takes an object as it is: `dict[str, Any]` by itself would copy it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(core_schema.is_instance_schema(dict), "dict_type")
