"""What people read on their terminals, word for word; GOLDEN=write takes what is printed now as right."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.simulator import CallBook, running
from support.command_line import Cli

GOLDEN = Path(__file__).parent.parent / "golden"
BOOK = CallBook(seed=7, count=60, until=datetime(2025, 3, 14, 18, tzinfo=UTC), broken_share=0.05)
# Breakage that looks like a cut body is asked for again, which takes long.
IDS = [
    *(BOOK.call_id(index) for index in range(60) if BOOK.breakage(index) not in ("truncated", "html")),
    *BOOK.unknown_ids(2),
]
INSPECTED = next(
    BOOK.call_id(index)
    for index in range(60)
    if not BOOK.is_broken(index)
    and any("tool" in item["role"] for item in BOOK.payload(index).get("transcript_with_tool_calls") or [])
)

# Each with something of the same length in its place, so that columns keep their width.
_VOLATILE = [
    (re.compile(r"\b20\d{6}T\d{6}Z-[0-9a-f]{6}\b"), "<RUN-OR-LOAD-ID------>"),
    # The calls are of early 2025; every other time is that of this test.
    (re.compile(r"\b(?!2025-0[23])20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b"), "<TIME------------->"),
    (re.compile(r"in [\d.,]+ s;"), "in <SECONDS> s;"),
    (re.compile(r"\b1(,\d{3}){5}\b"), "<SEQUENCE----------->"),
]


def as_shown(text: str) -> str:
    """Return an output without what differs between two runs."""
    for pattern, placeholder in _VOLATILE:
        text = pattern.sub(placeholder, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(as_shown(text), encoding="utf-8")
    assert as_shown(text) == path.read_text(encoding="utf-8")


@pytest.fixture
def filled(cli: Cli) -> Cli:
    """A command line in a folder with a filled warehouse."""
    with running(BOOK) as server:
        ran = cli("backfill", *IDS, "--api-version", "v1", server=server)
    assert ran.code == 3
    assert_golden("backfill", ran.out)
    return cli


def test_backfill_check_and_inspect_print_what_they_did(filled: Cli) -> None:
    checked = filled("check")
    assert checked.code == 0
    assert_golden("check", checked.out)
    shown = filled("inspect", INSPECTED)
    assert shown.code == 0
    assert_golden("inspect", shown.out)


def test_config_prints_what_it_did(cli: Cli) -> None:
    ran = cli("config", "--rate", 20, "--base-url", "http://127.0.0.1:8765", RETELL_API_KEY="key_simulated")
    assert ran.code == 0
    assert_golden("config", ran.out)
