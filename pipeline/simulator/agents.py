"""The voice agents: what each handles, by which channel, and how fast it answers at a moment.

Invariant: an agent's samples are drawn per answer, so that summaries have something true to summarise.
"""

from dataclasses import dataclass
from math import exp
from random import Random

from .chance import stream
from .ids import random_id

INBOUND, OUTBOUND, WEB = "inbound", "outbound", "web"
# With a floor, no answer starts before an interrupted sentence has ended.
_FASTEST_MS = 320


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: a business, its scenarios, and a latency of its own."""

    agent_id: str
    business: str
    volume: float
    scenarios: tuple[str, ...]
    channels: tuple[tuple[str, float], ...]
    custom_llm: bool
    llm_ms: float
    spread: float
    rtt_ms: float
    # (fraction of the span, factor) from which a factor holds: how releases and load move the latency.
    drift: tuple[tuple[float, float], ...]

    def slowness(self, elapsed: float, busyness: float) -> float:
        """Return the factor on this agent's latency at a moment."""
        factor = 1.0
        for since, drifted in self.drift:
            if elapsed >= since:
                factor = drifted
        return factor * (1 + 0.22 * busyness)

    def answer(self, rng: Random, slowness: float) -> tuple[int, float, float]:
        """Draw one answer's end to end, LLM and round trip latency in milliseconds."""
        rtt = self.rtt_ms * exp(0.35 * rng.gauss(0, 1)) if self.custom_llm else 0.0
        llm = self.llm_ms * slowness * exp(self.spread * rng.gauss(0, 1)) + rtt
        if rng.random() < 0.015:
            llm *= 2 + 2 * rng.random()
        # Endpointing and the first audio come on top, and vary much less than the model does.
        e2e = llm + 300 * exp(0.2 * rng.gauss(0, 1))
        return max(_FASTEST_MS, int(e2e)), round(llm, 1), round(rtt, 1)


def make_agents(seed: int) -> tuple[Agent, ...]:
    """Return the agents of a seed: always the same four businesses, with ids of their own."""
    rng = stream(seed, "agents")
    return (
        Agent(
            agent_id=random_id(rng),
            business="Harbor Street Clinic",
            volume=0.38,
            scenarios=("appointment", "refill"),
            channels=((INBOUND, 0.75), (OUTBOUND, 0.15), (WEB, 0.1)),
            custom_llm=False,
            llm_ms=470,
            spread=0.28,
            rtt_ms=0,
            # A prompt grows too long, and is cut back ten days later.
            drift=((0.4, 1.3), (0.72, 1.0)),
        ),
        Agent(
            agent_id=random_id(rng),
            business="Fernhill Supply",
            volume=0.29,
            scenarios=("order", "return"),
            channels=((INBOUND, 0.55), (OUTBOUND, 0.1), (WEB, 0.35)),
            custom_llm=True,
            llm_ms=690,
            spread=0.38,
            rtt_ms=48,
            drift=((0.25, 1.04), (0.5, 1.09), (0.75, 1.15)),
        ),
        Agent(
            agent_id=random_id(rng),
            business="Brightwater Energy",
            volume=0.18,
            scenarios=("billing",),
            channels=((INBOUND, 0.7), (OUTBOUND, 0.05), (WEB, 0.25)),
            custom_llm=True,
            llm_ms=920,
            spread=0.45,
            rtt_ms=95,
            drift=((0.6, 0.85),),
        ),
        Agent(
            agent_id=random_id(rng),
            business="Meadowlark Solar",
            volume=0.15,
            scenarios=("lead", "appointment"),
            channels=((INBOUND, 0.08), (OUTBOUND, 0.77), (WEB, 0.15)),
            custom_llm=False,
            llm_ms=400,
            spread=0.22,
            rtt_ms=0,
            drift=(),
        ),
    )
