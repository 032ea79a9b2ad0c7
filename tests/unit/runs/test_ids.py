"""Ids are read in order whatever form they come in, and a malformed one is named with its place."""

import errno
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MalformedId, UsageError
from pipeline.payload.call_id import is_call_id
from pipeline.runs.id_names import find_id_name
from pipeline.runs.ids import read_ids, spool_ids

ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
sound_ids = st.text(ID_CHARACTERS, min_size=1, max_size=128)
NOTHING = io.BytesIO()


def found(*sources: object, stdin: BinaryIO = NOTHING) -> list[str]:
    return [placed.call_id for placed in read_ids([str(source) for source in sources], stdin)]


def file_of(folder: Path, content: str | bytes, name: str = "ids.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(*sources: object, stdin: BinaryIO = NOTHING) -> UsageError:
    with pytest.raises(UsageError) as caught:
        found(*sources, stdin=stdin)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("text", ["a", "-", "_", "call_0123456789abcdef", "A-z_9", "0" * 128])
def test_a_call_id_is_letters_digits_underscores_and_hyphens(text: str) -> None:
    assert is_call_id(text)


@pytest.mark.parametrize(
    "text", ["", "0" * 129, "a b", "a\n", "\na", "é", "٣", "a.b", "..", "a/b", "a%2e", "a\0"]
)
def test_anything_else_is_no_call_id(text: str) -> None:
    assert not is_call_id(text)


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "lines": "b\na\nc\n",
        "lines without a last end": "b\na\nc",
        "blank lines": "\n\n  \nb\n\na\n\t\nc\n\n",
        "comments": "# asked for by support\nb # the first\na\n   # none\nc\u00a0#x\n",
        "windows line ends": "b\r\na\r\nc\r\n",
        "old line ends": "b\ra\rc\r",
        "byte order mark": b"\xef\xbb\xbfb\na\nc\n",
        "byte order mark on a blank line": b"\xef\xbb\xbf\r\nb\na\nc\n",
        "spaces round ids": "  b\n\ta \nc  \n",
        "csv of one column": "call_id\nb\na\nc\n",
        "csv": "call_id,agent\nb,x\na,y\nc,z\n",
        "csv with semicolons": "agent;call_id;note\nx;b;1,5\ny;a;\nz;c;\n",
        "csv with tabs": "agent\tcall_id\nx y\tb\n\ta\nz\tc\n",
        "csv with a quoted header": '"agent","call_id"\n"x","b"\n"y","a"\n"z",c\n',
        "csv with line breaks and delimiters in a field": 'note,call_id\n"one\ntwo, ""three""",b\n,a\n,c\n',
        "csv with delimiters in its header": '"name, first",call_id,agent\n"Doe, J",b,x\n,a,y\n,c,z\n',
        "csv with windows line ends and a byte order mark": b"\xef\xbb\xbfcall_id;n\r\nb;1\r\na;2\r\nc;3\r\n",
        "csv with blank rows": "\ncall_id,n\n\nb,1\n,\na,2\nc,3\n",
        "csv with longer and shorter rows": "call_id,n\nb\na,1,2,3\nc,\n",
        "array": '["b", "a", "c"]',
        "array over lines": '\n [\n"b",\n"a",\n"c"\n]\n',
        "array with a byte order mark": b'\xef\xbb\xbf["b", "a", "c"]',
        "array of objects": '[{"call_id": "b", "n": 1}, {"n": null, "call_id": "a"}, {"call_id": "c"}]',
        "array of both": '["b", {"call_id": "a"}, "c"]',
    }.items(),
)  # fmt: skip
def test_every_form_gives_its_ids_in_order(tmp_path: Path, name: str, content: str | bytes) -> None:
    path = file_of(tmp_path, content, "ids")
    assert found(path) == ["b", "a", "c"]
    assert found("-", stdin=io.BytesIO(path.read_bytes())) == ["b", "a", "c"]


def test_the_content_tells_the_form_and_not_the_name(tmp_path: Path) -> None:
    assert found(file_of(tmp_path, '["a"]', "ids.csv")) == ["a"]
    assert found(file_of(tmp_path, "call_id\na\n", "ids.json")) == ["a"]


def test_arguments_files_and_stdin_are_read_in_the_order_they_are_named(tmp_path: Path) -> None:
    listed = file_of(tmp_path, "b\na\n")
    table = file_of(tmp_path, "call_id\nd\n", "more.csv")
    assert found("z", listed, "-", table, "a", stdin=io.BytesIO(b"y\n")) == ["z", "b", "a", "y", "d", "a"]


def test_duplicates_are_left_to_the_plan(tmp_path: Path) -> None:
    assert found("a", "b", "a") == ["a", "b", "a"]


def test_a_file_is_read_even_when_its_name_is_a_call_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(tmp_path, "a\n", "listed")
    monkeypatch.chdir(tmp_path)
    assert found("listed") == ["a"]


def test_a_pipe_is_read_like_a_file() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"b\na\n")
        os.close(writing)
        assert found(f"/dev/fd/{reading}") == ["b", "a"]
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("content", "text", "place"),
    [
        ("a\n\n# b\nb c\n", "b c", "line 4"),
        ("\n\nä\n", "ä", "line 3"),
        ("a\r\n../../delete-agent\r\n", "../../delete-agent", "line 2"),
        ("a, b\n", "a, b", "line 1"),
        ("a\nb#f\n", "b#f", "line 2"),
        ("a#f # no comment\n", "a#f", "line 1"),
        ("a#\n", "a#", "line 1"),
        ("a,#f\n", "a,#f", "line 1"),
        ('"a#f"\n', "a#f", "line 1"),
        ('"a #f"\n', '"a', "line 1"),
        ("a\x1f\n", "a\x1f", "line 1"),
        ("a\x1d#f\n", "a\x1d#f", "line 1"),
        ("a\u2028\n", "a\u2028", "line 1"),
        ("a\ufeff\n", "a\ufeff", "line 1"),
        ("a\tb\n", "a\tb", "line 1"),
        ("call_id\na#f\n", "a#f", "line 2"),
        ("agent,call_id\nx,a #f\n", "a #f", "line 2"),
        ("agent\tcall_id\nx\ta\x85\n", "a\x85", "line 2"),
        ('["a#f"]', "a#f", "item 1"),
        ("agent,call_id\nx,a\ny,b c\n", "b c", "line 3"),
        ("\nagent,call_id\nx,a\ny,b c\n", "b c", "line 4"),
        ("agent,call_id\nx,a\ny\n", "", "line 3"),
        ("agent,call_id\nx,\n", "", "line 2"),
        ('call_id,note\na,"1\n2"\nb c,\n', "b c", "line 4"),
        ('["a", "b c"]', "b c", "item 2"),
        ('["a", ""]', "", "item 2"),
        ('[{"call_id": "a"}, {"call_id": "b c"}]', "b c", "item 2"),
    ],
)
def test_a_malformed_id_is_named_with_its_place(tmp_path: Path, content: str, text: str, place: str) -> None:
    path = file_of(tmp_path, content)
    named = refusal(path)
    assert isinstance(named, MalformedId)
    assert (named.text, named.place) == (text, f"{path} {place}")
    assert str(named).startswith(f"{path} {place}: {text!r} is not a call id")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        *((None, "null"), (5, "5"), (1.5, "1.5"), (True, "true"), (False, "false")),
        *(({"call_id": None}, "null"), ({"call_id": 5}, "5"), ({"call": {"call_id": 5}}, "5")),
    ],
)
def test_what_is_no_text_in_a_json_array_is_malformed(tmp_path: Path, item: object, text: str) -> None:
    path = file_of(tmp_path, json.dumps(["a", item]))
    named = refusal(path)
    assert isinstance(named, MalformedId)
    assert (named.text, named.place) == (text, f"{path} item 2")


@pytest.mark.parametrize("text", ["", " ", "a b", "ä", "a" * 129, "a" * 300, "a" * 5000, "a\0b", "\x1b[31m"])
def test_a_malformed_argument_is_named_with_its_number(text: str) -> None:
    named = refusal("good", text)
    assert isinstance(named, MalformedId)
    assert (named.text, named.place) == (text, "argument 2")
    assert len(str(named)) < 250
    assert str(named).isprintable()


def test_a_malformed_id_on_stdin_is_named_with_its_line() -> None:
    assert str(refusal("-", stdin=io.BytesIO(b"a\n!\n"))).startswith("stdin line 2: '!'")


@pytest.mark.parametrize("name", ["missing.txt", "no/such/ids", "/no/such/ids", "C:\\ids", "../ids"])
def test_a_file_that_is_missing_is_told_from_a_malformed_id(name: str) -> None:
    assert str(refusal(name)).startswith(f"there is no file {name}")


def test_a_folder_is_no_file_of_ids(tmp_path: Path) -> None:
    assert str(refusal(tmp_path)).startswith(f"{tmp_path} is a folder")


@pytest.mark.parametrize("content", [b"a\n\xff\xfe\n", b"\x1f\x8b\x08\x00\xc3\x28", b"PK\x03\x04", b"a\n\0"])
def test_a_binary_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = file_of(tmp_path, content)
    assert str(refusal(path)).startswith(f"{path} ")
    assert not isinstance(refusal(path), MalformedId)


@pytest.mark.parametrize("content", ["agent,x\na,x\n", "agent\ncall_1\n", "call_1,agent\n"])
def test_a_csv_file_needs_a_column_of_call_ids(tmp_path: Path, content: str) -> None:
    path = file_of(tmp_path, content, "ids.csv")
    assert str(refusal(path)).startswith(f"{path} has no column call_id")


def test_a_csv_file_of_one_column_needs_no_header(tmp_path: Path) -> None:
    for content in ("call_1\ncall_2\n", '"call_1"\r\n"call_2"\r\n', "call_1,,\ncall_2,,\n"):
        assert found(file_of(tmp_path, content, "ids.csv")) == ["call_1", "call_2"]


def test_lines_may_have_quotes_empty_columns_and_a_header_in_the_middle(tmp_path: Path) -> None:
    path = file_of(tmp_path, "b,,,\n'a',\n;\ncall_id\n\"c\" ;\n,,,\n")
    assert found(path) == ["b", "a", "c"]


@pytest.mark.parametrize("line", ["a,b", "a;b", "a b", '"a","b"', "a\tb", ",b", "a|b,"])
def test_several_ids_on_a_line_are_refused(tmp_path: Path, line: str) -> None:
    path = file_of(tmp_path, f"x\n{line}\n")
    named = refusal(path)
    assert isinstance(named, MalformedId)
    assert named.place == f"{path} line 2"


class _Folder(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise IsADirectoryError(errno.EISDIR, "Is a directory")


def test_a_stdin_that_cannot_be_read_is_refused() -> None:
    assert str(refusal("-", stdin=_Folder())).startswith("cannot read stdin (Is a directory)")


@pytest.mark.parametrize(
    "content", ["", "\n\n", "# none yet\n", "\ufeff", "[]", "call_id\n", "call_id,n\n\n,\n"]
)
def test_no_id_at_all_is_refused(tmp_path: Path, content: str) -> None:
    path = file_of(tmp_path, content)
    with pytest.raises(UsageError, match=f"there are no call ids in {path}"):
        spool_ids([str(path)], NOTHING, tmp_path / "spool")
    with pytest.raises(UsageError, match="there are no call ids in stdin"):
        spool_ids(["-"], io.BytesIO(content.encode()), tmp_path / "spool")


def test_ids_before_a_malformed_one_are_given_before_it_is_met() -> None:
    endless = iter(read_ids(["a", "b c"], NOTHING))
    assert next(endless).call_id == "a"
    with pytest.raises(MalformedId):
        next(endless)


FORMS: dict[str, Callable[[list[str]], str]] = {
    "lines": lambda ids: "".join(f"{call_id}\n" for call_id in ids),
    "windows lines": lambda ids: "".join(f"{call_id}\r\n\r\n" for call_id in ids),
    "comments": lambda ids: "".join(f"#x\n{call_id} # y\n" for call_id in ids),
    "csv": lambda ids: "n,call_id\n" + "".join(f"1,{call_id}\n" for call_id in ids),
    "quoted csv": lambda ids: '"call_id"\t"n"\n' + "".join(f'"{call_id}"\t1\n' for call_id in ids),
    "array": json.dumps,
    "objects": lambda ids: json.dumps([{"n": 1, "call_id": call_id} for call_id in ids], indent=1),
    "json lines": lambda ids: "".join(f'{{"call": {{"call_id": "{call_id}"}}}}\n' for call_id in ids),
    "list answer": lambda ids: json.dumps({"items": [{"call_id": call_id} for call_id in ids]}),
}


def is_no_header(call_id: str) -> bool:
    return find_id_name([call_id], "") is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@settings(max_examples=40, deadline=None)
@given(ids=st.lists(sound_ids.filter(is_no_header), min_size=1, max_size=6))
def test_the_spool_holds_exactly_what_was_given(form: str, encoding: str, ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        count = spool_ids(["-"], io.BytesIO(FORMS[form](ids).encode(encoding)), spool)
        lines = spool.read_text("ascii").splitlines()
    assert count == len(ids)
    assert lines == [f"{position},{call_id}" for position, call_id in enumerate(ids)]


@settings(max_examples=40, deadline=None)
@given(ids=st.lists(sound_ids.filter(lambda call_id: call_id != "-"), min_size=1, max_size=6))
def test_arguments_are_spooled_as_given(ids: list[str]) -> None:
    # A lone dash stands for stdin.
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        assert spool_ids(ids, NOTHING, spool) == len(ids)
        assert [line.split(",")[1] for line in spool.read_text("ascii").splitlines()] == ids
