"""The warehouse's schema: brings it to the revision and the views of this version of the package.

A step that loses rows is preceded by a copy of the file, taken while this process holds the lock. Views are
applied again after every migration and whenever their text changed, so they never lag behind the tables;
the stored results are then empty, and the next runs store them again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from pipeline import sql
from pipeline.errors import WarehouseError, WarehouseMismatch
from pipeline.warehouse.database import Warehouse

# What reads payloads needs no table, and is made where they are staged too.
PAYLOAD_MACROS = ("macros/names", "macros/payload")
# Macros are made in this order: the later ones use those before.
MACROS = (*PAYLOAD_MACROS, "macros/calls", "macros/shared", "macros/daily", "macros/comparisons")
# Rows that come with the package, a file for each table.
_REFERENCE = "reference"
# Results of views, each in a table that has the columns of the macro that computes them.
RESULT_TABLES = "stored/tables"
# What says which columns lack a comment, and theirs: those of views first, from which the others are taken.
_COMMENTS = ("comments/view_columns", "comments/stored_columns")
_VERSION_TABLE = "alembic_version"
# How a migration says what it is and what it follows.
_REVISION = re.compile(r'^revision = "(.+)"$', re.MULTILINE)
_DOWN_REVISION = re.compile(r'^down_revision = "(.+)"$', re.MULTILINE)


@cache
def _find_revisions() -> frozenset[str]:
    """Return every revision that this version knows, without Alembic, which takes long to import."""
    return frozenset(found for text in _read_migrations() for found in _REVISION.findall(text))


@cache
def find_head() -> str:
    """Return the revision of this version of the package."""
    followed = {found for text in _read_migrations() for found in _DOWN_REVISION.findall(text)}
    (last,) = _find_revisions() - followed
    return last


@cache
def _read_migrations() -> tuple[str, ...]:
    folder = sql.find_folder("migrations") / "versions"
    return tuple(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))


def read_revision(connection: Connection) -> str | None:
    """Return the revision the warehouse is at, or None when it has no schema yet."""
    if not connection.exec_driver_sql(sql.read("schema/has_version_table")).scalar():
        return None
    # More than one is none that this version knows.
    return ", ".join(connection.exec_driver_sql(sql.read("schema/revision")).scalars()) or None


@cache
def _hash_views() -> str:
    digest = hashlib.sha256()
    for group in (_REFERENCE, *MACROS, RESULT_TABLES, "checks", "views", "comments"):
        for name in sql.list_names(group):
            digest.update(f"{group}/{name}\n{sql.read(f'{group}/{name}')}".encode())
    return digest.hexdigest()[:16]


def is_current(connection: Connection) -> bool:
    """Return whether tables and views are those of this version; raise WarehouseMismatch when newer."""
    at = read_revision(connection)
    if at is not None and at not in _find_revisions():
        raise WarehouseMismatch(
            f"the warehouse is at revision {at}, which this version does not know: "
            "upgrade the pipeline, or name another warehouse with --warehouse"
        )
    return at == find_head() and _read_applied_hash(connection) == _hash_views()


def check_unchanged(connection: Connection) -> None:
    """Raise WarehouseMismatch when the tables are no longer those of this version, as a run goes on."""
    at = read_revision(connection)
    if at != find_head():
        raise WarehouseMismatch(
            f"the warehouse is at revision {at or 'base'} now and this version works with {find_head()}: "
            "somebody has migrated it meanwhile; run the same command again, with the version that is to "
            "stay; whatever was fetched is landed and waits"
        )


def _read_applied_hash(connection: Connection) -> str | None:
    comment = connection.exec_driver_sql(sql.read("schema/applied_views")).scalar()
    return None if comment is None else str(comment)


def apply_group(connection: Connection, group: str) -> None:
    """Run every file of a folder of `sql/` in the order of names, inside the caller's transaction."""
    for name in sql.list_names(group):
        connection.exec_driver_sql(sql.read(f"{group}/{name}"))


def apply_views(connection: Connection) -> None:
    """Create or replace every macro and view with its comments, inside the caller's transaction.

    With them come what they read and no load fills: the rows of the reference, and tables of results, which
    are empty afterwards.
    """
    for group in (_REFERENCE, *MACROS, RESULT_TABLES):
        apply_group(connection, group)
    for name in sql.list_names("checks"):
        # A check is a macro too, so that readers of the file can ask what it finds.
        context = {"name": f"check_{name}", "query": sql.read(f"checks/{name}").rstrip().rstrip(";")}
        made = sa.DDL("create or replace macro %(name)s() as table\n%(query)s", context=context)  # type: ignore[no-untyped-call]
        connection.execute(made)
    apply_group(connection, "views")
    for name in _COMMENTS:
        _comment_columns(connection, name)


def _comment_columns(connection: Connection, query: str) -> None:
    """Give columns the comments that a query says they lack."""
    # Nothing in this statement can be a parameter; the dialect quotes it all.
    identifier = connection.dialect.identifier_preparer.quote
    literal = sa.String().literal_processor(connection.dialect)  # type: ignore[no-untyped-call]
    for place, column, comment in connection.exec_driver_sql(sql.read(query)).all():
        context = {"place": identifier(place), "column": identifier(column), "comment": literal(comment)}
        commented = sa.DDL("comment on column %(place)s.%(column)s is %(comment)s", context=context)  # type: ignore[no-untyped-call]
        connection.execute(commented)


def ensure(warehouse: Warehouse, say: Callable[[str], None] | None = None) -> None:
    """Bring the warehouse to this version's schema, creating it where it is missing.

    Opens it for writing only when something has to change.
    """
    if warehouse.exists:
        with warehouse.reading() as connection:
            if is_current(connection):
                return
    migrate(warehouse, say=say)


@contextmanager
def open_current(
    warehouse: Warehouse,
    say: Callable[[str], None] | None = None,
    *,
    before_change: Callable[[], None] = lambda: None,
) -> Iterator[Connection]:
    """Open the warehouse to read it, brought to this version's schema first; once, where it is current.

    `before_change` is called before the schema is changed.
    """
    if warehouse.exists:
        with warehouse.reading() as connection:
            if is_current(connection):
                yield connection
                return
    before_change()
    ensure(warehouse, say)
    with warehouse.reading() as connection:
        yield connection


def migrate(
    warehouse: Warehouse, to: str = "head", say: Callable[[str], None] | None = None
) -> tuple[str | None, str | None]:
    """Upgrade or downgrade the warehouse to a revision; return the revisions before and after.

    Raises UsageError for a revision that does not exist, WarehouseError when the copy before a step that
    loses rows cannot be made. Running it again changes nothing. Each step is one transaction, and it goes on
    where it was killed.
    """
    with warehouse.exclusive() as connection:
        with connection.begin():
            before = read_revision(connection)
            current = is_current(connection)
        wanted = find_head() if to == "head" else to
        if current and wanted == find_head():
            return before, before
        from pipeline.warehouse import migration

        steps, down = migration.find_steps(before, wanted)
        losing = [step for step in steps if migration.loses_rows(step, down)]
        if losing and warehouse.path is not None:
            _keep_copy(connection, warehouse, before, say)
        if down:
            with connection.begin():
                # Views hang on the tables a downgrade drops.
                _drop_views(connection)
        # DuckDB alters no table in the transaction that has changed its rows, so each step is one. Where
        # there are no rows yet, all are one.
        for revision in [wanted] if before is None else migration.list_revisions_after(steps, down):
            with connection.begin():
                migration.run_migrations(connection, revision, down)
        with connection.begin():
            after = read_revision(connection)
            if after == find_head():
                apply_views(connection)
                connection.exec_driver_sql(sql.read("stored/forgotten"))
                noted = sa.Table(_VERSION_TABLE, sa.MetaData(), comment=_hash_views())
                connection.execute(sa.schema.SetTableComment(noted))
        if (
            say is not None
            and before is not None
            and not down
            and any(map(migration.is_filled_by_replay, steps))
        ):
            say(
                f"the warehouse is at revision {after} now: run `python -m pipeline replay`, which fills "
                "what is new for the calls that were loaded before, from what is landed"
            )
        return before, after


def _drop_views(connection: Connection) -> None:
    for name in connection.exec_driver_sql(sql.read("schema/views")).scalars().all():
        # An identifier cannot be a parameter; the dialect quotes it.
        quoted = connection.dialect.identifier_preparer.quote(name)
        drop = sa.DDL("drop view %(view)s", context={"view": quoted})  # type: ignore[no-untyped-call]
        connection.execute(drop)


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
