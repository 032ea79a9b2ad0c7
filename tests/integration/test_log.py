"""The log says what happened, line by line, and agrees with the result; no line is anything but JSON."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline import log
from pipeline.cli import console
from pipeline.runs import offline
from pipeline.simulator import CallBook, Faults, running
from support.command_line import Cli, Ran

BOOK = CallBook(seed=3, count=16, until=datetime.now(UTC), broken_share=0.25, shape="today")
# Breakage that looks like a cut body is asked for again, which takes long.
IDS = [BOOK.call_id(index) for index in range(16) if BOOK.breakage(index) not in ("truncated", "html")]
QUICK_FAULTS = Faults(share=0.3, kinds=("rate_limited", "reset", "server_error"), retry_after_s=0)


def events(ran: Ran) -> list[dict[str, Any]]:
    """Return the lines of stderr; fail when one is not an object with what every line has."""
    found = [json.loads(line) for line in ran.err.splitlines()]
    for event in found:
        assert list(event)[:3] == ["ts", "level", "event"]
        assert datetime.fromisoformat(event["ts"]).utcoffset() is not None
        assert event["level"] in ("debug", "info", "warning", "error")
    return found


def private_words() -> set[str]:
    """Return what no log may say: the key, tokens, numbers, and what was said."""
    found = {"key_simulated"}
    for payload in map(BOOK.payload, range(BOOK.count)):
        names = ("access_token", "from_number", "to_number", "recording_url")
        found |= {payload[name] for name in names if payload.get(name)}
        found |= {
            turn["content"] for turn in payload.get("transcript_object") or [] if " " in turn["content"]
        }
    assert len(found) > 50
    return found


def test_lines_agree_with_the_result(cli: Cli) -> None:
    asked = [*IDS, IDS[0], *BOOK.unknown_ids(2)]
    with running(BOOK, faults=QUICK_FAULTS) as server:
        debug = ("--json", "--log-format", "json", "--log-level", "debug")
        ran = cli("backfill", *asked, *debug, server=server)
        again = cli("backfill", *asked, *debug, server=server)
    for each, fetched in ((ran, len(IDS) + 2), (again, None)):
        result, told = json.loads(each.out), events(each)
        assert (
            Counter(event["outcome"] for event in told if event["event"] == "outcome") == result["outcomes"]
        )
        ids = [event["call_id"] for event in told if event["event"] == "outcome"]
        assert sorted(ids) == sorted(set(asked))
        retries = [event for event in told if event["event"] == "retry"]
        assert len(retries) == result["retry_count"]
        assert all({"call_id", "attempt", "reason", "wait_s"} <= set(event) for event in retries)
        answers = Counter(event["answer"] for event in told if event["event"] == "answer")
        assert answers["accepted"] == result["fetched_count"]
        if fetched is not None:
            assert answers.total() == fetched
            assert len(retries) >= 3
            assert answers["rejected"] > 0
        [summary] = [event for event in told if event["event"] == "run"]
        assert summary["level"] == "info"
        assert summary["outcomes"] == result["outcomes"]
        assert summary["exit_code"] == each.code == 3
        assert [words for words in private_words() if words in each.err] == []
        assert {event["run_id"] for event in told if event["level"] == "debug"} == {result["run_id"]}


@pytest.mark.slow
def test_at_info_a_run_is_one_line_and_at_error_none(cli: Cli) -> None:
    with running(BOOK, faults=QUICK_FAULTS) as server:
        ran = cli("backfill", *IDS[:3], server=server, PIPELINE_LOG_FORMAT="json")
        assert [event["event"] for event in events(ran)] == ["run"]
        quiet = cli("backfill", *IDS[:3], "--log-level", "error", server=server, PIPELINE_LOG_FORMAT="json")
        assert quiet.err == ""
        for level, lines in (("info", 0), ("debug", 3)):
            text = cli("backfill", *IDS[:3], "--force", "--log-level", level, server=server)
            assert text.err.count(" debug answer ") == text.err.count(" debug outcome ") == lines


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (("backfill",), {}, 2, "Missing argument"),
        (("backfil", "x"), {}, 2, "No such command"),
        (("backfill", "no/good", "--dry-run"), {}, 2, "there is no file no/good"),
        (("backfill", "abc"), {}, 2, "no API key"),
        (("backfill", "abc"), {"PIPELINE_RATE": "fast"}, 2, "PIPELINE_RATE cannot be used"),
        (("status",), {}, 1, "there is no warehouse"),
    ],
)
def test_an_error_is_a_line_of_json_too(
    arguments: tuple[str, ...], env: dict[str, str], code: int, words: str, cli: Cli
) -> None:
    for ran in (
        cli(*arguments, "--log-format", "json", **env),
        cli(*arguments, PIPELINE_LOG_FORMAT="json", **env),
    ):
        [event] = events(ran)
        assert (event["event"], event["level"], event["exit_code"]) == ("error", "error", code)
        assert words in event["message"]
        assert (ran.code, ran.out) == (code, "")


def test_an_unknown_form_or_level_is_refused(cli: Cli) -> None:
    assert "PIPELINE_LOG_FORMAT cannot be used" in cli("config", PIPELINE_LOG_FORMAT="xml").err
    assert "PIPELINE_LOG_LEVEL cannot be used" in cli("config", PIPELINE_LOG_LEVEL="loud").err
    assert cli("config", "--log-format", "xml").code == 2


def test_a_bug_is_one_line_with_its_traceback_where_that_is_asked_for(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **more: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(offline, "load_landed", broken)
    [plain] = events(cli("load", "--log-format", "json"))
    assert "unexpected ZeroDivisionError" in plain["message"]
    [bug] = events(cli("load", "--log-format", "json", PIPELINE_DEBUG=1))
    assert bug["exc_info"].endswith("ZeroDivisionError: inside")


def test_what_a_library_warns_of_is_a_line_of_json_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    def warned(*args: object) -> None:
        logging.getLogger("somebody").warning("about %s", "something")
        raise KeyboardInterrupt

    monkeypatch.setattr(offline, "load_landed", warned)
    warning, interrupted = events(cli("load", "--log-format", "json"))
    assert (warning["event"], warning["message"]) == ("library", "about something")
    assert interrupted["event"] == "interrupted"


def test_a_person_sees_no_control_characters_of_a_fact(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug", "text", console.write_line)
    try:
        log.event("seen", log.DEBUG, reason="a\x1b[31m b", path=Path("x"), empty=None)
    finally:
        log.configure("info", "text")
    log.event("unseen", log.ERROR)
    assert capsys.readouterr().err.endswith("debug seen reason='a\\x1b[31m b' path=x\n")
