"""Extraction alone, into landing: beside what latency allows, and beside the bare HTTP client.

    python -m benchmarks.extract extract|bare BASE_URL CALLS CONCURRENCY FOLDER

With an answer after 50 ms, concurrency ÷ latency is what no client can exceed. With an answer at once, the
bare client asks for the same calls over as many connections and throws the bodies away.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp

from benchmarks import contest
from benchmarks.bodies import call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.server import serving
from pipeline.extract.extraction import Extraction
from pipeline.landing.folder import Landing
from pipeline.retell.client import CallsClient

_DELAY_MS = 50
_CHUNK = 250
_AT_ONCE = 16


def measure(scale: Scale) -> Measured:
    rows, figures = [], {}
    with contest.scratch() as folder:
        for concurrency in (16, 64):
            # Long enough that the first and the last round trip, which cannot be shared, weigh little.
            calls = round(scale.calls * concurrency / 40)
            most = concurrency / (_DELAY_MS / 1000)
            with serving(_DELAY_MS) as base_url:
                runs = [
                    _run("extract", base_url, calls, concurrency, folder) for _ in range(scale.repetitions)
                ]
            reached = contest.rate(runs, calls)
            figures[f"extract_calls_per_s_at_{concurrency}"] = reached
            rows.append(
                Row(
                    f"extract alone, answers after {_DELAY_MS} ms, {concurrency} at a time",
                    "concurrency ÷ latency",
                    reached / most,
                    0.85,
                    True,
                    contest.told(runs, calls),
                    f"{most:,.0f} calls/s",
                )
            )
        with serving() as base_url:
            runs = contest.alternately(
                {
                    how: (lambda how=how: _run(how, base_url, scale.calls, _AT_ONCE, folder))
                    for how in ("extract", "bare")
                },
                scale.repetitions,
            )
    own, bare = runs["extract"], runs["bare"]
    figures["extract_calls_per_s"] = contest.rate(own, scale.calls)
    figures["extract_cpu_s_per_call"] = contest.cpu(own) / scale.calls
    rows.append(
        Row(
            f"extract alone, answers at once, {_AT_ONCE} at a time",
            "the same client, bodies thrown away",
            contest.pairwise(bare, own),
            0.7,
            True,
            contest.told(own, scale.calls),
            contest.told(bare, scale.calls),
        )
    )
    return Measured(rows, figures)


def _run(how: str, base_url: str, calls: int, concurrency: int, folder: Path) -> Ran:
    into = folder / f"{how}-{time.monotonic_ns()}"
    ran = contest.run(contest.command("-m", "benchmarks.extract", how, base_url, calls, concurrency, into))
    assert ran.facts["calls"] == calls, ran.facts
    return ran


async def extract(base_url: str, calls: int, concurrency: int, folder: Path) -> int:
    client = CallsClient(
        base_url=base_url, api_key="key_benchmark", api_version="v2", concurrency=concurrency
    )
    landing = Landing(folder / "landing", folder / "quarantine")
    extraction = Extraction("run", landing, client, _CHUNK, concurrency)
    async with client:
        await extraction.run(iter(call_ids(calls)))
    return extraction.counts["accepted"]


async def bare(base_url: str, calls: int, concurrency: int) -> int:
    left, answered = iter(call_ids(calls)), 0
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def work() -> None:
            nonlocal answered
            for call_id in left:
                async with session.get(f"{base_url}/v2/get-call/{call_id}") as response:
                    await response.read()
                    answered += response.status == 200

        await asyncio.gather(*(work() for _ in range(concurrency)))
    return answered


def main(how: str, base_url: str, calls: int, concurrency: int, folder: Path) -> None:
    started, cpu = time.monotonic(), time.process_time()
    asking = (
        bare(base_url, calls, concurrency) if how == "bare" else extract(base_url, calls, concurrency, folder)
    )
    answered = asyncio.run(asking)
    took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    print(json.dumps({"seconds": took_s, "cpu_s": cpu_s, "calls": answered}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
