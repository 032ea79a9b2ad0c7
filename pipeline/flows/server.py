"""The Prefect server as a program: whether one answers, and how one of our own is ended."""

from __future__ import annotations

import sys
from contextlib import suppress

from prefect import get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

_ANSWER_TIMEOUT_S = 10.0


def find_server_failure() -> str | None:
    """Return why no Prefect server answers, or None when one does."""
    # Left to itself, the client asks a server that is silent for minutes.
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1}),
        get_client(httpx_settings={"timeout": _ANSWER_TIMEOUT_S}, sync_client=True) as client,
    ):
        failure = client.api_healthcheck()
    return None if failure is None else type(failure).__name__


def stop_own_server() -> None:
    """End the server that Prefect starts for a process where none is named: it would outlive that."""
    # Only who has started one has loaded the module, which takes long.
    if loaded := sys.modules.get("prefect.server.api.server"):
        for server in list(loaded.SubprocessASGIServer._instances.values()):
            with suppress(Exception):
                server.stop()
