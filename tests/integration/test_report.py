"""The report says what the views say, whatever the calls hold, and is one file that its owner alone reads."""

from __future__ import annotations

import json
import shutil
import sys
import webbrowser
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load_settings
from pipeline.errors import UsageError
from pipeline.report import queries, runtime
from pipeline.report.page import escape_values
from pipeline.runs.offline import load_landed
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.command_line import Cli
from support.report_pages import Page, html_of, mixed_calls, published
from support.simulated import Call, loaded
from support.warehouse_files import Payload, Place, as_body, query, warehouse_in

# What would run, or end what it stands in, if it were not escaped.
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"]]>\u2028\u202e{{ 7 * 7 }}"
SHOWN = HOSTILE.replace("\u2028\u202e", r"\u2028\u202e")


def hostile(call: Call) -> Call:
    """Return the call with a hostile text wherever its speakers and makers can put one."""
    changed: Call = json.loads(json.dumps(call))
    changed |= {"disconnection_reason": HOSTILE}
    for turn in changed.get("transcript_object") or []:
        turn["content"] = HOSTILE
    for item in changed.get("transcript_with_tool_calls") or []:
        if "tool_call" in str(item.get("role")):
            item |= {name: HOSTILE for name in ("name", "arguments", "content") if name in item}
    if changed.get("call_analysis"):
        changed["call_analysis"] |= {"call_summary": HOSTILE, "user_sentiment": HOSTILE}
    for line in (changed.get("call_cost") or {}).get("product_costs") or []:
        line["product"] = HOSTILE
    return changed


def told_of(calls: list[Call]) -> list[Call]:
    """Return the calls with hostile texts in two of three, and all agents but one called the same."""
    agent = calls[0]["agent_id"]
    named = [call if call["agent_id"] == agent else call | {"agent_name": HOSTILE} for call in calls]
    return [hostile(call) if place % 3 else call for place, call in enumerate(named)]


CALLS = told_of(mixed_calls(100))
SINCE = date(2026, 2, 18)
AGENT = CALLS[0]["agent_id"]
FILTERS: list[tuple[date | None, str | None]] = [(None, None), (SINCE, AGENT)]

Sums = dict[Any, Any]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("report"), CALLS)


@pytest.fixture(scope="module")
def texts(data_dir: Path) -> list[str]:
    """The report of all calls, and of some."""
    return [html_of(data_dir, since, agent) for since, agent in FILTERS]


@pytest.fixture(scope="module")
def whole(texts: list[str]) -> Page:
    return Page(texts[0])


@pytest.fixture(scope="module")
def filtered(texts: list[str]) -> Page:
    return Page(texts[1])


@pytest.fixture(params=[0, 1], ids=["all", "filtered"])
def asked(
    request: pytest.FixtureRequest, data_dir: Path, whole: Page, filtered: Page
) -> tuple[Page, Callable[[str], list[Any]]]:
    """The report of all calls or of some, and a way to ask the views for the same calls."""
    since, agent = FILTERS[request.param]
    wanted = "true" if agent is None else f"day >= date '{since}' and agent_id = '{agent}'"

    def ask(statement: str) -> list[Any]:
        found = query(warehouse_in(data_dir), statement.format(wanted=wanted))
        # A page shows texts with their hidden characters as escapes.
        return [
            tuple(escape_values(str(cell) if isinstance(cell, date) else cell) for cell in row)
            for row in found
        ]

    return (whole, filtered)[request.param], ask


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_the_volume_is_that_of_daily_outcomes(asked: Any) -> None:
    page, ask = asked
    found: Sums = {}
    for row in page.rows("volume"):
        found[row["day"]] = found.get(row["day"], 0) + row["calls"]
    assert found == dict(
        ask(
            "select day, sum(calls) from daily_outcomes where {wanted} and day is not null "
            "group by day order by day"
        )
    )
    connected = sum(
        row["calls"] for row in page.rows("volume") if row["result"] in ("conversation", "automated_answer")
    )
    assert [(connected,)] == ask(
        "select sum(connected_calls) from daily_outcomes where {wanted} and day is not null"
    )


def test_disconnections_are_those_of_the_daily_views(asked: Any) -> None:
    page, ask = asked
    assert picked(page.rows("disconnections"), "day", "category", "calls") == ask(
        "select day, category, sum(calls) from daily_disconnection_categories "
        "where {wanted} and day is not null "
        "group by day, category order by day, category"
    )
    reasons = ask(
        "select disconnection_reason, sum(calls) as calls from daily_disconnections where {wanted} "
        "group by all order by calls desc, disconnection_reason limit 12"
    )
    assert picked(page.rows("reasons"), "disconnection_reason", "calls") == reasons


def test_sentiment_and_success_are_those_of_daily_outcomes(asked: Any) -> None:
    page, ask = asked
    known = ("Positive", "Neutral", "Negative")
    felt = sum(row["calls"] for row in page.rows("sentiment") if row["sentiment"] in known)
    judged = [row for row in page.rows("success") if row["verdict"] == "call_successful"]
    rated = [row for row in page.rows("success") if row["verdict"] == "agent_task_completion_rating"]
    sums = (
        felt,
        sum(row["judged_calls"] for row in judged),
        sum(row["good_calls"] or 0 for row in judged),
        sum(row["judged_calls"] for row in rated),
    )
    assert [sums] == ask(
        "select sum(sentiment_calls), sum(judged_calls), sum(successful_calls), sum(task_rated_calls) "
        "from daily_outcomes where {wanted} and day is not null"
    )
    assert min(sums) > 0
    assert all(row["rate"] == (row["good_calls"] or 0) / row["judged_calls"] for row in judged + rated)


def test_tools_and_costs_are_those_of_the_daily_views(asked: Any) -> None:
    page, ask = asked
    tools: Sums = {}
    for row in page.rows("tools"):
        tools.setdefault(row["name"], {})[row["ending"]] = row["invocations"]
    assert {
        name: (sum(ends.values()), ends.get("succeeded", 0), ends.get("failed", 0))
        for name, ends in tools.items()
    } == {
        name: tuple(counts)
        for name, *counts in ask(
            "select name, sum(invocations), sum(successful_invocations), "
            "sum(judged_invocations) - sum(successful_invocations) "
            "from daily_tools where {wanted} group by name"
        )
    }
    [(cost,)] = ask("select sum(cost_cents) from daily_costs where {wanted}")
    shown = sum(row["cost_cents"] for row in page.rows("costs"))
    assert shown == pytest.approx(cost)
    assert f"${cost / 100:,.2f}" in page.text


def test_the_latency_of_a_tool_is_pooled_over_all_its_invocations(asked: Any) -> None:
    page, ask = asked
    measured = ask(
        "select name, count(latency_ms), quantile_cont(latency_ms, 0.5), quantile_cont(latency_ms, 0.95), "
        "count(dead_air_s), count(has_dead_air) from tool_details where {wanted} group by name "
        "having count(latency_ms) + count(has_dead_air) > 0 order by count(*) desc, name"
    )
    shown = [
        [
            name,
            f"{timed:,}",
            *("–" if value is None else f"{value:,.0f} ms" for value in (p50, p95)),
            f"{silent / watched:.1%} {silent:,} of {watched:,}" if watched else "–",
        ]
        for name, timed, p50, p95, silent, watched in measured
    ]
    assert shown
    assert page.tables["tools"] == [["Tool", "Timed", "p50", "p95", "Dead air after"], *shown]


def test_the_nodes_are_those_of_node_visits_and_the_busiest_come_first(asked: Any) -> None:
    page, ask = asked
    nodes = ask(
        "select agent_id, any_value(node_name), count(*), count(*) filter (where is_call_end), "
        "quantile_cont(dwell_s, 0.5) from node_visits where {wanted} "
        "group by agent_id, node_id order by count(*) desc, agent_id, node_id limit 12"
    )
    titles, *shown = page.tables["nodes"]
    has_agents = len({agent for agent, *_ in nodes}) > 1
    assert ("Agent" in titles) == has_agents == ("All agents" in page.text)
    assert [[row[0], *row[1 + has_agents :]] for row in shown] == [
        [name, f"{entries:,}", f"{ends / entries:.1%} {ends:,} of {entries:,}", f"{dwell_s:,.1f} s"]
        for _, name, entries, ends, dwell_s in nodes
    ]


def test_versions_are_compared_as_the_view_does_over_all_calls(asked: Any) -> None:
    page, ask = asked
    agents = "agent_id = '" + AGENT + "'" if "Only agent" in page.text else "true"
    compared = ask(
        "select agent_id, metric, value, previous_value, is_clear from version_comparison "
        "where previous_version is not null and value is not null and previous_value is not null "
        f"and {agents} "
        "qualify cast(agent_version as integer) = max(cast(agent_version as integer)) over "
        "(partition by agent_id)"
    )
    shown = [row for row in page.tables["versions"] if row[0] != "Metric"]
    assert len(shown) == len(compared) > 10
    clear = {True: "yes", False: "no", None: "–"}
    found = [
        (row[1].split()[0], row[2].split()[0], row[3])
        for row in shown
        if row[0] in ("Connected", "Successful", "Calls")
    ]
    assert sorted(found) == sorted(
        (*(f"{value:,.0f}" if metric == "calls" else f"{value:.1%}" for value in values), clear[is_clear])
        for _, metric, now, then, is_clear in compared
        for values in [(then, now)]
        if metric in ("connect_rate", "success_rate", "calls")
    )
    assert ("also those before 2026-02-18" in page.text) == ("Only calls since" in page.text)


def test_as_many_days_before_are_put_on_the_days_of_the_report(
    data_dir: Path, whole: Page, filtered: Page
) -> None:
    ask = warehouse_in(data_dir)
    [(last,)] = query(ask, f"select max(day) from daily_outcomes where agent_id = '{AGENT}'")
    days = (last - SINCE).days + 1
    wanted = f"agent_id = '{AGENT}' and day between date '{SINCE}' - {days} and date '{SINCE}' - 1"
    latency = query(
        ask,
        f"select strftime(day + {days}, '%Y-%m-%d'), strftime(day, '%Y-%m-%d'), p50_ms, samples "
        f"from daily_latency where metric = 'e2e' and samples > 0 and {wanted} order by day",
    )
    assert len(latency) > 3
    assert picked(filtered.before("latency"), "day", "before_day", "p50_ms", "samples") == latency
    judged = query(
        ask,
        f"select strftime(day + {days}, '%Y-%m-%d'), success_rate from daily_outcomes "
        f"where judged_calls > 0 and {wanted} order by day",
    )
    assert picked(filtered.before("success"), "day", "rate") == judged
    assert "period before" in filtered.text
    assert whole.before("latency") == whole.before("success") == []
    assert "period before" not in whole.text


def test_the_worst_calls_are_drawn_as_the_views_measure_them(asked: Any) -> None:
    page, ask = asked
    worst = page.data["calls"]
    assert len(worst) > 6
    slowest = ask(
        "select call_id from slow_call_details where {wanted} and p95_ms is not null "
        "order by slow_rank, call_id limit 6"
    )
    assert {call_id for (call_id,) in slowest} <= worst.keys()
    measured = {
        call_id: measures
        for call_id, *measures in ask(
            "select call_id, overlap_s, long_silence_rate * dialogue_s, agent_response_count "
            "from conversation_details where dialogue_s is not null"
        )
    }
    for call_id, charts in worst.items():
        lengths: dict[str, float] = {"overlap": 0, "silence": 0}
        for row in charts["timeline"]:
            if row["kind"] in lengths:
                lengths[row["kind"]] += row["to"] - row["from"]
        overlap_s, silence_s, answers = measured.get(call_id, (0, 0, 0))
        assert lengths["overlap"] == pytest.approx(overlap_s, abs=1e-6)
        assert lengths["silence"] == pytest.approx(silence_s or 0, abs=1e-6)
        assert len([row for row in charts["gaps"] if row["kind"] == "gap"]) == answers
        assert f"call-{call_id}" in page.ids
    assert {link for link in page.links if link.startswith("#call-")} == {
        f"#call-{call_id}" for call_id in worst
    }


def test_a_tool_stands_where_it_was_invoked_and_says_how_long_it_took(asked: Any) -> None:
    page, ask = asked
    timed = ask(
        "select call_id, invoked_at_s, latency_ms from tool_calls "
        "where invoked_at_s is not null and latency_ms is not null order by all"
    )
    shown = [row for row in timed if row[0] in page.data["calls"]]
    assert shown
    for call_id, invoked_at_s, latency_ms in shown:
        places = [row["from"] for row in page.data["calls"][call_id]["timeline"] if row["kind"] == "tool"]
        assert invoked_at_s in places
        assert f"took {latency_ms / 1000:,.2f} s" in page.text


def test_of_one_agent_latency_and_dialogue_are_those_of_the_daily_views(
    data_dir: Path, filtered: Page
) -> None:
    percentiles = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "samples", "method")
    warehouse = warehouse_in(data_dir)
    wanted = f"day >= date '{SINCE}' and agent_id = '{AGENT}'"
    latency = query(
        warehouse,
        f"select strftime(day, '%Y-%m-%d'), {', '.join(percentiles)} from daily_latency "
        f"where metric = 'e2e' and {wanted} and samples > 0 order by day",
    )
    assert picked(filtered.rows("latency"), "day", *percentiles) == latency
    shares = query(
        warehouse,
        "select agent_talk_ratio, silence_rate, agent_interruptions / timed_calls, "
        "user_interruptions / timed_calls from daily_conversations "
        f"where {wanted} and timed_calls > 0 order by day",
    )
    talk = [[row["rate"] for row in filtered.rows("talk") if "agent" in row["series"]]]
    talk.append([row["rate"] for row in filtered.rows("talk") if row["series"] == "silence"])
    for who in ("agent interrupts", "user interrupts"):
        shown = filtered.rows("interruptions")
        talk.append([row["per_call"] for row in shown if row["series"].startswith(who)])
    assert [*zip(*talk, strict=True)] == [pytest.approx(row) for row in shares]


def test_latency_of_all_agents_is_pooled_as_if_they_were_one(
    data_dir: Path, whole: Page, tmp_path: Path
) -> None:
    percentiles = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "samples")
    shown = f"{', '.join(percentiles)} from daily_latency where samples > 0"
    noon = int(datetime(2026, 2, 20, 12).timestamp() * 1000)
    on_one_day = {"agent_id": "a day", "start_timestamp": noon, "end_timestamp": noon + 60_000}
    by_day = [stripped(call) | {"agent_id": "all days"} for call in CALLS]
    by_part = [stripped(call) | on_one_day | {"call_id": f"{call['call_id']}_2"} for call in CALLS]
    place = loaded(tmp_path, by_day + by_part)
    days = place.rows(
        f"select strftime(day, '%Y-%m-%d'), {shown} and metric = 'e2e' and agent_id = 'all days' order by day"
    )
    assert picked(whole.rows("latency"), "day", *percentiles) == [pytest.approx(row) for row in days]
    parts = place.rows(f"select metric, {shown} and agent_id = 'a day' order by p50_ms desc, metric")
    assert picked(whole.rows("latency_parts"), "metric", *percentiles) == [
        pytest.approx(row) for row in parts
    ]
    of_agents = {row["agent_id"]: row["p95_ms"] for row in whole.rows("latency_agents")}
    assert len(of_agents) > 1
    with warehouse_in(data_dir).reading() as connection:
        [e2e] = [
            row
            for row in queries.read_rows(connection, "latency_parts", since=None, agent_id=AGENT)
            if row["metric"] == "e2e"
        ]
    assert of_agents[AGENT] == pytest.approx(e2e["p95_ms"])


def stripped(call: Call) -> Call:
    """Return the call without what latency does not need."""
    return {name: value for name, value in call.items() if "transcript" not in name}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a warehouse without calls, and no copy of it."""
    folder = tmp_path_factory.mktemp("empty")
    schema.ensure(Place(folder).warehouse)
    return folder


def test_an_empty_warehouse_without_a_copy_gives_a_page_that_says_so(empty: Path) -> None:
    page = Page(html_of(empty))
    assert page.data["charts"] == page.data["calls"] == {}
    assert "no calls yet" in page.text
    assert "Read from the warehouse itself" in page.text
    assert page.elements["section"] == 15
    assert page.classes["empty"] == 15 + 1, "one for each card, and one for browsers without scripts"
    assert page.text.count("–") == 5, "rates of nothing are not known"


def spoken_call(number: int, start: datetime | None, **more: Any) -> Call:
    """Return a call of which no more is known than when it was, and how slow it was."""
    begins = None if start is None else int(start.timestamp() * 1000)
    times = {} if begins is None else {"start_timestamp": begins, "end_timestamp": begins + 60_000}
    latency = {"e2e": {"values": [1000 + number, 2000], "num": 2, "p50": 1500, "p95": 2000, "max": 2000}}
    known = {"call_id": f"call_{number}", "agent_id": "a", "call_status": "ended", "latency": latency}
    return known | {"disconnection_reason": "user_hangup"} | times | more


def page_of_landed(folder: Path, calls: list[Call], zone: str | None = None) -> Page:
    """Load calls as a run in a time zone does, and return the report of the warehouse itself."""
    place = Place(folder)
    place.land(Payload(call["call_id"], as_body(call)) for call in calls)
    settings = load_settings(data_dir=folder, time_zone=zone, publish="off")
    assert load_landed(settings).exit_code == 0
    return Page(html_of(folder))


def test_days_and_local_times_name_the_zone_and_the_making_of_the_page_is_utc(tmp_path: Path) -> None:
    # Late in the evening in UTC it is the next day in Berlin.
    page = page_of_landed(
        tmp_path, [spoken_call(1, datetime(2026, 2, 20, 23, 30, tzinfo=UTC))], "Europe/Berlin"
    )
    assert "All agents, 2026-02-21 (Europe/Berlin)" in page.sentences
    assert [row["day"] for row in page.rows("latency")] == ["2026-02-21"]
    assert page.tables["worst"][0][0] == "Started (Europe/Berlin)"
    assert page.tables["worst"][1][0] == "2026-02-21 00:30"
    assert "2026-02-21 00:30 (Europe/Berlin)" in page.text
    assert "newest call 2026-02-20 23:30 UTC; report made" in page.sentences
    assert "in the time zone Europe/Berlin" in page.sentences
    drawn = json.dumps(page.data["charts"])
    assert '"day (Europe/Berlin)"' in drawn
    assert '"started (Europe/Berlin)"' in drawn
    assert "(UTC)" not in page.text + drawn


@pytest.mark.parametrize(
    ("undated", "sentence"),
    [
        (0, None),
        (1, "1 call has no date and is in no chart by day; totals include it."),
        (2, "2 calls have no date and are in no chart by day; totals include them."),
    ],
)
def test_calls_without_a_date_are_counted_and_drawn_as_such(
    tmp_path: Path, undated: int, sentence: str | None
) -> None:
    dated = spoken_call(9, datetime(2026, 2, 20, 12, tzinfo=UTC))
    page = page_of_landed(tmp_path, [dated, *(spoken_call(number, None) for number in range(undated))])
    assert ("no chart by day" in page.text) == (sentence is not None)
    assert sentence is None or sentence in page.sentences
    labels = [row["label"] for row in page.rows("worst")]
    assert len(set(labels)) == undated + 1
    assert sum(label.startswith("date unknown") for label in labels) == undated
    assert [row[0] for row in page.tables["worst"]].count("date unknown") == undated
    assert sum(row["calls"] for row in page.rows("volume")) == 1


def test_a_report_of_calls_without_a_date_alone_is_no_empty_one(tmp_path: Path) -> None:
    page = page_of_landed(tmp_path, [spoken_call(1, None)])
    assert "All agents, no known day (UTC)" in page.sentences
    assert "volume" not in page.data["charts"]
    assert "1 call has no date" in page.text


def test_what_payloads_say_is_text_wherever_it_stands(data_dir: Path, texts: list[str], whole: Page) -> None:
    assert HOSTILE not in texts[0]
    assert whole.elements["script"] == 3
    assert whole.elements["img"] == 0
    assert not [name for name in whole.attributes if name.startswith("on")]
    assert whole.text.count(SHOWN) > 100
    assert SHOWN in {row["label"] for row in whole.rows("tools")}
    timelines = [row for call in whole.data["calls"].values() for row in call["timeline"]]
    assert any(SHOWN in row.get("text", "") for row in timelines)


def test_an_agent_that_shares_its_name_is_named_by_its_id(data_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"3 agents are called .* name one by its id: "):
        html_of(data_dir, agent=HOSTILE)


def test_the_page_asks_for_nothing_and_runs_only_its_own_scripts(texts: list[str], whole: Page) -> None:
    assert {link for link in whole.links if not link.startswith("#")} == set()
    assert whole.elements["link"] == 0
    policy = texts[0].split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert "default-src &#39;none&#39;" in policy
    assert policy.count("sha256-") == 2
    assert "script-src &#39;unsafe" not in policy


@pytest.fixture
def drawn_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundling the chart library takes seconds, and only a browser needs it."""
    monkeypatch.setattr(runtime, "bundle", lambda: "")


@pytest.mark.usefixtures("drawn_fast")
def test_the_command_writes_a_file_for_its_owner_and_says_what_is_in_it(cli: Cli, data_dir: Path) -> None:
    ran = cli("report", "--data-dir", data_dir, "--agent", CALLS[0]["agent_name"], "--since", SINCE)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{data_dir / 'report.html'}: ")
    assert (data_dir / "report.html").stat().st_mode & 0o777 == 0o600
    page = Page((data_dir / "report.html").read_text(encoding="utf-8"))
    assert "Readers' copy published" in page.text
    assert f"Only agent {AGENT}" in page.text
    assert {row["day"] for row in page.rows("volume")} <= {f"2026-{day}" for day in days_since(SINCE)}
    assert list(data_dir.glob("*.part")) == []


def days_since(first: date) -> list[str]:
    return [f"{day:%m-%d}" for day in (date.fromordinal(first.toordinal() + n) for n in range(20))]


@pytest.mark.usefixtures("drawn_fast")
def test_a_named_warehouse_is_read_itself_and_the_report_shown_where_a_browser_is(
    cli: Cli, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(shown.append(address)))
    live, options = data_dir / "warehouse.duckdb", ("--output", "there.html", "--open", "--json")
    ran = cli("report", "--data-dir", data_dir, "--warehouse", live, *options)
    assert shown == [Path("there.html").absolute().as_uri()]
    assert ran.err == "no browser could be started: open there.html in one\n"
    told = json.loads(ran.out)
    assert told["time_zone"] == "UTC"
    assert (told["path"], told["read_from"], told["calls"]) == ("there.html", str(live), len(CALLS))
    assert "Read from the warehouse itself" in Path("there.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("drawn_fast")
def test_what_cannot_be_done_is_one_sentence_and_the_former_report_stays(
    cli: Cli, data_dir: Path, tmp_path: Path
) -> None:
    former = data_dir / "report.html"
    former.write_text("former")
    refused = {
        "no call is of an agent 'nobody'": cli("report", "--data-dir", data_dir, "--agent", "nobody"),
        "is no time: write a date": cli("report", "--data-dir", data_dir, "--since", "often"),
        "name a .html file": cli("report", "--data-dir", data_dir, "--output", data_dir / "warehouse.duckdb"),
        "name another file": cli("report", "--data-dir", data_dir, "--output", former / "below.html"),
    }
    for sentence, ran in refused.items():
        assert (ran.code, ran.out) == (2, "")
        assert sentence in ran.err
        assert ran.err.count("\n") == 1
    assert former.read_text() == "former"
    missing = cli("report", "--data-dir", "nowhere")
    assert missing.code == 1
    assert "there is no warehouse at" in missing.err


def test_a_copy_of_another_version_is_named_with_what_to_do(cli: Cli, tmp_path: Path) -> None:
    with Warehouse.at(tmp_path / "data" / "analytics.duckdb").writing() as connection:
        connection.exec_driver_sql("create table calls (call_id varchar)")
    ran = cli("report", "--data-dir", "data")
    assert ran.code == 1
    assert ran.err == (
        "error: data/analytics.duckdb was made by another version: run `python -m pipeline publish` first\n"
    )


@pytest.mark.parametrize("library", ["altair", "vl_convert"])
def test_without_the_chart_library_the_command_says_how_to_get_it(
    cli: Cli, data_dir: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    ran = cli("report", "--data-dir", data_dir)
    assert ran.code == 2
    needed = "the report needs Altair, which is not installed: run `pip install -e '.[report]'` in the clone"
    assert ran.err == f"error: {needed}\n"


def test_a_warehouse_of_another_version_is_not_migrated_by_a_report(
    cli: Cli, empty: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(empty / "warehouse.duckdb", tmp_path / "data")
    with warehouse_in(tmp_path / "data").writing() as connection:
        connection.exec_driver_sql("comment on table alembic_version is 'older'")
    ran = cli("report")
    assert ran.code == 1
    assert "run `python -m pipeline migrate` first" in ran.err
