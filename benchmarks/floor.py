"""From landed chunks to committed tables, beside the least that DuckDB needs: one read and five bare inserts.

    python -m benchmarks.floor load|bare CHUNKS_FOLDER FILE

Both begin with a file that does not exist, or one with the empty tables in it, and end with a closed one.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from benchmarks import contest
from benchmarks.bodies import WORDS, call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.landed import land, load_landed

_READ = """
create temp table landed as
select * from read_json($paths, format = 'newline_delimited', compression = 'zstd', columns = {
    call_id: 'varchar', agent_id: 'varchar', call_type: 'varchar', call_status: 'varchar',
    direction: 'varchar', from_number: 'varchar', to_number: 'varchar',
    start_timestamp: 'bigint', end_timestamp: 'bigint',
    transcript: 'varchar', recording_url: 'varchar', disconnection_reason: 'varchar', metadata: 'json',
    transcript_object: 'struct(role varchar, "content" varchar,
        words struct(word varchar, "start" double, "end" double)[])[]',
    e2e_latency: 'struct(p50 double, p90 double, p95 double, p99 double, max double, min double, num double)',
    latency: 'map(varchar, struct(p50 double, p90 double, p95 double, p99 double, max double, min double,
        num double, "values" double[]))',
    call_analysis: 'struct(call_summary varchar, user_sentiment varchar, call_successful boolean)'
})
"""
_INSERTS = (
    """
    create table calls as
    select call_id, agent_id, call_type, call_status, direction, from_number, to_number,
        make_timestamp_ms(start_timestamp) as started_at, make_timestamp_ms(end_timestamp) as ended_at,
        transcript, recording_url, disconnection_reason, metadata
    from landed
    """,
    """
    create table utterances as
    select call_id, generate_subscripts(transcript_object, 1) - 1 as utterance_index,
        unnest(transcript_object).role as role, unnest(transcript_object).content as content
    from landed
    """,
    """
    create table words as
    select call_id, utterance_index, generate_subscripts(words, 1) - 1 as word_index,
        unnest(words).word as word, unnest(words).start as start_s, unnest(words)."end" as end_s
    from (
        select call_id, generate_subscripts(transcript_object, 1) - 1 as utterance_index,
            unnest(transcript_object).words as words
        from landed
    )
    """,
    """
    create table latency_stats as
    select call_id, 'e2e' as metric, e2e_latency.p50, e2e_latency.p90, e2e_latency.p95, e2e_latency.p99
    from landed where e2e_latency is not null
    union all
    select call_id, entry.key, entry.value.p50, entry.value.p90, entry.value.p95, entry.value.p99
    from (select call_id, unnest(map_entries(latency)) as entry from landed)
    """,
    """
    create table call_analysis as
    select call_id, call_analysis.call_summary, call_analysis.user_sentiment, call_analysis.call_successful
    from landed where call_analysis is not null
    """,
)


def measure(scale: Scale) -> Measured:
    with contest.scratch() as folder:
        land(folder, call_ids(scale.calls))
        runs = contest.alternately(
            {how: (lambda how=how: _run(how, folder, scale.calls)) for how in ("load", "bare")},
            scale.repetitions,
        )
    own, bare = runs["load"], runs["bare"]
    held = statistics.median(ran.facts["held_s"] / ran.seconds for ran in own)
    row = Row(
        "landed chunks → committed tables",
        "one `read_json`, five inserts",
        contest.pairwise(own, bare),
        1.35,
        False,
        f"{contest.told(own, scale.calls)}, the file held for {held:.0%} of the time",
        contest.told(bare, scale.calls),
    )
    figures = {
        "load_s_per_call": contest.seconds(own) / scale.calls,
        "load_cpu_s_per_call": contest.cpu(own) / scale.calls,
    }
    return Measured([row], figures)


def _run(how: str, folder: Path, calls: int) -> Ran:
    file = folder / f"{how}-{time.monotonic_ns()}.duckdb"
    ran = contest.run(contest.command("-m", "benchmarks.floor", how, folder, file))
    assert ran.facts["words"] == calls * WORDS, ran.facts
    file.unlink()
    return ran


def main(how: str, folder: Path, file: Path) -> None:
    held: list[float] = []
    prepared = _prepared_load(folder, file, held) if how == "load" else lambda: _bare(folder, file)
    started, cpu = time.monotonic(), time.process_time()
    prepared()
    took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    with duckdb.connect(str(file), read_only=True) as connection:
        words = connection.execute("select count(*) from words").fetchone()
    facts = {"seconds": took_s, "cpu_s": cpu_s, "words": words[0] if words else 0, "held_s": sum(held)}
    print(json.dumps(facts))


def _prepared_load(folder: Path, file: Path, held: list[float]):  # type: ignore[no-untyped-def]
    """Return what loads, and notes for how long it holds the file."""
    from pipeline.landing.folder import Landing
    from pipeline.warehouse import schema
    from pipeline.warehouse.database import Warehouse

    class Timed(Warehouse):
        @contextmanager
        def written_from(self, scratch: Connection) -> Iterator[Connection]:
            with super().write_from(scratch) as connection:
                started = time.monotonic()
                yield connection
            held.append(time.monotonic() - started)

    warehouse = Timed.at(file)
    schema.ensure(warehouse)
    landing = Landing(folder / "landing", folder / "quarantine")
    return lambda: load_landed(warehouse, landing)


def _bare(folder: Path, file: Path) -> None:
    paths = sorted(map(str, (folder / "landing").glob("*/*.ndjson.zst")))
    with duckdb.connect(str(file)) as connection:
        connection.execute("begin")
        connection.execute(_READ, {"paths": paths})
        for insert in _INSERTS:
            connection.execute(insert)
        connection.execute("commit")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
