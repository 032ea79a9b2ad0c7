"""Puts the tests folder on the path, so that every test can import the helpers that lie in it."""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run three at a time on two cores: some tests wait for servers more than they compute."""
    return max(3, os.cpu_count() or 1)


# What is not about the readers' copy does without: it costs every run a copy and a process.
os.environ["PIPELINE_PUBLISH"] = "off"

# A shell without job control starts what runs in the background deaf to Ctrl-C, and its children too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows, made by the migrations."""
    path = tmp_path_factory.mktemp("migrated") / "warehouse.duckdb"
    schema.ensure(Warehouse.at(path))
    return path


@pytest.fixture(autouse=True)
def _new_warehouses_are_copies_of_a_migrated_one(
    request: pytest.FixtureRequest, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrate once, not for every test that starts with an empty warehouse: it takes most of a second."""
    if request.path.name == "test_migrations.py":
        return
    ensure = schema.ensure

    def copied(warehouse: Warehouse, say: Callable[[str], None] | None = None) -> None:
        if warehouse.path is not None and not warehouse.exists and warehouse.path.parent.is_dir():
            with suppress(OSError):  # what cannot be written is for the real one to say
                shutil.copyfile(migrated, warehouse.path)
        ensure(warehouse, say)

    monkeypatch.setattr(schema, "ensure", copied)
