"""The command that events come to by themselves: receive."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import command, read_settings
from pipeline.cli.options import DataDir, Warehouse


@command
def receive(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks one.")] = 8088,
    path: Annotated[str, typer.Option(help="Path of the URL that events are sent to.")] = "/retell",
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A proxy whose X-Forwarded-For names the sender; repeatable."),
    ] = None,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
) -> None:
    """Receive the events that Retell sends until Ctrl-C: calls arrive seconds after they end."""
    from pipeline.cli import console
    from pipeline.runs.receive import Address
    from pipeline.runs.receive import receive as receive_events

    settings = read_settings(warehouse=warehouse, data_dir=data_dir)

    def tell(url: str) -> None:
        console.print_text(f"receiving events at {url}")
        console.say("Ctrl-C ends it")

    receive_events(
        settings, Address(host, port, path, tuple(trust_proxy or ())), on_ready=tell, say=console.say
    )
