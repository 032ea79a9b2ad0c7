"""The views over odd calls agree with their payloads over thousands of calls, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("count", [1000, 3000])
def test_views_agree_with_the_payloads_of_thousands_of_calls(count: int) -> None:
    modules = sorted(HERE.glob("test_payload_*.py"))
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", *map(str, modules)],
        env={**os.environ, "SIMULATED_CALLS": str(count)},
        check=True,
    )
