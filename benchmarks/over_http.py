"""From ids to committed tables over HTTP: this pipeline, dlt, and a plain script, each as users run it.

The others say themselves how long they took, without starting Python and importing; the pipeline is timed
whole, from the start of its process to its end. dlt at its best gets the same calls, dlt as it comes and the
script get fewer, because they are slow: what is compared is calls per second. All see the same server, and
the words they stored are counted.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

import duckdb

from benchmarks import contest
from benchmarks.bodies import WORDS, call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.server import serving


class _Other(NamedTuple):
    program: tuple[str, ...]
    # The fraction of our calls that it gets.
    share: float
    aim: float


_OTHERS = {
    "dlt, tuned": _Other(("benchmarks.dlt_pipeline", "tuned"), 1, 40),
    "dlt, as it comes": _Other(("benchmarks.dlt_pipeline", "plain"), 0.25, 40),
    "a plain script": _Other(("benchmarks.script",), 0.005, 10),
}
_LEAST = 10
# A run's start and end cost the same whatever it fetches: how fast a longer one is stands beside it.
_TIMES_MORE = 2.5


def measure(scale: Scale) -> Measured:
    short, longer = _contest(scale.calls, scale), _contest(round(_TIMES_MORE * scale.calls), scale)
    return Measured([*short.rows, *longer.rows], short.figures)


def _contest(calls: int, scale: Scale) -> Measured:
    given = {name: max(_LEAST, round(calls * other.share)) for name, other in _OTHERS.items()}
    with contest.scratch() as folder, serving() as base_url:
        count = iter(range(1000))

        def ours() -> Ran:
            data = folder / f"ours-{next(count)}"
            ids = contest.ids_file(folder, call_ids(calls))
            ran = contest.backfill(ids, data, base_url)
            with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as warehouse:
                words = warehouse.execute("select count(*) from words").fetchone()
                assert words == (calls * WORDS,), words
            return ran

        def theirs(name: str) -> Ran:
            target = folder / f"theirs-{next(count)}"
            target.mkdir()
            ids = contest.ids_file(folder, call_ids(given[name]))
            ran = contest.run(contest.command("-m", *_OTHERS[name].program, base_url, ids, target))
            assert ran.facts["words"] == given[name] * WORDS, ran.facts
            return ran

        runs = contest.alternately(
            {"ours": ours, **{name: (lambda name=name: theirs(name)) for name in _OTHERS}}, scale.repetitions
        )
    own = runs["ours"]
    rows = [
        Row(
            f"{calls:,} ids → committed tables over HTTP",
            name,
            statistics.median(
                (calls / ran.seconds) / (given[name] / other.seconds)
                for ran, other in zip(own, runs[name], strict=True)
            ),
            _OTHERS[name].aim,
            True,
            contest.told(own, calls),
            f"{contest.rate(runs[name], given[name]):,.1f} calls/s, "
            f"{contest.cpu(runs[name]) / given[name] * 1000:.0f} CPU ms a call ({given[name]:,} calls)",
        )
        for name in _OTHERS
    ]
    figures = {
        "backfill_calls_per_s": contest.rate(own, calls),
        "backfill_cpu_s_per_call": contest.cpu(own) / calls,
    }
    return Measured(rows, figures)
