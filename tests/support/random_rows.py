"""Random rows of the tables, for views that are held against plain Python on the same rows.

A load is not needed: rows go into the tables as they are, so a reference sees what the view sees.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import sqlalchemy as sa

from pipeline.warehouse import schema
from pipeline.warehouse.tables import metadata

Row = dict[str, Any]
Rows = dict[str, list[Row]]

UNTIL = datetime(2026, 3, 31, 20)
AGENTS = ("agent_a", "agent_b", "agent_c", None)
VERSIONS = ("2", "3", "3.0", "10", "draft", None)
REASONS = (
    "user_hangup",
    "agent_hangup",
    "call_transfer",
    "voicemail_reached",
    "inactivity",
    "dial_no_answer",
    "user_requested_callback",
    None,
)
_PLAIN = {
    "payload_shape": "today",
    "payload_hash": "",
    "first_seen_at": UNTIL.isoformat(),
    "extracted_at": UNTIL.isoformat(),
    "load_id": "",
    "is_hidden": False,
    "detail": "whole",
}
_NO_TIMES = {
    "agent_turn_count": 1,
    "user_turn_count": 1,
    "other_turn_count": 0,
    "agent_word_count": 1,
    "user_word_count": 1,
    "other_word_count": 0,
    "agent_untimed_word_count": 0,
    "user_untimed_word_count": 0,
}


@contextmanager
def warehouse_with(rows: Rows) -> Iterator[sa.Connection]:
    """Open a warehouse in memory that has these rows."""
    engine = sa.create_engine("duckdb:///:memory:")
    # Named columns only: the others have their defaults. A text that looks like a time stays a text.
    with engine.connect() as connection, TemporaryDirectory() as folder:
        metadata.create_all(connection)
        schema.apply_views(connection)
        for name, lines in rows.items():
            if lines:
                path = Path(folder) / f"{name}.ndjson"
                path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
                kinds = {
                    column.name: column.type.compile(dialect=engine.dialect)
                    for column in metadata.tables[name].columns
                    if column.name in lines[0]
                }
                columns = ", ".join(f"{column}: '{kind}'" for column, kind in kinds.items())
                reading = f"select * from read_json(?, columns = {{{columns}}})"
                connection.exec_driver_sql(f"insert into {name} by name {reading}", (str(path),))
        connection.commit()
        yield connection
    engine.dispose()


def ask(connection: sa.Connection, statement: str) -> list[Row]:
    return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def make_call(rng: np.random.Generator, number: int, days: int) -> Row:
    """Return a call of the last days; some have no date, no agent, no version, or are not over."""
    started = UNTIL - timedelta(seconds=int(rng.integers(0, days * 86_400)))
    is_dated = rng.random() > 0.05
    return _PLAIN | {
        "call_id": f"call_{number:05}",
        "agent_id": AGENTS[int(rng.integers(len(AGENTS)))],
        "agent_name": [None, "Old", "New"][int(rng.integers(3))],
        "agent_version": VERSIONS[int(rng.integers(len(VERSIONS)))],
        "call_status": "ongoing" if rng.random() < 0.03 else "ended",
        "started_at": started.isoformat() if is_dated else None,
        "dated_at": started.isoformat() if is_dated else None,
        "local_at": started.isoformat() if is_dated else None,
        "day": started.date().isoformat() if is_dated else None,
        "duration_ms": int(rng.integers(1_000, 300_000)) if rng.random() > 0.1 else None,
        "disconnection_reason": REASONS[int(rng.integers(len(REASONS)))],
        "combined_cost_cents": float(rng.integers(1, 90)) if rng.random() > 0.3 else None,
    }


def make_measures(rng: np.random.Generator, call: Row) -> Rows:
    """Return what else is known of a call: latency, verdict, cost lines, silence."""
    call_id = call["call_id"]
    rows: Rows = {}
    if rng.random() > 0.2:
        values = np.round(rng.lognormal(6.8, 0.5, int(rng.integers(1, 25)))).tolist()
        levels = np.percentile(values, (50, 90, 95, 99)).tolist()
        summary = dict(zip(("p50_ms", "p90_ms", "p95_ms", "p99_ms"), levels, strict=True))
        ends = {"min_ms": min(values), "max_ms": max(values), "num": len(values)}
        rows["latency_stats"] = [{"call_id": call_id, "metric": "e2e"} | summary | ends]
        rows["latency_values"] = [
            {"call_id": call_id, "metric": metric, "value_index": index, "value_ms": value}
            for metric in ("e2e", "llm")
            for index, value in enumerate(values)
        ]
    if rng.random() > 0.2:
        rows["call_analysis"] = [
            {
                "call_id": call_id,
                "call_successful": [True, False, None][int(rng.integers(3))],
                "in_voicemail": bool(rng.random() < 0.1),
                "user_sentiment": ["Positive", "Neutral", "Negative", "Unknown"][int(rng.integers(4))],
            }
        ]
    if rng.random() > 0.3:
        is_leg = [None, False, True]
        rows["call_costs"] = [
            {
                "call_id": call_id,
                "cost_index": index,
                "product": "product",
                "cost_cents": float(rng.integers(0, 9)),
                "is_transfer_leg_cost": is_leg[int(rng.integers(3))],
            }
            for index in range(int(rng.integers(1, 4)))
        ]
    if rng.random() > 0.3:
        length, dead = float(rng.integers(10, 200)), float(rng.integers(0, 9))
        rows["conversations"] = [
            _NO_TIMES
            | {"call_id": call_id, "first_word_s": 1.0, "last_word_s": 1.0 + length, "dead_air_s": dead}
        ]
    return rows


def joined(parts: Iterable[Rows]) -> Rows:
    """Return the rows of all parts, by table."""
    rows: Rows = {}
    for part in parts:
        for name, lines in part.items():
            rows.setdefault(name, []).extend(lines)
    return rows
