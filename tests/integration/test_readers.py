"""Whoever has DuckDB, or SQLAlchemy with duckdb-engine, can read the warehouse without this package."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, text

from pipeline import sql
from pipeline.config import load_settings
from pipeline.runs.backfill import Backfill
from pipeline.simulator import RATES, CallBook, running
from pipeline.warehouse.stored_results import list_result_tables
from pipeline.warehouse.tables import metadata

# Enough calls, and often enough what is rare, for a row in every view.
BOOK = CallBook(count=150, until=datetime.now(UTC), shape="today", quirks=dict.fromkeys(RATES, 0.2))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled warehouse."""
    folder = tmp_path_factory.mktemp("readers")
    ids = folder / "ids.txt"
    ids.write_text("\n".join(BOOK.call_ids()))
    with running(BOOK) as server:
        settings = load_settings(api_key=server.api_key, base_url=server.base_url, data_dir=folder)
        with ids.open("rb") as lines:
            assert Backfill(settings).run(["-"], lines).exit_code == 0
    return folder / "warehouse.duckdb"


def test_duckdb_alone_reads_every_table_and_view(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        views = {
            row[0]
            for row in connection.execute(
                "select view_name from duckdb_views() where not internal"
            ).fetchall()
        }
        assert tables == {*metadata.tables, *list_result_tables(), "alembic_version"}
        assert views == set(sql.list_names("views"))
        # One call in a hundred asks for that.
        views -= {"callback_requests", "do_not_call_requests"}
        for name in ("calls", "utterances", "words", "latency_stats", "call_analysis", *views):
            assert connection.execute(f"select count(*) > 0 from {name}").fetchall() == [(True,)], name
        counted = connection.execute("select count(*), count(distinct call_id) from calls").fetchall()
        assert counted == [(150, 150)]


def test_a_process_without_this_package_reads_the_views(warehouse: Path) -> None:
    program = (
        "import sys, duckdb; connection = duckdb.connect(sys.argv[1], read_only=True); "
        "rows = connection.sql('from daily_latency').fetchall(); "
        "print(len(rows) > 0, any(name.partition('.')[0] == 'pipeline' for name in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(warehouse)], capture_output=True, text=True, cwd=warehouse.parent
    )
    assert ran.stdout == "True False\n", ran.stderr


def test_duckdb_engine_reads_tables_and_views(warehouse: Path) -> None:
    engine = create_engine(f"duckdb:///{warehouse}", connect_args={"read_only": True})
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from calls")).scalar() == 150
        shares = connection.execute(text("select sum(share) from disconnection_breakdown")).scalar()
        assert shares == pytest.approx(1)
        rows = connection.execute(text("select metric, p99_ms, method from daily_latency")).mappings().all()
        assert {row["method"] for row in rows} <= {"exact", "mixed", "summary"}
    engine.dispose()


def test_many_readers_read_at_once(warehouse: Path) -> None:
    program = "import sys, duckdb; held = duckdb.connect(sys.argv[1], read_only=True); print(1); input()"
    readers = [
        subprocess.Popen(
            [sys.executable, "-u", "-c", program, str(warehouse)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [reader.stdout.readline() for reader in readers if reader.stdout] == ["1\n"] * 3
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from calls").fetchall() == [(150,)]
    for reader in readers:
        reader.communicate("\n")
        assert reader.returncode == 0


def test_comments_say_what_a_column_is(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        without = connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where comment is null and not internal and table_name != 'alembic_version'"
        ).fetchall()
    assert without == []
