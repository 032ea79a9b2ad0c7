"""The command that looks for trouble: doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import command, print_json, read_settings
from pipeline.cli.options import AllowHttp, ApiVersion, AsJson, BaseUrl, DataDir, Warehouse


@command
def doctor(
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nothing of the network; otherwise it is one request.")
    ] = False,
    warehouse: Warehouse = None,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = None,
    api_version: ApiVersion = None,
    json: AsJson = False,
) -> None:
    """Look for what keeps the pipeline from working, and say what to do; exits with 1 when something does."""
    from collections import Counter
    from dataclasses import asdict

    from pipeline.cli import console
    from pipeline.doctor.examine import examine

    settings = read_settings(
        warehouse=warehouse,
        data_dir=data_dir,
        base_url=base_url,
        allow_http=allow_http,
        api_version=api_version,
    )
    found = examine(settings, offline=offline)
    if json:
        print_json([asdict(finding) for finding in found])
    else:
        console.print_table(
            [asdict(finding) for finding in found],
            {"state": "state", "check": "check", "found": "found", "advice": "what to do"},
        )
        states = Counter(finding.state for finding in found)
        console.print_text(f"{states['ok']} ok, {states['warn']} to look at, {states['fail']} to mend")
    if any(finding.state == "fail" for finding in found):
        raise typer.Exit(1)
