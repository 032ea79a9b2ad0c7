"""Makes a readers' copy of simulated calls in every shape, and runs programs of readers beside it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.publish import readers_copy
from pipeline.simulator import CallBook
from pipeline.warehouse import schema
from support.warehouse_files import Payload, Place

UNTIL = datetime(2025, 6, 2, 15, tzinfo=UTC)
BOOK = CallBook(seed=5, count=80, until=UNTIL, days=6, shape="mixed")


def publish_calls(data_dir: Path, first: int = 0, count: int = 80) -> Path:
    """Load some of the calls into the warehouse of a data folder, and return its new readers' copy."""
    place, copy = Place(data_dir), data_dir / "analytics.duckdb"
    schema.ensure(place.warehouse)
    place.land(
        (
            Payload(BOOK.call_id(index), json.dumps(BOOK.payload(index)).encode(), UNTIL + timedelta(hours=1))
            for index in range(first, first + count)
        ),
        f"run{first}",
    )
    place.load()
    readers_copy.publish(place.warehouse, copy)
    return copy


def run_program(program: str, folder: Path, *args: object) -> str:
    """Run a Python program of a reader in a folder; return what it printed, after it ended well."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *map(str, args)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
