"""The macro that judges what clients of `serve` send: questions pass, and nothing that could do something."""

from collections.abc import Iterator

import duckdb
import pytest

from pipeline import sql

QUESTIONS = [
    "select 1",
    "from daily_latency where metric = 'e2e' order by day;",
    "/* why */ select call_id -- who\nfrom calls",
    "with recursive a as (select 1 as x union all select x + 1 from a where x < 3) from a",
    "select * from calls join words using (call_id) qualify row_number() over (order by word) = 1",
    "select * from unnest([1, 2]), range(3)",
    "select view_name from duckdb_views()",
    "show tables",
    "describe calls",
    "summarize calls",
    "values (1)",
    "begin transaction",
    "COMMIT;",
    " rollback\n",
]
ATTEMPTS = [
    "create table mine as select 1",
    "insert into calls select * from calls",
    "with gone as (delete from calls returning *) from gone",
    "select 1; drop table calls",
    "begin; drop table calls",
    "copy calls to 'calls.csv'",
    "attach 'other.duckdb'",
    "set threads = 1",
    "call quack_stop('quack:127.0.0.1')",
    "from quack_stop('quack:127.0.0.1')",
    "from system.main.\"Quack_Stop\"('quack:127.0.0.1')",
    "select exists (from quack_stop('quack:127.0.0.1'))",
    "select 1 order by (from quack_stop('quack:127.0.0.1'))",
    "with a as (from quack_stop('quack:127.0.0.1')) select 1 union all from a",
    "describe from quack_stop('quack:127.0.0.1')",
    "values ((from quack_stop('quack:127.0.0.1')))",
    "from query('from quack_stop(''quack:127.0.0.1'')')",
    "from read_csv('calls.csv')",
    "from enable_logging('Quack')",
    "select 1\0; drop table calls",
    "no sentence of SQL",
    "select " + "(" * 100_000,
    "select " + "not " * 100_000 + "true",
]


@pytest.fixture(scope="module")
def guard() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(sql.read("serve/guard"))
        yield connection


def judged(guard: duckdb.DuckDBPyConnection, asked: str) -> bool:
    try:
        found = guard.execute("select is_question('session', $asked)", {"asked": asked}).fetchone()
    except duckdb.Error:
        return False  # which is how quack takes it
    return found == (True,)


@pytest.mark.parametrize("asked", QUESTIONS)
def test_a_question_passes(guard: duckdb.DuckDBPyConnection, asked: str) -> None:
    assert judged(guard, asked)


@pytest.mark.parametrize("asked", ATTEMPTS, ids=lambda asked: asked[:50])
def test_whatever_could_do_something_does_not_pass(guard: duckdb.DuckDBPyConnection, asked: str) -> None:
    assert not judged(guard, asked)
