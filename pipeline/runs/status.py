"""Tells how things stand, from the warehouse and the landing folder: what waits, a call's raw payload."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pipeline.errors import LandingError
from pipeline.landing.folder import Landing
from pipeline.landing.ndjson import read_lines
from pipeline.load.waiting import find_waiting
from pipeline.warehouse import queries, schema


def read_status(connection: Connection, landing: Landing) -> dict[str, Any]:
    """Return how the warehouse stands: schema, rows, runs, outcomes, and what still waits or failed."""
    return {
        "revision": schema.read_revision(connection),
        "waiting_chunks": list(find_waiting(connection, landing).manifests),
        "row_counts": queries.read_rows(connection, "row_counts"),
        "outcomes": queries.read_rows(connection, "outcomes"),
        "reconciled": next(iter(queries.read_rows(connection, "latest_reconciliation")), None),
        "unaccounted": queries.read_rows(connection, "unaccounted"),
        "drift": queries.read_drift(connection),
        "events": queries.read_rows(connection, "events"),
        "runs": queries.read_rows(connection, "latest_runs"),
    }


def read_raw_payload(connection: Connection, landing: Landing, call_id: str) -> bytes | None:
    """Return the landed payload that the call's rows came from, or None when the call is not loaded.

    Raises LandingError when its chunk is no longer in the landing folder.
    """
    chunks = queries.read_rows(connection, "call_chunks", call_id=call_id)
    for chunk in chunks:
        path = landing.landing_dir / Path(chunk["path"])
        if not path.is_file():
            continue
        for line in read_lines(path):
            if hashlib.sha256(line).hexdigest() == chunk["payload_hash"]:
                return line
    if chunks:
        raise LandingError(
            f"the landed payload of {call_id} is not in {landing.landing_dir}: "
            "name the folder it was landed in with --data-dir"
        )
    return None
