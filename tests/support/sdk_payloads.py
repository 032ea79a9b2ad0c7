"""Payloads made up from the types of Retell's own SDK, so that nobody's reading of the API is in between.

Every optional field is absent, null or there; every role and every value of every enum is dealt out; every
object may have fields that nobody knows. A few payloads are as long, as wide or as deep as they come.
"""

from __future__ import annotations

import types
import typing
from typing import Any, Literal, Union

from pydantic import BaseModel
from retell.types import PhoneCallResponse, WebCallResponse

from support.odd_payloads import Maker, nested

CALL_TYPES: tuple[type[BaseModel], ...] = (WebCallResponse, PhoneCallResponse)
LONGEST_WORDS = 20_000
WIDEST_METADATA = 50_000
DEEPEST = 200

_ABSENT, _NULL, _EXTRA = 0.35, 0.1, 0.05
# Told apart by type and role; wherever it may stand, an object of such a name has a place of its own.
EnumValue = tuple[str, str, Any]


class SdkMaker:
    """Makes payloads of `CALL_TYPES`; ``seen`` notes every value of an enum that it has used."""

    def __init__(self, maker: Maker) -> None:
        self.seen: set[EnumValue] = set()
        self._maker = maker
        self._rng = maker.rng

    def payload(self, number: int) -> dict[str, Any]:
        """Make a payload; the first few are the extreme ones."""
        made = self._object(CALL_TYPES[number % len(CALL_TYPES)])
        if number < 4:
            words = [{"word": f"w{index}", "start": index / 2, "end": index / 2 + 0.4} for index in range(50)]
            turn = {"role": "agent", "content": "so it goes", "words": words}
            field = ("transcript_object", "scrubbed_transcript_with_tool_calls")[number % 2]
            made |= {"transcript_object": None, "transcript_with_tool_calls": None}
            made[field] = [turn] * (LONGEST_WORDS // len(words))
        elif number < 8:
            made["metadata"] = {f"key {index}": "é" * 40 for index in range(WIDEST_METADATA // 90)}
        elif number < 12:
            made |= {"metadata": nested(DEEPEST), "novelty": nested(DEEPEST)}
            made["call_analysis"] = {"custom_analysis_data": nested(DEEPEST)}
        return made

    def _object(self, model: type[BaseModel]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        names = list(model.model_fields)
        self._rng.shuffle(names)
        for name in names:
            field = model.model_fields[name]
            if not field.is_required() and self._rng.random() < _ABSENT:
                continue
            made[field.alias or name] = self._value(field.annotation, model.__name__, name)
        if self._rng.random() < _EXTRA:
            known = {field.alias or name for name, field in model.model_fields.items()}
            extra = self._rng.choice(["novelty", "Role", self._maker.one("text")])
            # A v1 field in today's object has a type of its own, so it would be no surprise; and an item that
            # brings words is speech, so these would have to be words.
            if extra not in known and extra != "words":
                made[extra] = self._maker.one("value")
        return made

    def _value(self, kind: Any, model: str, name: str) -> Any:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (Union, types.UnionType):
            options = [argument for argument in arguments if argument is not type(None)]
            if len(options) < len(arguments) and self._rng.random() < _NULL:
                return None
            return self._value(self._rng.choice(options), model, name)
        if origin is Literal:
            value = self._rng.choice(arguments)
            self.seen.add((model, name, value))
            return value
        if origin is list:
            # Long enough for a tool call to stand after words.
            most = 9 if name in ("transcript_object", "transcript_with_tool_calls") else 3
            return self._maker.list(lambda: self._value(arguments[0], model, name), most)
        if origin is dict:
            return {self._maker.one("text"): self._maker.one("text") for _ in range(self._rng.randint(0, 2))}
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._object(kind)
        return self._maker.one(_kind(kind, name))


def _kind(kind: Any, name: str) -> str:
    if kind is str:
        # Few ids, so that a tool's result finds its invocation.
        return "url" if name.endswith("_url") else "id" if name == "tool_call_id" else "text"
    if kind is int:
        return "epoch" if name.endswith("_timestamp") else "whole"
    return {float: "number", bool: "flag", object: "value"}[kind]


def enum_values(kind: Any, model: str = "", name: str = "") -> set[EnumValue]:
    """Return every value of every enum below a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return set().union(*(enum_values(field.annotation, kind.__name__, name) for name, field in fields))
    if typing.get_origin(kind) is Literal:
        return {(model, name, value) for value in typing.get_args(kind)}
    return set().union(*(enum_values(argument, model, name) for argument in typing.get_args(kind)))
