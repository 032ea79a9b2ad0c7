"""The kinds of column that the warehouse's tables are made of, each with its comment.

Every table registers with the one `metadata` here, so that the schema is one thing.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, DateTime, Double, Integer, MetaData, String
from sqlalchemy import text as sa_text
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class Compressed(UserDefinedType[str]):
    """Text that is stored with zstd; by itself DuckDB guesses from a sample, often what is twice as large."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return how the column is declared."""
        return "VARCHAR USING COMPRESSION zstd"


def text(name: str, comment: str, nullable: bool = True, default: str | None = None) -> Column[str]:
    """Return a column of text."""
    return Column(name, String, nullable=nullable, comment=comment, server_default=default)


def long_text(name: str, comment: str) -> Column[str]:
    """Return a column of texts of many sentences."""
    return Column(name, Compressed, comment=comment)


def whole(name: str, comment: str, nullable: bool = True) -> Column[int]:
    """Return a column of whole numbers."""
    return Column(name, Integer, nullable=nullable, comment=comment)


def big(name: str, comment: str, nullable: bool = True) -> Column[int]:
    """Return a column of large whole numbers."""
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def number(name: str, comment: str) -> Column[float]:
    """Return a column of numbers."""
    return Column(name, Double, comment=comment)


def flag(name: str, comment: str, nullable: bool = True, default: str | None = None) -> Column[bool]:
    """Return a column of true or false."""
    # As an expression: a default that is a text would be one of another type.
    shown = None if default is None else sa_text(default)
    return Column(name, Boolean, nullable=nullable, comment=comment, server_default=shown)


def time(name: str, comment: str, nullable: bool = True) -> Column[datetime.datetime]:
    """Return a column of UTC times."""
    return Column(name, DateTime, nullable=nullable, comment=comment)


def date(name: str, comment: str, nullable: bool = True) -> Column[datetime.date]:
    """Return a column of UTC days."""
    return Column(name, Date, nullable=nullable, comment=comment)


def json(name: str, comment: str) -> Column[Any]:
    """Return a column of open objects."""
    return Column(name, JSON, comment=comment)
