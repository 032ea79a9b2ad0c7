"""Tries a readers' copy with the DuckDB that is installed: every table, view and check is read to its end.

pip install duckdb==1.2.2
python docs/readers/try_duckdb.py data/demo/analytics.duckdb
"""

from __future__ import annotations

import sys

import duckdb

OBJECTS = """
select table_name from duckdb_tables() where not internal
union all
select view_name from duckdb_views() where not internal
union all
select function_name || '()' from duckdb_functions() where function_name like 'check\\_%' escape '\\'
order by 1
"""


def main(copy: str) -> None:
    with duckdb.connect(copy, read_only=True) as connection:
        names = [name for (name,) in connection.execute(OBJECTS).fetchall()]
        refused = {}
        for name in names:
            try:
                connection.execute(f"from {name}").fetchall()
            except duckdb.Error as refusal:
                refused[name] = str(refusal).splitlines()[0]
    print(f"DuckDB {duckdb.__version__}: {len(names) - len(refused)} of {len(names)} can be read")
    for name, reason in refused.items():
        print(f"{name}: {reason}")
    if refused or not names:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/demo/analytics.duckdb")
