"""The key figures of a report, and what was bad about the worst calls, in words.

Needs no chart library: other reports say the same with it.
"""

from __future__ import annotations

from pipeline.report.queries import Answers, Row

# Of calls that are equally bad, in the order in which they are listed.
_KINDS = ("slow", "silence", "tools", "overlap")


def tiles(answers: Answers) -> list[tuple[str, str, str]]:
    """Return the key figures: what each is, its value, and what it is made of."""
    head = answers.headline
    e2e = next((row for row in answers.charts["latency_parts"] if row["metric"] == "e2e"), None)
    turns = f"{e2e['samples']:,} turns, pooled" if e2e else "no call reports it"
    p50, p95 = (_milliseconds(e2e[name]) if e2e else "–" for name in ("p50_ms", "p95_ms"))
    per_minute = head["cents_per_connected_minute"]
    return [
        ("Calls", f"{head['calls']:,}", f"{head['over_calls']:,} are over"),
        (
            "Connected",
            _percent(head["connect_rate"]),
            f"{head['connected_calls']:,} of {head['over_calls']:,} calls",
        ),
        ("End to end, p50", p50, turns),
        ("End to end, p95", p95, turns),
        (
            "Successful",
            _percent(head["success_rate"]),
            f"{head['successful_calls']:,} of {head['judged_calls']:,} judged",
        ),
        (
            "Cost",
            "–" if head["cost_cents"] is None else f"${head['cost_cents'] / 100:,.2f}",
            f"{head['costed_calls']:,} calls" + ("" if per_minute is None else f", {per_minute:,.1f} ¢/min"),
        ),
    ]


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.1%}"


def _milliseconds(latency: float | None) -> str:
    return "–" if latency is None else f"{latency:,.0f} ms"


def worst(answers: Answers) -> dict[str, list[str]]:
    """Return what was bad about each of the worst calls; those that were bad in most ways come first."""
    bad: dict[str, list[Row]] = {}
    for row in sorted(answers.worst, key=lambda row: (row["place"], _KINDS.index(row["kind"]))):
        bad.setdefault(row["call_id"], []).append(row)
    listed = sorted(bad.items(), key=lambda item: -len(item[1]))
    return {call_id: [_why(row) for row in rows] for call_id, rows in listed}


def _why(row: Row) -> str:
    measure = row["measure"]
    if row["kind"] == "slow":
        return f"slow: p95 {measure:,.0f} ms"
    if row["kind"] == "silence":
        return f"silence of {measure:,.1f} s"
    if row["kind"] == "overlap":
        return f"both spoke for {measure:,.1f} s"
    return "1 tool failed" if measure == 1 else f"{measure:,.0f} tools failed"
