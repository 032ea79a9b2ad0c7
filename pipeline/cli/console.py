"""Writes for people and for programs: results to stdout, progress and messages to stderr.

With `--json` stdout carries one JSON document and nothing else; with `--log-format json` every line of
stderr is one. Whatever a person sees has its hidden characters as escapes (`log.hidden`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import IO, Any, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import log
from pipeline.log.hidden import escape_hidden, escape_hidden_in_json

_PLAIN_WIDTH = 140
_IDS = frozenset({"call_id", "agent_id", "run_id", "first_call_id"})


class _Stderr:
    """What stderr is at that moment; where its terminal or its reader has gone, that stops nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> int:
        """Write a text if anybody reads it."""
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Have written what was written so far."""
        with suppress(OSError):
            sys.stderr.flush()


out = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False, soft_wrap=False)
err = Console(file=cast(IO[str], _Stderr()), highlight=False, soft_wrap=True)


def say(message: str, level: int = log.INFO) -> None:
    """Write one line for the person at the terminal, or for the program that reads stderr."""
    if log.is_json():
        log.event("message", level, message=message)
    elif log.is_shown(level):
        write_line(message)


def write_error(message: str, **facts: Any) -> None:
    """Write what went wrong; a program gets the facts too."""
    if log.is_json():
        log.event("error", log.ERROR, message=message, **facts)
    else:
        write_line(f"error: {message}")


def write_line(message: str) -> None:
    """Write one line to stderr, above the progress bar."""
    err.print(_show(message))


def print_text(message: str) -> None:
    """Write one line of result."""
    for line in message.removesuffix("\n").split("\n"):
        out.print(_show(line), soft_wrap=True)


def print_heading(message: str) -> None:
    """Write a heading before a part of a result."""
    out.print()
    out.print(Text(escape_hidden(message), style="bold"))


def print_json(value: Any) -> None:
    """Write a result as one JSON document."""
    document = json.dumps(value, default=_to_plain, ensure_ascii=False, indent=2)
    sys.stdout.write(escape_hidden_in_json(document) + "\n")
    sys.stdout.flush()


def print_raw(payload: bytes) -> None:
    """Write a payload as it is, and a line end.

    On a terminal its hidden characters are escapes of JSON: the same payload, spelled so that it can be read.
    """
    if sys.stdout.isatty():
        # What is in quarantine need not be text.
        sys.stdout.write(escape_hidden_in_json(payload.decode(errors="backslashreplace")) + "\n")
        sys.stdout.flush()
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(payload + b"\n")
    sys.stdout.buffer.flush()


def print_table(rows: Iterable[dict[str, Any]], columns: dict[str, str] | None = None) -> None:
    """Write rows as a table; `columns` picks and renames them. Numbers are set to the right."""
    rows = list(rows)
    if not rows:
        out.print("(none)")
        return
    columns = columns or {name: name for name in rows[0]}
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, title in columns.items():
        is_number = all(isinstance(row[name], (int, float, type(None))) for row in rows)
        # An id that is cut or folded cannot be copied.
        shown.add_column(
            title,
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=name in _IDS,
            min_width=max(_show(format_cell(row[name])).cell_len for row in rows) if name in _IDS else None,
        )
    for row in rows:
        shown.add_row(*(_show(format_cell(row[name])) for name in columns))
    out.print(shown)


def format_cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=_to_plain)
    return str(value).replace("\n", " ")


def _show(message: str) -> Text:
    """Return a text that shows as it is: no markup is read in it, and hidden characters are spelled out."""
    return Text(escape_hidden(message))


def _to_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # The warehouse keeps UTC without saying so; JSON says it.
        return value.isoformat() + ("Z" if value.tzinfo is None else "")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
