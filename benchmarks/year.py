"""Lands a year of hourly runs with a merge each day, and prints what lies on disk.

    python -m benchmarks.year --days 365 --calls-per-hour 5

Each hour lands what a sync does: what a listing says of new calls, and the calls whole; and what is asked for
a second time, because its analysis was late. `--receiver` lands calls one by one instead, as they come from
webhooks. The warehouse plays no part: what is merged counts as loaded.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bodies import DISTINCT, Bodies, call_id
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Receipt, judge
from pipeline.landing.merge import merge_small_chunks, remove_sources

_START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Year:
    """What a landing folder holds after some days."""

    days: int
    calls: int
    chunks_landed: int
    files: int
    folders: int
    byte_count: int
    merge_s: float


def live_through(folder: Path, days: int, calls_per_hour: int, *, is_receiver: bool, merges: bool) -> Year:
    """Land and merge for some days; return what is there then."""
    landing = Landing(folder / "landing", folder / "quarantine")
    bodies = Bodies(DISTINCT)
    calls = chunks = 0
    merge_s = 0.0

    def land(run_id: str, number: int, ids: list[str], at: datetime) -> None:
        writer = landing.open_chunk(run_id, number)
        for each in ids:
            judgement = judge(Receipt(each, at, 200, 1), bodies.body(each.encode()))
            assert judgement.line is not None
            writer.add(judgement.outcome, judgement.line)
        writer.finish(landed_at=at)

    for day in range(days):
        for hour in range(24):
            at = _START + timedelta(days=day, hours=hour)
            ids = [call_id(calls + number) for number in range(calls_per_hour)]
            if is_receiver:
                for number, each in enumerate(ids):
                    land(f"receive-{day:03d}", 1000 * hour + number, [each], at)
            else:
                # A tenth is asked for once more in the next hour.
                again = [call_id(calls - 1 - number) for number in range(calls_per_hour // 10) if calls]
                land(f"sync-{day:03d}-{hour:02d}", 0, ids, at)
                land(f"sync-{day:03d}-{hour:02d}", 1, ids[: calls_per_hour // 2] + again, at)
            calls += len(ids)
            chunks += len(ids) if is_receiver else 2
        if merges:
            started = time.process_time()
            until = _START + timedelta(days=day + 1)
            remove_sources(merge_small_chunks(landing, f"merge-{day:03d}", until, set))
            merge_s += time.process_time() - started
    files = [path for path in landing.landing_dir.rglob("*") if path.is_file()]
    folders = sum(path.is_dir() for path in landing.landing_dir.iterdir())
    byte_count = sum(path.stat().st_size for path in files)
    return Year(days, calls, chunks, len(files), folders, byte_count, merge_s)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--calls-per-hour", type=int, default=5)
    given = parser.parse_args()
    print("| landed by | merged | calls | chunks landed | files | folders | MB | CPU s of a day's merge |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for is_receiver in (False, True):
        for merges in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                year = live_through(
                    Path(folder), given.days, given.calls_per_hour, is_receiver=is_receiver, merges=merges
                )
            print(
                f"| {'webhooks, one by one' if is_receiver else 'a sync each hour'} "
                f"| {'each day' if merges else 'never'} | {year.calls:,} | {year.chunks_landed:,} "
                f"| {year.files:,} | {year.folders:,} | {year.byte_count / 1e6:,.0f} "
                f"| {year.merge_s / year.days:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
