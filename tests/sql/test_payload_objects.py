"""Fields of odd calls, held against the payloads: custom analysis, what is scrubbed, dates, counts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from support.odd_calls import FETCHED_AT, Told
from support.read_calls import Read

SCRUBBED = "metadata", "retell_llm_dynamic_variables", "collected_dynamic_variables"
CUSTOMER = {"inbound": "from_number", "outbound": "to_number"}


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value)


def kind_of(value: Any) -> str:
    kinds = {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return "null" if value is None else kinds[type(value)]


def values_of(read: Read) -> dict[str, Any]:
    return read.analysis.get("custom_analysis_data") or {}


def test_values_of_custom_analysis_are_those_of_the_payloads(told: Told) -> None:
    wanted = {(read.call_id, name): value for read in told.reads for name, value in values_of(read).items()}
    rows = told.ask("from custom_analysis_values")
    assert {(row["call_id"], row["name"]) for row in rows} == wanted.keys()
    assert len(rows) == len(wanted)
    kinds: Counter[str] = Counter()
    for row in rows:
        value = wanted[row["call_id"], row["name"]]
        kind = kind_of(value)
        kinds[kind] += 1
        text = row["text_value"]
        found = (row["type"], row["number_value"], row["flag_value"])
        assert found == (kind, value if kind == "number" else None, value if kind == "flag" else None)
        assert (json.loads(text) if kind in ("list", "object") else text) == (
            value if kind in ("text", "list", "object") else None
        )
    assert len(kinds) == 6


def test_custom_analysis_of_a_day_is_that_of_its_payloads(told_by_day: Told) -> None:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for read in told_by_day.reads:
        for name, value in values_of(read).items():
            if value is not None and str(value).strip():
                groups[*read.key, name].append(value)
    rows = told_by_day.ask("from daily_custom_analysis")
    assert {(row["day"], row["agent_id"], row["name"]) for row in rows} == groups.keys()
    for row in rows:
        values = groups[row["day"], row["agent_id"], row["name"]]
        of_kind = {
            kind: [value for value in values if kind_of(value) == kind] for kind in map(kind_of, values)
        }
        flags, numbers = of_kind.get("flag", []), of_kind.get("number", [])
        texts = Counter(text.strip() for text in of_kind.get("text", []))
        counts = (row["calls"], row["flag_calls"], row["true_calls"], row["number_calls"], row["text_calls"])
        assert counts == (len(values), len(flags), sum(flags), len(numbers), texts.total())
        assert row["true_rate"] == near(sum(flags) / len(flags) if flags else None)
        assert row["average_number"] == near(float(np.mean(numbers)) if numbers else None)
        top = min(texts, key=lambda text: (-texts[text], text), default=None)
        assert (row["distinct_texts"], row["top_text"]) == (len(texts), top)
        assert row["top_text_calls"] == (texts[top] if top is not None else 0)


def test_fields_come_from_what_the_source_keeps_and_say_so(told: Told) -> None:
    rows = {row["call_id"]: row for row in told.ask("from calls")}
    removed: Counter[str] = Counter()
    for read in told.reads:
        row, call = rows[read.call_id], read.call
        redacted = set(row["redacted_fields"] or ())
        removed.update(redacted)
        for name in SCRUBBED:
            source = next(
                (field for field in (name, f"scrubbed_{name}") if call.get(field) is not None), None
            )
            assert row[f"{name}_source"] == source, (read.call_id, name)
            assert row[name] == (source and call[source])
            assert (name in redacted) == (source is not None and source != name)
        assert row["transcript_source"] == read.source
        assert row["custom_attributes"] == call.get("custom_attributes")
        number = CUSTOMER.get(call.get("direction", ""))
        is_scrubbed = call.get("data_storage_setting") == "everything_except_pii"
        assert redacted & set(CUSTOMER.values()) == (
            {number} if number is not None and is_scrubbed and call.get(number) is None else set()
        )
        assert is_scrubbed or not redacted
    assert removed["metadata"]
    assert removed["from_number"] + removed["to_number"]


def test_analysis_comes_from_what_the_source_keeps(told: Told) -> None:
    rows = {row["call_id"]: row for row in told.ask("from call_analysis")}
    assert rows.keys() == {read.call_id for read in told.reads if read.analysis}
    for read in told.reads:
        if read.analysis:
            row = rows[read.call_id]
            source = "call_analysis" if "call_analysis" in read.call else "scrubbed_call_analysis"
            assert row["analysis_source"] == source
            for name in ("call_summary", "user_sentiment", "call_successful", "in_voicemail"):
                assert row[name] == read.analysis.get(name)


def test_freshness_counts_the_payloads(told_by_day: Told) -> None:
    reads = told_by_day.reads
    over = [read for read in reads if read.is_over]
    starts = [datetime.fromtimestamp(read.call["start_timestamp"] / 1000, UTC).replace(tzinfo=None)
              for read in reads if read.call.get("start_timestamp") is not None]  # fmt: skip
    [row] = told_by_day.ask("from freshness")
    assert row["calls"] == len(reads)
    assert row["time_zone"] == reads[0].zone
    assert row["newest_call_at"] - max(starts) < timedelta(milliseconds=1)
    assert row["newest_fetch_at"] == FETCHED_AT.replace(tzinfo=None)
    assert row["calls_not_over"] == len(reads) - len(over)
    assert row["calls_without_analysis"] == sum(not read.analysis for read in over)
    assert row["calls_without_date"] == sum(read.day is None for read in reads) > 0
    assert row["calls_without_words"] == row["ids_rejected"] == row["ids_failed"] == 0


def test_every_call_is_on_the_day_of_its_clocks(told_by_day: Told) -> None:
    rows = {row["call_id"]: (row["day"], row["local_at"]) for row in told_by_day.ask("from calls")}
    assert rows == {read.call_id: (read.day, read.local_at) for read in told_by_day.reads}
    weeks: dict[Any, int] = defaultdict(int)
    for read in told_by_day.reads:
        week = None if read.day is None else read.day - timedelta(days=read.day.weekday())
        weeks[week, read.agent, read.version] += 1
    found: dict[tuple[date | None, str | None, str | None], int] = {
        (row["week"], row["agent_id"], row["agent_version"]): row["calls"]
        for row in told_by_day.ask("from weekly_scorecard")
    }
    assert found == weeks
