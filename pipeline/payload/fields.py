"""Lists the fields of the objects in a payload, for whoever has to know their names or their types.

Invariant: they come from the models of the contract alone: a field that is added there is known everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from pipeline.payload.contract import (
    Analysis,
    Call,
    Cost,
    Latency,
    ProductCost,
    TokenUsage,
    Turn,
    Word,
)
from pipeline.payload.field_types import IN_EXTRA
from pipeline.payload.open_objects import (
    Dtmf,
    Injected,
    NodeTransition,
    Sms,
    TelephonyIdentifier,
    ToolCallInvocation,
    ToolCallResult,
    TurnMetadata,
)

# Every object that has known fields, under the name that the load has for it.
OBJECTS: dict[str, type] = {
    "call": Call,
    "call_analysis": Analysis,
    "call_cost": Cost,
    "product_cost": ProductCost,
    "llm_token_usage": TokenUsage,
    "latency": Latency,
    "telephony_identifier": TelephonyIdentifier,
    "turn": Turn,
    "turn_metadata": TurnMetadata,
    "word": Word,
    "tool_call_invocation": ToolCallInvocation,
    "tool_call_result": ToolCallResult,
    "node_transition": NodeTransition,
    "dtmf": Dtmf,
    "sms": Sms,
    "injected": Injected,
}


@dataclass(frozen=True, slots=True)
class PayloadField:
    """A field that the API sends, its type in the contract, and whether it is kept in `extra`."""

    name: str
    annotation: Any
    is_in_extra: bool


def list_fields(model: type) -> list[PayloadField]:
    """Return the fields of a model or TypedDict of the contract, in its order."""
    if issubclass(model, BaseModel):
        annotations = {name: field.rebuild_annotation() for name, field in model.model_fields.items()}
    else:
        annotations = get_type_hints(model, include_extras=True)
    return [
        PayloadField(
            name, annotation, get_origin(annotation) is Annotated and IN_EXTRA in get_args(annotation)
        )
        for name, annotation in annotations.items()
    ]


@cache
def known_names(object_name: str) -> frozenset[str]:
    """Return the names of all fields of an object, which is named as in `OBJECTS`."""
    return frozenset(field.name for field in list_fields(OBJECTS[object_name]))


@cache
def stored_names(object_name: str) -> frozenset[str]:
    """Return the names of those fields of an object that have a column or a table."""
    return frozenset(field.name for field in list_fields(OBJECTS[object_name]) if not field.is_in_extra)
