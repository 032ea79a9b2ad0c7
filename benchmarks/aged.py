"""Makes data folders that look as if many runs had gone before: ids and calls, runs, landed chunks.

A few calls are synced from a simulated account through the command line. What came before them is made by SQL
from these: ids and calls with other ids and earlier times, spelled as real ones are, in the order in which
they would have come. What was said in the made calls is left out, since no command looks there for what it
has to do.

    python -m benchmarks.aged SYNCED DATA IDS RUNS CHUNKS

Where DATA is there already it is brought to this version.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.publish import readers_copy
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

REAL_CALLS = 200
# Ids that are not settled, payloads in quarantine and names that nobody knew, in a ledger of any size.
_NOT_FOUND_EVERY = 100_003
_REJECTED_EVERY = 200_003
_DRIFT_EVERY = 10


class Size(NamedTuple):
    """How much came before: ids in the ledger with their calls, runs, and landed chunks."""

    ids: int = 0
    runs: int = 0
    chunks: int = 0


# $ids of them: number 0 is the oldest. An id is `call_` and 32 hexadecimal digits, as Retell's.
_NUMBERED = """
create temp table base as
select *, row_number() over () - 1 as place
from {table}
"""
_MADE = {
    "calls": """
        insert into calls by name
        select
            base.* exclude (place) replace (
                'call_' || md5(cast(numbers.number as varchar)) as call_id,
                numbers.at as started_at,
                numbers.at + to_milliseconds(base.duration_ms) as ended_at,
                null as transcript,
                null as metadata,
                null as retell_llm_dynamic_variables,
                null as collected_dynamic_variables,
                null as custom_sip_headers,
                null as custom_attributes,
                null as telephony_identifier,
                null as redacted_fields,
                null as extra,
                null as recording_url,
                null as recording_multi_channel_url,
                null as scrubbed_recording_url,
                null as scrubbed_recording_multi_channel_url,
                null as public_log_url,
                null as knowledge_base_retrieved_contents_url,
                sha256(cast(numbers.number as varchar)) as payload_hash,
                sha256('listed' || cast(numbers.number as varchar)) as listed_hash,
                numbers.at + interval 1 hour as first_seen_at,
                numbers.at + interval 1 hour as extracted_at,
                numbers.at as dated_at,
                numbers.at as local_at,
                cast(numbers.at as date) as day
            )
        from numbers
        inner join base
            on base.place = numbers.number % (select count(*) from base)
    """,
    "call_analysis": """
        insert into call_analysis by name
        select
            base.* exclude (place) replace (
                'call_' || md5(cast(numbers.number as varchar)) as call_id,
                null as call_summary,
                null as agent_task_completion_rating_reason,
                null as call_completion_rating_reason,
                null as custom_analysis_data,
                null as extra
            )
        from numbers
        inner join base
            on base.place = numbers.number % (select count(*) from base)
    """,
    "etl_outcomes": """
        insert into etl_outcomes by name
        select
            'call_' || md5(cast(numbers.number as varchar)) as call_id,
            'run' || cast(numbers.number // 1000 as varchar) as run_id,
            case
                when numbers.number % $rejected_every = 7 then 'rejected'
                when numbers.number % $not_found_every = 5 then 'not_found'
                when numbers.number % 4 = 0 then 'unchanged'
                else 'loaded'
            end as outcome,
            1 as attempts,
            200 as http_status,
            numbers.at + interval 1 hour as fetched_at,
            numbers.at + interval 1 hour as recorded_at,
            numbers.at + interval 1 hour as first_seen_at,
            numbers.at + interval 30 minute as listed_at,
            sha256('listed' || cast(numbers.number as varchar)) as listed_hash,
            key_of_id('call_' || md5(cast(numbers.number as varchar))) as id_key
        from numbers
    """,
    "etl_rejects": """
        insert into etl_rejects by name
        select
            'call_' || md5(cast(numbers.number as varchar)) as call_id,
            'run' || cast(numbers.number // 1000 as varchar) as run_id,
            'not a number' as reason,
            '$.duration_ms' as json_path,
            'x' as value,
            200 as http_status,
            'run/' || cast(numbers.number as varchar) as path,
            numbers.at as rejected_at,
            if(numbers.number % $rejected_every = 7, null, numbers.at) as resolved_at
        from numbers
        where numbers.number % 1000 = 1 or numbers.number % $rejected_every = 7
    """,
    "etl_drift": """
        insert into etl_drift by name
        select
            'call_' || md5(cast(numbers.number as varchar)) as call_id,
            'field' as kind,
            '$.new_field_' || cast(numbers.number // $drift_every % 5 as varchar) as json_path,
            1 as occurrence_count,
            numbers.at as recorded_at,
            numbers.at + interval 1 hour as first_seen_at
        from numbers
        where numbers.number % $drift_every = 0
    """,
}
_STORED_DAYS = """
insert into stored_days by name
select distinct day
from calls
where day is not null and day not in (select day from stored_days)
"""
_RUNS = """
insert into etl_runs by name
select
    strftime(numbers.at, '%Y%m%dT%H%M%SZ') || '-' || printf('%06x', numbers.number) as run_id,
    'sync' as command,
    'succeeded' as status,
    numbers.at as started_at,
    numbers.at + interval 1 minute as finished_at,
    1000 as requested_count,
    10 as fetched_count,
    20 as request_count,
    0 as retry_count,
    'elsewhere' as host,
    1 as pid,
    '0.2.0' as pipeline_version
from numbers
"""
_CHUNKS = """
insert into etl_chunks by name
select
    $run_id || '-' || printf('%06d', numbers.number) as chunk_id,
    $run_id as run_id,
    null as path,
    0 as record_count,
    0 as byte_count,
    numbers.at as landed_at,
    numbers.at as loaded_at,
    'load' || cast(numbers.number // 4 as varchar) as load_id
from numbers
"""
_NUMBERS = """
create or replace temp table numbers as
select
    range as number,
    cast($until as timestamp) - to_seconds(cast(60 * ($count - range) as bigint)) as at
from range($count)
"""
# Chunks of a run, and folders, are as many as a backfill of a quarter of a million calls leaves.
_CHUNKS_OF_RUN = 1000


def aged(synced_data: Path, data: Path, size: Size) -> Path:
    """Copy a data folder and add what came before; return the copy."""
    shutil.copytree(synced_data, data)
    (data / "analytics.duckdb").unlink()
    path = data / "warehouse.duckdb"
    schema.ensure(Warehouse.at(path))
    with duckdb.connect(str(path)) as connection:
        connection.execute("set preserve_insertion_order = false")
        until = connection.execute("select min(started_at) - interval 1 day from calls").fetchone()
        assert until is not None

        def number(count: int) -> None:
            connection.execute(_NUMBERS, {"count": count, "until": until[0]})

        if size.ids:
            number(size.ids)
            for table, made in _MADE.items():
                if "base" in made:
                    connection.execute("drop table if exists base")
                    connection.execute(_NUMBERED.format(table=table))
                given = {
                    "rejected_every": _REJECTED_EVERY,
                    "not_found_every": _NOT_FOUND_EVERY,
                    "drift_every": _DRIFT_EVERY,
                }
                connection.execute(made, {name: value for name, value in given.items() if f"${name}" in made})
                connection.execute("checkpoint")
        if size.runs:
            number(size.runs)
            connection.execute(_RUNS)
        for first in range(0, size.chunks, _CHUNKS_OF_RUN):
            number(min(_CHUNKS_OF_RUN, size.chunks - first))
            connection.execute(_CHUNKS, {"run_id": _name_run(first)})
        connection.execute("checkpoint")
    if size.chunks:
        _land_chunks(Landing(data / "landing", data / "quarantine"), size.chunks)
    settle(data)
    readers_copy.publish(Warehouse.at(path), data / "analytics.duckdb")
    return data


def settle(data: Path) -> None:
    """Bring a folder of an earlier run to this version, as if its runs had stored all results since."""
    warehouse = Warehouse.at(data / "warehouse.duckdb")
    schema.ensure(warehouse)
    with warehouse.exclusive() as connection, connection.begin():
        connection.exec_driver_sql(_STORED_DAYS)


def _name_run(first: int) -> str:
    return f"20200101T000000Z-{first:06x}"


def _land_chunks(landing: Landing, chunks: int) -> None:
    """Land chunks of one id without a payload, as real ones; all but the first of a run are its copies."""
    asked = Outcome("call_" + "0" * 32, "not_found", 1, datetime(2020, 1, 1, tzinfo=UTC), http_status=404)
    for first in range(0, chunks, _CHUNKS_OF_RUN):
        writer = landing.open_chunk(_name_run(first), 0)
        writer.add(asked)
        manifest = writer.finish().manifest
        said = json.loads(manifest.read_bytes())
        for number in range(1, min(_CHUNKS_OF_RUN, chunks - first)):
            chunk_id = f"{_name_run(first)}-{number:06d}"
            manifest.with_name(f"{chunk_id}.json").write_text(
                json.dumps(said | {"chunk_id": chunk_id}) + "\n", encoding="ascii"
            )


if __name__ == "__main__":
    synced, made = map(Path, sys.argv[1:3])
    if made.exists():
        settle(made)
    else:
        aged(synced, made, Size(*map(int, sys.argv[3:])))
