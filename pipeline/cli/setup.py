"""Commands to find one's way: simulate, config, docs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.cli.app import command, get_log_flags, print_json, read_settings
from pipeline.cli.options import AllowHttp, ApiVersion, AsJson, BaseUrl, Concurrency, DataDir, Rate, Warehouse


@command
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
    shape: Annotated[
        Literal["v1", "early_v2", "today", "mixed"],
        typer.Option(help="Shape of the payloads; mixed has some calls in each."),
    ] = "mixed",
    limit: Annotated[
        str | None,
        typer.Option(metavar="N:SECONDS", help="Most requests for calls in so many seconds, such as 100:10."),
    ] = None,
    list_limit: Annotated[
        str | None,
        typer.Option(metavar="N:SECONDS", help="Most pages of the listing in so many seconds."),
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Send the events of all calls there, signed.")
    ] = None,
    webhook_rate: Annotated[float | None, typer.Option(min=0.001, help="Events a second.")] = None,
    webhook_repeated: Annotated[
        float, typer.Option(min=0, max=1, help="Share of events that are sent twice.")
    ] = 0.0,
    webhook_late: Annotated[
        float, typer.Option(min=0, max=1, help="Share of events that come after the next of their call.")
    ] = 0.0,
) -> None:
    """Serve simulated calls on this machine until Ctrl-C, to try things without an account."""
    from pipeline.cli.demo import read_limits, run_simulator
    from pipeline.cli.webhooks import Webhook

    limits = read_limits(limit, list_limit)
    events = None if webhook is None else Webhook(webhook, webhook_rate, webhook_repeated, webhook_late)
    run_simulator(calls, seed, host, port, ids, faults, broken, delay, shape, limits, events)


@command
def config(
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    json: AsJson = False,
) -> None:
    """Show every setting, its value and where that comes from; the key is masked."""
    from pipeline.cli import console
    from pipeline.config import describe_settings

    flags: dict[str, Any] = {
        "warehouse": warehouse,
        "data_dir": data_dir,
        "base_url": base_url,
        "allow_http": allow_http,
        "api_version": api_version,
        "concurrency": concurrency,
        "rate": rate,
    }
    described = describe_settings(read_settings(**flags), flags | get_log_flags())
    if json:
        print_json(described)
    else:
        console.print_table(described)


@command
def docs(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write into.")] = Path("docs"),
    json: AsJson = False,
) -> None:
    """Write the data dictionary: every table, view and column, as Markdown and as one HTML page."""
    from pipeline.cli import console
    from pipeline.dictionary import pages

    paths = [str(path) for path in pages.write(out)]
    if json:
        print_json(paths)
    else:
        for path in paths:
            console.print_text(path)
