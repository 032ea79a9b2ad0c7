"""A CSV is read whatever its header, delimiter and quotes, and an open quote never takes rows with it."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UsageError
from support.ids_source import read_content, read_places, read_refusal

IDS = ["call_aaa111", "call_bbb222", "call_ccc333"]
B32 = [f"call_{digit * 27}" for digit in "123"]


def make_table(header: str, row: str = "{},60") -> str:
    return "".join(f"{line}\n" for line in (header, *(row.format(call_id) for call_id in IDS)))


# Headers


@pytest.mark.parametrize(
    "name",
    [
        *(
            "call_id",
            "Call ID",
            "callId",
            "id",
            "CALL_ID",
            "call-id",
            "ID",
            "Call Id ",
            "  call id",
            "CallID",
        ),
        *('"call_id"', ' "Call ID" ', '" call_id "', "Retell Call ID", "retell_call_id", "call\u00a0id"),
    ],
)
def test_the_column_of_ids_is_known_by_many_names(name: str) -> None:
    assert read_content(make_table(f"{name},Duration")) == IDS
    assert read_content(make_table(f"Duration;{name}", "60;{}")) == IDS
    assert read_content(make_table(name, "{}")) == IDS


def test_call_id_goes_before_id_and_retells_before_both() -> None:
    assert read_content("id,call_id\n1,call_aaa111\n") == ["call_aaa111"]
    assert read_content("Call ID,id,Retell Call ID\n1,2,call_aaa111\n") == ["call_aaa111"]


@pytest.mark.parametrize("header", ["call_id,agent,Call ID", "callId\tcall_id", "ID;id"])
def test_two_columns_of_ids_are_refused(header: str) -> None:
    assert read_refusal(f"\n{header}\n1,2,3\n").startswith("stdin line 2 has two call ids, named ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_known_by_the_header(delimiter: str) -> None:
    table = make_table("agent,call_id,note", '"x, y; z",{},"a|b"').replace(",", delimiter)
    assert read_content(table) == IDS


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;", "\ufeffsep=;"])
def test_a_line_that_names_the_delimiter_is_no_row(line: str) -> None:
    assert read_content(f"{line}\r\n" + make_table("a,b;call_id;c,d", "1,2;{};3,4")) == IDS


def test_a_delimiter_that_is_named_may_be_any() -> None:
    assert read_content("sep=^\n" + make_table("agent^call_id", "x^{}")) == IDS
    assert read_content("sep=\t\n" + make_table("agent\tcall_id", "x\t{}")) == IDS


def test_empty_columns_at_the_end_do_not_count() -> None:
    assert read_content(make_table("call_id,,,", "{},,,")) == IDS
    assert read_content(make_table("call_id", "{},,,")) == IDS
    assert read_content(make_table("agent;call_id;;", ";{};;")) == IDS


def test_comments_and_blank_lines_may_stand_before_the_header() -> None:
    assert read_content("# exported today\n\n,,\n" + make_table("call_id,n")) == IDS


def test_a_column_of_numbers_named_by_its_sign_is_no_comment() -> None:
    assert read_content(make_table("#,call_id", "1,{}")) == IDS


# Rows


def test_rows_of_nothing_but_delimiters_are_passed_over() -> None:
    assert read_content('call_id,n,m\ncall_aaa111,1,\n\n,,\n , \n"","",""\ncall_bbb222,,\n') == IDS[:2]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("call_id,n\ncall_aaa111,1\n,2\n", 3),
        ('call_id,n\n"",2\n', 2),
        ("n,call_id\n1,call_aaa111\n\n2\n", 4),
        ('n,call_id\n"1\n2",call_aaa111\n"3\n4"\n', 4),
        ("n,call_id\n1,call_aaa111\n2, ", 3),
    ],
)
def test_a_row_without_an_id_is_named_with_its_line(content: str, line: int) -> None:
    assert read_refusal(content).startswith(f"stdin line {line}: '' is not a call id")


def test_a_header_in_the_middle_is_passed_over() -> None:
    concatenated = (
        b"\xef\xbb\xbfcall_id,agent\r\ncall_aaa111,x\r\ncall_bbb222,x\r\ncall_ccc333,x\r\n"
        b'"call_id"\n"call_aaa111"\n"call_bbb222"\n"call_ccc333"\n'
    )
    assert read_content(concatenated) == IDS + IDS
    again = make_table("ID;Duration", "{};60")
    assert read_content(f"sep=;\n{again}sep=;\n\ufeff{again}") == IDS + IDS


def test_a_header_in_the_middle_with_the_ids_elsewhere_is_refused() -> None:
    sentence = read_refusal(make_table("call_id,n") + make_table("n,call_id", "60,{}"))
    assert sentence.startswith("stdin line 5 is a second header with the ids in another column")


def test_a_cell_that_names_the_column_is_no_header_beside_an_id() -> None:
    assert read_content(f"call_id,note\n{B32[0]},call_id\n") == B32[:1]


def test_a_text_of_many_lines_is_one_field() -> None:
    summary = 'Hello,\n\nthe caller said ""yes"", twice:\n- call_me, please\n# 5, 6\nroom_123, floor 2\n'
    for row in (f'call_aaa111,"{summary}"', f'call_aaa111, "{summary}" ,x'):
        assert read_places(f"call_id,note\n{row}\ncall_bbb222,\n") == [
            ("call_aaa111", "stdin line 2"),
            ("call_bbb222", "stdin line 9"),
        ]
    assert read_content(f'note,call_id\n"{summary}",call_aaa111\n,call_bbb222\n') == IDS[:2]


def test_a_text_that_names_calls_in_its_sentences_is_one_field() -> None:
    summary = f"The same as\n{B32[1]} was, and\nas {B32[2]}, too"
    assert read_content(f'call_id,note\n{B32[0]},"{summary}"\n') == B32[:1]


def test_a_field_may_be_longer_than_csv_takes() -> None:
    assert (
        read_content(f'call_id,note\ncall_aaa111,{"x" * 200_000}\ncall_bbb222,"{"y," * 100_000}"\n')
        == IDS[:2]
    )


def test_quotes_within_a_plain_field_are_text() -> None:
    assert read_content('call_id,note\ncall_aaa111,5" pipe\ncall_bbb222,say "hi"\n') == IDS[:2]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("call_id\na,b\n", 2),
        ("call_id\na\n\nb, c\n", 4),
        ('call_id\na\n"b","c"\n', 3),
        (f'call_id,,\na\n"{B32[0]}",x,\n', 3),
        ("call_id,n\ncall_aaa111,1,call_bbb222\n", 2),
    ],
)
def test_an_id_in_a_column_without_a_name_is_not_lost(content: str, line: int) -> None:
    assert read_refusal(content).startswith(f"stdin line {line} has more fields than the header has names: ")


# Quotes that are not closed


def test_an_unclosed_quote_is_named_with_its_line() -> None:
    rows = [f"call_{number:04},ok" for number in range(1000)]
    rows[2] = 'call_0002,"caller said: 5'
    sentence = read_refusal("".join(f"{row}\n" for row in ["call_id,summary", *rows]))
    assert sentence.startswith("stdin line 4 opens a quote that is still open at the id on line 5: close it")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('call_id,n\ncall_aaa111,"x\n', 2),
        ('call_id,n\ncall_aaa111,"x', 2),
        ('call_id,n\ncall_aaa111,"x""\n\n', 2),
        ('call_id,n,m\ncall_aaa111,"1\n2","x\ny\n', 3),
        ('n,call_id\n1,call_aaa111\n"2,\nno, more', 3),
        ('call_id\ncall_aaa111\n"call\n', 3),
        ('call_id\tn\ncall_aaa111\t"x\ny', 2),
    ],
)
def test_a_quote_that_is_open_at_the_end_is_named_with_its_line(content: str, line: int) -> None:
    assert read_refusal(content).startswith(f"stdin line {line} opens a quote that is never closed: close it")


# A stray quote on one line, and another stray quote some lines below that closes it.
FIRST = '{0},"said: 5'
CLOSING = ['{0},say "hi', '{0},say "hi"', '{0},"hi"', '{0},5"', '{0},5",x', '"{0}",x', '{0},"",5"', '{0}"']


@pytest.mark.parametrize("closing", CLOSING)
@pytest.mark.parametrize("between", [0, 1, 30])
def test_rows_between_two_stray_quotes_are_never_lost(closing: str, between: int) -> None:
    ids = [f"call_{number:027}" for number in range(between + 3)]
    rows = [f"{ids[0]},ok", FIRST.format(ids[1]), *(f"{call_id},ok" for call_id in ids[2:-1])]
    rows.append(closing.format(ids[-1]))
    sentence = read_refusal("".join(f"{row}\n" for row in ["call_id,summary", *rows]))
    assert sentence.startswith("stdin line 3 opens a quote that ")


@pytest.mark.parametrize("closing", ['5",{0}', 'x,"{0}"', '"x",{0}', 'say "hi",{0}', '",{0}'])
@pytest.mark.parametrize("between", [0, 1, 30])
def test_rows_between_two_stray_quotes_before_the_id_are_never_lost(closing: str, between: int) -> None:
    ids = [f"call_{number:027}" for number in range(between + 3)]
    rows = [f"ok,{ids[0]}", f'"said 5,{ids[1]}', *(f"ok,{call_id}" for call_id in ids[2:-1])]
    rows.append(closing.format(ids[-1]))
    sentence = read_refusal("".join(f"{row}\n" for row in ["summary,call_id", *rows]))
    assert sentence.startswith("stdin line 3 opens a quote that ")


def test_text_after_a_closing_quote_is_named_with_both_lines() -> None:
    sentence = read_refusal('call_id,n,m\ncall_aaa111,"1\n2","x\ny"z\n')
    assert sentence.startswith("stdin line 3 opens a quote that has text after its end on line 4: close it")


def test_a_quoted_field_as_long_as_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runs.id_csv.LONGEST_TEXT", 1000)
    sentence = read_refusal('call_id,n\ncall_aaa111,"' + "no more\n" * 200 + '"\n')
    assert sentence.startswith("stdin line 2 opens a quote that is never closed")


# Laws

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\ufeff"), max_size=12)
awkward = st.lists(
    st.sampled_from(['"', ",", ";", "\t", "|", "\n", "\r\n", " ", "a", "é", "#"]), max_size=8
).map("".join)
cells = st.one_of(texts, awkward)
words = st.lists(st.sampled_from(['"', "5", " ", "a", "é", "#", ";", "\t"]), max_size=8).map("".join)
long_ids = st.integers(0, 10**27 - 1).map("call_{:027}".format)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(cells, long_ids, cells), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_whatever_csv_writes_is_read(rows: list[tuple[str, str, str]], delimiter: str, line_end: str) -> None:
    written = io.StringIO()
    # Python's writer quotes a line end only where it is the one of the rows.
    quoting = csv.QUOTE_MINIMAL if line_end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerow(["before", "call_id", "after"])
    writer.writerows(rows)
    assert read_content(written.getvalue()) == [call_id for _, call_id, _ in rows]


def check_no_id_is_lost(rows: list[tuple[str, str, str]], places: list[int]) -> None:
    """Read the rows with a quote too many at each of the places; they are refused, or all ids are found."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["before", "call_id", "after"])
    begin = written.tell()
    writer.writerows(rows)
    text = written.getvalue()
    for place in places:
        at = begin + place % (len(text) - begin)
        # An id with a quote in the middle cannot be known for one.
        if not text[at - 1 : at + 1].replace("_", "a").isalnum():
            text = text[:at] + '"' + text[at:]
    try:
        found = read_content(text)
    except UsageError:
        return
    # A word of a text may come too, and then the API does not know it.
    assert {call_id for _, call_id, _ in rows} <= set(found)


ROWS_OF_AWKWARD_TEXTS = st.lists(st.tuples(awkward, long_ids, awkward), min_size=1, max_size=6)
ROWS_OF_WORDS = st.lists(st.tuples(words, long_ids, words), min_size=1, max_size=8)
PLACE = st.integers(0, 1000)


@settings(max_examples=300, deadline=None)
@given(ROWS_OF_AWKWARD_TEXTS, PLACE)
def test_one_quote_too_many_never_loses_an_id(rows: list[tuple[str, str, str]], place: int) -> None:
    check_no_id_is_lost(rows, [place])


@settings(max_examples=300, deadline=None)
@given(ROWS_OF_WORDS, st.lists(PLACE, min_size=2, max_size=3))
def test_several_quotes_too_many_never_lose_an_id(
    rows: list[tuple[str, str, str]], places: list[int]
) -> None:
    check_no_id_is_lost(rows, places)


def test_a_list_of_calls_before_the_id_is_one_field() -> None:
    content = f'related,note,call_id\n"{B32[1]},{B32[2]}",x,{B32[0]}\n"a,b,{B32[1]}","5,6",{B32[2]}\n'
    assert read_content(content) == [B32[0], B32[2]]
