"""The report in a real browser: it draws all it has, without a network, light, dark, on a phone, on paper."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipeline.report import runtime
from pipeline.warehouse import schema
from support.browser import Browser, Tab, until
from support.report_pages import Page, html_of, mixed_calls, published
from support.warehouse_files import Place

# A browser, and bundling the chart library, take seconds.
pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
CALLS = mixed_calls(600)
SINCE = date(2026, 2, 18)
# Stands in every text of a payload; it would run, or load something, if it were more than text.
HOSTILE = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 2'>\"'"
# Charts that draw one mark a row, and how the marks are found.
BARS = "g.mark-rect.role-mark path"
POINTS = "g.mark-symbol.role-mark path"
MARKS = {
    "volume": BARS,
    "latency": POINTS,
    "latency_parts": "g.mark-rule.role-mark line",
    "latency_agents": "g.mark-rule.role-mark line",
    "disconnections": BARS,
    "reasons": BARS,
    "sentiment": BARS,
    "success": POINTS,
    "talk": POINTS,
    "interruptions": POINTS,
    "tools": BARS,
    "costs": BARS,
    "worst": "g.mark-rule.role-mark line",
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = published(tmp_path_factory.mktemp("report"), CALLS)
    path = folder / "report.html"
    path.write_text(html_of(folder, runtime=runtime.bundle()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report.read_text(encoding="utf-8"))


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab in which nothing may go wrong."""
    opened = browser.tab()
    yield opened
    assert opened.problems == []
    assert {url.partition("#")[0].rpartition("/")[2] for url in opened.requests} <= {"report.html"}
    opened.tell("Page.close")


def count(tab: Tab, within: str, marks: str) -> int:
    found: int = tab.ask(f"document.querySelectorAll({json.dumps(f'{within} {marks}')}).length")
    return found


def kept(screenshot: bytes, name: str) -> None:
    """Look whether a picture has been drawn, and keep it for the README when golden files are written."""
    assert screenshot.startswith(b"\x89PNG")
    assert 20_000 < len(screenshot) < 400_000
    if os.environ.get("GOLDEN") == "write":
        (DOCS / name).write_bytes(screenshot)


def a_call(page: Page, *kinds: str) -> str:
    """Return the id of a call whose timeline shows these kinds of things."""
    for call_id, charts in page.data["calls"].items():
        if set(kinds) <= {row["kind"] for row in charts["timeline"]}:
            return str(call_id)
    raise AssertionError(f"no call shows {kinds}")


def test_every_chart_has_a_mark_for_every_row(tab: Tab, report: Path, page: Page) -> None:
    tab.resize(1280, 1150)
    tab.open(report)
    assert MARKS.keys() == page.data["charts"].keys()
    for name, marks in MARKS.items():
        assert count(tab, f"#{name}", marks) == len(page.rows(name)) > 0, name
    assert count(tab, "#latency", "g.mark-area path") == 2
    assert count(tab, "#latency", "g.mark-line path") == 3
    assert count(tab, "body", ".failed") == 0
    kept(tab.screenshot(), "report.png")


def test_the_period_before_is_a_pale_line_with_a_point_for_every_day(
    tab: Tab, report: Path, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(html_of(report.parent, SINCE, runtime=runtime.bundle()), encoding="utf-8")
    shown = Page(path.read_text(encoding="utf-8"))
    tab.open(path)
    for name, lines in (("latency", 3), ("success", 2)):
        rows = len(shown.rows(name)) + len(shown.before(name))
        assert count(tab, f"#{name}", POINTS) == rows > len(shown.before(name)) > 0
        assert count(tab, f"#{name}", "g.mark-line path") == lines + 1
    tab.resize(390, 844)
    assert tab.ask("document.documentElement.scrollWidth") == 390


def test_a_click_on_a_call_opens_its_page_and_back_leads_to_the_charts(
    tab: Tab, report: Path, page: Page
) -> None:
    tab.open(report)
    tab.click("#worst g.mark-rect.role-mark path")
    until(lambda: tab.ask("location.hash").startswith("#call-"))
    first = page.rows("worst")[0]["link"]
    assert tab.ask("location.hash") == first
    tab.until_drawn(first.removeprefix("#call-"))
    assert tab.ask("getComputedStyle(document.querySelector('.report')).display") == "none"
    assert tab.ask("[...document.querySelectorAll('.call.shown')].map(call => `#${call.id}`)") == [first]
    tab.click(".call.shown nav .next")
    until(lambda: tab.ask("location.hash") not in (first, ""))
    tab.click(".call.shown nav a")
    until(lambda: tab.ask("document.body.dataset.page") == "report")
    assert tab.ask("document.querySelector('#volume .chart svg').getBoundingClientRect().width") > 800


def test_the_page_of_a_call_draws_what_the_call_was(tab: Tab, report: Path, page: Page) -> None:
    call_id = a_call(page, "speech", "overlap", "silence", "tool")
    charts = page.data["calls"][call_id]
    kinds = [row["kind"] for row in charts["timeline"]]
    tab.resize(1280, 1150)
    tab.open(report, call_id, f"#call-{call_id}")
    within = f"#call-{call_id} [data-chart=timeline]"
    spans = kinds.count("speech") + kinds.count("overlap") + kinds.count("silence")
    assert count(tab, within, BARS) == spans
    assert count(tab, within, POINTS) == kinds.count("tool")
    answers = [row for row in charts["gaps"] if row["kind"] == "gap"]
    assert count(tab, f"#call-{call_id} [data-chart=gaps]", POINTS) == len(answers) > 0
    kept(tab.screenshot(), "report-call.png")
    # A stretch of speech leads to what was said.
    tab.click(f"{within} g.speech_marks path")
    until(lambda: tab.ask("location.hash").endswith("/0"))
    until(lambda: tab.ask("document.querySelector('.shown .marked')?.dataset.turn") == "0")
    # A page that was opened on a call has drawn no chart yet, and draws them when it gets there.
    tab.click(".call.shown nav a")
    tab.until_drawn("report")
    assert count(tab, "#volume", BARS) == len(page.rows("volume"))


def test_a_call_that_is_not_in_the_report_leads_to_the_charts(tab: Tab, report: Path) -> None:
    tab.open(report, fragment="#call-__proto__")
    assert tab.ask("document.body.dataset.page") == "report"


def test_dark_and_light_change_while_one_looks(tab: Tab, report: Path) -> None:
    told = """(() => {
        const colour = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return [colour("body", "backgroundColor"), colour("#volume .role-axis-label text", "fill"),
                colour("#volume g.mark-rect.role-mark path", "fill"),
                colour("#latency g.mark-line path", "stroke")];
    })()"""
    shown: dict[tuple[str, str], list[list[str]]] = {}
    tab.open(report)
    for scheme, media in (("light", ""), ("dark", ""), ("dark", "print"), ("light", "")):
        tab.colours(scheme, media)
        shown.setdefault((scheme, media), []).append(tab.ask(told))
    [dark], [paper], [light, again] = shown["dark", ""], shown["dark", "print"], shown["light", ""]
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert light == again
    assert paper == ["rgb(255, 255, 255)", *light[1:]], "paper is never dark"


def test_a_phone_shows_one_column_and_nothing_too_wide(tab: Tab, report: Path, page: Page) -> None:
    tab.resize(390, 844)
    tab.open(report)
    widest = "document.documentElement.scrollWidth"
    columns = (
        "getComputedStyle(document.querySelector('.report .grid')).gridTemplateColumns.split(' ').length"
    )
    assert tab.ask(widest) == 390
    assert tab.ask(columns) == 1
    call_id = a_call(page, "speech", "tool")
    tab.open(report, call_id, f"#call-{call_id}")
    assert tab.ask(widest) == 390
    tab.resize(1280, 1000)
    tab.open(report)
    assert tab.ask(columns) == 2


def test_the_report_can_be_printed(tab: Tab, report: Path) -> None:
    tab.open(report)
    paper = tab.printed()
    assert paper.startswith(b"%PDF")
    assert 2 <= paper.count(b"/Type /Page\n") <= 12


def test_hostile_text_is_inert_in_charts_tooltips_and_transcripts(tab: Tab, tmp_path: Path) -> None:
    calls = []
    for call in CALLS[:60]:
        changed = json.loads(json.dumps(call)) | {"agent_name": HOSTILE, "disconnection_reason": HOSTILE}
        for turn in changed.get("transcript_object") or []:
            turn["content"] = HOSTILE
        for item in changed.get("transcript_with_tool_calls") or []:
            if "tool_call" in str(item.get("role")):
                item |= {name: HOSTILE for name in ("name", "arguments", "content") if name in item}
        calls.append(changed)
    folder = published(tmp_path, calls)
    path = folder / "report.html"
    path.write_text(html_of(folder, runtime=runtime.bundle()), encoding="utf-8")
    tab.open(path)
    tab.point("#tools g.mark-rect.role-mark path")
    until(
        lambda: tab.ask(
            "document.querySelector('#vg-tooltip-element.visible')?.textContent.includes('window.ran')"
        )
    )
    call_id = next(iter(Page(path.read_text(encoding="utf-8")).data["calls"]))
    tab.open(path, call_id, f"#call-{call_id}")
    assert tab.ask("document.querySelector('.call.shown .said').textContent.includes('window.ran')")
    assert tab.ask("typeof window.ran") == "undefined"
    assert tab.ask("document.images.length") == 0
    # Even a script that got into the page would not run.
    tab.ask("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 3'}))")
    assert tab.ask("typeof window.ran") == "undefined"
    assert [problem for problem in tab.problems if "Content Security Policy" not in problem] == []
    assert len(tab.problems) == 1
    tab.problems.clear()


def test_an_empty_report_is_a_page_without_charts(tab: Tab, tmp_path: Path) -> None:
    schema.ensure(Place(tmp_path).warehouse)
    path = tmp_path / "report.html"
    path.write_text(html_of(tmp_path, runtime=runtime.bundle()), encoding="utf-8")
    tab.open(path)
    assert count(tab, "body", ".card .empty") == 15
    assert count(tab, "body", "svg.marks") == 0
