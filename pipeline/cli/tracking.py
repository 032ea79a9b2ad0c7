"""Runs a command as a Prefect flow run, when that is asked for; nothing of Prefect is imported otherwise."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pipeline import log
from pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.runs.run_report import RunReport

# A flow run keeps its parameters in the server's database; more ids than this are named by a file.
_MOST_IDS = 1_000


def is_tracked(flag: bool | None) -> bool:
    """Return whether the run is to be tracked: by the flag, else by whether a Prefect server is named.

    Raises ConfigurationError when the flag asks for it and no server answers. Without the flag a server that
    does not answer is no reason to do nothing: that is said, and the run goes untracked.
    """
    if flag is False or (flag is None and not _is_server_named()):
        return False
    # A server of its own, which Prefect starts where none is named, needs longer than Prefect waits.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    from pipeline import flows
    from pipeline.cli import console

    if log.is_json():
        # They get a handler of their own when Prefect is imported.
        for name in ("uvicorn", "fastapi"):
            log.adopt(logging.getLogger(name))
    failure = flows.find_server_failure()
    if failure is None:
        return True
    if flag:
        raise ConfigurationError(
            f"no Prefect server answers ({failure}): start one with `prefect server start` and check "
            "PREFECT_API_URL, or leave out --prefect; nothing was fetched"
        )
    console.say(
        f"warning: the server at PREFECT_API_URL does not answer ({failure}): the run is not tracked",
        log.WARNING,
    )
    return False


def run_tracked_backfill(
    settings: Settings, ids: list[str], stdin: BinaryIO, *, force: bool, numbers_only: bool
) -> RunReport:
    """Run a backfill as a flow run."""
    from pipeline import flows

    with _make_parameters(ids, stdin) as parameters:
        report: RunReport = flows.run_tracked(
            settings, flows.backfill_calls, force=force, numbers_only=numbers_only, **parameters
        )
    return report


def _is_server_named() -> bool:
    # Prefect reads .env too, as the settings of the pipeline do.
    from dotenv import dotenv_values

    return bool(os.environ.get("PREFECT_API_URL") or dotenv_values(".env").get("PREFECT_API_URL"))


@contextmanager
def _make_parameters(sources: list[str], stdin: BinaryIO) -> Iterator[dict[str, Any]]:
    from pipeline.runs.ids import read_ids

    if len(sources) == 1 and Path(sources[0]).is_file():
        yield {"ids_file": str(Path(sources[0]).absolute())}
        return
    found = (placed.call_id for placed in read_ids(sources, stdin))
    first = list(islice(found, _MOST_IDS + 1))
    if len(first) <= _MOST_IDS:
        yield {"ids": first}
        return
    with tempfile.NamedTemporaryFile("w", prefix="call-ids-", suffix=".txt", encoding="ascii") as spooled:
        spooled.writelines(f"{call_id}\n" for call_id in first)
        spooled.writelines(f"{call_id}\n" for call_id in found)
        spooled.flush()
        yield {"ids_file": spooled.name}
