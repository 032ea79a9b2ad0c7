"""Commands that run at the same time take turns, and what they leave is what one after another would leave.

See also tests/integration/test_errors.py (a reader or a writer from another tool that holds the warehouse for
longer than the timeout), test_publish.py (readers meet no load) and test_prefect.py (two flow runs at once).
"""

from __future__ import annotations

import duckdb

from pipeline.warehouse import schema
from support.lab import Lab, assert_complete, assert_whole, sentence, strays, tables_in
from support.warehouse_files import landed_calls
from support.zygote import Command


def started(lab: Lab, data_dir: object, *args: object, **more: object) -> Command:
    return lab.zygote.start(*args, **lab.env(data_dir, **more))  # type: ignore[arg-type]


def test_two_backfills_of_overlapping_ids_at_once_both_end_with_every_call_once(lab: Lab) -> None:
    data_dir = lab.place()
    ids = list(lab.book.call_ids())
    before = lab.server.requests.by_call
    first = started(lab, data_dir, "backfill", *ids[:20])
    second = started(lab, data_dir, "backfill", *ids[10:])
    assert [first.wait().code, second.wait().code] == [0, 0], first.err + second.err
    asked = lab.server.requests.by_call - before
    assert max(asked.values()) <= 2
    assert {call_id for call_id, times in asked.items() if times > 1} <= set(ids[10:20])
    assert_complete(lab, data_dir, landed_once=False)


def test_loads_replays_and_publications_at_once_take_turns(lab: Lab) -> None:
    data_dir = lab.place("landed")
    commands = [started(lab, data_dir, name) for name in ("load", "load", "replay", "publish", "publish")]
    ended = [command.wait() for command in commands]
    assert [each.code for each in ended] == [0] * 5, [each.err for each in ended]
    assert lab.run(data_dir, "publish").code == 0
    assert tables_in(data_dir / "analytics.duckdb") == lab.tables
    assert_complete(lab, data_dir)


def test_a_migration_waits_for_a_load_and_a_load_for_a_migration(lab: Lab) -> None:
    data_dir = lab.place("landed")
    assert lab.run(data_dir, "migrate", "--to", "base").code == 0
    for path in data_dir.glob("warehouse.before-*"):
        path.unlink()
    commands = [started(lab, data_dir, name) for name in ("migrate", "load", "migrate", "load")]
    ended = [command.wait() for command in commands]
    assert [each.code for each in ended] == [0] * 4, [each.err for each in ended]
    assert_complete(lab, data_dir)


def test_a_migration_under_a_run_stops_its_loads_and_everything_stays_landed(
    lab: Lab,
) -> None:
    data_dir = lab.place()
    run = started(lab, data_dir, "backfill", lab.ids, PIPELINE_CONCURRENCY=1, PIPELINE_RATE=15)
    while len(landed_calls(data_dir)) < 5:
        assert run.is_running(), run.err
    assert lab.run(data_dir, "migrate", "--to", "base").code == 0
    said = sentence(run.wait())
    assert f"is at revision base now and this version works with {schema.find_head()}" in said
    assert "whatever was fetched is landed and waits" in said
    assert landed_calls(data_dir) == dict.fromkeys(lab.book.call_ids(), 1)
    assert lab.run(data_dir, "load").code == 0
    assert_complete(lab, data_dir)


def test_a_newer_version_under_a_run_stops_its_loads_and_its_tables_are_left_alone(lab: Lab) -> None:
    data_dir = lab.place()
    warehouse = data_dir / "warehouse.duckdb"
    run = started(lab, data_dir, "backfill", lab.ids, PIPELINE_CONCURRENCY=1, PIPELINE_RATE=15)
    while len(landed_calls(data_dir)) < 5:
        assert run.is_running(), run.err
    present = None
    while present is None:
        try:
            with duckdb.connect(str(warehouse)) as newer:
                newer.execute("update alembic_version set version_num = '29990101_future'")
                [(present,)] = newer.execute("select count(*) from calls").fetchall()
        except duckdb.Error:
            assert run.is_running(), run.err
    assert "is at revision 29990101_future now" in sentence(run.wait())
    with duckdb.connect(str(warehouse)) as newer:
        assert newer.execute("select count(*) from calls").fetchall() == [(present,)]
        newer.execute("update alembic_version set version_num = ?", [schema.find_head()])
    for command in ("load", "replay"):
        assert lab.run(data_dir, command).code == 0
    assert assert_whole(lab, data_dir) == lab.book.count
    assert strays(data_dir) == []
