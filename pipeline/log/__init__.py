"""The log: what happens in a run as events with facts, for a person or as one JSON object a line on stderr.

Invariant: an event holds ids, counts, statuses and phrases of our own; never a body, a phone number, what was
said, or a key.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from pipeline.log.hidden import escape_hidden

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

# Whoever embeds the package finds everything below this name.
_logger = logging.getLogger("pipeline")
_logger.addHandler(logging.NullHandler())
_bound: ContextVar[Mapping[str, Any]] = ContextVar("facts of every event", default=MappingProxyType({}))


def is_enabled(level: int) -> bool:
    """Return whether events of a level go anywhere: asked before an event whose facts cost something."""
    return _logger.isEnabledFor(level)


def bind(**facts: Any) -> None:
    """Give every later event of this context these facts too, such as the id of the run."""
    _bound.set({**_bound.get(), **facts})


def event(name: str, level: int = INFO, **facts: Any) -> None:
    """Log that something happened; facts that are None are left out."""
    if _logger.isEnabledFor(level):
        known = {fact: value for fact, value in facts.items() if value is not None}
        _logger.log(level, {"event": name, **_bound.get(), **known})


def failure(name: str, error: BaseException, **facts: Any) -> None:
    """Log an error of ours that nobody foresaw, with its traceback."""
    _logger.error({"event": name, **_bound.get(), **facts}, exc_info=error)


def format_now(name: str, level: int = WARNING, **facts: Any) -> str:
    """Return the line of JSON for an event, for who cannot wait until a stream is free."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    first = {"ts": moment, "level": logging.getLevelName(level).lower(), "event": name}
    return json.dumps(first | dict(_bound.get()) | facts)


# Prefect leaves a root logger alone that has a handler, unless the name of its class is private.
class ToStderr(logging.Handler):
    """Writes to what stderr is at that moment."""

    is_json = False
    least = logging.INFO
    write_text: Callable[[str], None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; who reads stderr may have gone, and that stops nothing."""
        try:
            line = self.format(record)
            if self.is_json or self.write_text is None:
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
            else:
                self.write_text(line)
        except OSError:
            pass


_handler = ToStderr()


def is_json() -> bool:
    """Return whether stderr carries one JSON object a line."""
    return _handler.is_json


def configure(level: str, form: str, write_text: Callable[[str], None] | None = None) -> None:
    """Send the log to stderr: what is of a level and above, in the form ``text`` or ``json``.

    As text a person reads what is said anyway, so events are only written at ``debug``. `write_text` takes
    a line of text, so that a progress bar below it is kept whole.
    """
    _handler.is_json = form == "json"
    _handler.write_text = write_text
    _handler.least = logging.getLevelNamesMapping()[level.upper()]
    _handler.setFormatter(_json_formatter() if _handler.is_json else _Text())
    if _handler not in _logger.handlers:
        _logger.addHandler(_handler)
    _logger.propagate = False
    _logger.setLevel(_handler.least if _handler.is_json or level == "debug" else logging.CRITICAL + 1)
    # What libraries warn of takes the same way: it would break the lines of JSON.
    logging.captureWarnings(_handler.is_json)
    root = logging.getLogger()
    if _handler.is_json:
        adopt(root)
    else:
        root.removeHandler(_handler)


def adopt(logger: logging.Logger) -> None:
    """Let a logger of somebody else write here instead of to the terminal by itself."""
    for other in list(logger.handlers):
        # What collects records, as pytest does, has a stream too, but another one.
        if isinstance(other, logging.StreamHandler) and other.stream in (sys.stderr, sys.__stderr__):
            logger.removeHandler(other)
    if _handler not in logger.handlers:
        logger.addHandler(_handler)


def is_shown(level: int) -> bool:
    """Return whether what is said to a person at a level is to be shown."""
    return level >= _handler.least


def configure_first(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
    """Take the form that a command line asks for before it is checked: its own errors have that form too."""
    _bound.set({})
    form = environ.get("PIPELINE_LOG_FORMAT", "")
    for flag, value in zip(arguments, [*arguments, ""][1:], strict=True):
        if flag.partition("=")[0] == "--log-format":
            form = flag.partition("=")[2] or value
    configure("info", "json" if form.strip() == "json" else "text")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return a record as time, level, event and facts."""
        facts = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        name = facts.pop("event", "")
        said = " ".join(f"{fact}={_quote(value)}" for fact, value in facts.items())
        text = escape_hidden(
            f"{moment.replace('+00:00', 'Z')} {record.levelname.lower()} {name} {said}".rstrip()
        )
        if not record.exc_info:
            return text
        return f"{text}\n{escape_hidden(self.formatException(record.exc_info), keeps_lines=True)}"


def _quote(value: Any) -> str:
    text = str(value)
    return text if text and not {" ", '"', "="}.intersection(text) else repr(text)


def _json_formatter() -> logging.Formatter:
    # Imported only where it is asked for: it takes as long as all of `--help`.
    from pythonjsonlogger.json import JsonFormatter

    class Json(JsonFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            """Put what every line has first."""
            facts = {name: value for name, value in log_data.items() if value not in ("", None)}
            first = {"ts": facts.pop("ts"), "level": str(facts.pop("level")).lower()}
            # A library's record has a message and no event.
            return first | {"event": facts.pop("event", "library")} | facts

    return Json(["levelname", "message"], rename_fields={"levelname": "level"}, timestamp="ts")
