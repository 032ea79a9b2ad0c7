"""Calls for a simulated account, runs against it, and what a warehouse then says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.config import Settings, load_settings
from pipeline.runs.backfill import Backfill, refresh
from pipeline.runs.reconcile import Reconcile
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.runs.sync import Sync
from pipeline.simulator import Simulator
from support.warehouse_files import query, warehouse_in

NOW = datetime.now(UTC).replace(microsecond=0)


def call(name: str, ago_s: float | None = 3600, **fields: Any) -> dict[str, Any]:
    """Return a call that started so long ago and lasted a minute, or that has no start."""
    payload: dict[str, Any] = {
        "call_id": f"call_{name}",
        "call_type": "phone_call",
        "agent_id": "agent_a",
        "agent_version": 1,
        "call_status": "ended",
        "disconnection_reason": "user_hangup",
        "call_analysis": {"call_summary": "short", "user_sentiment": "Neutral", "call_successful": True},
        "transcript": "Agent: Hello",
        "transcript_object": [
            {"role": "agent", "content": "Hello", "words": [{"word": "Hello", "start": 0.1, "end": 0.5}]}
        ],
    }
    if ago_s is not None:
        start = start_ms(ago_s)
        payload |= {"start_timestamp": start, "end_timestamp": start + 60_000, "duration_ms": 60_000}
    return payload | fields


def start_ms(ago_s: float) -> int:
    """Return so long ago in milliseconds since 1970."""
    return int((NOW - timedelta(seconds=ago_s)).timestamp() * 1000)


def ongoing(name: str, ago_s: float | None = 600, **fields: Any) -> dict[str, Any]:
    """Return a call that has not ended yet."""
    payload = call(name, ago_s, call_status="ongoing") | fields
    for field in ("end_timestamp", "duration_ms", "call_analysis", "disconnection_reason"):
        payload.pop(field, None)
    return payload


def not_connected(name: str, ago_s: float | None = None, **fields: Any) -> dict[str, Any]:
    """Return a call that never connected; by default it has no start."""
    silent: dict[str, Any] = {
        "call_status": "not_connected",
        "disconnection_reason": "dial_no_answer",
        "duration_ms": 0,
        "transcript": "",
        "transcript_object": [],
    }
    return call(name, ago_s) | silent | fields


def settings(server: Simulator, data_dir: Path, **more: Any) -> Settings:
    """Return the settings of a run against the account; a call that is not final may be asked for at once."""
    given: dict[str, Any] = {"publish": "off", "refetch_after_s": 0} | more
    return load_settings(api_key=server.api_key, base_url=server.base_url, data_dir=data_dir, **given)


def sync(server: Simulator, data_dir: Path, **options: Any) -> RunReport:
    """Carry out a sync; `since`, `until` and `numbers_only` are its options, the others are settings."""
    own = {name: options.pop(name) for name in ("since", "until", "numbers_only") if name in options}
    return Sync(settings(server, data_dir, **options), **own).run()


def backfill(server: Simulator, data_dir: Path, *ids: str, **options: Any) -> RunReport:
    """Carry out a backfill of ids."""
    return Backfill(settings(server, data_dir), **options).run(ids, None)  # type: ignore[arg-type]


def refreshed(server: Simulator, data_dir: Path, **more: Any) -> RunReport:
    """Carry out a refresh."""
    return refresh(settings(server, data_dir, **more), Observer())


def reconciled(server: Simulator, data_dir: Path, days: float = 30, **more: Any) -> RunReport:
    """Carry out a reconcile of the last days."""
    since = datetime.now(UTC) - timedelta(days=days)
    return Reconcile(settings(server, data_dir, **more), Observer(), since).run()


def rows(data_dir: Path, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query in the warehouse of a data folder."""
    return query(warehouse_in(data_dir), statement)


def outcomes(data_dir: Path) -> dict[str, str]:
    """Return how every id of the ledger stands."""
    return dict(rows(data_dir, "select call_id, outcome from etl_outcomes"))


def whole(data_dir: Path) -> set[str]:
    """Return the calls that are there whole."""
    return {row[0] for row in rows(data_dir, "select call_id from calls where detail = 'whole'")}
