"""Text is read in the encodings that programs write, and what is no text is named for what it is."""

import pytest

from pipeline.runs import id_text
from support.ids_source import read_content, read_refusal

IDS = ["call_b", "call_a", "call_c"]
LINES = "".join(f"{call_id}\r\n" for call_id in IDS)
TABLE = "call_id\tagent\r\n" + "".join(f"{call_id}\tLéa 😀\r\n" for call_id in IDS)


@pytest.mark.parametrize("text", [LINES, TABLE, LINES.replace("\r\n", "\r"), TABLE.replace("\r\n", "\n")])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")],
)
def test_utf_8_and_utf_16_with_a_mark_are_read(text: str, mark: bytes, encoding: str) -> None:
    assert read_content(mark + text.encode(encoding)) == IDS


def test_what_powershell_and_excel_write_is_read() -> None:
    content = b"\xff\xfe" + "call_id\tagent\r\ncall_aaa111\tx\r\ncall_bbb222\tx\r\n".encode("utf-16-le")
    assert read_content(content) == ["call_aaa111", "call_bbb222"]


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_characters_and_line_ends_may_be_cut_between_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "\ufeff" + TABLE
    # The first block is long enough to be known by its beginning.
    monkeypatch.setattr(id_text, "_BLOCK", block + 3)
    assert read_content(content.encode()) == IDS
    assert read_content(content.encode("utf-16-le")) == IDS


def test_marks_in_the_middle_are_left_out() -> None:
    assert read_content("\ufeffcall_b\n\ufeffcall_a\n\n\ufeff\ufeffcall_c") == IDS


def test_a_mark_alone_is_an_empty_text() -> None:
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        assert read_content(mark) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"call_b\ncall_a\n\xff\n", 3),
        ("call_id,agent\r\ncall_b,Léa\r\n".encode("latin-1"), 2),
        (b"call_b\rcall_a\r\rL\xe9a", 4),
        (b"call_b\n\xed\xa0\x80\n", 2),
        (b"call_b\ncall_\xc3", 2),
        (b"\xff\xfe" + "call_b\ncall_a\n".encode("utf-16-le") + b"c", 3),
        (b"\xff\xfec\0\n\0\x00\xd8c\0", 2),
    ],
)
def test_bytes_that_are_no_text_are_named_with_their_line(content: bytes, line: int) -> None:
    sentence = read_refusal(content)
    assert sentence.startswith(
        f"stdin line {line} is neither UTF-8 nor UTF-16 text: save the ids as plain text"
    )


def test_a_malformed_id_before_the_broken_bytes_is_named_first() -> None:
    assert read_refusal(b"call_b\nno good\n\xff").startswith("stdin line 2: 'no good' is not a call id")


def test_a_nul_byte_is_named_with_its_line() -> None:
    for content in ("a\nb\0\n", '["a",\n"b\0"]', "call_id,n\na,\0\n"):
        assert read_refusal(content).startswith("stdin line 2 has a NUL byte, so it is no text: save")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_called_so(encoding: str) -> None:
    for text in (LINES, TABLE, '["a"]', "a\n"):
        sentence = read_refusal(text.encode(encoding))
        assert sentence.startswith("stdin is UTF-16 text without a byte order mark: save it as UTF-8")


@pytest.mark.parametrize(
    ("beginning", "what"),
    [
        (b"PK\x03\x04\x14\0\6\0", 'an Excel workbook or another zip file: save it as "CSV UTF-8"'),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook: save it as"),
        (b"\x1f\x8b\x08\0", "compressed by gzip: unpack it"),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it"),
        (b"PAR1\x15\x04", "a Parquet file: write its ids as CSV"),
        (b"SQLite format 3\0", "an SQLite database: write its ids as CSV"),
        (b"%PDF-1.7", "a PDF: save the ids"),
        ("call_b\n".encode("utf-32"), "UTF-32 text: save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_named_by_its_kind(beginning: bytes, what: str) -> None:
    assert read_refusal(beginning + b"\x03\0\xff" * 50).startswith(f"stdin is {what}")


def test_a_line_as_long_as_a_file_is_refused() -> None:
    sentence = read_refusal("call_b\n" + "x" * (id_text.LONGEST_TEXT + 2**18))
    assert sentence.startswith("stdin line 2 is too long")
