"""How long the command line takes to answer `--help`, beside a Python that does nothing."""

from __future__ import annotations

from benchmarks import contest
from benchmarks.contest import Measured, Row, Scale

_RUNS_PER_REPETITION = 5


def measure(scale: Scale) -> Measured:
    runs = contest.alternately(
        {
            "help": lambda: contest.run(contest.command("-m", "pipeline", "--help")),
            "pass": lambda: contest.run(contest.command("-c", "pass")),
        },
        _RUNS_PER_REPETITION * scale.repetitions,
    )
    helped, nothing = runs["help"], runs["pass"]
    row = Row(
        "`python -m pipeline --help`",
        "`python -c pass`",
        contest.pairwise(helped, nothing),
        8.0,
        False,
        f"{contest.seconds(helped) * 1000:.0f} ms, {contest.cpu(helped) * 1000:.0f} CPU ms",
        f"{contest.seconds(nothing) * 1000:.0f} ms, {contest.cpu(nothing) * 1000:.0f} CPU ms",
    )
    return Measured([row])
