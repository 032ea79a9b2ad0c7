"""The same with dlt: deferred requests on threads, merge by call_id into DuckDB.

python -m benchmarks.dlt_pipeline tuned|plain BASE_URL IDS_FILE FOLDER

`tuned` is what its documentation advises for speed: more threads and larger buffers, two processes that
normalise, Parquet files into DuckDB. `plain` is dlt as it comes, with none of these set.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before dlt is imported: it reads its configuration from the environment.
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
os.environ |= (
    {}
    if "plain" in sys.argv
    else {
        "EXTRACT__WORKERS": "16",
        "EXTRACT__MAX_PARALLEL_ITEMS": "64",
        "NORMALIZE__WORKERS": "2",
        "NORMALIZE__START_METHOD": "spawn",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        "DATA_WRITER__FILE_MAX_ITEMS": "200000",
    }
)

import dlt
from dlt.sources.helpers import requests


@dlt.resource(name="ids")
def asked_for(ids: list[str]) -> Iterator[str]:
    yield from ids


@dlt.transformer(name="calls", data_from=asked_for, primary_key="call_id", write_disposition="merge")
def calls(call_id: str, base_url: str) -> Any:
    @dlt.defer
    def fetched() -> Any:
        headers = {"Authorization": "Bearer key_benchmark"}
        response = requests.get(f"{base_url}/v2/get-call/{call_id}", headers=headers)
        return response.json()

    return fetched()


def main(how: str, base_url: str, ids: list[str], folder: Path) -> None:
    started, cpu = time.monotonic(), os.times()
    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="calls",
        pipelines_dir=str(folder / "pipelines"),
    )
    pipeline.run(asked_for(ids) | calls(base_url), loader_file_format="parquet" if how == "tuned" else None)
    took_s, used = time.monotonic() - started, os.times()
    cpu_s = sum(used[:4]) - sum(cpu[:4])
    with pipeline.sql_client() as client:
        words = client.execute_sql("select count(*) from calls__transcript_object__words")
    print(json.dumps({"seconds": took_s, "cpu_s": cpu_s, "words": words[0][0] if words else 0}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text(encoding="ascii").split(), Path(sys.argv[4]))
