"""Names that mean the id of a call are known, and texts that look like ids are told from words."""

import pytest

from pipeline.errors import UsageError
from pipeline.runs.id_names import find_id_name, is_call_id_name, is_probably_an_id, is_surely_an_id


@pytest.mark.parametrize(
    ("names", "index"),
    [
        (["agent", "call_id"], 1),
        (["id", "callId"], 1),
        (["Call ID", "Retell Call-ID"], 1),
        (["x", "", "ID"], 2),
        (["call", "call_ids", "call_id_2", "agent_id", "x" * 300], None),
        ([], None),
    ],
)
def test_the_surest_name_is_found(names: list[str], index: int | None) -> None:
    assert find_id_name(names, "here") == index


def test_a_plain_id_counts_only_where_it_may() -> None:
    assert find_id_name(["id"], "here", with_plain_id=False) is None


def test_two_equal_names_are_refused_with_both() -> None:
    with pytest.raises(UsageError, match="line 1 has two call ids, named 'call_id' and 'CallId': leave one"):
        find_id_name(["call_id", "id", " CallId"], "line 1")


def test_a_plain_id_is_not_surely_the_name_of_a_column() -> None:
    assert [is_call_id_name(name) for name in ("Call ID", "retell_call_id", "id", "call")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("text", ["call_" + "0a" * 13 + "1", "Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6", "call_1"])
def test_ids_of_retell_are_sure(text: str) -> None:
    assert is_surely_an_id(text)


@pytest.mark.parametrize(
    "text", ["", "hello", "call_me", "call_id", "2026-11-30", "internationalization", "a b 3" * 9, "5" * 129]
)
def test_words_and_names_are_not(text: str) -> None:
    assert not is_surely_an_id(text)


def test_a_short_id_is_known_by_the_length_of_others() -> None:
    assert is_probably_an_id("room_1234", {9})
    assert not is_probably_an_id("room_1234", {8, 10})
    assert not is_probably_an_id("yesterday", {9})
    assert not is_probably_an_id("a1", {2})
