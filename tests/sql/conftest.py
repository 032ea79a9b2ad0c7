"""Odd calls, made and loaded once for all modules that hold views against the payloads."""

from pathlib import Path

import pytest

from support.odd_calls import Told, move, tell


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(shared(tmp_path_factory) / "odd_calls", "UTC")


@pytest.fixture(scope="session", params=["UTC", "America/New_York"])
def told_by_day(request: pytest.FixtureRequest, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Told:
    if request.param == "UTC":
        return told
    return move(told, shared(tmp_path_factory) / "odd_calls_in_new_york", request.param)


def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the processes of one test run have together."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base
