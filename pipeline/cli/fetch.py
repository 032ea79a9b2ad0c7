"""Commands that fetch calls: demo, backfill, sync, refresh, reconcile."""

from __future__ import annotations

import io
import sys
from typing import Annotated, BinaryIO

import typer

from pipeline.cli.app import command, print_json, print_report_and_exit, read_settings
from pipeline.cli.options import (
    RUN,
    AllowHttp,
    ApiVersion,
    AsJson,
    BaseUrl,
    Concurrency,
    DataDir,
    DryRun,
    Force,
    NumbersOnly,
    Rate,
    Tracked,
    Warehouse,
)


@command
def demo(
    calls: Annotated[int, typer.Option(min=1, max=100_000, help="How many simulated calls.")] = 500,
    seed: Annotated[int, typer.Option(help="Another seed is another set of calls.")] = 7,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Let the calls arrive as events, at a real receiver.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Try it: a simulated API on this machine, a real backfill, and what the warehouse answers."""
    settings = read_settings(data_dir=data_dir)
    if webhook:
        from pipeline.cli.webhooks import run_webhook_demo

        run_webhook_demo(settings, calls=calls, seed=seed, as_json=json)
    else:
        from pipeline.cli.demo import run_demo

        run_demo(settings, calls=calls, seed=seed, as_json=json)


@command
def backfill(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="IDS…|FILE|-",
            help="Ids; or a file of them: one id a line, a CSV with a call_id column, JSON; or - for stdin.",
        ),
    ],
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    force: Force = False,
    numbers_only: NumbersOnly = False,
    dry_run: DryRun = False,
    prefect: Tracked = None,
    json: AsJson = False,
) -> None:
    """Fetch calls by id and load them; run again to go on where it stopped."""
    from pipeline.cli import render
    from pipeline.runs import backfill as runs

    settings = read_settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        allow_http=allow_http,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    if dry_run:
        plan = runs.dry_run(settings, ids, _open_stdin(), force=force)
        if json:
            print_json(
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
            render.print_plan(plan)
        return
    from pipeline.cli.tracking import is_tracked, run_tracked_backfill

    if is_tracked(prefect):
        report = run_tracked_backfill(settings, ids, _open_stdin(), force=force, numbers_only=numbers_only)
    else:
        from pipeline.cli.watch import run_backfill

        report = run_backfill(settings, ids, _open_stdin(), force=force, numbers_only=numbers_only)
    print_report_and_exit(report, json)


def _open_stdin() -> BinaryIO:
    """Return stdin as bytes, since a file of ids is not always in the encoding of the terminal."""
    # There is none where whoever started the process closed it.
    return io.BytesIO() if sys.stdin is None else sys.stdin.buffer


@command
def sync(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Begin here instead: a date, a time (UTC), or how long ago, such as 7d.",
            rich_help_panel=RUN,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="End here.", rich_help_panel=RUN),
    ] = None,
    numbers_only: NumbersOnly = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    prefect: Tracked = None,
    json: AsJson = False,
) -> None:
    """List the calls that are new since the last sync, load their numbers, then fetch them whole."""
    from datetime import UTC, datetime

    from pipeline.cli.tracking import is_tracked
    from pipeline.times import parse_moment

    settings = read_settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        allow_http=allow_http,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    now = datetime.now(UTC)
    start = parse_moment(since, now) if since is not None else None
    stop = parse_moment(until, now) if until is not None else None
    if is_tracked(prefect):
        from pipeline import flows

        report = flows.run_tracked(
            settings, flows.sync_calls, since=start, until=stop, numbers_only=numbers_only
        )
    else:
        from pipeline.cli.watch import run_sync

        report = run_sync(settings, start, stop, numbers_only=numbers_only)
    print_report_and_exit(report, json)


@command
def refresh(
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    prefect: Tracked = None,
    json: AsJson = False,
) -> None:
    """Fetch again the calls that are not final, and those that an earlier run left open."""
    from pipeline.cli.tracking import is_tracked

    settings = read_settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        allow_http=allow_http,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    if is_tracked(prefect):
        from pipeline import flows

        report = flows.run_tracked(settings, flows.refresh_calls)
    else:
        from pipeline.cli.watch import run_refresh

        report = run_refresh(settings)
    print_report_and_exit(report, json)


@command
def reconcile(
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Calls that started then or later: a date, a time (UTC), or how long ago.",
            rich_help_panel=RUN,
        ),
    ] = "30d",
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    prefect: Tracked = None,
    json: AsJson = False,
) -> None:
    """Compare the account with the warehouse; fetch what has changed or is missing, note what is gone."""
    from datetime import UTC, datetime

    from pipeline.cli.tracking import is_tracked
    from pipeline.times import parse_moment

    settings = read_settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        allow_http=allow_http,
        api_version=api_version,
        concurrency=concurrency,
        rate=rate,
    )
    first = parse_moment(since, datetime.now(UTC))
    if is_tracked(prefect):
        from pipeline import flows

        report = flows.run_tracked(settings, flows.reconcile_calls, since=first.isoformat())
    else:
        from pipeline.cli.watch import run_reconcile

        report = run_reconcile(settings, first)
    print_report_and_exit(report, json)
