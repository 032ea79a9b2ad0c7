"""From ids to committed tables over HTTP: this pipeline, dlt, and a plain script, each as users run it.

The others say themselves how long they took, without starting Python and importing; the pipeline is timed
whole, from the start of its process to its end. The others get fewer calls, because they are slow: what is
compared is calls per second. All see the same server, and the words they stored are counted.
"""

from __future__ import annotations

import statistics

import duckdb

from benchmarks import contest
from benchmarks.bodies import WORDS, call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.server import serving

# A fraction of our calls that takes the others a comparable time.
_DLT_SHARE = 0.1
_SCRIPT_SHARE = 0.005
_LEAST = 10


def measure(scale: Scale) -> Measured:
    shares = {"dlt_pipeline": _DLT_SHARE, "script": _SCRIPT_SHARE}
    calls = {name: max(_LEAST, round(scale.calls * share)) for name, share in shares.items()}
    with contest.scratch() as folder, serving() as base_url:
        count = iter(range(1000))

        def ours() -> Ran:
            data = folder / f"ours-{next(count)}"
            ids = contest.ids_file(folder, call_ids(scale.calls))
            ran = contest.backfill(ids, data, base_url)
            with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as warehouse:
                words = warehouse.execute("select count(*) from words").fetchone()
                assert words == (scale.calls * WORDS,), words
            return ran

        def theirs(name: str) -> Ran:
            target = folder / f"{name}-{next(count)}"
            target.mkdir()
            ids = contest.ids_file(folder, call_ids(calls[name]))
            ran = contest.run(contest.command("-m", f"benchmarks.{name}", base_url, ids, target))
            assert ran.facts["words"] == calls[name] * WORDS, ran.facts
            return ran

        runs = contest.alternately(
            {"ours": ours, **{name: (lambda name=name: theirs(name)) for name in shares}}, scale.repetitions
        )
    our_rate = contest.rate(runs["ours"], scale.calls)
    our_cpu = contest.cpu(runs["ours"]) / scale.calls
    rows = []
    for name, label, aim in (("dlt_pipeline", "dlt", 40.0), ("script", "a plain script", 10.0)):
        pairs = zip(runs["ours"], runs[name], strict=True)
        ratio = statistics.median(
            (scale.calls / own.seconds) / (calls[name] / other.seconds) for own, other in pairs
        )
        their_rate = contest.rate(runs[name], calls[name])
        their_cpu = contest.cpu(runs[name]) / calls[name]
        rows.append(
            Row(
                "ids → committed tables over HTTP",
                label,
                ratio,
                aim,
                True,
                f"{our_rate:,.0f} calls/s, {our_cpu * 1000:.2f} CPU ms a call ({scale.calls:,} calls)",
                f"{their_rate:,.1f} calls/s, {their_cpu * 1000:.0f} CPU ms a call ({calls[name]:,} calls)",
            )
        )
    return Measured(rows, {"backfill_calls_per_s": our_rate, "backfill_cpu_s_per_call": our_cpu})
