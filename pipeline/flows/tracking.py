"""Runs a flow for a command: hands it the command's settings, and hands its result back.

Neither goes through the server, which keeps parameters and results as plain text. A flow that a worker runs
has no command: it reads the settings of the place where the worker runs.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from prefect import Flow, tags
from prefect.exceptions import TerminationSignal

from pipeline.config import Settings, load_settings
from pipeline.errors import PipelineError

# What deployed runs have by `prefect.yaml`, and what `docs/automations.yaml` looks for.
_TAG = "call-analytics"


@dataclass
class _Command:
    """What the command gives to its flow, and what it gets back."""

    settings: Settings
    result: Any = None


_current: ContextVar[_Command | None] = ContextVar("the command that runs this flow", default=None)


def read_settings() -> Settings:
    """Return the settings of the command that runs this flow, else of the place where the worker runs."""
    command = _current.get()
    return command.settings if command else load_settings()


def return_result(result: object) -> None:
    """Hand the result of this flow, or the error that kept it from having one, to its command, if any."""
    if command := _current.get():
        command.result = result


def run_tracked(settings: Settings, flow: Flow[..., Any], **parameters: object) -> Any:
    """Run a flow in this process, with the settings of a command; return its report or its check results.

    Raises the PipelineError that the flow returns in their place, and one of its own when the server went
    away.
    """
    command = _Command(settings)
    token, state = _current.set(command), None
    try:
        with tags(_TAG):
            state = flow(**parameters, return_state=True)
    except (KeyboardInterrupt, TerminationSignal):
        if command.result is None:
            raise KeyboardInterrupt from None
    except Exception as failure:
        # What a flow raises is in its state: this came from Prefect, as when its server went away.
        if command.result is None:
            raise PipelineError(
                f"Prefect could not go on with the run ({type(failure).__name__}): whatever was fetched is "
                "landed; run the same command again, with --no-prefect if the server stays away"
            ) from None
    finally:
        _current.reset(token)
    if isinstance(command.result, PipelineError):
        raise command.result
    if command.result is None:
        why = state.message if state else "no state"
        raise PipelineError(f"the flow run ended without a report ({why}): see the Prefect server")
    return command.result
