"""Tries the pipeline without an account: a simulated API on loopback, and the same backfill as ever.

The demo has a folder of its own, so simulated calls never mix with a real account's.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import typer

from pipeline.cli import console, render
from pipeline.cli.watch import run_backfill
from pipeline.cli.webhooks import Webhook
from pipeline.config import Settings, load_settings
from pipeline.errors import UsageError
from pipeline.runs.maintenance import open_warehouse
from pipeline.simulator import CallBook, Faults, Limits, Window, running, serve
from pipeline.warehouse import queries

_KEY = "key_simulated"
# A few calls fail at first, as with any API; the kinds that make a demo wait are left out.
_FAULTS = Faults(share=0.05, kinds=("rate_limited", "server_error", "cut_body", "reset"))


def run_demo(settings: Settings, *, calls: int, seed: int, as_json: bool) -> None:
    """Simulate calls, backfill them, and print what the warehouse answers; leave with the run's exit code."""
    book = CallBook(seed=seed, count=calls, shape="mixed")
    ids = io.BytesIO("".join(f"{call_id}\n" for call_id in book.call_ids()).encode("ascii"))
    with running(book, api_key=_KEY, faults=_FAULTS) as server:
        console.say(f"simulated API with {calls:,} calls at {server.base_url}")
        demo = load_settings(
            api_key=_KEY,
            base_url=server.base_url,
            api_version="auto",
            data_dir=settings.data_dir / "demo",
            # Named, so that a warehouse from the environment is not the one that is filled.
            warehouse=str(settings.data_dir / "demo" / "warehouse.duckdb"),
        )
        report = run_backfill(demo, ["-"], ids, command="demo")
    with open_warehouse(demo, console.say) as connection:
        found = queries.read_overview(connection)
    if as_json:
        console.print_json({"run": report.as_json()} | found)
    else:
        render.print_run(report)
        render.print_answers(found)
        _print_next_steps(demo, book.call_id(0))
    raise typer.Exit(report.exit_code)


def _print_next_steps(demo: Settings, call_id: str) -> None:
    here, python = Path.cwd(), Path(sys.executable)
    # As it was called here, so that the lines can be pasted; a virtual environment's link is not resolved.
    called = python.relative_to(here) if python.is_relative_to(here) else python
    query = "from daily_latency order by day desc, calls desc"
    console.print_heading("Next")
    console.print_text(
        f"1. look at one call:\n   {called} -m pipeline inspect {call_id} --data-dir {demo.data_dir}"
    )
    console.print_text(
        "2. ask the warehouse, from Python, a notebook or a BI tool:\n"
        f'   {called} -c "import duckdb; '
        f"duckdb.connect('{demo.readers_copy}', read_only=True).sql('{query}').show()\""
    )
    console.print_text(f"3. load your own calls:\n   RETELL_API_KEY=… {called} -m pipeline backfill ids.txt")


def read_limits(calls: str | None, listing: str | None) -> Limits | None:
    """Return the limits that the command line names, if any; raise UsageError for text that is none."""
    if calls is None and listing is None:
        return None
    try:
        return Limits(
            general=None if calls is None else Window.read(calls),
            listing=None if listing is None else Window.read(listing),
        )
    except ValueError as unreadable:
        raise UsageError(str(unreadable)) from None


def run_simulator(
    calls: int,
    seed: int,
    host: str,
    port: int,
    ids: Path | None,
    faults: float,
    broken: float,
    delay_s: float,
    shape: str,
    limits: Limits | None = None,
    webhook: Webhook | None = None,
) -> None:
    """Serve simulated calls until Ctrl-C; raise UsageError for a port or file that cannot be used."""
    book = CallBook(seed=seed, count=calls, broken_share=broken, shape=shape)
    if ids is not None:
        try:
            with ids.open("w", encoding="ascii") as lines:
                lines.writelines(f"{call_id}\n" for call_id in book.call_ids())
        except OSError as refused:
            raise UsageError(
                f"cannot write the ids to {ids} ({refused.strerror}): name another file with --ids"
            ) from None
        console.say(f"{calls:,} call ids are in {ids}")

    def tell(base_url: str) -> None:
        console.print_text(f"export RETELL_BASE_URL={base_url} RETELL_API_KEY={_KEY}")
        console.say("serving until Ctrl-C")
        if webhook is not None:
            webhook.start(book)

    if webhook is not None:
        webhook.check()
    try:
        requests = serve(
            book,
            api_key=_KEY,
            host=host,
            port=port,
            faults=Faults(share=faults) if faults else None,
            delay_s=delay_s,
            on_ready=tell,
            limits=limits,
        )
    except OSError as refused:
        raise UsageError(
            f"cannot listen on {host}:{port} ({refused.strerror}): choose another with --host or --port"
        ) from None
    if limits is not None:
        beyond = sum(requests.refusals.values())
        console.say(f"refused {beyond:,} of {requests.total:,} requests, which were beyond the limit")
