"""Measures dialogues: sweeps the timed words of staged calls in the order in which they were said.

One pass, which all measures of turns and conversations share. It is in numpy because it looks at every word
of every call: running maxima of whole columns take a tenth of the time that windows in SQL do. Times are
whole microseconds, which add up the same in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.load.turn_order import TIME_BITS, Integers, TurnOrder, find_starts, make_turn_key

Columns = dict[str, NDArray[Any]]
Flags = NDArray[np.bool_]

# What stands for nothing: below every time and every turn.
_NOTHING = -1

_TURN_BITS = 32

_LONG_SILENCE_US = 2_000_000
_DEAD_AIR_US = 5_000_000

# Words swept at once: few enough for what is worked out on the way to stay in the processor's cache, where
# memory for whole columns would be asked of the system each time.
_BLOCK = 1 << 16


class _Words(NamedTuple):
    """Timed words of whole calls, and who said them; a word that neither did is another role's.

    What is taken of them has calls and turns in as many bits as sums need.
    """

    call: Integers
    turn: Integers
    start: Integers
    end: Integers
    by_agent: Flags
    by_user: Flags

    def select(self, which: slice | Integers) -> _Words:
        return _Words(
            self.call[which].astype(np.int64, copy=False),
            self.turn[which].astype(np.int64, copy=False),
            self.start[which],
            self.end[which],
            self.by_agent[which],
            self.by_user[which],
        )


class _Heard(NamedTuple):
    """The latest end before each word of what was said in its call, and the turn it belongs to."""

    end: Integers
    turn: Integers
    by_agent: Flags
    by_user: Flags


def measure(words: Columns, tool_turns: Columns) -> tuple[Columns, Columns]:
    """Return what timed words come to: columns of turns, and columns of calls.

    `words` has a row for each timed word, in any order: `call_number`, below 2^23, `utterance_index`,
    `start_us`, from 0 on, `end_us`, below 2^40 and not before it, and `by_agent` and `by_user`, who said it.
    `tool_turns` names turns in which a tool was invoked: `call_number` and `utterance_index`. Turns and calls
    are returned, in any order, where agent or user said a timed word; lengths are in microseconds. A gap, a
    first word or a monologue that does not exist is -1; sums and counts are 0 where there is nothing to add.

    Turns are taken in the order of their first words, and of the transcript where these start together: a
    transcript lists them as they were recognised. "Later" and "last" are meant by that order. Words are swept
    in the order in which they start, and of their turns where they start together. The
    latest end so far, of everybody and of each party, says what of a word is new: so sums over words are
    lengths of unions of intervals, and nothing is counted twice where words overlap. Of turns that end
    together the last is the one that was heard. An overlap belongs to the later one of two turns: the word's
    own, and the other party's with the latest end. Agent and user are
    each other's other party; what another role says is heard, but is nobody's turn.
    """
    listed = _sort_by_turns(_read(words))
    holding = make_turn_key(tool_turns["call_number"], tool_turns["utterance_index"])
    order = TurnOrder.of(listed.call, listed.turn, listed.start)
    staged = _sort_by_turns(listed._replace(turn=order.number(listed.call, listed.turn)))
    holding = order.number_keys(holding)
    blocks = [_measure_block(staged.select(block), holding) for block in _split_into_blocks(staged.call)]
    turns, calls = _join_blocks([turns for turns, _ in blocks]), _join_blocks([calls for _, calls in blocks])
    turns["utterance_index"] = order.list_places(turns["call_number"], turns["utterance_index"])
    return turns, calls


def _join_blocks(blocks: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _read(columns: Columns) -> _Words:
    return _Words(
        columns["call_number"],
        columns["utterance_index"],
        columns["start_us"],
        columns["end_us"],
        columns["by_agent"],
        columns["by_user"],
    )


def _sort_by_turns(words: _Words) -> _Words:
    """Return the words by call and turn, as DuckDB usually selects them, but need not."""
    turn = make_turn_key(words.call, words.turn)
    return words if np.all(turn[1:] >= turn[:-1]) else words.select(np.argsort(turn, kind="stable"))


def _split_into_blocks(call: Integers) -> Iterator[slice]:
    """Yield slices of whole calls, each of them one call or no more words than a block has."""
    begins = find_starts(call)
    first = 0
    for begin, end in zip(begins, np.append(begins, len(call))[1:], strict=True):
        if end - first > _BLOCK and begin > first:
            yield slice(first, begin)
            first = begin
    yield slice(first, len(call))


def _measure_block(words: _Words, holding: Integers) -> tuple[Columns, Columns]:
    """Return the turns and the calls of some calls, whose words are in the order of their transcripts."""
    order = np.argsort(words.call << TIME_BITS | words.start, kind="stable")
    swept = words.select(order)
    # A call lies above every end of the calls before it.
    ends = (swept.call << TIME_BITS) + swept.end
    agent_end, agent_turn = _find_latest_ends(swept, np.where(swept.by_agent, ends, _NOTHING))
    user_end, user_turn = _find_latest_ends(swept, np.where(swept.by_user, ends, _NOTHING))
    end, turn = _find_latest_ends(swept, ends)
    heard = _Heard(
        end,
        turn,
        (end > _NOTHING) & (end == agent_end) & (turn == agent_turn),
        (end > _NOTHING) & (end == user_end) & (turn == user_turn),
    )

    own_end = np.where(swept.by_agent, agent_end, np.where(swept.by_user, user_end, _NOTHING))
    other_end = np.where(swept.by_agent, user_end, np.where(swept.by_user, agent_end, _NOTHING))
    new_from = np.maximum(swept.start, own_end)
    talk = np.maximum(swept.end - new_from, 0)
    overlap = np.maximum(np.minimum(swept.end, other_end) - new_from, 0)
    # Of two turns that overlap, the later one interrupts.
    interrupting = np.maximum(swept.turn, np.where(swept.by_agent, user_turn, agent_turn))
    return (
        _measure_turns(words, order, swept, heard, talk, overlap, interrupting),
        _measure_calls(swept, heard, talk, overlap, holding),
    )


def _find_latest_ends(swept: _Words, ends: Integers) -> tuple[Integers, Integers]:
    """Return the latest end before each word in its call, and the last of the turns that end there.

    `ends` lie above those of the calls before; -1 are those of words that do not count.
    """
    latest = np.maximum.accumulate(ends)
    # The steps of that maximum are numbered, so that the last of the turns that reach one is a maximum too.
    step = np.cumsum(np.diff(latest, prepend=_NOTHING) > 0)
    turns = np.maximum.accumulate(step << _TURN_BITS | np.where(ends == latest, swept.turn, 0))
    latest[1:], turns[1:] = latest[:-1], turns[:-1]
    latest[:1] = _NOTHING
    begins = swept.call << TIME_BITS
    is_heard = latest >= begins
    return (
        np.where(is_heard, latest - begins, _NOTHING),
        np.where(is_heard, turns & (1 << _TURN_BITS) - 1, _NOTHING),
    )


def _measure_turns(
    words: _Words,
    order: Integers,
    swept: _Words,
    heard: _Heard,
    talk: Integers,
    overlap: Integers,
    interrupting: Integers,
) -> Columns:
    """Return the talk of every turn, the pause before it, and for how long it interrupts."""
    keys = make_turn_key(words.call, words.turn)
    begins = find_starts(keys)
    # Where the words of the transcript come in the sweep.
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    first = np.minimum.reduceat(position, begins)
    # A gap follows the other party only: not oneself, and not somebody who is still speaking.
    answers = (swept.by_agent & heard.by_user | swept.by_user & heard.by_agent) & (swept.start >= heard.end)
    gap = np.where(answers, swept.start - heard.end, _NOTHING)
    interrupted = np.zeros(len(begins), dtype=np.int64)
    over = np.flatnonzero(overlap)
    np.add.at(
        interrupted,
        np.searchsorted(keys[begins], make_turn_key(swept.call[over], interrupting[over])),
        overlap[over],
    )
    turns = {
        "call_number": words.call[begins],
        "utterance_index": words.turn[begins],
        "by_agent": words.by_agent[begins],
        "talk_us": np.add.reduceat(talk[position], begins),
        "response_gap_us": gap[first],
        "overlap_us": interrupted,
    }
    sided = (words.by_agent | words.by_user)[begins]
    return {name: column[sided] for name, column in turns.items()}


def _measure_calls(
    swept: _Words, heard: _Heard, talk: Integers, overlap: Integers, holding: Integers
) -> Columns:
    """Return what the speech of every call comes to."""
    begins = find_starts(swept.call)
    which = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(swept.call)))
    sided = swept.by_agent | swept.by_user
    first = np.minimum.reduceat(np.where(sided, swept.start, 1 << TIME_BITS), begins)
    last = np.maximum.reduceat(np.where(sided, swept.end, _NOTHING), begins)

    between = (swept.start > heard.end) & (swept.start <= last[which]) & (heard.end >= first[which])
    silence = np.where(between, swept.start - heard.end, 0)
    long = silence > _LONG_SILENCE_US
    dead = silence > _DEAD_AIR_US
    by_agent = _is_agents_turn(swept, heard, holding)
    by_somebody = sided & (heard.by_agent | heard.by_user)

    # Only one party speaks in a stretch, which is a monologue of it.
    runs = np.flatnonzero(
        np.diff(swept.call, prepend=_NOTHING)
        | np.diff(swept.by_agent.astype(np.int8), prepend=_NOTHING)
        | np.diff(swept.by_user.astype(np.int8), prepend=_NOTHING)
    )
    run = np.maximum.reduceat(swept.end, runs) - swept.start[runs]
    runs_begin = np.searchsorted(runs, begins)

    def total(values: Integers, where: Flags) -> Integers:
        return np.add.reduceat(np.where(where, values, 0), begins)

    def count(where: Flags) -> Integers:
        return np.add.reduceat(where.astype(np.int64), begins)

    agent_timed_count = count(swept.by_agent)
    agent_first = np.minimum.reduceat(np.where(swept.by_agent, swept.start, 1 << TIME_BITS), begins)
    calls = {
        "call_number": swept.call[begins],
        "first_word_us": first,
        "last_word_us": last,
        "agent_timed_count": agent_timed_count,
        "user_timed_count": count(swept.by_user),
        "agent_first_word_us": np.where(agent_timed_count > 0, agent_first, _NOTHING),
        "agent_talk_us": total(talk, swept.by_agent),
        "user_talk_us": total(talk, swept.by_user),
        "overlap_us": np.add.reduceat(overlap, begins),
        "silence_us": np.add.reduceat(silence, begins),
        "longest_silence_us": np.maximum.reduceat(silence, begins),
        "long_silence_us": total(silence, long),
        "long_silence_count": count(long),
        "dead_air_us": total(silence, dead),
        "dead_air_count": count(dead),
        "agent_silence_us": total(silence, by_somebody & by_agent),
        "user_silence_us": total(silence, by_somebody & ~by_agent),
        "agent_monologue_us": np.maximum.reduceat(np.where(swept.by_agent[runs], run, _NOTHING), runs_begin),
        "user_monologue_us": np.maximum.reduceat(np.where(swept.by_user[runs], run, _NOTHING), runs_begin),
    }
    return {name: column[last > _NOTHING] for name, column in calls.items()}


def _is_agents_turn(swept: _Words, heard: _Heard, holding: Integers) -> Flags:
    """Return whether the agent had the turn in the silence before each word, or else the user.

    Whoever spoke goes on within a turn, and answers after the other's; after a turn of one's own that nobody
    answered it was the other's turn. While a tool runs, the agent holds its turn.
    """
    again = (swept.turn != heard.turn) & (swept.by_agent & heard.by_agent | swept.by_user & heard.by_user)
    agents: Flags = swept.by_agent ^ again
    waits = np.flatnonzero(again & swept.by_agent)
    agents[waits] = np.isin(make_turn_key(swept.call[waits], heard.turn[waits]), holding)
    return agents
