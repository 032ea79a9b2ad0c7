"""The command that lets many read at once: serve."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import command, read_settings
from pipeline.cli.options import DataDir


@command
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 9494,
    data_dir: DataDir = None,
) -> None:
    """Serve the readers' copy to other DuckDBs until Ctrl-C: they can read it, and nothing else."""
    from pipeline.cli import console
    from pipeline.publish.server import serve as serve_copy

    settings = read_settings(data_dir=data_dir)

    def tell(uri: str, token: str, is_new: bool) -> None:
        console.print_text(f"serving {settings.readers_copy} at {uri}")
        if is_new:
            console.print_text(f"token {token}")
            console.say("the token is of this server alone; set PIPELINE_SERVE_TOKEN to keep one")
        console.say("Ctrl-C ends it")

    serve_copy(settings, host, port, on_ready=tell, say=console.say)
