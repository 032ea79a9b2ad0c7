"""The application that the commands register with, and how it ends.

It decides nothing by itself: commands parse, compose the stages, and print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from pipeline.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.runs import RunReport


class _Commands(TyperGroup):
    """Keeps interruptions and a closed pipe from Typer, which would end the process without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raise Interrupted for Ctrl-C, and leave quietly when nobody reads on."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except OSError as refused:
            raise UsageError(f"cannot read or write ({refused}): check the path and its disk") from None


app = typer.Typer(
    name="python -m pipeline",
    cls=_Commands,
    help="Retell voice calls into a DuckDB warehouse. Start with `demo`: it needs no key and no network.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or setting, 3 partial, 4 a check failed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def read_settings(**flags: Any) -> Settings:
    """Return the settings with the flags that were given on the command line."""
    from pipeline.config import load_settings

    return load_settings(**flags)


def print_json(value: Any) -> None:
    """Print a result for a program."""
    from pipeline import console

    console.as_json(value)


def end(report: RunReport, json: bool) -> None:
    """Print a run's report and leave with its exit code."""
    from pipeline import console, render

    if json:
        console.as_json(report.as_json())
    else:
        render.run(report)
    if report.error is not None:
        console.say(f"error: {report.error}")
    for problem in report.problems:
        console.say(f"error: {problem}")
    if report.is_interrupted:
        where = "landed" if report.error is not None else "in the warehouse"
        console.say(f"interrupted: what was fetched is {where}; run the same command again to go on")
    raise typer.Exit(report.exit_code)
