"""Commands on what is landed and loaded: load, replay, repair, publish, compact, migrate, check and more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import command, print_json, print_report_and_exit, read_settings
from pipeline.cli.options import AsJson, DataDir, Tracked, Warehouse
from pipeline.errors import UsageError


@command
def load(warehouse: Warehouse = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Load landed payloads that are not in the warehouse yet; needs no network."""
    from pipeline.cli import console
    from pipeline.runs.offline import load_landed
    from pipeline.runs.run import Observer

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    print_report_and_exit(load_landed(settings, Observer(say=console.say)), json)


@command
def replay(
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Try the quarantined payloads again instead.")
    ] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Normalise all landed payloads again, as after an upgrade; needs no network."""
    from pipeline.cli import console
    from pipeline.runs.offline import replay_landed, replay_quarantine
    from pipeline.runs.run import Observer

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    replay = replay_quarantine if quarantine else replay_landed
    print_report_and_exit(replay(settings, Observer(say=console.say)), json)


@command
def repair(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Land again what is sound in damaged files, set these aside, and say which calls are lost."""
    from pipeline.cli import render
    from pipeline.landing.folder import Landing
    from pipeline.landing.repair import repair as repair_landing
    from pipeline.runs import record

    done = repair_landing(Landing.of(read_settings(data_dir=data_dir)), record.new_run_id())
    if json:
        lost_ids = None if done.lost_ids is None else str(done.lost_ids)
        mended = [vars(chunk) | {"lost": list(chunk.lost)} for chunk in done.chunks]
        print_json({"mended": mended, "set_aside": str(done.set_aside), "lost_ids": lost_ids})
    else:
        render.print_repair(done)


@command
def publish(
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="DIR", help="Write the tables there too, as Parquet by day."),
    ] = None,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Replace the readers' copy of the warehouse now; notebooks and BI tools open the copy."""
    from pipeline.cli import console
    from pipeline.publish.parquet import export
    from pipeline.runs import maintenance

    copy = maintenance.publish(read_settings(warehouse=warehouse, data_dir=data_dir), console.say)
    written = export(copy.path, parquet) if parquet is not None else None
    if json:
        print_json(
            {"copy": vars(copy) | {"path": str(copy.path)}}
            | ({"parquet": vars(written) | {"folder": str(written.folder)}} if written else {})
        )
        return
    console.print_text(f"{copy.path}: {copy.byte_count / 1e6:,.1f} MB in {copy.duration_s:,.1f} s")
    if written:
        console.print_text(
            f"{written.folder}: {written.written:,} days written, {written.unchanged:,} unchanged, "
            f"{written.removed:,} removed"
        )


@command
def compact(
    landing: Annotated[
        bool, typer.Option("--landing", help="Merge landed files only: nobody is kept out of the warehouse.")
    ] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Merge small landed files of past days, and rewrite the warehouse file without unused room."""
    from pipeline.cli import console
    from pipeline.runs import compaction

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    merged = compaction.compact_landing(settings, console.say)
    done = None if landing else compaction.compact_file(settings, console.say)
    for problem in merged.problems:
        console.write_error(problem)
    if json:
        facts = {} if done is None else vars(done) | {"path": str(done.path)}
        print_json(facts | {"landing": vars(merged)})
    else:
        console.print_text(merged.summary)
        if done is not None:
            console.print_text(
                f"{done.path}: {done.bytes_before / 1e6:,.1f} MB before, {done.bytes_after / 1e6:,.1f} MB "
                f"now, in {done.duration_s:,.1f} s"
            )
    if merged.problems:
        raise typer.Exit(1)


@command
def migrate(
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="head, base or a revision.")] = "head",
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bring the warehouse to this version's tables and views; a copy is kept before rows are lost."""
    from pipeline.cli import console
    from pipeline.publish import readers_copy
    from pipeline.warehouse import schema
    from pipeline.warehouse.database import Warehouse as File

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    file = File.of(settings, console.say)
    before, after = schema.migrate(file, to, console.say)
    if before != after:
        readers_copy.note_change(settings.readers_copy)
    if json:
        print_json({"warehouse": str(file.path), "before": before, "after": after})
    elif before == after:
        console.print_text(f"{file.path} is at revision {after or 'base'} already")
    else:
        console.print_text(f"{file.path} migrated from {before or 'base'} to {after or 'base'}")


@command
def check(
    warehouse: Warehouse = None, data_dir: DataDir = None, prefect: Tracked = None, json: AsJson = False
) -> None:
    """Ask the warehouse whether what should hold holds; exits with 4 when it does not."""
    from pipeline.cli import render
    from pipeline.cli.tracking import is_tracked

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    if is_tracked(prefect):
        from pipeline import flows

        results = flows.run_tracked(settings, flows.check_warehouse)
    else:
        from pipeline.cli import console
        from pipeline.runs import maintenance

        results = maintenance.check(settings, console.say)
    if json:
        print_json([vars(result) | {"verdict": result.verdict} for result in results])
    else:
        render.print_checks(results)
    if any(result.verdict == "fail" for result in results):
        raise typer.Exit(4)


@command
def status(warehouse: Warehouse = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show runs, outcomes, rows, and every id that did not become a call."""
    from pipeline.cli import console, render
    from pipeline.landing.folder import Landing
    from pipeline.runs.maintenance import open_warehouse
    from pipeline.runs.status import read_status
    from pipeline.warehouse.database import Warehouse as File

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    with open_warehouse(settings, console.say) as connection:
        found = read_status(connection, Landing.of(settings))
    found["warehouse"] = str(File.of(settings).path)
    if json:
        print_json(found)
    else:
        render.print_status(found)


@command
def inspect(
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="The call to show.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print the landed payload instead.")] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show one call: its fields, latency, tools and what was said."""
    from pipeline.cli import console, render
    from pipeline.landing.folder import Landing
    from pipeline.runs.maintenance import open_warehouse
    from pipeline.runs.status import read_raw_payload
    from pipeline.warehouse import queries

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    with open_warehouse(settings, console.say) as connection:
        found = queries.read_call(connection, call_id)
        payload = read_raw_payload(connection, Landing.of(settings), call_id) if raw else None
    if found is None:
        raise UsageError(f"{call_id} was never asked for: run `backfill {call_id}` first")
    if raw:
        if payload is None:
            raise UsageError(f"{call_id} has no landed payload: `inspect {call_id}` says what became of it")
        console.print_raw(payload)
    elif json:
        print_json(found)
    else:
        render.print_call(found)
