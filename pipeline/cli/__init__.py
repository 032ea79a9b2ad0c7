"""The command line: parses, starts runs, prints; it decides nothing by itself.

Modules that are slow to import (DuckDB, httpx, pydantic) are imported inside the commands, so that `--help`
answers at once. Commands are listed in the order in which they register.
"""

from pipeline.cli import fetch, maintain, report, receive, serve, doctor, setup  # noqa: F401, I001  they register their commands
from pipeline.cli.app import app

__all__ = ["app"]
