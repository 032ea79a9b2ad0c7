"""Simulated calls in which every quirk of real accounts is frequent, landed and loaded.

Beside the quirks that the simulator has, some calls get others: spellings, scripts, moments, values.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pipeline.config import load_settings
from pipeline.runs.offline import load_landed
from pipeline.simulator.book import CallBook
from pipeline.simulator.quirks import RATES
from support.read_calls import Read
from support.warehouse_files import Payload, Place, as_body

UNTIL = datetime(2026, 3, 20, tzinfo=UTC)
FETCHED_AT = UNTIL + timedelta(hours=3)
# The slow suite asks for more.
COUNT = int(os.environ.get("SIMULATED_CALLS", "300"))
# What stays of each of them as a term is written down where terms are tested.
ODD_WORDS = (
    *("はい。", "是的，", "أهلا؟", "हाँ।", "¿Qué?", "50%", "$5", "...", "—", " - ", "\u00a0Straße\u200b, "),
    *("«Oui»", "don't", "(#1)", "\tTab\n", "ÉTÉ!"),
)
_REASONS = (
    *("credit_exhausted", "budget_reached", "brand_new_reason", "ivr_reached", "transfer_cancelled"),
    *("user_requested_dnc", "user_requested_callback"),
)
_CUSTOM = (True, False, 3, 2.5, -1, "yes", " yes ", "", "  ", None, [1, "a"], {"a": None}, "3", 0)

Call = dict[str, Any]
Row = dict[str, Any]


def make_calls(count: int = COUNT, seed: int = 3) -> list[Call]:
    """Return calls of all shapes."""
    # What leaves a call without most of its fields is a little rarer, so that the others are seen too.
    rates = {**dict.fromkeys(RATES, 0.25), "empty_reason": 0.1, "everything_except_pii": 0.2}
    book = CallBook(
        seed=seed,
        count=count,
        until=UNTIL,
        days=24,
        shape="mixed",
        broken_share=0,
        not_connected=True,
        blank_share=0.6,
        quirks=rates,
    )
    rng = Random(seed)
    # As JSON, so that no two lists have a word in common that would be changed twice.
    payloads = (json.loads(json.dumps(book.payload(index))) for index in range(count))
    return [_with_more(call, rng) for call in payloads]


def _with_more(call: Call, rng: Random) -> Call:
    """Give a call, by chance, what the simulator never sends."""
    is_today = "latency" in call or "call_cost" in call
    lists = [name for name, value in call.items() if name.endswith(("object", "calls")) and value]
    if rng.random() < 0.3:
        salt = rng.random()
        for name in lists:
            for item in call[name]:
                for word in item.get("words", ()):
                    _change_word(word, salt)
    if rng.random() < 0.03:
        del call["agent_id"]
    if rng.random() < 0.04 and call.get("disconnection_reason") == "user_hangup":
        length = rng.choice([0, 1, 4_321, 9_999, 10_000, 10_001])
        call["end_timestamp"] = call["start_timestamp"] + length
        call |= {"duration_ms": length} if is_today else {}
    if rng.random() < 0.03 and call.get("start_timestamp") and call.get("end_timestamp"):
        call["end_timestamp"] = call["start_timestamp"] - rng.randrange(1, 90_000)
        if rng.random() < 0.5:
            call.pop("duration_ms", None)
    analysis = call.get("call_analysis") or call.get("scrubbed_call_analysis")
    if analysis is not None and is_today:
        names = ("score", "topic", "a/b~c", "has_paid")
        analysis["custom_analysis_data"] = (analysis.get("custom_analysis_data") or {}) | {
            name: rng.choice(_CUSTOM) for name in names if rng.random() < 0.6
        }
    if is_today and rng.random() < 0.04 and (call.get("call_cost") or {}).get("product_costs"):
        leg = {"product": "us_telephony", "cost": 3.5, "unit_price": 0.02, "is_transfer_leg_cost": True}
        call["call_cost"]["product_costs"] = [*call["call_cost"]["product_costs"], leg]
    if is_today and rng.random() < 0.1 and call.get("disconnection_reason"):
        call["disconnection_reason"] = rng.choice(_REASONS)
    return call


def _change_word(word: Call, salt: float) -> None:
    # The same word stands in two lists, and is the same in both.
    rng = Random(f"{salt} {word['word'].strip()} {word['start']}")
    if rng.random() < 0.05:
        blank = " " if word["word"].endswith(" ") else ""
        word["word"] = rng.choice(ODD_WORDS) + blank


@dataclass(frozen=True)
class Told:
    """What was loaded, and what the payloads say."""

    place: Place
    reads: list[Read]

    def ask(self, statement: str) -> list[Row]:
        """Return the rows of a query by the names of their columns."""
        with self.place.warehouse.reading() as connection:
            return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]

    def groups(self) -> dict[tuple[date | None, str | None], list[Read]]:
        """Return the calls by day and agent."""
        found = defaultdict(list)
        for read in self.reads:
            found[read.day, read.agent].append(read)
        return found


def tell(folder: Path, zone: str) -> Told:
    """Land and load the calls in a time zone, once for all processes that ask for it."""
    folder.mkdir(exist_ok=True)
    place, told = Place(folder), folder / "calls.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            calls = make_calls()
            place.land(Payload(call["call_id"], as_body(call), FETCHED_AT) for call in calls)
            run_load(folder, zone)
            told.write_text(json.dumps(calls))
        return Told(place, [Read(call, zone) for call in json.loads(told.read_bytes())])


def move(told: Told, folder: Path, zone: str) -> Told:
    """Return the same calls after a load that was given another time zone."""
    place = Place(folder)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.copytree(told.place.folder, folder)
            run_load(folder, zone)
    return Told(place, [Read(read.call, zone) for read in told.reads])


def run_load(folder: Path, zone: str) -> None:
    """Load what waits, as the command does."""
    report = load_landed(load_settings(data_dir=folder, time_zone=zone, publish="off"))
    assert report.exit_code == 0, report
