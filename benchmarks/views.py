"""Measures how long every view takes, beside a bare scan of the columns that it reads.

    python benchmarks/views.py 100000

Loads 4,000 simulated calls through the pipeline, copies them by SQL until there are as many as asked for
(every second copy as today's payloads would be: samples of seven metrics, costs, versions, verdicts), and
prints for every view the CPU seconds that all its columns take, those of the scan, and their ratio. Both
hash every value they bring; the least of five runs counts, taken in turns. Compare the ratios of one run;
seconds depend on the machine. word_hits is asked for one term; check_results and freshness run every check.
Daily and hourly views answer from what a run has stored; `computed` is what they take for calls that came
since, here for all of them. The scan is that of the tables that an answer is made of, stored or not.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.landed import load_landed
from pipeline import sql
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Receipt, judge
from pipeline.simulator import breakage
from pipeline.simulator.book import CallBook
from pipeline.warehouse import schema, stored_results
from pipeline.warehouse.database import Warehouse

BASE = 4000
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
RUNS = 5
# A view that takes longer is not asked again.
SLOW_S = 3
ASKED = {"word_hits": "select * from word_hits where term = 'appointment'"}
STORED = [table.removeprefix("stored_") for table in stored_results.list_result_tables()]
METRICS = {"e2e": 1.5, "llm": 0.7, "llm_websocket_network_rtt": 0.1, "asr": 0.2, "tts": 0.3}
METRICS |= {"knowledge_base": 0.25, "s2s": 0.9}
PRODUCTS = {"elevenlabs_tts": 0.07, "gpt_4o": 0.05, "twilio": 0.015}

# $k numbers the copy; it is part of the id, and every copy is a fortnight later.
COPIED = ("calls", "utterances", "words", "tool_calls", "conversations", "turn_timings")
ID = "call_id[1:28] || printf('%04x', $k)"
LATER = "interval (14 * $k) day"
CALLS = f"""
insert into calls by name
select * replace (
    {ID} as call_id,
    started_at + {LATER} as started_at, ended_at + {LATER} as ended_at,
    first_seen_at + {LATER} as first_seen_at, extracted_at + {LATER} as extracted_at,
    if($k % 2 = 1, cast($k // 8 as varchar), null) as agent_version,
    if($k % 2 = 1, coalesce(duration_ms, 0) / 60000.0 * 8.1, null) as combined_cost_cents,
    if($k % 2 = 1, 2000, null) as llm_tokens_average,
    if($k % 2 = 1, 10, null) as llm_requests_count
) from base.calls
"""
ROWS = "insert into {table} by name select * replace ({id} as call_id) from base.{table}"
ANALYSIS = f"""
insert into call_analysis by name
select * replace (
    {ID} as call_id,
    if($k % 2 = 1, call_completion_rating = 'Complete', null) as call_successful,
    if($k % 2 = 1, false, null) as in_voicemail,
    if($k % 2 = 1, null, agent_sentiment) as agent_sentiment,
    if($k % 2 = 1, null, agent_task_completion_rating) as agent_task_completion_rating,
    if($k % 2 = 1, null, call_completion_rating) as call_completion_rating
) from base.call_analysis
"""
STATS = f"""
insert into latency_stats by name
select * replace ({ID} as call_id) from base.latency_stats where $k % 2 = 0
"""
VALUES = f"""
insert into latency_values by name
select {ID} as call_id, unnest($metrics).metric as metric, sample as value_index,
    round(400 * exp(random() * 1.6)) * unnest($metrics).factor as value_ms
from base.latency_stats, range(num) as samples (sample)
where metric = 'e2e' and $k % 2 = 1
"""
COSTS = f"""
insert into call_costs by name
select {ID} as call_id, generate_subscripts($products, 1) - 1 as cost_index,
    unnest($products).product as product,
    duration_ms / 1000 * unnest($products).price as cost_cents,
    unnest($products).price as unit_price_cents, false as is_transfer_leg_cost
from base.calls where duration_ms > 0 and $k % 2 = 1
"""
SUMMARIES = """
insert into latency_stats by name
select call_id, metric, quantile_cont(value_ms, 0.5) as p50_ms, quantile_cont(value_ms, 0.9) as p90_ms,
    quantile_cont(value_ms, 0.95) as p95_ms, quantile_cont(value_ms, 0.99) as p99_ms,
    max(value_ms) as max_ms, min(value_ms) as min_ms, count(*) as num
from latency_values group by call_id, metric
"""


def main(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        copy(simulated(Path(folder)), path, max(1, size // BASE))
        with duckdb.connect(str(path), read_only=True) as connection:
            computed = {name: timed(connection, [hashed(name)])[0] for name in STORED}
        stored_results.store(Warehouse.at(path))
        with duckdb.connect(str(path), read_only=True) as connection:
            report(connection, computed)


def simulated(folder: Path) -> Path:
    """Load simulated calls through the pipeline; return the warehouse."""
    warehouse = Warehouse.at(folder / "base.duckdb")
    landing = Landing(folder / "landing", folder / "quarantine")
    book = CallBook(seed=7, count=BASE, until=UNTIL)
    for number, first in enumerate(range(0, BASE, 250)):
        writer = landing.open_chunk("run", number)
        for index in range(first, min(first + 250, BASE)):
            judgement = judge(
                Receipt(book.call_id(index), UNTIL, 200, 1), breakage.encode(book.payload(index))
            )
            writer.add(judgement.outcome, judgement.line)
        writer.finish()
    schema.ensure(warehouse)
    assert load_landed(warehouse, landing).records == BASE
    return folder / "base.duckdb"


def copy(base: Path, path: Path, copies: int) -> None:
    schema.ensure(Warehouse.at(path))
    lists: dict[str, Any] = {
        "metrics": [{"metric": name, "factor": factor} for name, factor in METRICS.items()],
        "products": [{"product": name, "price": price} for name, price in PRODUCTS.items()],
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{base}' as base (read_only)")
        rows = [ROWS.format(table=table, id=ID) for table in COPIED if table != "calls"]
        for k in range(copies):
            for statement in (CALLS, *rows, ANALYSIS, STATS, VALUES, COSTS):
                asked = {name: value for name, value in lists.items() if f"${name}" in statement}
                connection.execute(statement, {"k": k} | asked)
        connection.execute(SUMMARIES)
        connection.execute("checkpoint")


def report(connection: duckdb.DuckDBPyConnection, computed: dict[str, float]) -> None:
    for table in ("calls", "utterances", "words", "latency_values"):
        counted = connection.execute(f"select count(*) from {table}").fetchone()
        assert counted is not None
        print(f"{counted[0]:>12,} {table}")
    print(f"{'view':<32} {'CPU s':>8} {'scan':>8} {'ratio':>7} {'computed':>9}")
    for name in sql.list_names("views"):
        query = ASKED.get(name, f"select * from {name}")
        view, scan = timed(connection, [hashed(f"({query})"), scanning(connection, query)])
        unstored = f"{computed[name]:>9.3f}" if name in computed else ""
        print(f"{name:<32} {view:>8.3f} {scan:>8.3f} {view / scan:>6.1f}× {unstored}".rstrip(), flush=True)


def hashed(source: str, columns: str = "found") -> str:
    return f"select bit_xor(hash({columns})) from {source} as found"


def scanning(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the bare scan of the columns that the plan of the query reads, each table once."""
    planned = connection.execute(f"explain (format json) {query}").fetchone()
    assert planned is not None
    read: dict[str, set[str]] = {}
    waiting = list(json.loads(planned[1]))
    while waiting:
        node = waiting.pop()
        waiting.extend(node.get("children", []))
        told = node.get("extra_info", {})
        if "Table" in told:
            listed = told.get("Projections", [])
            columns = [listed] if isinstance(listed, str) else listed
            filters = told.get("Filters", [])
            table = told["Table"].rsplit(".", 1)[-1]
            known = connection.execute(f"select * from {table} limit 0").description or []
            used = " ".join([*columns, *([filters] if isinstance(filters, str) else filters)])
            found = {column[0] for column in known if column[0] in used.replace("(", " ").split()}
            read.setdefault(table, set()).update(set(columns) & {column[0] for column in known} | found)
    scans = [
        hashed(table, ", ".join(f'found."{column}"' for column in sorted(columns)) or "1")
        for table, columns in sorted(read.items())
    ]
    return " union all ".join(scans)


def timed(connection: duckdb.DuckDBPyConnection, queries: list[str]) -> list[float]:
    best = [float("inf")] * len(queries)
    for _ in range(RUNS):
        for place, query in enumerate(queries):
            started = time.process_time()
            connection.execute(query).fetchall()
            best[place] = min(best[place], time.process_time() - started)
        if best[0] > SLOW_S:
            break
    return best


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
