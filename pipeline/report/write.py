"""Writes the report: reads the warehouse, draws the page, and replaces the file as a whole.

The page holds what was said in the worst calls. As all files of the pipeline it is made with the process's
mask, which lets nobody but the owner read it (`process.keep_files_private`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.errors import ConfigurationError, UsageError
from pipeline.files.atomic import write_atomically
from pipeline.report.queries import Answers, ask

NAME = "report.html"
_LIBRARIES = ("altair", "vl_convert")
_NEEDED = "the report needs Altair, which is not installed: run `pip install -e '.[report]'` in the clone"


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written: where it is, how large it is, and the rows it shows."""

    path: Path
    byte_count: int
    answers: Answers

    @property
    def summary(self) -> str:
        """The report in one line."""
        calls, worst = self.answers.headline["calls"], len(self.answers.calls)
        size = f"{self.byte_count / 1e6:,.1f} MB"
        return f"{self.path}: {calls:,} calls ({self.answers.period}), {worst} of the worst drawn, {size}"

    def draw_png(self) -> bytes | None:
        """Return the first charts as an image, or None where there are no calls to draw."""
        from pipeline.report import picture

        return picture.draw_png(self.answers)

    def as_json(self) -> dict[str, Any]:
        """The report for programs: where it is, and its key figures."""
        state, filters = self.answers.state, self.answers.filters
        return {
            "path": str(self.path),
            "byte_count": self.byte_count,
            "read_from": str(state.path),
            "newest_call_at": state.newest_call_at,
            "time_zone": state.time_zone,
            "since": filters.since,
            "agent_id": filters.agent_id,
            **self.answers.headline,
            "latency": self.answers.charts["latency_parts"],
            "worst_calls": self.answers.worst,
        }


def write(
    settings: Settings,
    say: Callable[[str], None],
    *,
    since: date | None = None,
    agent: str | None = None,
    output: Path | None = None,
    is_live: bool = False,
) -> WrittenReport:
    """Write the report of the calls since a day, of one agent or of all, by its id or its name.

    Raises ConfigurationError without the chart library, UsageError for an agent or a file that cannot be
    used, and WarehouseError for a warehouse that cannot be read; then the former report is still there.
    """
    if None in map(find_spec, _LIBRARIES):
        raise ConfigurationError(_NEEDED)
    from pipeline.report import page, runtime

    path = output or settings.data_dir / NAME
    with _name_refusal(path):
        # A typing error must not replace a warehouse.
        if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
            raise UsageError(
                f"the report is an HTML page, and {path} is none: name a .html file with --output"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    answers = ask(settings, say, since, agent, is_live=is_live)
    text = page.render_html(answers, datetime.now(UTC).replace(tzinfo=None), runtime.bundle())
    with _name_refusal(path):
        write_atomically(path, text.encode())
    return WrittenReport(path, path.stat().st_size, answers)


@contextmanager
def _name_refusal(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a UsageError, and leave no unfinished file."""
    try:
        yield
    except OSError as refused:
        with suppress(OSError):
            path.with_name(f"{path.name}.part").unlink()
        raise UsageError(
            f"the report cannot be written to {path} ({refused.strerror}): name another file with --output"
        ) from None
