"""Words as real accounts send them, with their blanks, are found and read as they were said."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import Any

from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata
from support.warehouse_files import NOON, Payload, Place, as_body

GREETING = (
    "Hello, |this |is |[Your |Name], |the |HR |assistant |at |[Company |Name].| I’m |calling |to |schedule "
    "|your |job |interview.| How |are |you |today?"
)
FAREWELL = "It |seems |like |now |to |continue. |Feel |free |to |discuss |your |interview |schedule. "


def turn(role: str, text: str, start_s: float) -> dict[str, Any]:
    said = text.split("|")
    words = [
        {"word": word, "start": start_s + index / 2, "end": start_s + index / 2 + 0.4}
        for index, word in enumerate(said)
    ]
    return {"role": role, "content": "".join(said), "words": words}


def test_words_with_blanks_are_found_as_terms_and_read_without_doubled_blanks(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    turns = [turn("agent", GREETING, 0), turn("user", "That |could", 20), turn("agent", FAREWELL, 30)]
    call = {"call_id": "c1", "agent_id": "a", "call_status": "ended", "transcript_object": turns}
    place.land([Payload("c1", as_body(call), NOON)])
    place.load()
    asked = "select count(*) from word_hits where term = '{}'"
    hits = {
        term: place.rows(asked.format(term))[0][0]
        for term in ("your", "to", "schedule", "interview", "hello", "i’m", "could")
    }
    assert hits == {"your": 3, "to": 3, "schedule": 2, "interview": 2, "hello": 1, "i’m": 1, "could": 1}
    assert place.rows("select context from word_hits where term = 'i’m'") == [
        ("HR assistant at [Company Name]. I’m calling to schedule your job",)
    ]
    assert place.rows(
        "select count(*) from word_hits where context like '%  %' or context <> trim(context)"
    ) == [(0,)]
    assert place.rows("select uses from top_words where role = 'agent' and term = 'name'") == [(2,)]


def test_signs_of_every_script_are_trimmed_or_kept_by_their_class() -> None:
    signs = [
        sign
        for sign in map(chr, range(1, sys.maxunicode))
        if unicodedata.category(sign)[0] in "PZSM" or unicodedata.category(sign) == "Cf" or sign in "\t\n\r"
    ]
    with Warehouse.in_memory().exclusive() as connection, connection.begin():
        metadata.create_all(connection)
        schema.apply_views(connection)
        asked = "select sign, spoken_term(sign || 'ä, ' || sign) from unnest($signs) as t(sign)"
        found = connection.exec_driver_sql(asked, {"signs": signs}).all()
    kept = {sign for sign, term in found if term != "ä"}
    assert {sign for sign in kept if unicodedata.category(sign)[0] in "PZC"} == set()
    assert {sign for sign in signs if unicodedata.category(sign)[0] in "SM"} - kept == set()
