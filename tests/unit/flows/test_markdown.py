"""Reports as Markdown show what comes from payloads as text, and nothing that is for few people only."""

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KeyRefused
from pipeline.flows import markdown
from pipeline.log.hidden import escape_hidden
from pipeline.report.queries import Answers, Filters, State
from pipeline.report.write import WrittenReport
from pipeline.runs.run_report import OUTCOME_LABELS, RunReport, Unaccounted
from pipeline.warehouse.checks import CheckResult

REPORT = RunReport(
    "20250602T000000Z-abcdef",
    "backfill",
    "data/warehouse.duckdb",
    started_at=datetime(2025, 6, 2, 9, 30),
    given=1205,
    requested=1204,
    to_fetch=1204,
    outcomes={"loaded": 1203, "rejected": 1},
    unaccounted=[Unaccounted("call_1", "rejected", "not a number", "$.duration_ms", "secret words")],
    request_count=1204,
    duration_s=60.2,
)
# What Markdown, or HTML in it, could take for more than text, or for the end of a line.
_LIVE = re.compile(r"(?<!\\)(?:\\\\)*[|<>`*_\[\]&]|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def run_page(report: RunReport = REPORT, latency: list[dict[str, Any]] | None = None) -> str:
    return markdown.format_run_report(report, latency or [], {})


def test_a_run_that_the_account_limited_says_so() -> None:
    assert "limited by the account" not in run_page()
    page = run_page(replace(REPORT, account_rate=7.5))
    assert "The run was limited by the account: 7.5 calls a second." in page.splitlines()


def cells_of(line: str) -> list[str]:
    """Split a row at the bars that Markdown takes for borders."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def cell_shown(value: object) -> str:
    page = run_page(latency=[{"agent_name": value, "after": "end"}])
    row = page.rstrip("\n").split("\n")[-1]
    shown, after = cells_of(row)
    assert after == "end", "the row is whole"
    return shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "\\<script\\>alert\\(1\\)\\</script\\>"),
        ("`code`", "\\`code\\`"),
        ("a\\|b", "a\\\\\\|b"),
        ("two\nlines", "two lines"),
        ("two\r\nlines", "two lines"),
        ("old\rline", "old line"),
        ("[here](https://example.com)", "\\[here\\]\\(https://example.com\\)"),
        ("*bold* _too_ ~gone~", "\\*bold\\* \\_too\\_ \\~gone\\~"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("Zoë – 你好", "Zoë – 你好"),
        ("a\u202eb\u2028c\x1b[2J\0", r"a\\u202eb\\u2028c\\u001b\[2J\\u0000"),
        ("\U000e0041 \ud800", r"\\U000e0041 \\ud800"),
    ],
)
def test_what_a_payload_says_is_shown_as_text(text: str, shown: str) -> None:
    assert cell_shown(text) == shown


@given(st.text())
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    shown = cell_shown(text)
    assert _LIVE.search(shown) is None
    # Nothing but white space is lost.
    kept = escape_hidden(text.replace("\r", "\n"), keeps_lines=True)
    assert re.sub(r"\\(.)", r"\1", shown).split() == kept.split()


@given(st.text(min_size=1))
def test_no_reason_or_path_of_a_rejected_payload_breaks_the_table(text: str) -> None:
    item = Unaccounted("call_1", "rejected", text, text)
    page = run_page(replace(REPORT, unaccounted=[item]))
    row = page.rstrip("\n").split("\n")[-1]
    assert cells_of(row)[0] == "call\\_1"
    assert len(cells_of(row)) == 4


def test_the_report_says_how_the_run_ended_and_links_to_more() -> None:
    links = {"this run": "http://127.0.0.1:4200/runs/flow-run/1"}
    page = markdown.format_run_report(REPORT, [{"metric": "e2e", "p99_ms": 1234.56, "calls": 3}], links)
    assert page.startswith("# backfill partial\n")
    assert "1,204 ids (1 duplicates dropped): 1,203 loaded, 1 rejected." in page
    assert "[this run](http://127.0.0.1:4200/runs/flow-run/1)" in page
    assert "| requests per second | 20.0 |" in page
    assert "| started \\(UTC\\) | 2025-06-02 09:30:00 |" in page
    assert "| call\\_1 | rejected | not a number | $.duration\\_ms |" in page
    assert "| e2e | 1,234.6 | 3 |" in page


def test_the_offending_value_of_a_rejected_payload_is_not_written() -> None:
    assert "secret words" not in run_page()


def test_what_stopped_a_run_is_named_with_its_problems() -> None:
    page = run_page(replace(REPORT, error=KeyRefused(401), problems=["a chunk | is damaged"]))
    assert page.startswith("# backfill failed\n")
    assert "**Problem:** the API refused the key \\(401\\)" in page
    assert "**Problem:** a chunk \\| is damaged" in page


@pytest.mark.parametrize(("ids", "rows", "left"), [(100, 100, None), (101, 100, "1"), (1_350, 100, "1,250")])
def test_a_hundred_ids_without_a_call_are_listed_and_the_others_counted(
    ids: int, rows: int, left: str | None
) -> None:
    items = [Unaccounted(f"call-{number}", "not_found", "HTTP 404") for number in range(ids)]
    page = run_page(replace(REPORT, unaccounted=items))
    assert page.count("| not found | HTTP 404 |") == rows
    assert ("more: `python -m pipeline status`" in page) == (left is not None)
    if left is not None:
        assert f"… and {left} more:" in page


@pytest.mark.parametrize("outcome", OUTCOME_LABELS)
def test_every_outcome_has_its_words(outcome: str) -> None:
    page = run_page(replace(REPORT, outcomes={outcome: 12_345}))
    assert f"| {OUTCOME_LABELS[outcome]} | 12,345 |" in page


def test_a_run_without_ids_or_time_is_reported_too() -> None:
    page = run_page(RunReport("r", "sync", "w"))
    assert page.startswith("# sync succeeded\n\n0 ids.")
    assert "| requests per second | 0.0 |" in page


def test_a_call_report_names_its_place_its_figures_and_the_worst_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WrittenReport, "draw_png", lambda written: b"an image")
    headline = dict.fromkeys(("over_calls", "connected_calls", "judged_calls", "successful_calls"), 2)
    headline |= {"calls": 1_234, "connect_rate": 0.5, "success_rate": None, "costed_calls": 0}
    headline |= {"cost_cents": None, "cents_per_connected_minute": None}
    headline |= {"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 2)}
    answers = Answers(
        Filters(agent_id="a"),
        State(Path("analytics.duckdb"), True, None, None, "Europe/Berlin"),
        {"a": "desk | <b>"},
        headline,
        {"latency_parts": [{"metric": "e2e", "samples": 10_000, "p50_ms": 1_000.4, "p95_ms": 2_000.0}]},
        [
            {"kind": "overlap", "place": 1, "call_id": "once", "measure": 2.0},
            {"kind": "slow", "place": 2, "call_id": "twice", "measure": 4_321.0},
            {"kind": "tools", "place": 3, "call_id": "twice", "measure": 1},
        ],
        [],
    )
    page = markdown.format_call_report(WrittenReport(Path("/data/report.html"), 1, answers))
    assert "/data/report.html: desk \\| \\<b\\>, 2026-03-01 to 2026-03-02 \\(Europe/Berlin\\)." in page
    assert "| Calls | 1,234 | 2 are over |" in page
    assert "| End to end, p95 | 2,000 ms | 10,000 turns, pooled |" in page
    assert "| Cost | – | 0 calls |" in page
    assert "\n![The first charts](data:image/png;base64,YW4gaW1hZ2U=)\n" in page
    worst = page.split("## Worst calls")[1]
    assert [cells_of(line) for line in worst.strip().split("\n")[2:]] == [
        ["twice", "slow: p95 4,321 ms, 1 tool failed"],
        ["once", "both spoke for 2.0 s"],
    ]


def test_checks_that_did_not_pass_come_first_and_failures_before_warnings() -> None:
    results = [
        CheckResult("a_passes", "holds | always", "fail", 0, []),
        CheckResult("b_warns", "holds", "warn", 3, [{"call_id": "secret words"}]),
        CheckResult("c_fails", "holds", "fail", 1_000, []),
    ]
    page = markdown.format_checks(results)
    rows = [cells_of(line) for line in page.rstrip("\n").split("\n")[4:]]
    assert [row[:3] for row in rows] == [
        ["fail", "c\\_fails", "1,000"],
        ["warn", "b\\_warns", "3"],
        ["pass", "a\\_passes", "0"],
    ]
    assert rows[2][3] == "holds \\| always"
    assert "secret words" not in page


def test_cells_of_a_table_artifact_are_values_of_json() -> None:
    rows = [{"day": date(2025, 6, 2), "at": datetime(2025, 6, 2, 9), "calls": 3, "share": 0.5, "none": None}]
    assert markdown.make_json_rows(rows) == [
        {"day": "2025-06-02", "at": "2025-06-02 09:00:00", "calls": 3, "share": 0.5, "none": None}
    ]
