"""The warehouse's schema: brings it to the revision and the views of this version of the package.

A step that loses rows is preceded by a copy of the file, taken while this process holds the lock. Views are
applied again after every migration and whenever their text changed, so they never lag behind the tables;
what is stored of their results is then computed again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from pipeline import sql
from pipeline.errors import UsageError, WarehouseError, WarehouseMismatch
from pipeline.warehouse import Warehouse

BASE = "base"
# Macros are made in this order: those of daily answers use the others.
MACROS = ("macros", "daily")
_VERSION_TABLE = "alembic_version"
_ALEMBIC = threading.Lock()


class DuckDBImpl(DefaultImpl):
    """Tells Alembic that DuckDB exists and that its DDL is transactional; registered by being defined."""

    __dialect__ = "duckdb"
    transactional_ddl = True


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(sql.folder("migrations")))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@cache
def head() -> str:
    """Return the newest revision this version knows."""
    return str(_scripts().get_current_head())


def revision(connection: Connection) -> str | None:
    """Return the revision the warehouse is at, or None when it has no schema yet."""
    if not connection.exec_driver_sql(sql.read("schema/has_version_table")).scalar():
        return None
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _views_digest() -> str:
    digest = hashlib.sha256()
    for group in (*MACROS, "checks", "views"):
        for name in sql.names(group):
            digest.update(f"{group}/{name}\n{sql.read(f'{group}/{name}')}".encode())
    return digest.hexdigest()[:16]


def is_current(connection: Connection) -> bool:
    """Tell whether tables and views are those of this version; raise WarehouseMismatch when newer."""
    at = revision(connection)
    if at is not None and at not in {script.revision for script in _scripts().walk_revisions()}:
        raise WarehouseMismatch(
            f"the warehouse is at revision {at}, which this version does not know: "
            "upgrade the pipeline, or name another warehouse with --warehouse"
        )
    return at == head() and _applied_digest(connection) == _views_digest()


def check_unchanged(connection: Connection) -> None:
    """Raise WarehouseMismatch when the tables are no longer those of this version, as a run goes on."""
    at = revision(connection)
    if at != head():
        raise WarehouseMismatch(
            f"the warehouse is at revision {at or BASE} now and this version works with {head()}: somebody "
            "has migrated it meanwhile; run the same command again, with the version that is to stay; "
            "whatever was fetched is landed and waits"
        )


def _applied_digest(connection: Connection) -> str | None:
    comment = connection.exec_driver_sql(sql.read("schema/applied_views")).scalar()
    return None if comment is None else str(comment)


def apply_views(connection: Connection) -> None:
    """Create or replace every macro and view with its comments, inside the caller's transaction."""
    for group in MACROS:
        for name in sql.names(group):
            connection.exec_driver_sql(sql.read(f"{group}/{name}"))
    for name in sql.names("checks"):
        # A check is a macro too, so that readers of the file can ask what it finds.
        context = {"name": f"check_{name}", "query": sql.read(f"checks/{name}").rstrip().rstrip(";")}
        made = sa.DDL("create or replace macro %(name)s() as table\n%(query)s", context=context)  # type: ignore[no-untyped-call]
        connection.execute(made)
    for name in sql.names("views"):
        connection.exec_driver_sql(sql.read(f"views/{name}"))


def ensure(warehouse: Warehouse, say: Callable[[str], None] | None = None) -> None:
    """Bring the warehouse to this version's schema, creating it where it is missing.

    Opens it for writing only when something has to change.
    """
    if warehouse.exists:
        with warehouse.reading() as connection:
            if is_current(connection):
                return
    migrate(warehouse, say=say)


def migrate(
    warehouse: Warehouse, to: str = "head", say: Callable[[str], None] | None = None
) -> tuple[str | None, str | None]:
    """Upgrade or downgrade the warehouse to a revision; return the revisions before and after.

    Raises UsageError for a revision that does not exist, WarehouseError when the copy before a step that
    loses rows cannot be made. Running it again changes nothing.
    """
    with warehouse.exclusive() as connection:
        with connection.begin():
            before = revision(connection)
            current = is_current(connection)
        wanted = head() if to == "head" else to
        if current and wanted == head():
            return before, before
        steps, down = _steps(before, wanted)
        losing = [step for step in steps if _loses_rows(step, down)]
        if losing and warehouse.path is not None:
            _keep_copy(connection, warehouse, before, say)
        with connection.begin():
            if down:
                # Views hang on the tables a downgrade drops.
                _drop_views(connection)
            # Alembic keeps what it is doing in the process, so threads take turns.
            with _ALEMBIC:
                config = _config()
                config.attributes["connection"] = connection
                (command.downgrade if down else command.upgrade)(config, wanted)
            after = revision(connection)
            if after == head():
                apply_views(connection)
                connection.exec_driver_sql(sql.read("results/forgotten"))
                noted = sa.Table(_VERSION_TABLE, sa.MetaData(), comment=_views_digest())
                connection.execute(sa.schema.SetTableComment(noted))
        return before, after


def _drop_views(connection: Connection) -> None:
    for name in connection.exec_driver_sql(sql.read("schema/views")).scalars().all():
        # An identifier cannot be a parameter; the dialect quotes it.
        quoted = connection.dialect.identifier_preparer.quote(name)
        drop = sa.DDL("drop view %(view)s", context={"view": quoted})  # type: ignore[no-untyped-call]
        connection.execute(drop)


def _steps(before: str | None, wanted: str) -> tuple[list[Script], bool]:
    """Return the scripts between two revisions and whether they run downwards."""
    scripts = list(reversed(list(_scripts().walk_revisions())))
    places = {BASE: 0, **{script.revision: place for place, script in enumerate(scripts, start=1)}}
    if wanted not in places:
        raise UsageError(
            f"there is no revision {wanted!r} to migrate to: choose head or one of {', '.join(places)}"
        )
    start, end = places[before or BASE], places[wanted]
    return scripts[min(start, end) : max(start, end)], end < start


def _loses_rows(step: Script, down: bool) -> bool:
    # A revision that does not say is taken to lose rows: a needless copy is the cheaper mistake.
    return bool(getattr(step.module, "destructive_downgrade" if down else "destructive_upgrade", True))


def _keep_copy(
    connection: Connection, warehouse: Warehouse, before: str | None, say: Callable[[str], None] | None
) -> None:
    path = Path(str(warehouse.path))
    copy = path.with_name(f"{path.stem}.before-{before}{path.suffix}")
    for left in path.parent.glob(f"{path.stem}.before-*{path.suffix}.part"):
        left.unlink(missing_ok=True)  # of a process that was killed while this one was not yet here
    number = 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.stem}.before-{before}-{number}{path.suffix}")
    try:
        warehouse.copy_to(connection, copy)
    except OSError as refused:
        raise WarehouseError(
            f"could not copy the warehouse to {copy} before a migration that loses rows ({refused}): "
            "make room or fix the permissions, then run `migrate` again; nothing was changed"
        ) from None
    if say is not None:
        say(f"kept a copy of the warehouse at {copy}")
