"""The script that one would write first: requests, `json` and `executemany`, one call after the other.

python -m benchmarks.script BASE_URL IDS_FILE FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import requests

_TABLES = """
create table calls (call_id text, agent_id text, call_status text, start_timestamp bigint,
    end_timestamp bigint, disconnection_reason text, transcript text);
create table utterances (call_id text, utterance_index integer, role text, content text);
create table words (call_id text, utterance_index integer, word_index integer, word text, start_s double,
    end_s double);
create table latency (call_id text, metric text, p50 double, p90 double, p95 double, p99 double);
create table analysis (call_id text, call_summary text, user_sentiment text);
"""
_INSERTS = {
    "calls": "insert into calls values (?, ?, ?, ?, ?, ?, ?)",
    "utterances": "insert into utterances values (?, ?, ?, ?)",
    "words": "insert into words values (?, ?, ?, ?, ?, ?)",
    "latency": "insert into latency values (?, ?, ?, ?, ?, ?)",
    "analysis": "insert into analysis values (?, ?, ?)",
}


def main(base_url: str, ids: list[str], folder: Path) -> None:
    started, cpu = time.monotonic(), time.process_time()
    connection = duckdb.connect(str(folder / "script.duckdb"))
    connection.execute(_TABLES)
    session = requests.Session()
    session.headers["Authorization"] = "Bearer key_benchmark"
    connection.execute("begin")
    for call_id in ids:
        response = session.get(f"{base_url}/v2/get-call/{call_id}", timeout=30)
        response.raise_for_status()
        for table, rows in rows_of(json.loads(response.text)).items():
            if rows:
                connection.executemany(_INSERTS[table], rows)
    connection.execute("commit")
    words = connection.execute("select count(*) from words").fetchone()
    connection.close()
    took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    print(json.dumps({"seconds": took_s, "cpu_s": cpu_s, "words": words[0] if words else 0}))


def rows_of(call: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    call_id = call["call_id"]
    turns = call.get("transcript_object") or []
    told = (
        "agent_id",
        "call_status",
        "start_timestamp",
        "end_timestamp",
        "disconnection_reason",
        "transcript",
    )
    latency = call.get("latency") or {
        metric: call[f"{metric}_latency"] for metric in ("e2e", "llm") if call.get(f"{metric}_latency")
    }
    analysis = call.get("call_analysis") or {}
    return {
        "calls": [(call_id, *(call.get(name) for name in told))],
        "utterances": [(call_id, number, turn["role"], turn["content"]) for number, turn in enumerate(turns)],
        "words": [
            (call_id, number, place, word["word"], word["start"], word["end"])
            for number, turn in enumerate(turns)
            for place, word in enumerate(turn["words"])
        ],
        "latency": [
            (call_id, metric, *(stats.get(name) for name in ("p50", "p90", "p95", "p99")))
            for metric, stats in latency.items()
        ],
        "analysis": [(call_id, analysis.get("call_summary"), analysis.get("user_sentiment"))],
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).read_text(encoding="ascii").split(), Path(sys.argv[3]))
