"""Checks the warehouse: who holds it, its schema, chunks that wait for a load, and the readers' copy.

The file is opened for a moment, without waiting for anybody and without changing a row.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline.config import Settings
from pipeline.doctor.finding import Finding
from pipeline.errors import PipelineError, WarehouseLocked, WarehouseMismatch
from pipeline.landing.folder import Landing
from pipeline.warehouse import queries, schema
from pipeline.warehouse.database import Warehouse

_SHOWN = 3


def check(settings: Settings) -> list[Finding]:
    """Check the warehouse, what is landed, and the readers' copy."""
    try:
        warehouse = replace(Warehouse.of(settings), lock_timeout_s=0)
    except PipelineError as unusable:
        return [Finding("warehouse", "fail", str(unusable), "correct PIPELINE_WAREHOUSE")]
    landed = list(Landing.of(settings).find_manifests())
    if not warehouse.exists:
        found = [Finding("warehouse", "ok", f"{warehouse.path} is not there yet; the first run makes it")]
        return found + ([_check_landed(landed)] if landed else [])
    holder = None
    try:
        with warehouse.exclusive() as connection:
            return [_describe_lock(None), *_check_content(connection, settings, landed)]
    except WarehouseLocked as locked:
        holder = locked.holder
    except PipelineError as broken:
        return [Finding("warehouse", "fail", str(broken), "do as it says")]
    try:
        with warehouse.reading() as connection:
            return [_describe_lock(holder), *_check_content(connection, settings, landed)]
    except WarehouseLocked:
        unread = Finding(
            "schema", "warn", "not read: the warehouse is being written to", "ask again after that"
        )
        return [_describe_lock(holder), unread]
    except PipelineError as broken:
        return [_describe_lock(holder), Finding("warehouse", "fail", str(broken), "do as it says")]


def _describe_lock(holder: str | None) -> Finding:
    if holder is None:
        return Finding("lock", "ok", "nobody holds the warehouse")
    return Finding(
        "lock",
        "warn",
        f"held by {holder}",
        "if that is no run of the pipeline, close it there, and open the readers' copy instead",
    )


def _check_content(connection: Connection, settings: Settings, landed: list[str]) -> list[Finding]:
    schema_found = _check_schema(connection)
    if schema_found.state != "ok":
        return [schema_found]
    try:
        [trouble] = queries.read_rows(connection, "trouble")
        loaded = queries.find_loaded_chunks(connection, landed)
    except DBAPIError as broken:
        kind = type(broken.orig).__name__
        return [Finding("warehouse", "fail", f"its tables could not be read ({kind})", "run `check`")]
    waiting = [chunk for chunk in landed if chunk not in loaded]
    return [
        schema_found,
        _check_landed(waiting),
        _check_quarantine(trouble["open_rejects"]),
        _check_readers_copy(settings, trouble["loaded_at"]),
    ]


def _check_schema(connection: Connection) -> Finding:
    try:
        if schema.is_current(connection):
            return Finding("schema", "ok", f"at this version's head, {schema.find_head()}")
    except WarehouseMismatch as newer:
        return Finding("schema", "fail", str(newer), "upgrade the pipeline")
    at, head = schema.read_revision(connection), schema.find_head()
    found = "its views are older" if at == head else f"at {at or 'no revision'}, behind {head}"
    return Finding("schema", "warn", found, "run `migrate`, or any command: it does so by itself")


def _check_landed(chunks: list[str]) -> Finding:
    if not chunks:
        return Finding("landed chunks", "ok", "each is loaded")
    named = ", ".join(chunks[:_SHOWN]) + (f" and {len(chunks) - _SHOWN:,} more" if chunks[_SHOWN:] else "")
    return Finding("landed chunks", "warn", f"not loaded: {named}", "run `load`")


def _check_quarantine(count: int) -> Finding:
    if not count:
        return Finding("quarantine", "ok", "no payload waits in it")
    return Finding(
        "quarantine",
        "warn",
        f"{count:,} payloads were rejected and wait in it",
        "`status` says why; after an upgrade try them again with `replay --quarantine`",
    )


def _check_readers_copy(settings: Settings, loaded_at: datetime | None) -> Finding:
    check, copy = "readers' copy", settings.readers_copy
    try:
        made_at = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    except OSError:
        made_at = None
    if made_at is None:
        if settings.publish == "off" or loaded_at is None:
            return Finding(check, "ok", "there is none")
        return Finding(check, "warn", f"there is no {copy}", "run `publish`")
    age = _format_age(datetime.now(UTC) - made_at)
    if loaded_at is not None and loaded_at.replace(tzinfo=UTC) > made_at and settings.publish == "run":
        return Finding(check, "warn", f"made {age}, before the latest load", "run `publish`")
    return Finding(check, "ok", f"{Path(copy).name} was made {age}")


def _format_age(span: timedelta) -> str:
    seconds = max(0.0, span.total_seconds())
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit} ago"
    return f"{seconds:,.0f} seconds ago"
