"""Reads content as a user's source of ids, as `backfill -` does."""

from __future__ import annotations

import io

import pytest

from pipeline.errors import UsageError
from pipeline.runs.ids import read_ids


def read_content(content: str | bytes) -> list[str]:
    """Return the ids of a source with this content."""
    return [call_id for call_id, _ in read_places(content)]


def read_places(content: str | bytes) -> list[tuple[str, str]]:
    """Return the ids of a source with this content, each with its place."""
    source = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return [(placed.call_id, placed.place) for placed in read_ids(["-"], source)]


def read_refusal(content: str | bytes) -> str:
    """Return the sentence with which this content is refused."""
    with pytest.raises(UsageError) as caught:
        read_content(content)
    assert caught.value.exit_code == 2
    sentence = str(caught.value)
    assert sentence.startswith("stdin")
    assert sentence.endswith("; nothing was fetched")
    assert sentence.isprintable()
    assert len(sentence) < 250
    return sentence
