"""Fixtures of tests that break things; most of them are slow, and run by `pytest -m slow`."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
# A sample of what they try runs by default.
_MARK_THEMSELVES = {"test_clocks.py", "test_fault_matrix.py", "test_landing_damage.py"}
# So that an assertion that fails in them says what it saw.
pytest.register_assert_rewrite("support.fault_place", "support.killing", "support.lab")

from integration.conftest import hold, start  # noqa: E402, F401
from support.lab import Lab, laboratory  # noqa: E402

_LIMIT_S = 400


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, before those that are not wanted are left out."""
    for item in items:
        if _HERE in item.path.parents and item.path.name not in _MARK_THEMSELVES:
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Fail a test that would never end, instead of the whole suite."""

    def fail(number: int, frame: object) -> None:
        raise TimeoutError(f"the test did not end within {_LIMIT_S} s")

    handler = signal.signal(signal.SIGALRM, fail)
    signal.alarm(_LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A place to break things in."""
    with laboratory(tmp_path_factory.mktemp("lab")) as made:
        yield made
