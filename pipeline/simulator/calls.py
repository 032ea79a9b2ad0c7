"""One simulated call with everything about it settled, from the seed and its index to the last millisecond.

Invariant: nothing here depends on when one looks; what is visible at a moment is decided in ``payload.py``.
"""

from dataclasses import dataclass
from random import Random

from . import dialogue, outcomes
from .agents import WEB, Agent
from .chance import choose
from .conversation import Conversation, play, slow_down
from .scenarios_shop import SCENARIOS
from .schedule import HOUR_MS, MINUTE_MS, SECOND_MS, Schedule, busyness
from .script import Scenario
from .slots import Slots, draw_slots, phone_number

REGISTERED, ONGOING, JUST_ENDED = "registered", "ongoing", "just_ended"
TRANSFERRED = "transferred"
LIVE_STATES = (REGISTERED, ONGOING, JUST_ENDED)
# Today's API tells of the leg that a call goes on with at whoever it was transferred to.
LIVE_STATES_TODAY = (*LIVE_STATES, TRANSFERRED)
# No dialogue comes near an hour, so a call that started earlier is over.
LONGEST_MS = HOUR_MS
# An analysis takes at least this long, so a call that has just ended has none yet.
_FASTEST_ANALYSIS_MS = 75 * SECOND_MS


@dataclass(slots=True)
class Call:
    """A call that took place, or failed to."""

    call_id: str
    agent: Agent
    channel: str
    scenario: Scenario
    slots: Slots
    from_number: str
    to_number: str
    reason: str
    final_status: str
    conversation: Conversation
    completed: bool
    silence_limit_ms: int
    opted_out: bool
    start_ms: int
    end_ms: int
    analysed_ms: int | None
    # Whether whoever it was transferred to keeps talking for long: past the analysis.
    leg_is_long: bool = False

    @property
    def connected(self) -> bool:
        """Whether anybody picked up."""
        return self.reason not in outcomes.NEVER_CONNECTED

    @property
    def by_phone(self) -> bool:
        """Whether the call went over the telephone network."""
        return self.channel != WEB


@dataclass(frozen=True, slots=True)
class Setting:
    """What is drawn first of a call: who handles it, what it is about, and when."""

    agent: Agent
    channel: str
    scenario: Scenario
    slots: Slots
    # The start of a call, and for a live one the moment it happens around.
    moment_ms: int


def draw_setting(
    rng: Random, reason: str, agents: tuple[Agent, ...], schedule: Schedule, live: str | None
) -> Setting:
    """Draw the setting of a call, which costs a tenth of the call."""
    agent, channel = outcomes.cast(rng, reason, agents)
    scenario = SCENARIOS[choose(rng, agent.scenarios)]
    slots = draw_slots(rng, agent.business)
    return Setting(
        agent, channel, scenario, slots, schedule.start(rng) if live is None else schedule.until_ms
    )


def make_call(
    rng: Random,
    call_id: str,
    reason: str,
    agents: tuple[Agent, ...],
    schedule: Schedule,
    live: str | None,
    *,
    is_heard: bool = True,
    has_slow_tool: bool = False,
) -> Call:
    """Let one call happen; a live one happens around the end of the schedule instead of somewhere in it.

    Of a call that is not heard everything is the same but the words, for half the price.
    """
    setting = draw_setting(rng, reason, agents, schedule, live)
    agent, channel, scenario, slots = setting.agent, setting.channel, setting.scenario, setting.slots
    moment = setting.moment_ms
    silence_limit_ms = choose(rng, (10_000, 20_000, 30_000, 45_000) if reason == "inactivity" else _LIMITS)
    lines = dialogue.write(rng, scenario, channel, slots)
    ending = outcomes.end(rng, reason, lines, slots, silence_limit_ms)
    slowness = agent.slowness(schedule.share_passed(moment), busyness(moment))
    spoken = slow_down(ending.lines) if has_slow_tool else ending.lines
    conversation = play(rng, spoken, agent, slowness, is_heard=is_heard)
    if reason in outcomes.NEVER_CONNECTED:
        lasted = 4 * SECOND_MS + int(26 * SECOND_MS * rng.random())
    else:
        lasted = conversation.end_ms + ending.silence_ms
    start_ms = _live_start(rng, live, moment, lasted) if live else moment
    end_ms = start_ms + lasted
    analysis_takes = _FASTEST_ANALYSIS_MS + int(rng.expovariate(1 / (90 * SECOND_MS)))
    # A call that never connected may have no times; without an analysis either, nothing would end it.
    never_analysed = rng.random() < 0.03 and live is None and reason not in outcomes.NEVER_CONNECTED
    return Call(
        call_id=call_id,
        agent=agent,
        channel=channel,
        scenario=scenario,
        slots=slots,
        from_number=phone_number(rng),
        to_number=phone_number(rng),
        reason=reason,
        final_status=outcomes.status(rng, reason),
        conversation=conversation,
        completed=ending.completed,
        silence_limit_ms=silence_limit_ms,
        # Kept to calls with answers in them: an opted-out call shows its latency and nothing that was said.
        opted_out=rng.random() < 0.05 and reason in outcomes.HANGUPS and bool(conversation.e2e),
        start_ms=start_ms,
        end_ms=end_ms,
        analysed_ms=None if never_analysed else end_ms + analysis_takes,
        leg_is_long=live == TRANSFERRED,
    )


_LIMITS = (600_000, 600_000, 600_000, 30_000, 60_000)


def _live_start(rng: Random, live: str, until_ms: int, lasted: int) -> int:
    if live == REGISTERED:
        return until_ms + 5 * SECOND_MS + int(85 * SECOND_MS * rng.random())
    if live == ONGOING:
        return until_ms - int(lasted * (0.2 + 0.6 * rng.random()))
    if live == TRANSFERRED:
        return until_ms - lasted - 4 * MINUTE_MS - int(4 * MINUTE_MS * rng.random())
    return until_ms - lasted - 5 * SECOND_MS - int(35 * SECOND_MS * rng.random())
