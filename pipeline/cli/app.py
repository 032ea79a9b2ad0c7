"""The application that the commands register with, and how it ends.

It decides nothing by itself: commands parse, compose the stages, and print.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from pipeline.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.runs import RunReport

_Function = TypeVar("_Function", bound=Callable[..., Any])
_LONGEST_SUMMARY = 200


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

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what each command does, on as many lines as it takes."""
        known = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, found.get_short_help_str(_LONGEST_SUMMARY)) for name, found in known.items() if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Command(TyperCommand):
    """Lists options under the headings that they name, without Rich, which takes longer than all the rest."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, those of one heading together."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            described = parameter.get_help_record(ctx)
            by_kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if described is not None:
                heading = getattr(parameter, "rich_help_panel", None) or by_kind
                sections.setdefault(heading, []).append(described)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


class _App(typer.Typer):
    def command(self, name: str | None = None, **options: Any) -> Callable[[_Function], _Function]:
        """Register a command; see `typer.Typer.command`."""
        return super().command(name, **{"cls": _Command} | options)


app = _App(
    name="python -m pipeline",
    cls=_Commands,
    help="Retell voice calls into a DuckDB warehouse. Start with `demo`: it needs no key and no network.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or setting, 3 partial, 4 a check failed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
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
