"""The roles of a transcript are listed in SQL once: whoever needs them elsewhere has the same."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipeline import sql
from pipeline.load.payload_fields import describe_fields
from pipeline.payload import contract
from pipeline.payload.known_fields import has_plain_speech
from pipeline.report import labels
from pipeline.warehouse import schema


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        for group in schema.PAYLOAD_MACROS:
            for name in sql.list_names(group):
                opened.execute(sql.read(f"{group}/{name}"))
        opened.execute(sql.read("stage/payload_fields"), {"payload_fields": describe_fields()})
        opened.execute(sql.read("macros/shared/known_names"))
        yield opened


def listed(connection: duckdb.DuckDBPyConnection, macro: str) -> list[str]:
    [(names,)] = connection.execute(f"select {macro}()").fetchall()
    return list(names)


def test_the_contract_of_payloads_has_the_same_roles(connection: duckdb.DuckDBPyConnection) -> None:
    assert frozenset(listed(connection, "speaker_roles")) == frozenset(contract.SPEAKERS)
    assert frozenset(listed(connection, "tool_roles")) == contract._TOOL_ITEMS


def test_the_report_has_a_name_for_every_speaker(connection: duckdb.DuckDBPyConnection) -> None:
    assert list(labels.ROLES) == listed(connection, "speaker_roles")


def test_validation_looks_into_the_turns_of_speakers_alone(connection: duckdb.DuckDBPyConnection) -> None:
    for role in (*listed(connection, "speaker_roles"), *listed(connection, "tool_roles"), "newer"):
        [(speaks,)] = connection.execute("select is_speaker(?)", [role]).fetchall()
        odd = {"role": role, "content": "hi", "new": 1}
        assert has_plain_speech({"transcript_with_tool_calls": [odd]}) is not speaks


@pytest.mark.parametrize(
    ("role", "has_words", "is_speech"),
    [
        ("agent", False, True),
        ("agent", None, True),
        ("tool_call_result", True, False),
        ("newer", True, True),
        ("newer", False, False),
        ("newer", None, False),
        (None, True, True),
        (None, None, False),
    ],
)
def test_a_new_role_speaks_if_it_brings_words(
    connection: duckdb.DuckDBPyConnection, role: str | None, has_words: bool | None, is_speech: bool
) -> None:
    asked = "select is_speech(cast($role as varchar), cast($has_words as boolean))"
    found = connection.execute(asked, {"role": role, "has_words": has_words}).fetchall()
    assert found == [(is_speech,)]


def test_the_fields_of_an_item_are_known_for_every_role(connection: duckdb.DuckDBPyConnection) -> None:
    asked = "select place from known_names() where kind = 'field' and not starts_with(place, '$')"
    places = {place for (place,) in connection.execute(asked).fetchall()}
    [(roles,)] = connection.execute("select names from known_names() where kind = 'role'").fetchall()
    assert roles == [
        role for macro in ("speaker", "tool", "event") for role in listed(connection, f"{macro}_roles")
    ]
    assert places == {*roles, "word", "turn metadata"}
