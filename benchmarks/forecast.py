"""How cost grows to 10 and 100 million calls: a simulation of one long backfill, fed with measured figures.

    python -m benchmarks.forecast benchmarks/results.json

A cycle is five minutes of extracting and loading side by side, as fast as the slowest of API, extraction and
load allows, and then a new copy for readers, during which nothing is loaded. What a load costs grows with the
calls in the warehouse, looking for what to load with the chunks that are landed, the copy with the file. At
the end the daily results of all calls are stored, in turns that each look through what is held.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

_CYCLE_S = 300.0
_PER_CHUNK = 250
_PER_LOAD = 1000
_PER_STORING = 14_000
_PER_PAGE = 1000
# Requests a second that an API may allow; Retell publishes no limit.
_API_RATES = (10, 50, 200)
_SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000)
_HORIZON_S = 5 * 365 * 86_400.0
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Figures:
    """What was measured: seconds and bytes for one call, and how they grow."""

    extract_calls_per_s: float
    load_s_per_call: float
    # Of a load, and of a turn of storing results, for each call that is held.
    load_growth_s: float
    store_growth_s: float
    store_s_per_call: float
    pending_s_per_chunk: float
    publish_s_per_gb: float
    landed_bytes_per_call: float
    warehouse_bytes_per_call: float
    parquet_bytes_per_call: float
    peak_mb: float

    @classmethod
    def read(cls, path: Path) -> Figures:
        found = json.loads(path.read_text(encoding="utf-8"))["figures"]
        missing = set(cls.__dataclass_fields__) - set(found)
        if missing:
            raise SystemExit(f"{path} lacks {', '.join(sorted(missing))}: run `python -m benchmarks` whole")
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Forecast:
    """A backfill under a limit of requests: how long, None for too long, and what the time went into."""

    days: float | None
    loading_share: float
    copying_share: float
    storing_share: float


def forecast(figures: Figures, calls: int, api_rate: float) -> Forecast:
    done = now_s = loading_s = copying_s = 0.0
    while done < calls and now_s < _HORIZON_S:
        a_call_s = load_s(figures, done)
        copy_s = copying(figures, done)
        # What was fetched while the copy was made waits in the landing and is loaded after it.
        fetched = min(api_rate, figures.extract_calls_per_s) * (_CYCLE_S + copy_s)
        step = min(fetched, _CYCLE_S / a_call_s, calls - done)
        done += step
        loading_s += step * a_call_s
        copying_s += copy_s
        now_s += _CYCLE_S + copy_s
    storing_s = storing(figures, done)
    now_s += storing_s
    days = now_s / _DAY_S if done >= calls and now_s < _HORIZON_S else None
    return Forecast(days, loading_s / now_s, copying_s / now_s, storing_s / now_s)


def load_s(figures: Figures, held: float) -> float:
    """Return the seconds that loading one call takes when so many are held."""
    return figures.load_s_per_call + figures.load_growth_s * held / _PER_LOAD


def storing(figures: Figures, held: float) -> float:
    """Return the seconds that storing the daily results of all calls takes."""
    return held * (figures.store_s_per_call + figures.store_growth_s * held / _PER_STORING)


def looking(figures: Figures, held: float) -> float:
    """Return the seconds that it takes to find what is landed and not loaded yet."""
    return figures.pending_s_per_chunk * held / _PER_CHUNK


def copying(figures: Figures, held: float) -> float:
    """Return the seconds that a copy for readers takes."""
    return figures.publish_s_per_gb * held * figures.warehouse_bytes_per_call / 1e9


def tables(figures: Figures) -> str:
    """Return the forecast as two tables, and the figures that it comes from."""
    costs = [
        f"| calls | requests | landed | warehouse | as Parquet | {_PER_LOAD:,} more | finding what to load "
        "| a copy for readers | all daily results |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for calls in _SIZES:
        requests = calls + calls / _PER_PAGE
        costs.append(
            f"| {calls:,} | {requests:,.0f} | {calls * figures.landed_bytes_per_call / 1e9:,.1f} GB "
            f"| {calls * figures.warehouse_bytes_per_call / 1e9:,.1f} GB "
            f"| {calls * figures.parquet_bytes_per_call / 1e9:,.1f} GB "
            f"| {_PER_LOAD * load_s(figures, calls):,.1f} s | {looking(figures, calls):,.2f} s "
            f"| {copying(figures, calls):,.0f} s | {storing(figures, calls):,.0f} s |"
        )
    times = [
        f"| calls | {' | '.join(f'{rate} requests/s' for rate in _API_RATES)} |",
        "|--:|" + "--:|" * len(_API_RATES),
    ]
    for calls in _SIZES:
        cells = [told(forecast(figures, calls, rate)) for rate in _API_RATES]
        times.append(f"| {calls:,} | {' | '.join(cells)} |")
    told_from = (
        f"{figures.extract_calls_per_s:,.0f} calls/s extracted at most",
        f"{1000 * figures.load_s_per_call:.2f} ms to load a call",
        f"{1e9 * figures.load_growth_s:,.0f} ns more of a load of {_PER_LOAD:,} for each that is held",
        f"{1e6 * figures.store_s_per_call:,.0f} µs to store the daily results of a call",
        f"{1e9 * figures.store_growth_s:,.0f} ns more of {_PER_STORING:,} calls for each that is held",
        f"{1e6 * figures.pending_s_per_chunk:.0f} µs for each landed chunk to find what to load",
        f"{figures.publish_s_per_gb:.1f} s to copy a GB",
        f"{figures.landed_bytes_per_call / 1000:.1f} KB landed a call",
        f"{figures.warehouse_bytes_per_call / 1000:.1f} KB in the warehouse",
        f"{figures.parquet_bytes_per_call / 1000:.1f} KB as Parquet",
        f"{figures.peak_mb:,.0f} MB of memory at the peak",
    )
    measured = [f"Calculated from: {'; '.join(told_from)}."]
    return "\n\n".join("\n".join(part) for part in (costs, times, measured))


def told(found: Forecast) -> str:
    if found.days is None:
        return f"more than {_HORIZON_S / _DAY_S:,.0f} days"
    days = f"{found.days:,.1f} days" if found.days >= 1 else f"{found.days * 24:,.1f} hours"
    shares = (
        ("loading", found.loading_share),
        ("copying", found.copying_share),
        ("storing", found.storing_share),
    )
    return f"{days} ({', '.join(f'{what} {share:.0%}' for what, share in shares)})"


if __name__ == "__main__":
    print(tables(Figures.read(Path(sys.argv[1]))))
