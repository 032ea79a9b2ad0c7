"""Words and turns of odd calls, held against plain Python on the payloads: terms, contexts, who spoke when.

The reference draws a call as a line of milliseconds, a line for each party, and reads everything off it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest

from support.odd_calls import ODD_WORDS, Told
from support.read_calls import Read, Turn

PARTIES = ("agent", "user")
# What no reader may leave open: the terms of the words that the simulator does not send.
TERMS = {
    "はい。": "はい", "是的，": "是的", "أهلا؟": "أهلا", "हाँ।": "हाँ", "¿Qué?": "qué", "50%": "50", "$5": "$5",
    "...": "", "—": "", " - ": "", "\u00a0Straße\u200b, ": "straße", "«Oui»": "oui", "don't": "don't",
    "(#1)": "1", "\tTab\n": "tab", "ÉTÉ!": "été",
}  # fmt: skip


def term_of(word: str) -> str:
    """Return a word without blanks and punctuation around it, in lower case."""

    def is_around(character: str) -> bool:
        category = unicodedata.category(character)
        return category[0] in "PZ" or category == "Cf" or character.isspace()

    kept = [place for place, character in enumerate(word) if not is_around(character)]
    return word[kept[0] : kept[-1] + 1].lower() if kept else ""


def test_the_reference_knows_terms() -> None:
    assert {word: term_of(word) for word in ODD_WORDS} == TERMS


def test_terms_are_counted_as_they_were_said(told: Told) -> None:
    uses: Counter[tuple[str, str]] = Counter()
    for read in told.reads:
        for turn in read.turns:
            uses.update((turn.role, term) for word in turn.spoken if (term := term_of(word.text)))
    totals: Counter[str] = Counter()
    for (role, _), count in uses.items():
        totals[role] += count
    rows = told.ask("from top_words")
    assert {(row["role"], row["term"]): row["uses"] for row in rows} == dict(uses)
    assert {term for term in TERMS.values() if term} <= {term for _, term in uses}
    for row in rows:
        assert row["share"] == pytest.approx(row["uses"] / totals[row["role"]])
    for role in totals:
        counts = sorted((count for (said_by, _), count in uses.items() if said_by == role), reverse=True)
        ranks = {count: counts.index(count) + 1 for count in set(counts)}
        assert all(ranks[row["uses"]] == row["use_rank"] for row in rows if row["role"] == role)


def test_hits_have_the_words_around_them_as_they_were_said(told: Told) -> None:
    wanted = []
    terms = {"appointment", "you", "please", "qué", "été", "straße", "是的", "$5"}
    for read in told.reads:
        for turn in read.turns:
            for place, word in enumerate(turn.spoken):
                if term_of(word.text) in terms:
                    around = [other.text for other in turn.spoken[max(0, place - 5) : place + 6]]
                    context = " ".join(" ".join(around).split())
                    number = turn.words.index(word)
                    wanted.append((read.call_id, turn.index, number, term_of(word.text), word.text, context))
    listed = ", ".join(f"'{term}'" for term in terms)
    columns = "call_id, utterance_index, word_index, term, word, context"
    rows = told.ask(f"select {columns} from word_hits where term in ({listed})")
    assert sorted(tuple(row.values()) for row in rows) == sorted(wanted)
    assert len(wanted) > len(told.reads)


class Talk(NamedTuple):
    """What the lines of a call say: its measures, and of each turn its gap and its overlap."""

    measures: dict[str, Any]
    turns: dict[int, tuple[float | None, float]]


def draw(read: Read) -> Talk | None:
    """Measure a call on a line of milliseconds; None where no party has a word that was spoken."""
    # The order of turns is that of their first spoken words.
    order = sorted((turn for turn in read.turns if turn.spoken), key=lambda turn: (start(turn), turn.index))
    talking = [turn for turn in order if turn.role in PARTIES]
    if not talking:
        return None
    until = max(word.end_ms for turn in order for word in turn.spoken)
    lines = {role: np.full(until, -1) for role in {*PARTIES, *(turn.role for turn in order)}}
    for rank, turn in enumerate(order):
        for word in turn.spoken:
            lines[turn.role][word.start_ms : word.end_ms] = rank
    agent, user = lines["agent"] >= 0, lines["user"] >= 0
    said = [word for turn in talking for word in turn.spoken]
    first, last = min(word.start_ms for word in said), max(word.end_ms for word in said)
    heard = np.any([line[first:last] >= 0 for line in lines.values()], axis=0)
    edges = np.flatnonzero(np.diff(heard.astype(int)))
    silences = edges[1::2] - edges[::2]
    both = agent & user
    later = np.maximum(lines["agent"], lines["user"])[both]
    by = {role: later[lines[role][both] == later] for role in PARTIES}
    measures: dict[str, Any] = {
        "first_word_s": first / 1000,
        "last_word_s": last / 1000,
        "agent_talk_s": agent.sum() / 1000,
        "user_talk_s": user.sum() / 1000,
        "overlap_s": both.sum() / 1000,
        "silence_s": (~heard).sum() / 1000,
        "longest_silence_s": silences.max(initial=0) / 1000,
        "long_silence_s": silences[silences > 2000].sum() / 1000,
        "long_silence_count": int((silences > 2000).sum()),
        "dead_air_s": silences[silences > 5000].sum() / 1000,
        "dead_air_count": int((silences > 5000).sum()),
    }
    turns = {}
    for rank, turn in enumerate(order):
        if turn.role in PARTIES:
            turns[turn.index] = (gap_before(rank, order), float((by[turn.role] == rank).sum()))
    for role in PARTIES:
        gaps = [turns[turn.index][0] for turn in talking if turn.role == role]
        known = [gap for gap in gaps if gap is not None]
        measures |= {
            f"{role}_interruption_count": len(set(by[role].tolist())),
            f"{role}_interruption_ms": len(by[role]),
            f"{role}_response_count": len(known),
            f"{role}_response_p50_ms": float(np.percentile(known, 50)) if known else None,
            f"{role}_response_p95_ms": float(np.percentile(known, 95)) if known else None,
            f"{role}_longest_monologue_s": monologue(role, order),
        }
    return Talk(measures, turns)


def start(turn: Turn) -> int:
    return min(word.start_ms for word in turn.spoken)


def gap_before(rank: int, order: list[Turn]) -> float | None:
    """Return the silence before a turn that answers the other party."""
    turn, begins = order[rank], start(order[rank])
    before = [
        (word.end_ms, number, other.role)
        for number, other in enumerate(order)
        for word in other.spoken
        if word.start_ms < begins or (word.start_ms == begins and number < rank)
    ]
    if not before:
        return None
    ended, _, role = max(before)
    is_answer = role in PARTIES and role != turn.role
    return float(begins - ended) if is_answer and ended <= begins else None


def monologue(role: str, order: list[Turn]) -> float | None:
    """Return the longest stretch of words of one role, in the order in which words begin."""
    words = sorted(
        (word.start_ms, rank, word.end_ms, turn.role)
        for rank, turn in enumerate(order)
        for word in turn.spoken
    )
    longest, since, until, before = None, 0, 0, ""
    for begins, _, ends, said_by in words:
        if said_by == role:
            since, until = (since, max(until, ends)) if before == role else (begins, ends)
            longest = max(longest or 0.0, (until - since) / 1000)
        before = said_by
    return longest


@pytest.fixture(scope="session")
def talks(told: Told) -> dict[str, Talk]:
    drawn = {read.call_id: draw(read) for read in told.reads if read.turns}
    return {call_id: talk for call_id, talk in drawn.items() if talk is not None}


def test_conversations_are_those_of_the_lines(told: Told, talks: dict[str, Talk]) -> None:
    rows = {row["call_id"]: row for row in told.ask("from conversations")}
    assert rows.keys() == {read.call_id for read in told.reads if read.turns}
    for read in told.reads:
        if read.turns:
            row = rows[read.call_id]
            for role in PARTIES:
                mine = [turn for turn in read.turns if turn.role == role]
                words = [word for turn in mine for word in turn.words]
                assert row[f"{role}_turn_count"] == len(mine)
                assert row[f"{role}_word_count"] == len(words)
                assert row[f"{role}_untimed_word_count"] == sum(not word.is_spoken for word in words)
            measures = talks[read.call_id].measures
            found = {name: row[name] for name in measures}
            assert found == pytest.approx(measures, abs=1e-6), read.call_id


def test_turns_come_as_the_lines_say(told: Told, talks: dict[str, Talk]) -> None:
    rows: dict[str, dict[int, Any]] = defaultdict(dict)
    for row in told.ask("from turn_details"):
        rows[row["call_id"]][row["utterance_index"]] = (row["response_gap_ms"], row["overlap_ms"])
        assert row["is_interruption"] == (row["overlap_ms"] > 0)
    assert rows.keys() == talks.keys()
    for call_id, talk in talks.items():
        found = rows[call_id]
        assert found.keys() == talk.turns.keys()
        for index, (gap, overlap) in talk.turns.items():
            assert found[index] == (pytest.approx(gap) if gap is not None else None, pytest.approx(overlap))
    assert any(not turn.spoken and turn.words for read in told.reads for turn in read.turns)


def test_talk_of_a_day_is_pooled_over_its_calls(told_by_day: Told, talks: dict[str, Talk]) -> None:
    rows = {(row["day"], row["agent_id"]): row for row in told_by_day.ask("from daily_conversations")}
    groups = {
        key: spoken
        for key, reads in told_by_day.groups().items()
        if (spoken := [read for read in reads if read.turns])
    }
    assert rows.keys() == groups.keys()
    for key, reads in groups.items():
        row, timed = rows[key], [talks[read.call_id] for read in reads if read.call_id in talks]
        assert (row["calls"], row["timed_calls"]) == (len(reads), len(timed))
        assert row["turns"] == sum(turn.role in PARTIES for read in reads for turn in read.turns)
        sums = {
            name: sum(talk.measures[name] for talk in timed)
            for name in (
                "agent_talk_s",
                "user_talk_s",
                "silence_s",
                "dead_air_s",
                "first_word_s",
                "last_word_s",
            )
        }
        if timed:
            assert row["agent_talk_ratio"] == pytest.approx(
                sums["agent_talk_s"] / (sums["agent_talk_s"] + sums["user_talk_s"])
            )
            length = sums["last_word_s"] - sums["first_word_s"]
            assert row["silence_rate"] == pytest.approx(sums["silence_s"] / length)
            assert row["dead_air_rate"] == pytest.approx(sums["dead_air_s"] / length)
        for role in PARTIES:
            gaps = [
                talk.turns[turn.index][0]
                for read in reads
                if (talk := talks.get(read.call_id))
                for turn in read.turns
                if turn.role == role and talk.turns.get(turn.index, (None,))[0] is not None
            ]
            levels = np.percentile(np.array(gaps, float), (50, 95)).tolist() if gaps else [None, None]
            found = [row[f"{role}_response_{level}_ms"] for level in ("p50", "p95")]
            assert found == (pytest.approx(levels) if gaps else levels)
            words = sum(len(turn.spoken) for read in reads for turn in read.turns if turn.role == role)
            minutes = sums[f"{role}_talk_s"] / 60
            pace = pytest.approx(words / minutes) if minutes else None
            assert row[f"{role}_words_per_minute"] == pace
