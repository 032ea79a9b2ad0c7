"""The command line: parses, composes the stages, prints; it decides nothing by itself.

Modules that are slow to import (DuckDB, httpx, pydantic) are imported inside the commands, so that `--help`
answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from pipeline.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from pipeline.config import Settings


class _Commands(TyperGroup):
    """Keeps interruptions and a closed pipe from Typer, which would end the process without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raise Interrupted for Ctrl-C, and leave quietly when nobody reads on."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except OSError as refused:
            raise UsageError(f"cannot read or write ({refused}): check the path and its disk") from None


app = typer.Typer(
    name="python -m pipeline",
    cls=_Commands,
    help="Retell voice calls into a DuckDB warehouse. Start with `demo`: it needs no key and no network.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or setting, 3 partial, 4 a check failed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WHERE, _API, _RUN = "Where things are", "How the API is asked", "What is done"

Warehouse = Annotated[
    str | None,
    typer.Option(
        "--warehouse", metavar="PATH|URL", help="DuckDB file or SQLAlchemy URL.", rich_help_panel=_WHERE
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder of landed payloads.", rich_help_panel=_WHERE),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where the API answers.", rich_help_panel=_API)
]
ApiVersion = Annotated[
    Literal["auto", "v1", "v2"] | None,
    typer.Option("--api-version", help="Path of the API; auto finds out.", rich_help_panel=_API),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency", min=1, max=256, help="Most requests under way at once.", rich_help_panel=_API
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=0.001, help="Most requests per second.", rich_help_panel=_API),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Fetch calls that are final or just fetched too.", rich_help_panel=_RUN),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be fetched; ask and write nothing.", rich_help_panel=_RUN),
]


@app.command()
def demo(
    calls: Annotated[int, typer.Option(min=1, max=100_000, help="How many simulated calls.")] = 500,
    seed: Annotated[int, typer.Option(help="Another seed is another set of calls.")] = 7,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Try it: a simulated API on this machine, a real backfill, and what the warehouse answers."""
    from pipeline.demo import run_demo

    run_demo(_settings(data_dir=data_dir), calls=calls, seed=seed, as_json=json)


@app.command()
def backfill(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="IDS…|FILE|-",
            help="Ids; or a file: one id a line, a CSV with a call_id column, a JSON array; or - for stdin.",
        ),
    ],
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    force: Force = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Fetch calls by id and load them; run again to go on where it stopped."""
    from pipeline import backfill as stages
    from pipeline import render

    settings = _settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    if dry_run:
        plan = stages.dry_run(settings, ids, sys.stdin, force=force)
        if json:
            _print_json(
                {
                    "dry_run": True,
                    "given": plan.given,
                    "requested": plan.requested,
                    "to_fetch": plan.to_fetch,
                    "final": plan.final,
                    "not_final": plan.resting,
                }
            )
        else:
            render.plan(plan)
        return
    from pipeline.session import watched_backfill

    report = watched_backfill(settings, ids, sys.stdin, force=force)
    _end(report, json)


@app.command()
def sync(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Begin here instead: a date, a time (UTC), or how long ago, such as 7d.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="End here.", rich_help_panel=_RUN),
    ] = None,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    json: AsJson = False,
) -> None:
    """List the calls that are new since the last sync, fetch and load them."""
    from datetime import UTC, datetime

    from pipeline.session import watched_sync
    from pipeline.sync import parse_moment

    settings = _settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    now = datetime.now(UTC)
    begin = parse_moment(since, now) if since is not None else None
    end = parse_moment(until, now) if until is not None else None
    if begin is not None and end is not None and end < begin:
        raise UsageError("--until is before --since: swap them")
    _end(watched_sync(settings, begin, end), json)


@app.command()
def refresh(
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    json: AsJson = False,
) -> None:
    """Fetch again the calls that are not final: still going on, or without an analysis yet."""
    from pipeline.session import watched_refresh

    settings = _settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    _end(watched_refresh(settings), json)


@app.command()
def load(warehouse: Warehouse = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Load landed payloads that are not in the warehouse yet; needs no network."""
    from pipeline.session import load_landed

    _end(load_landed(_settings(warehouse=warehouse, data_dir=data_dir)), json)


@app.command()
def replay(
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Try the quarantined payloads again instead.")
    ] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Normalise all landed payloads again, as after an upgrade; needs no network."""
    from pipeline.session import replay_landed, replay_quarantine

    settings = _settings(warehouse=warehouse, data_dir=data_dir)
    _end(replay_quarantine(settings) if quarantine else replay_landed(settings), json)


@app.command()
def migrate(
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="head, base or a revision.")] = "head",
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bring the warehouse to this version's tables and views; a copy is kept before rows are lost."""
    from pipeline import console, schema
    from pipeline.warehouse import Warehouse as File

    file = File.of(_settings(warehouse=warehouse, data_dir=data_dir), console.say)
    before, after = schema.migrate(file, to, console.say)
    if json:
        _print_json({"warehouse": str(file.path), "before": before, "after": after})
    elif before == after:
        console.text(f"{file.path} is at revision {after or 'base'} already")
    else:
        console.text(f"{file.path} migrated from {before or 'base'} to {after or 'base'}")


@app.command()
def check(warehouse: Warehouse = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Ask the warehouse whether what should hold holds; exits with 4 when it does not."""
    from pipeline import checks, render
    from pipeline.session import opened

    with opened(_settings(warehouse=warehouse, data_dir=data_dir)) as connection:
        results = checks.run_checks(connection)
    if json:
        _print_json([vars(result) | {"verdict": result.verdict} for result in results])
    else:
        render.checks(results)
    if any(result.verdict == "fail" for result in results):
        raise typer.Exit(4)


@app.command()
def status(warehouse: Warehouse = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show runs, outcomes, rows, and every id that did not become a call."""
    from pipeline import render, reports
    from pipeline.session import landing_of, opened
    from pipeline.warehouse import Warehouse as File

    settings = _settings(warehouse=warehouse, data_dir=data_dir)
    with opened(settings) as connection:
        found = reports.status(connection, landing_of(settings))
    found["warehouse"] = str(File.of(settings).path)
    if json:
        _print_json(found)
    else:
        render.status(found)


@app.command()
def inspect(
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="The call to show.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print the landed payload instead.")] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show one call: its fields, latency, tools and what was said."""
    from pipeline import console, render, reports
    from pipeline.session import landing_of, opened

    settings = _settings(warehouse=warehouse, data_dir=data_dir)
    with opened(settings) as connection:
        found = reports.call(connection, call_id)
        payload = reports.raw_payload(connection, landing_of(settings), call_id) if raw else None
    if found is None:
        raise UsageError(f"{call_id} was never asked for: run `backfill {call_id}` first")
    if raw:
        if payload is None:
            raise UsageError(f"{call_id} has no landed payload: `inspect {call_id}` says what became of it")
        console.raw(payload)
    elif json:
        _print_json(found)
    else:
        render.call(found)


@app.command()
def simulate(
    calls: Annotated[int, typer.Option(min=1, help="How many calls it knows.")] = 500,
    seed: Annotated[int, typer.Option(help="Another seed is another set of calls.")] = 7,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks one.")] = 8765,
    ids: Annotated[
        Path | None, typer.Option("--ids", metavar="FILE", help="Write the call ids here first.")
    ] = None,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of calls whose first request fails.")
    ] = 0.0,
    broken: Annotated[float, typer.Option(min=0, max=1, help="Share of calls with a broken payload.")] = 0.0,
    delay: Annotated[float, typer.Option(min=0, help="Seconds every answer takes.")] = 0.0,
) -> None:
    """Serve simulated calls on this machine until Ctrl-C, to try things without an account."""
    from pipeline.demo import run_simulator

    run_simulator(calls, seed, host, port, ids, faults, broken, delay)


@app.command()
def config(
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    json: AsJson = False,
) -> None:
    """Show every setting, its value and where that comes from; the key is masked."""
    from pipeline import console
    from pipeline.config import describe

    flags: dict[str, Any] = {
        "warehouse": warehouse,
        "data_dir": data_dir,
        "base_url": base_url,
        "api_version": api_version,
        "concurrency": concurrency,
        "rate": rate,
    }
    described = describe(_settings(**flags), flags)
    if json:
        _print_json(described)
    else:
        console.table(described)


def _settings(**flags: Any) -> Settings:
    from pipeline.config import load_settings

    return load_settings(**flags)


def _print_json(value: Any) -> None:
    from pipeline import console

    console.as_json(value)


def _end(report: Any, json: bool) -> None:
    """Print a run's report and leave with its exit code."""
    from pipeline import console, render

    if json:
        console.as_json(report.as_json())
    else:
        render.run(report)
    if report.error is not None:
        console.say(f"error: {report.error}")
    for problem in report.problems:
        console.say(f"error: {problem}")
    if report.is_interrupted:
        where = "landed" if report.error is not None else "in the warehouse"
        console.say(f"interrupted: what was fetched is {where}; run the same command again to go on")
    raise typer.Exit(report.exit_code)
