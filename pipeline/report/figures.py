"""Says in words what the key figures of a report are, and which faults the worst calls have.

It needs no chart library, so that reports without charts can say the same.
"""

from __future__ import annotations

from pipeline.report.queries import Answers, Row

# The order of calls that are equally bad.
_KINDS = ("slow", "silence", "tools", "overlap")


def list_key_figures(answers: Answers) -> list[tuple[str, str, str]]:
    """Return the key figures: the name of each, its value, and how many calls or turns it is made of."""
    head = answers.headline
    e2e = next((row for row in answers.charts["latency_parts"] if row["metric"] == "e2e"), None)
    turns = f"{e2e['samples']:,} turns, pooled" if e2e else "no call reports it"
    p50, p95 = (format_milliseconds(e2e[name]) if e2e else "–" for name in ("p50_ms", "p95_ms"))
    per_minute = head["cents_per_connected_minute"]
    return [
        ("Calls", f"{head['calls']:,}", f"{head['over_calls']:,} are over"),
        (
            "Connected",
            format_percent(head["connect_rate"]),
            f"{head['connected_calls']:,} of {head['over_calls']:,} calls",
        ),
        ("End to end, p50", p50, turns),
        ("End to end, p95", p95, turns),
        (
            "Successful",
            format_percent(head["success_rate"]),
            f"{head['successful_calls']:,} of {head['judged_calls']:,} judged",
        ),
        (
            "Cost",
            "–" if head["cost_cents"] is None else f"${head['cost_cents'] / 100:,.2f}",
            f"{head['costed_calls']:,} calls" + ("" if per_minute is None else f", {per_minute:,.1f} ¢/min"),
        ),
    ]


def format_percent(rate: float | None) -> str:
    """Return a rate as a percentage, and a dash for none."""
    return "–" if rate is None else f"{rate:.1%}"


def format_milliseconds(latency: float | None) -> str:
    """Return whole milliseconds, and a dash for none."""
    return "–" if latency is None else f"{latency:,.0f} ms"


def rank_worst_calls(answers: Answers) -> dict[str, list[str]]:
    """Return the faults of each of the worst calls, by its id; calls with most faults come first."""
    bad: dict[str, list[Row]] = {}
    for row in sorted(answers.worst, key=lambda row: (row["place"], _KINDS.index(row["kind"]))):
        bad.setdefault(row["call_id"], []).append(row)
    listed = sorted(bad.items(), key=lambda item: -len(item[1]))
    return {call_id: [_describe_fault(row) for row in rows] for call_id, rows in listed}


def _describe_fault(row: Row) -> str:
    measure = row["measure"]
    if row["kind"] == "slow":
        return f"slow: p95 {measure:,.0f} ms"
    if row["kind"] == "silence":
        return f"silence of {measure:,.1f} s"
    if row["kind"] == "overlap":
        return f"both spoke for {measure:,.1f} s"
    return "1 tool failed" if measure == 1 else f"{measure:,.0f} tools failed"
