"""The application that the commands register with, and how it ends.

It decides nothing by itself: commands parse, start runs, and print.
"""

from __future__ import annotations

import functools
import inspect
import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from pipeline import log
from pipeline.cli.options import LogFormat, LogLevel
from pipeline.errors import Interrupted, LimitMet, UsageError
from pipeline.log.hidden import escape_hidden

if TYPE_CHECKING:
    from pipeline.config import Settings
    from pipeline.runs.run_report import RunReport

_Function = TypeVar("_Function", bound=Callable[..., Any])
_LONGEST_SUMMARY = 200
# With less, libraries fail to begin in ways that nobody can catch.
_LEAST_MEMORY_MB = 100


class _Commands(TyperGroup):
    """Keeps interruptions and a closed pipe from Typer, which would end the process without a word."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Read the command line; raise Interrupted for Ctrl-C."""
        try:
            return super().make_context(*args, **more)
        except KeyboardInterrupt:
            raise Interrupted from None

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

    def main(self, *args: Any, **more: Any) -> Any:
        """Parse and run; where stderr carries JSON, what is wrong with the command line is a line of it."""
        log.configure_first(sys.argv[1:])
        try:
            code = super().main(*args, **(more | {"standalone_mode": False}))
        except Exception as wrong:
            if not hasattr(wrong, "format_message"):
                raise
            if log.is_json():
                raise UsageError(wrong.format_message()) from None
            _show_usage_error(wrong)
            raise SystemExit(getattr(wrong, "exit_code", UsageError.exit_code)) from None
        raise SystemExit(code if isinstance(code, int) else 0)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what each command does, on as many lines as it takes."""
        known = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, found.get_short_help_str(_LONGEST_SUMMARY)) for name, found in known.items() if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _show_usage_error(wrong: Any) -> None:
    """Write what is wrong with a command line, as Typer does; it repeats what was typed."""
    shown = io.StringIO()
    wrong.show(file=shown)
    with suppress(OSError):
        sys.stderr.write(escape_hidden(shown.getvalue(), keeps_lines=True))


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


# What the command that runs was told of its log: flags that every command has.
_log_flags: dict[str, Any] = {}


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a function as a command that has the options of the log beside its own."""
    signature = inspect.signature(function, eval_str=True)
    flags = {"log_level": LogLevel, "log_format": LogFormat}

    @functools.wraps(function)
    def logged(*args: Any, **options: Any) -> None:
        _log_flags.update({name: options.pop(name) for name in flags})
        function(*args, **options)

    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in flags.items()
    ]
    parameters = [*signature.parameters.values(), *added]
    logged.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    logged.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command()(logged)
    return logged


def read_settings(**flags: Any) -> Settings:
    """Return the settings with the flags of the command line, and log as they say."""
    from pipeline import process

    process.check_memory(_LEAST_MEMORY_MB)
    from pipeline.cli import console
    from pipeline.config import load_settings

    settings = load_settings(**flags, **_log_flags)
    log.configure(settings.log_level, settings.log_format, console.write_line)
    return settings


def get_log_flags() -> dict[str, Any]:
    """Return the flags of the log that were given."""
    return dict(_log_flags)


def print_json(value: Any) -> None:
    """Print a result for a program."""
    from pipeline.cli import console

    console.print_json(value)


def print_report_and_exit(report: RunReport, json: bool) -> None:
    """Print a run's report and leave with its exit code."""
    from pipeline.cli import console, render

    if json:
        console.print_json(report.as_json())
    else:
        render.print_run(report)
    problems = [str(report.error)] if report.error is not None else []
    for problem in report.problems:
        # A limit is met again and again: once is enough.
        if not isinstance(report.error, LimitMet) or report.error.limit.what not in problem:
            problems.append(problem)
    for problem in problems:
        console.write_error(problem, exit_code=report.exit_code)
    if report.is_interrupted:
        if report.command in ("load", "replay"):
            kept = "what was loaded stays, the rest is landed"
        else:
            kept = f"what was fetched is {'in the warehouse' if report.error is None else 'landed'}"
        console.say(f"interrupted: {kept}; run the same command again to go on", log.WARNING)
    raise typer.Exit(report.exit_code)
