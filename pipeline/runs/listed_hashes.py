"""Finds out what a listing would say of calls that earlier versions have loaded, from their landed payloads.

Without that a first comparison could not tell what has changed, and would fetch every call again.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path

from pipeline import sql
from pipeline.errors import LandingError
from pipeline.landing.ndjson import read_lines
from pipeline.payload.listed_part import hash_listed_part
from pipeline.payload.strict_json import Malformed, parse
from pipeline.runs.run import Run
from pipeline.warehouse import schema


def fill_listed_hashes(run: Run) -> None:
    """Keep the hashes of calls that have none; a payload that is not landed any more is left out."""
    with run.warehouse.reading() as connection:
        schema.check_unchanged(connection)
        wanted: dict[str, dict[str, str]] = {}
        for path, call_id, payload_hash in connection.exec_driver_sql(sql.read("runs/unhashed")):
            wanted.setdefault(path, {})[payload_hash] = call_id
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="call-hashes-") as folder:
        hashes = Path(folder) / "hashes.csv"
        with hashes.open("w", encoding="ascii") as out:
            for path, calls in wanted.items():
                out.writelines(_hash_calls(run.landing.landing_dir / path, calls))
        with run.warehouse.writing() as connection:
            schema.check_unchanged(connection)
            connection.exec_driver_sql(sql.read("runs/fill_hashes"), {"hashes": sql.escape_path(hashes)})


def _hash_calls(payloads: Path, calls: dict[str, str]) -> list[str]:
    """Return a line for each call whose payload is in the file; `calls` has their ids by payload hash."""
    found = []
    with suppress(LandingError):  # where the file is gone, or can be read no further
        for line in read_lines(payloads):
            payload_hash = hashlib.sha256(line).hexdigest()
            call_id = calls.get(payload_hash)
            if call_id is not None:
                with suppress(Malformed):
                    found.append(f"{call_id},{payload_hash},{hash_listed_part(parse(line))}\n")
    return found
