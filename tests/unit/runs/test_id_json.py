"""JSON is read in every shape in which the API, webhooks and tools write calls, item by item."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runs import id_json, id_text
from support.ids_source import read_content, read_places, read_refusal

IDS = ["call_aaa111", "call_bbb222", "call_ccc333"]
CALLS: list[dict[str, Any]] = [
    {"call_id": call_id, "cost": {"total": 1.5}, "note": 'a "b",\n[{'} for call_id in IDS
]
WEBHOOKS = [{"event": "call_ended", "call": call} for call in CALLS]


def write_lines(values: list[Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


SHAPES = {
    "array of ids": json.dumps(IDS),
    "array of calls": json.dumps(CALLS),
    "array of calls over lines": json.dumps(CALLS, indent=2),
    "array of webhooks": json.dumps(WEBHOOKS),
    "lines of calls": write_lines(CALLS),
    "lines of webhooks": write_lines(WEBHOOKS),
    "lines of calls and ids": write_lines([CALLS[0], *IDS[1:]]),
    "calls over lines": "\n".join(json.dumps(call, indent=4) for call in CALLS),
    "list answer": json.dumps({"items": CALLS, "has_more": False}),
    "list answer of ids": json.dumps({"pagination_key": "x", "items": IDS}),
    "list answer over lines": json.dumps({"has_more": True, "items": CALLS}, indent=2),
    "lines of list answers": write_lines([{"items": CALLS[:2]}, {"items": CALLS[2:]}, {"items": []}]),
    "array of list answers": json.dumps([{"items": CALLS[:1]}, {"items": CALLS[1:]}]),
    "lines of arrays": write_lines([IDS[:1], CALLS[1:]]),
    "names": write_lines([{"callId": IDS[0]}, {"Call ID": IDS[1]}, {"call": {"id": 5, "callid": IDS[2]}}]),
    "marks and blanks between": "\ufeff[]\n\ufeff\n" + "\n\ufeff\t".join(json.dumps(call) for call in CALLS),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_shape_gives_its_ids_in_order(shape: str, encoding: str) -> None:
    assert read_content(SHAPES[shape].encode(encoding)) == IDS


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", [1, 5, 64])
def test_values_may_be_cut_between_blocks_and_be_larger_than_the_window(
    shape: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_text, "_BLOCK", block)
    monkeypatch.setattr(id_json, "_WINDOW", 20)
    assert read_content(SHAPES[shape]) == IDS


def test_a_single_call_or_webhook_gives_its_id() -> None:
    for value in (CALLS[0], WEBHOOKS[0]):
        assert read_content(json.dumps(value)) == IDS[:1]
        assert read_content(json.dumps(value, indent=2)) == IDS[:1]


def test_an_id_is_named_by_its_item_or_by_its_line() -> None:
    assert read_places('["a",\n"b"]') == [("a", "stdin item 1"), ("b", "stdin item 2")]
    assert read_places('\n{"items": [{"call_id": "a"}]}') == [("a", "stdin item 1")]
    lines = '{"call_id": "a"}\n\n{"call":\n{"call_id": "b"}}\n"c"\n[{"items": ["d"]}]'
    assert read_places(lines) == [
        ("a", "stdin line 1"),
        ("b", "stdin line 3"),
        ("c", "stdin line 5"),
        ("d", "stdin line 6 item 1 item 1"),
    ]


@pytest.mark.parametrize(
    "value", [{}, {"id": "a"}, {"call": None}, {"call": {"id": "a"}}, {"items": {"a": 1}}]
)
@pytest.mark.parametrize("window", [10, 1000])
def test_an_object_without_an_id_is_refused_and_not_shown(
    value: object, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_json, "_WINDOW", window)
    says = "is an object without call_id, call or items: correct or remove it; nothing was fetched"
    assert read_refusal(json.dumps(["a", value])) == f"stdin item 2 {says}"
    assert read_refusal(f'{{"call_id": "a"}}\n{json.dumps(value)}') == f"stdin line 2 {says}"


def test_two_names_of_an_id_in_one_object_are_refused() -> None:
    assert read_refusal('[{"callId": "a", "Call ID": "b"}]').startswith(
        "stdin item 1 has two call ids, named"
    )


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        ('{"call_id": "a", "call_id": "b"}', "line 1", "has call_id twice"),
        ('[{"call_id": "a", "n": 1, "call_id": "b"}]', "item 1", "has call_id twice"),
        ('["a", {"call": {"call_id": "a", "call_id": "b"}}]', "item 2", "has call_id twice"),
        ('{"items": ["a"], "items": ["b"]}', "line 1", "has items twice"),
        ('{"call": {"call_id": "a"},\n"call": {"call_id": "b"}}', "line 1", "has call twice"),
        ('[{"call_id": "a", "call": {"call_id": "b"}}]', "item 1", "has two call ids, its own and that of"),
    ],
)
@pytest.mark.parametrize("window", [10, 1000])
def test_an_id_that_another_one_would_hide_is_refused(
    content: str, place: str, says: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_json, "_WINDOW", window)
    assert read_refusal(content).startswith(f"stdin {place} {says}")


def test_the_same_id_twice_in_an_object_is_one_id() -> None:
    assert read_content('{"call_id": "a", "call_id": "a"}') == ["a"]
    assert read_content('{"call_id": "a", "call": {"call_id": "a"}}') == ["a"]
    assert read_content('{"call_id": "a", "note": 1, "note": 2}') == ["a"]


@pytest.mark.parametrize("value", [{"call_id": {"secret": 5}}, {"call": {"call_id": ["secret"]}}])
def test_an_id_that_is_no_text_is_refused_and_not_shown(value: object) -> None:
    assert read_refusal(json.dumps([value])) == (
        "stdin item 1 has a call_id that is no text: correct it; nothing was fetched"
    )


def test_an_array_within_an_array_is_refused() -> None:
    assert read_refusal('["a", ["secret"]]').startswith("stdin item 2 is an array within an array: put")


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ('["a",\n"b"', 2, "ends in the middle of its JSON: save it again as a whole"),
        ('{"call_id":\n', 2, "ends in the middle"),
        ('{"call_id": "a"}\n{"call_id": "b"', 2, "ends in the middle"),
        ("[", 1, "ends in the middle"),
        ('["a",\n"b]', 2, "is not readable JSON: correct it, or give one id a line"),
        ('["a",\nb]', 2, "is not readable JSON"),
        ('["a"\n"b"]', 2, "is not readable JSON"),
        ('["a",\n]', 2, "is not readable JSON"),
        ('["a"]\n]', 2, "is not readable JSON"),
        ('{"call_id": "a"},\n{"call_id": "b"}', 1, "is not readable JSON"),
        ('{"call_id": "a"}\ncall_b\n', 2, "is not readable JSON"),
        ('{"call_id": "a"}\n{\'call_id\': "b"}', 2, "is not readable JSON"),
        ('{"call_id": "a"}\n{"call_id" "b"}', 2, "is not readable JSON"),
        (f'["a",\n{"9" * 5000}]', 2, "is not readable JSON"),
        ('{"call_id": "a"}\n' + "[" * 100_000, 2, "is nested too deep: give an array of ids"),
        ('\n{"a":' * 100_000, 2, "is nested too deep"),
    ],
)
def test_broken_json_is_named_with_its_line(content: str, line: int, says: str) -> None:
    assert read_refusal(content).startswith(f"stdin line {line} {says}")


@pytest.mark.parametrize(
    "content", ['{"a": 1,\n"items": ["1"', '{"a": 1,\n"items" 1}', '{"a": 1,\n5: 1}', '{"a": 1\n"b": 2}']
)
def test_broken_json_is_named_with_its_line_when_it_is_read_in_parts(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_json, "_WINDOW", 2)
    monkeypatch.setattr(id_text, "_BLOCK", 4)
    assert read_refusal(content + " " * 50).startswith("stdin line 2 ")


def test_a_value_as_long_as_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_json, "LONGEST_TEXT", 1000)
    monkeypatch.setattr(id_text, "_BLOCK", 100)
    for content in ('["a",\n"' + "x" * 5000 + '"]', '["a",\n[' + "1," * 5000 + "1]]"):
        assert read_refusal(content).startswith(
            "stdin line 2 has a JSON value that is too long: give an array"
        )


def test_a_malformed_id_before_broken_json_is_named_first() -> None:
    assert read_refusal('["a", 5, b]').startswith("stdin item 2: '5' is not a call id")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
other_members = st.dictionaries(st.text(max_size=4).map("x{}".format), json_values, max_size=4)
WRITERS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "array": json.dumps,
    "array over lines": lambda calls: json.dumps(calls, indent=1),
    "lines": write_lines,
    "webhooks": lambda calls: write_lines([{"event": "e", "call": call} for call in calls]),
    "list answer": lambda calls: json.dumps(
        {"x": calls, "items": calls, "has_more": True}, ensure_ascii=False
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=60, deadline=None)
@given(
    ids=st.lists(st.text("abcXYZ019_-", min_size=1, max_size=40), max_size=5),
    data=st.data(),
    block=st.integers(1, 40),
    window=st.integers(1, 60),
)
def test_calls_with_any_other_members_are_read(
    writer: str, ids: list[str], data: st.DataObject, block: int, window: int
) -> None:
    calls = [data.draw(other_members) | {"call_id": call_id} | data.draw(other_members) for call_id in ids]
    content = WRITERS[writer](calls).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(id_text, "_BLOCK", block)
        patch.setattr(id_json, "_WINDOW", window)
        assert read_content(content) == ids
