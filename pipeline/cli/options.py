"""The options that commands share, each with the words its help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_WHERE, _API, RUN, _LOG = "Where things are", "How the API is asked", "What is done", "What is told"

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
AllowHttp = Annotated[
    bool | None,
    typer.Option(
        "--allow-http",
        help="Let the key go over plain http to another machine.",
        rich_help_panel=_API,
        show_default=False,
    ),
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
    typer.Option("--force", help="Fetch calls that are final or just fetched too.", rich_help_panel=RUN),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be fetched; ask and write nothing.", rich_help_panel=RUN),
]
NumbersOnly = Annotated[
    bool,
    typer.Option(
        "--numbers-only",
        help="List calls with their numbers; leave whole calls to the next run.",
        rich_help_panel=RUN,
    ),
]
Tracked = Annotated[
    bool | None,
    typer.Option(
        "--prefect/--no-prefect",
        help="Track the run in a Prefect server; by itself where PREFECT_API_URL is set.",
        rich_help_panel=RUN,
        show_default=False,
    ),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"] | None,
    typer.Option(
        "--log-level", help="Least that stderr tells of; debug: every retry, id.", rich_help_panel=_LOG
    ),
]
LogFormat = Annotated[
    Literal["text", "json"] | None,
    typer.Option("--log-format", help="json: one object a line on stderr.", rich_help_panel=_LOG),
]
