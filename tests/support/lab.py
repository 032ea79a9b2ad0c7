"""A place to break things in: a server, a template of loaded calls, and what must hold of a copy of it."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipeline.simulator import CallBook, Simulator, running
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata
from support.warehouse_files import DATA_TABLES, Tables, landed_calls, query, warehouse_in
from support.zygote import Ended, Zygote

CALLS = 30
# When and by which load a payload came is no part of what it says.
_VOLATILE = {"first_seen_at", "extracted_at", "load_id", "sequence", "deleted_sequence"}
# What may lie in a data folder after a run that ended by itself.
_RIGHTFUL = re.compile(
    r"landing/[^/]+/[^/]+-\d{6}\.(json|ndjson\.zst)"
    # An index that was not finished is written anew by the next run that has something to note.
    r"|landing/(clock\.json|index\.json|index\.json\.part)"
    r"|quarantine/[^/]+/[^/]+\.(body|json)"
    r"|damaged/[^/]+/[^/]+"
    r"|(warehouse|analytics)\.duckdb|analytics\.duckdb\.publishing|warehouse\.duckdb\.waiting"
    r"|warehouse\.before-[^/]+\.duckdb|sync\.json"
)


@dataclass
class Lab:
    """What the tests share; `loaded` is a data folder with every call of the book, `tables` what it says."""

    folder: Path
    zygote: Zygote
    server: Simulator
    book: CallBook
    loaded: Path
    tables: Tables
    seconds: dict[str, float] = field(default_factory=dict)
    _places: int = 0

    @property
    def ids(self) -> Path:
        """A file with the ids of the book."""
        return self.folder / "ids.txt"

    @property
    def fresh(self) -> Path:
        """A warehouse without rows."""
        return self.folder / "fresh.duckdb"

    def env(self, data_dir: Path, **more: object) -> dict[str, object]:
        """Return the settings of a command that works in a data folder."""
        return {
            "RETELL_BASE_URL": self.server.base_url,
            "RETELL_API_KEY": self.server.api_key,
            "PIPELINE_DATA_DIR": data_dir,
            "PIPELINE_CHUNK_SIZE": 5,
            "PIPELINE_CONCURRENCY": 4,
            "PIPELINE_PUBLISH": "off",
            "PIPELINE_LOCK_TIMEOUT": "30s",
        } | more

    def run(self, data_dir: Path, *args: object, **more: object) -> Ended:
        """Run a command in a data folder."""
        options = {name: more.pop(name) for name in ("file_limit", "is_ordinary") if name in more}
        return self.zygote.run(*args, **options, **self.env(data_dir, **more))  # type: ignore[arg-type]

    def place(self, kind: str = "empty") -> Path:
        """Return a new data folder: `empty`, `landed` with an empty warehouse, or `loaded`."""
        self._places += 1
        place = self.folder / f"place-{self._places}"
        if kind == "empty":
            place.mkdir()
            return place
        shutil.copytree(self.loaded, place)
        if kind == "landed":
            # Migrated once, not for every place.
            if not self.fresh.exists():
                schema.ensure(Warehouse.at(self.fresh))
            shutil.copyfile(self.fresh, place / "warehouse.duckdb")
        return place


@contextmanager
def laboratory(folder: Path, seed: int = 7) -> Iterator[Lab]:
    """Start a server and the process that forks, and fill the template."""
    # All calls are final: what is landed needs not be asked for again.
    book = CallBook(seed=seed, count=CALLS, until=datetime.now(UTC) - timedelta(days=2))
    zygote = Zygote(folder / "commands")
    try:
        with running(book, delay_s=0.02) as server:
            lab = Lab(folder, zygote, server, book, folder / "loaded", {})
            lab.ids.write_text("\n".join(book.call_ids()))
            filled = lab.run(lab.loaded, "backfill", lab.ids)
            assert filled.code == 0, filled.err
            lab.seconds["backfill"] = filled.seconds
            lab.tables = tables_in(lab.loaded / "warehouse.duckdb")
            yield lab
    finally:
        zygote.close()


def tables_in(database: Path) -> Tables:
    """Return every table of calls in a fixed order; of a file without tables, none."""
    # One connection for all: this is asked after every kill.
    with duckdb.connect(str(database), read_only=True) as connection:
        present = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        return {
            name: connection.execute(f"select {_columns(name)} from {name} order by all").fetchall()
            for name in DATA_TABLES
            if name in present
        }


def _columns(table: str) -> str:
    return ", ".join(
        f'"{column.name}"' for column in metadata.tables[table].columns if column.name not in _VOLATILE
    )


def sentence(ended: Ended) -> str:
    """Return what a command that failed said; fail when that is no sentence for a user."""
    assert ended.code == 1, (ended.code, ended.err)
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert errors, ended.err
    return "\n".join(errors)


def assert_whole(lab: Lab, data_dir: Path) -> int:
    """Fail unless every call in the warehouse has all its rows and no other; return how many there are."""
    database = data_dir / "warehouse.duckdb"
    if not database.exists() or not (found := tables_in(database)):
        return 0
    present = {row[0] for row in found["calls"]}
    assert found == {name: [row for row in rows if row[0] in present] for name, rows in lab.tables.items()}
    return len(present)


def assert_complete(lab: Lab, data_dir: Path, *, landed_once: bool = True, was_killed: bool = False) -> None:
    """Fail unless the warehouse says what the template says, all is recorded, and nothing lies about.

    After a kill DuckDB's log of the last commits may lie beside the warehouse, for whoever opens it next.
    """
    assert tables_in(data_dir / "warehouse.duckdb") == lab.tables
    if landed_once:
        assert landed_calls(data_dir) == dict.fromkeys(lab.book.call_ids(), 1)
    assert "running" not in statuses(data_dir)
    assert set(strays(data_dir)) <= ({"warehouse.duckdb.wal"} if was_killed else set())


def strays(data_dir: Path) -> list[str]:
    """Return the files that no run should have left, and payloads without a manifest."""
    names = [str(path.relative_to(data_dir)) for path in data_dir.rglob("*") if path.is_file()]
    found = [name for name in names if not _RIGHTFUL.fullmatch(name)]
    payloads = [name for name in names if name.startswith("landing/") and name.endswith(".ndjson.zst")]
    return found + [name for name in payloads if name.replace(".ndjson.zst", ".json") not in names]


def statuses(data_dir: Path) -> Counter[str]:
    """Return how many runs ended how."""
    return Counter(row[0] for row in query(warehouse_in(data_dir), "select status from etl_runs"))


def loaded_chunks(data_dir: Path) -> set[str]:
    """Return the chunks whose load was committed; none where there are no tables yet."""
    warehouse: Warehouse = warehouse_in(data_dir)
    if not warehouse.exists:
        return set()
    with warehouse.reading() as connection:
        if schema.read_revision(connection) is None:
            return set()
    return {row[0] for row in query(warehouse, "select chunk_id from etl_chunks")}
