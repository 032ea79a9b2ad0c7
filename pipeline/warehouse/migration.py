"""Carries out migrations with Alembic; imported only where there are some to carry out.

Importing Alembic takes as long as a small load, and nearly every run meets a warehouse that is current.
"""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from pipeline import sql
from pipeline.errors import UsageError

# What Alembic calls a database before the first migration.
_BASE = "base"
_ALEMBIC = threading.Lock()


class DuckDBImpl(DefaultImpl):
    """Tells Alembic that DuckDB exists and that its DDL is transactional; registered by being defined."""

    __dialect__ = "duckdb"
    transactional_ddl = True


def read_scripts() -> ScriptDirectory:
    """Return the migrations as Alembic knows them."""
    return ScriptDirectory.from_config(_config())


def find_steps(before: str | None, wanted: str) -> tuple[list[Script], bool]:
    """Return the scripts between two revisions and whether they run downwards.

    Raises UsageError for a revision that does not exist.
    """
    found = list(reversed(list(read_scripts().walk_revisions())))
    places = {_BASE: 0, **{script.revision: place for place, script in enumerate(found, start=1)}}
    if wanted not in places:
        raise UsageError(
            f"there is no revision {wanted!r} to migrate to: choose head or one of {', '.join(places)}"
        )
    start, end = places[before or _BASE], places[wanted]
    return found[min(start, end) : max(start, end)], end < start


def list_revisions_after(steps: list[Script], down: bool) -> list[str]:
    """Return the revisions that a warehouse has after each of some steps, in the order of the steps."""
    if down:
        return [str(step.down_revision or _BASE) for step in reversed(steps)]
    return [step.revision for step in steps]


def loses_rows(step: Script, down: bool) -> bool:
    """Return whether a step loses rows."""
    # A revision that does not say is taken to lose rows: a needless copy is the cheaper mistake.
    return bool(getattr(step.module, "destructive_downgrade" if down else "destructive_upgrade", True))


def is_filled_by_replay(step: Script) -> bool:
    """Return whether a step adds columns that only landed payloads can fill for the calls that are there."""
    return bool(getattr(step.module, "filled_by_replay", False))


def run_migrations(connection: Connection, wanted: str, down: bool) -> None:
    """Run the migrations to a revision, inside the caller's transaction."""
    # Alembic keeps what it is doing in the process, so threads take turns.
    with _ALEMBIC:
        config = _config()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, wanted)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(sql.find_folder("migrations")))
    return config
