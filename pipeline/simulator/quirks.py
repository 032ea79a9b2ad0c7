"""How often a call of today's shape has what real accounts send: one table of rates, and who has what.

Invariant: whether a call has a quirk depends on the seed, its index and the rate of that quirk alone, so
every quirk can be had without the others, and in every call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from .chance import ordinal, stream

# Each is the share of the calls that can have it, unless it says otherwise.
RATES: Mapping[str, float] = MappingProxyType(
    {
        # Tool calls, their results, node transitions and dtmf carry seconds of call audio.
        "time_sec": 0.85,
        # A tool takes seconds while nobody speaks; of calls whose agent speaks on after a tool.
        "slow_tool": 0.06,
        # Words of an agent that were never spoken: start = end. Of interrupted turns, not of calls.
        "planned_words": 0.02,
        # A turn of the agent that holds no other words.
        "planned_turn": 0.003,
        # Two neighbours are listed in order of recognition, not of time.
        "swapped_turns": 0.015,
        # A turn right before a tool has content and no words.
        "wordless_turn": 0.01,
        # A turn is in the woven list only.
        "woven_only_turn": 0.003,
        # Two uses of a tool have the same id and different results.
        "repeated_tool_call_id": 0.005,
        "backup_model": 0.01,
        "pre_session": 0.03,
        "post_session": 0.03,
        "custom_attributes": 0.2,
        "null_latency_value": 0.003,
        "latency_without_num": 0.005,
        "latency_without_summary": 0.005,
        "latency_without_values": 0.01,
        # Product lines and no sum of them.
        "no_combined_cost": 0.005,
        # The raw originals are deleted after the call.
        "everything_except_pii": 0.04,
        # The customer's number is deleted too; of calls by phone whose originals are.
        "number_removed": 0.3,
        "positive_in_lower_case": 0.01,
        "empty_reason": 0.003,
        # 3.0 instead of 3.
        "version_with_point": 0.01,
        # Of calls that never connected, which have neither moment as a rule.
        "end_of_unconnected": 0.3,
        "start_of_unconnected": 0.03,
        # Of calls that failed before anything was said.
        "error_without_start": 0.3,
    }
)
# More places than a call has turns.
_PLACES = 64


@dataclass(frozen=True, slots=True)
class CallQuirks:
    """The quirks of one call."""

    seed: int
    index: int
    rates: Mapping[str, float]

    def has(self, name: str) -> bool:
        """Return whether the call has a quirk, if it can have it."""
        share = self.rates.get(name, 0.0)
        return share > 0 and ordinal(self.seed, name, self.index, share) is not None

    def has_at(self, name: str, place: int) -> bool:
        """Return whether one turn of the call has a quirk."""
        share = self.rates.get(name, 0.0)
        return share > 0 and ordinal(self.seed, name, self.index * _PLACES + place, share) is not None

    def stream(self, name: str) -> Random:
        """Return the chances of a quirk, which no other quirk moves."""
        return stream(self.seed, name, self.index)


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise ValueError unless these are shares of quirks that there are."""
    unknown = rates.keys() - RATES.keys()
    if unknown:
        raise ValueError(f"quirks must be some of {', '.join(RATES)}, not {sorted(unknown)}")
    for name, share in rates.items():
        if not 0 <= share <= 1:
            raise ValueError(f"the share of {name} must be between 0 and 1, not {share}")
