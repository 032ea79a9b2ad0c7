"""kill -9 at any moment loses nothing: 130 kills, and after each the warehouse is opened and compared.

See also tests/integration/test_interruption.py for signals that ask, test_publish.py for what a killed
publication leaves, and test_prefect.py for killed workers.
"""

import random

import pytest

from support.killing import PHASES, Killer, kills_of
from support.lab import Lab

KILLS = {
    "backfill": 30,
    "load": 15,
    "replay": 15,
    "publish": 10,
    "compact": 20,
    "migrate": 15,
    "repair": 10,
    "sync": 15,
}


@pytest.mark.parametrize("phase", KILLS)
def test_a_command_killed_at_any_moment_leaves_what_the_next_one_completes(lab: Lab, phase: str) -> None:
    killer = Killer(lab, random.Random(f"kills of {phase}"))
    rounds = 0
    while kills_of(killer.tally, phase) < KILLS[phase]:
        PHASES[phase](killer)
        rounds += 1
        assert rounds < 2 * KILLS[phase] + 5, "it is hardly ever killed"
