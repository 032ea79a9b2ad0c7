"""Calls are measured as an oracle does that looks at every moment for itself, and as laws say of any call."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.load import turn_taking

LATEST = 999_999_999_999
WIDE = 2**20
OTHER_PARTY = {"agent": "user", "user": "agent", "other": "other"}
WORD_NAMES = ("call_number", "utterance_index", "start_us", "end_us", "by_agent", "by_user")
WORD_TYPES = ("i4", "i4", "i8", "i8", "?", "?")

Row = dict[str, int]
Rows = dict[tuple[int, ...], Row]


class Word(NamedTuple):
    """A word of a turn, and where it stands in it."""

    turn: int
    place: int
    role: str
    start: int
    end: int


class Call(NamedTuple):
    """Timed words, and the turns in which a tool was invoked."""

    words: tuple[Word, ...]
    tools: frozenset[int] = frozenset()


def call_of(*words: tuple[int, str, int, int], tools: Iterable[int] = ()) -> Call:
    placed = (Word(turn, place, role, start, end) for place, (turn, role, start, end) in enumerate(words))
    return Call(tuple(placed), frozenset(tools))


Calls = dict[int, Call]
# Small numbers meet often: words start and end together, and silences are just as long as the bounds.
MOMENTS = [base + more for base in (0, 0, 0, 0, 2_000_000, 5_000_000, LATEST - 9) for more in range(8)]
LENGTHS = [*range(5), *range(5), *range(5), 2_000_000, 5_000_000, LATEST]
INDEXES = [*range(7), *range(7), WIDE - 1, WIDE, WIDE + 1, 2**31 - 1]


@st.composite
def calls(draw: st.DrawFn, others: int = 1, latest: int = LATEST) -> Call:
    roles = st.sampled_from(["agent", "user"] * 2 + ["other"] * others)
    turns = draw(st.dictionaries(st.sampled_from(INDEXES), roles, min_size=1, max_size=5))
    word = st.tuples(st.sampled_from(list(turns)), st.sampled_from(MOMENTS), st.sampled_from(LENGTHS))
    spoken = [(turn, min(start, latest), length) for turn, start, length in draw(st.lists(word, max_size=9))]
    words = ((turn, turns[turn], start, min(start + length, latest)) for turn, start, length in spoken)
    return call_of(*words, tools=draw(st.sets(st.sampled_from([*turns, 3]), max_size=2)))


MANY = st.dictionaries(st.sampled_from([1, 2, 3, 4, 1000, 1_000_000]), calls(), max_size=3)
BLOCKS = st.sampled_from([1, 2, 5, turn_taking._BLOCK])
ENOUGH = settings(max_examples=40, deadline=None)


def columns_of(
    several: Calls, shuffled: int | None = None
) -> tuple[turn_taking.Columns, turn_taking.Columns]:
    """The words and the tools of calls, in arrays that nobody may write to."""
    said = [(number, word) for number, call in several.items() for word in call.words]
    words = [(n, w.turn, w.start, w.end, w.role == "agent", w.role == "user") for n, w in said]
    if shuffled is not None:
        random.Random(shuffled).shuffle(words)
    tools = [(number, turn) for number, call in several.items() for turn in call.tools]
    return arrays(words), arrays(tools, WORD_TYPES[:2])


def arrays(rows: Sequence[tuple[int, ...]], kinds: Sequence[str] = WORD_TYPES) -> turn_taking.Columns:
    named = enumerate(zip(WORD_NAMES, kinds, strict=False))
    columns = {name: np.array([row[at] for row in rows], kind) for at, (name, kind) in named}
    for column in columns.values():
        column.flags.writeable = False
    return columns


def rows_of(columns: turn_taking.Columns, *key: str) -> Rows:
    lists = {name: column.tolist() for name, column in columns.items()}
    keys = list(zip(*(lists.pop(name) for name in key), strict=True))
    assert len(set(keys)) == len(keys), "a row is there twice"
    values = (dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True))
    return dict(zip(keys, values, strict=True))


def measured(
    several: Calls, block: int = turn_taking._BLOCK, shuffled: int | None = None
) -> tuple[Rows, Rows]:
    """The rows of turns and of calls by their keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn_taking, "_BLOCK", block)
        turns, of_calls = turn_taking.measure(*columns_of(several, shuffled))
    return rows_of(turns, "call_number", "utterance_index"), rows_of(of_calls, "call_number")


Order = dict[int, tuple[int, int]]


def order_of(words: Iterable[Word]) -> Order:
    """When each turn comes: by its first word, then by its place in the transcript."""
    order: Order = {}
    for word in words:
        order[word.turn] = min(order.get(word.turn, (LATEST, 0)), (word.start, word.turn))
    return order


def last_heard(words: Iterable[Word], order: Order) -> Word | None:
    return max(words, key=lambda word: (word.end, order[word.turn]), default=None)


def by_hand(call: Call) -> tuple[dict[int, Row], Row | None]:
    """What the call's turns and the call come to, one by one and span by span, as slowly as it is plain."""
    order = order_of(call.words)
    said = sorted(call.words, key=lambda word: (word.start, order[word.turn], word.place))
    sided = [word for word in said if word.role != "other"]
    if not sided:
        return {}, None
    turns: dict[int, Row] = {}
    for position, word in enumerate(said):
        heard = last_heard(said[:position], order)
        answers = heard and heard.role == OTHER_PARTY[word.role] and word.start >= heard.end
        gap = word.start - heard.end if heard and answers else -1
        if word.role != "other" and word.turn not in turns:
            row = {"by_agent": word.role == "agent", "talk_us": 0, "response_gap_us": gap, "overlap_us": 0}
            turns[word.turn] = row

    first, last = min(word.start for word in sided), max(word.end for word in sided)
    talk, waited = {"agent": 0, "user": 0}, {"agent": 0, "user": 0, "other": 0}
    both, silences = 0, []
    for begin, end in pairwise(sorted({moment for word in said for moment in (word.start, word.end)})):
        speaking = [at for at, word in enumerate(said) if word.start <= begin and end <= word.end]
        earliest = {said[at].role: at for at in reversed(speaking)}
        new = [at for role, at in earliest.items() if role != "other"]
        for word in (said[at] for at in new):
            talk[word.role] += end - begin
            turns[word.turn]["talk_us"] += end - begin
        if len(new) == 2:
            adding = said[max(new)]
            others = (word for word in said[: max(new)] if word.role == OTHER_PARTY[adding.role])
            over = last_heard(others, order)
            assert over is not None
            turns[max(over.turn, adding.turn, key=lambda turn: order[turn])]["overlap_us"] += end - begin
            both += end - begin
        if not speaking and first <= begin and end <= last:
            silences.append(end - begin)
            before = last_heard((word for word in said if word.end == begin), order)
            assert before is not None
            after = next(word for word in said if word.start == end)
            waited[who_was_waited_for(before, after, call.tools)] += end - begin

    longest = {"agent": -1, "user": -1, "other": -1}
    for role, stretch in groupby(said, key=lambda word: word.role):
        run = list(stretch)
        longest[role] = max(longest[role], max(word.end for word in run) - min(word.start for word in run))
    starts = [word.start for word in said if word.role == "agent"]
    row = {
        "first_word_us": first,
        "last_word_us": last,
        "agent_timed_count": len(starts),
        "user_timed_count": len(sided) - len(starts),
        "agent_talk_us": talk["agent"],
        "user_talk_us": talk["user"],
        "overlap_us": both,
        "silence_us": sum(silences),
        "longest_silence_us": max(silences, default=0),
        "long_silence_us": sum(silence for silence in silences if silence > 2_000_000),
        "long_silence_count": sum(silence > 2_000_000 for silence in silences),
        "dead_air_us": sum(silence for silence in silences if silence > 5_000_000),
        "dead_air_count": sum(silence > 5_000_000 for silence in silences),
        "agent_silence_us": waited["agent"],
        "user_silence_us": waited["user"],
        "agent_monologue_us": longest["agent"],
        "user_monologue_us": longest["user"],
    }
    return turns, row | {"agent_first_word_us": min(starts, default=-1)}


def who_was_waited_for(before: Word, after: Word, tools: frozenset[int]) -> str:
    if "other" in (before.role, after.role):
        return "other"
    if before.role != after.role or before.turn == after.turn:
        return after.role
    return "agent" if after.role == "user" or before.turn in tools else "user"


# The bounds of silences, each missed by one and met; a call that ends with all time, before one at its start.
BOUNDS = {
    number: call_of((0, "agent", 0, 1), (1, "user", 1 + gap, 2 + gap))
    for number, gap in enumerate([1_999_999, 2_000_000, 2_000_001, 4_999_999, 5_000_000, 5_000_001], start=1)
}
EDGES = {
    1: call_of((WIDE, "user", 0, LATEST), (3, "agent", LATEST - 3, LATEST), (0, "user", LATEST, LATEST)),
    2: call_of((2**31 - 1, "agent", 0, 0), (0, "user", 0, 0), (WIDE, "agent", 1, 1), tools=[0, WIDE]),
    3: call_of((0, "other", 0, LATEST)),
    4: call_of((0, "user", 0, 1), (1, "agent", 3, LATEST), (WIDE - 1, "user", LATEST, LATEST)),
    1000: call_of((0, "agent", 0, 9), (6, "other", 1, 12), (1, "user", 2, 6), (1, "user", 3, 7)),
}


@settings(max_examples=150, deadline=None)
@example(several=BOUNDS, block=5, shuffled=0)
@example(several=EDGES, block=turn_taking._BLOCK, shuffled=1)
@given(several=MANY, block=BLOCKS, shuffled=st.integers(0, 9))
def test_every_measure_is_as_by_hand(several: Calls, block: int, shuffled: int) -> None:
    wanted: tuple[Rows, Rows] = ({}, {})
    for number, call in several.items():
        turns, row = by_hand(call)
        wanted[0].update({(number, turn): measures for turn, measures in turns.items()})
        wanted[1].update({} if row is None else {(number,): row})
    assert measured(several, block, shuffled) == wanted


@ENOUGH
@given(several=MANY, block=BLOCKS, shuffled=st.integers(0, 9))
def test_neither_the_order_of_words_nor_other_calls_matter(several: Calls, block: int, shuffled: int) -> None:
    alone = [measured({number: call}) for number, call in several.items()]
    turns, found = measured(several, block, shuffled)
    assert turns == {key: row for part, _ in alone for key, row in part.items()}
    assert found == {key: row for _, part in alone for key, row in part.items()}


@ENOUGH
@given(call=calls())
def test_parties_that_swap_places_swap_their_measures(call: Call) -> None:
    words = (word._replace(role=OTHER_PARTY[word.role]) for word in call.words)
    turns, found = measured({1: Call(call.words)})
    swapped_turns, swapped = measured({1: Call(tuple(words))})
    assert swapped_turns == {key: row | {"by_agent": not row["by_agent"]} for key, row in turns.items()}
    for row in (*found.values(), *swapped.values()):
        del row["agent_first_word_us"]
    for key, row in found.items():
        names = (re.sub("^(agent|user)", lambda party: OTHER_PARTY[party[0]], name) for name in row)
        assert swapped[key] == dict(zip(names, row.values(), strict=True))


@ENOUGH
@given(call=calls(latest=9_000_000), by=st.integers(0, LATEST - 9_000_000))
def test_a_call_that_is_later_differs_in_its_times_alone(call: Call, by: int) -> None:
    later = (word._replace(start=word.start + by, end=word.end + by) for word in call.words)
    turns, found = measured({1: call})
    for row in found.values():
        times = ("first_word_us", "last_word_us", "agent_first_word_us")
        row.update({name: row[name] + by for name in times if row[name] != -1})
    assert measured({1: Call(tuple(later), call.tools)}) == (turns, found)


@ENOUGH
@given(several=MANY)
def test_turns_add_up_to_their_call(several: Calls) -> None:
    turns, found = measured(several)
    assert {(number,) for number, _ in turns} == set(found)
    for (number,), row in found.items():
        own = [turn for (of, _), turn in turns.items() if of == number]
        assert sum(turn["talk_us"] for turn in own if turn["by_agent"]) == row["agent_talk_us"]
        assert sum(turn["talk_us"] for turn in own if not turn["by_agent"]) == row["user_talk_us"]
        assert sum(turn["overlap_us"] for turn in own) == row["overlap_us"]


@ENOUGH
@given(call=calls(others=0))
def test_a_call_of_two_is_talk_and_silence_which_each_is_somebodys(call: Call) -> None:
    for row in measured({1: call})[1].values():
        talk = row["agent_talk_us"] + row["user_talk_us"] - row["overlap_us"]
        assert talk + row["silence_us"] == row["last_word_us"] - row["first_word_us"]
        assert row["agent_silence_us"] + row["user_silence_us"] == row["silence_us"]


@ENOUGH
@given(lengths=st.lists(st.integers(1, 9), max_size=12), size=st.integers(1, 12))
def test_a_block_is_one_call_or_as_many_as_fit(lengths: list[int], size: int) -> None:
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn_taking, "_BLOCK", size)
        blocks = [numbers[block].tolist() for block in turn_taking._split_into_blocks(numbers)]
    assert [number for block in blocks for number in block] == numbers.tolist()
    assert all(len(block) <= size or len(set(block)) == 1 for block in blocks)
    for block, following in pairwise(blocks):
        assert block[-1] < following[0]
        assert len(block) + following.count(following[0]) > size


def test_more_calls_than_a_block_has_are_measured_each_as_it_would_be() -> None:
    call = call_of((0, "agent", 0, 4), (1, "user", 3, 5), (2, "other", 6, 7), (3, "agent", 9, 9))
    count = turn_taking._BLOCK // 2
    words, tools = columns_of({1: call})
    many = {name: np.tile(column, count) for name, column in words.items()}
    many["call_number"] = np.repeat(np.arange(1, count + 1, dtype=np.int32), len(call.words))
    for one, found in zip(turn_taking.measure(words, tools), turn_taking.measure(many, tools), strict=True):
        wanted = {name: np.tile(column, count) for name, column in one.items()}
        wanted["call_number"] = np.repeat(np.arange(1, count + 1), len(one["call_number"]))
        assert all(np.array_equal(found[name], column) for name, column in wanted.items())


SELECTED = """
    select 1::int as call_number, 0::int as utterance_index, 0::bigint as start_us,
        1::bigint as end_us, ? as by_agent, false as by_user limit ?
"""


@pytest.mark.parametrize(("by_agent", "words", "rows"), [(True, 1, 1), (False, 1, 0), (True, 0, 0)])
def test_without_rows_the_columns_are_the_same(by_agent: bool, words: int, rows: int) -> None:
    selected = duckdb.execute(SELECTED, [by_agent, words]).fetchnumpy()
    tools = duckdb.execute("select 1::int as call_number, 0::int as utterance_index limit 0").fetchnumpy()
    assert [column.dtype for column in selected.values()] == list(WORD_TYPES)
    turns, found = turn_taking.measure(selected, tools)
    of_turns, of_call = by_hand(call_of((0, "agent", 0, 1)))
    assert set(turns) == {"call_number", "utterance_index", *of_turns[0]}
    assert set(found) == {"call_number", *(of_call or ())}
    for name, column in (turns | found).items():
        assert column.dtype == (np.bool_ if name == "by_agent" else np.int64), name
        assert column.shape == (rows,), name
