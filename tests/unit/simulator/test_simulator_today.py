"""Today's payloads of simulated calls: blanks in words, transferred legs, and items without transcripts."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from pipeline.simulator import CallBook
from pipeline.simulator.blanks import add_blanks
from pipeline.simulator.items import Items

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
PLAIN = CallBook(count=200, until=UNTIL, shape="today", blank_share=0, quirks={"everything_except_pii": 0.2})
BLANK = CallBook(count=200, until=UNTIL, shape="today", quirks=PLAIN.quirks)
LISTS = ("transcript_object", "transcript_with_tool_calls", "scrubbed_transcript_with_tool_calls")
Payload = dict[str, Any]


def spoken(payload: Payload) -> list[Payload]:
    return [item for name in LISTS for item in payload.get(name, ()) if "words" in item]


def words(items: list[Payload]) -> list[str]:
    return [word["word"] for item in items for word in item.get("words", ())]


def without_transcripts(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if "transcript" not in name}


def test_words_with_blanks_are_the_content_when_they_are_joined() -> None:
    ends = set()
    for index in range(200):
        plain, blank = PLAIN.payload(index), BLANK.payload(index)
        assert without_transcripts(blank) == without_transcripts(plain)
        assert len(spoken(blank)) == len(spoken(plain))
        for with_blanks, without in zip(spoken(blank), spoken(plain), strict=True):
            assert with_blanks["content"] == "".join(words([with_blanks]))
            assert [word.strip(" ") for word in words([with_blanks])] == words([without])
            ends |= {(word[:1] == " ", word[-1:] == " ") for word in words([with_blanks])}
        # The woven list says the same words, with the same blanks.
        if blank.get("transcript_object"):
            assert words(blank["transcript_object"]) == words(blank["transcript_with_tool_calls"])
    assert ends == {(False, False), (False, True), (True, False), (True, True)}


def test_a_blank_stands_behind_a_word_or_before_a_new_sentence_and_never_twice() -> None:
    for index in range(60):
        for item in BLANK.payload(index).get("transcript_object", ()):
            assert "  " not in item["content"]
            for before, after in pairwise(words([item])):
                assert before.endswith(" ") != after.startswith(" ")
                assert after.startswith(" ") == before.endswith((".", "?", "!"))


def test_a_turn_in_parts_keeps_its_blanks_where_it_was_cut() -> None:
    parts = [["One", "moment."], [], ["Thank", "you"]]
    items = [{"role": "agent", "words": [{"word": word} for word in part]} for part in parts]
    woven: list[Payload] = [items[0], {"role": "dtmf"}, items[1], items[2]]
    add_blanks([4], woven)
    assert words(woven) == ["One ", "moment.", " Thank ", "you"]
    assert [item.get("content") for item in woven] == ["One moment.", None, "", " Thank you"]


@pytest.mark.parametrize("shape", ["today", "mixed", "v1", "early_v2"])
def test_all_calls_of_today_have_blanks_and_no_other_calls(shape: str) -> None:
    book = CallBook(count=200, until=UNTIL, shape=shape)
    for index in range(200):
        items = spoken(book.payload(index))
        if any(len(item["words"]) > 1 for item in items):
            assert any(" " in word for word in words(items)) == (book.shape_of(index) == "today")


def test_the_share_of_calls_with_blanks_can_be_chosen() -> None:
    book = CallBook(count=200, until=UNTIL, shape="today", blank_share=0.5)
    blank = sum(any(" " in word for word in words(spoken(book.payload(index)))) for index in range(200))
    assert 50 <= blank <= 100
    with pytest.raises(ValueError, match="blank_share must be"):
        CallBook(blank_share=2)


def legs(payload: Payload) -> list[Payload]:
    return [line for line in payload["call_cost"]["product_costs"] if line.get("is_transfer_leg_cost")]


def test_a_transferred_call_goes_on_after_its_analysis_and_then_costs_more() -> None:
    now, later = (PLAIN.at(UNTIL + timedelta(hours=hours)).payload(196) for hours in (0, 1))
    assert now["disconnection_reason"] == "call_transfer"
    assert now["call_status"] == "ended"
    assert now["transfer_destination"]
    assert now["call_analysis"]
    assert "transfer_end_timestamp" not in now
    assert legs(now) == []
    assert timedelta(minutes=10) <= timedelta(
        milliseconds=later["transfer_end_timestamp"] - later["end_timestamp"]
    )
    [leg] = legs(later)
    for payload in (now, later):
        cost = payload["call_cost"]
        assert cost["combined_cost"] == pytest.approx(sum(line["cost"] for line in cost["product_costs"]))
    assert later["call_cost"]["combined_cost"] == pytest.approx(
        now["call_cost"]["combined_cost"] + leg["cost"]
    )
    unlike = {name for name in later if later[name] != now.get(name)}
    assert unlike == {"transfer_end_timestamp", "call_cost"}


def test_every_leg_of_a_book_is_over_only_when_it_has_ended() -> None:
    over = [PLAIN.at(UNTIL + timedelta(days=1)).payload(index) for index in range(200)]
    transferred = [(index, p) for index, p in enumerate(over) if "transfer_end_timestamp" in p]
    assert len(transferred) > 5
    for index, payload in transferred:
        for moment_ms in (payload["end_timestamp"], payload["transfer_end_timestamp"]):
            seen = PLAIN.at(datetime.fromtimestamp(moment_ms / 1000, UTC)).payload(index)
            is_over = moment_ms == payload["transfer_end_timestamp"]
            assert ("transfer_end_timestamp" in seen) == is_over
            assert is_over or not legs(seen)


@pytest.mark.parametrize("shape", ["v1", "early_v2", "today", "mixed"])
@pytest.mark.parametrize("as_of", [UNTIL, UNTIL - timedelta(days=3), UNTIL + timedelta(days=1)], ids=str)
def test_an_item_is_the_payload_without_transcripts(shape: str, as_of: datetime) -> None:
    book = CallBook(count=150, until=UNTIL, shape=shape, as_of=as_of)
    for index in range(150):
        expected = without_transcripts(book.payload(index))
        assert json.dumps(book.item(index)) == json.dumps(expected)


def test_kept_items_are_those_of_the_moment_the_book_is_read_at() -> None:
    items, book = Items(PLAIN), PLAIN
    for step in (timedelta(0), timedelta(days=-3), timedelta(0), timedelta(minutes=9), timedelta(days=2)):
        book = PLAIN.at(UNTIL + step)
        for _ in range(2):
            read = [json.loads(items.read(book, index)) for index in range(150, 200)]
            assert read == [book.item(index) for index in range(150, 200)]


def test_items_are_the_same_plain_pressed_or_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.simulator.items._MOST_PLAIN", 20)
    monkeypatch.setattr("pipeline.simulator.items._MOST_KEPT", 40)
    items = Items(PLAIN)
    for _ in range(2):
        assert [json.loads(items.read(PLAIN, index)) for index in range(60)] == [
            PLAIN.item(index) for index in range(60)
        ]


def test_items_of_old_calls_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    item = CallBook.item
    monkeypatch.setattr(CallBook, "item", lambda book, index: made.append(index) or item(book, index))
    items = Items(PLAIN)
    old = [
        index for index in range(200) if PLAIN.payload(index).get("start_timestamp", 2**62) < 1741800000000
    ]
    for book in (PLAIN, PLAIN, PLAIN.at(UNTIL + timedelta(hours=1))):
        for index in old:
            items.read(book, index)
    assert sorted(made[12:]) == old
