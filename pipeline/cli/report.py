"""The command that writes the report: one HTML file with charts and the worst calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import command, print_json, read_settings
from pipeline.cli.options import RUN, AsJson, DataDir, Warehouse


@command
def report(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only calls of that day and later: a date, or how long ago, such as 30d.",
            rich_help_panel=RUN,
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="ID|NAME", help="Only calls of this agent.", rich_help_panel=RUN),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write it here instead of report.html in the data folder.",
            rich_help_panel=RUN,
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--open", help="Show it in the browser.", rich_help_panel=RUN)
    ] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write a report as one HTML file: charts, key figures, and the worst calls turn by turn."""
    from datetime import UTC, datetime

    from pipeline.cli import console
    from pipeline.report.write import write
    from pipeline.times import parse_moment

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)
    first = None if since is None else parse_moment(since, datetime.now(UTC)).date()
    # A warehouse that is named is the one that is meant, and not a copy of another.
    written = write(
        settings, console.say, since=first, agent=agent, output=output, is_live=warehouse is not None
    )
    if json:
        print_json(written.as_json())
    else:
        console.print_text(written.summary)
    if show:
        import webbrowser

        if not webbrowser.open(written.path.absolute().as_uri()):
            console.say(f"no browser could be started: open {written.path} in one")
