"""The analysis Retell writes some minutes after a call: summary, sentiments and ratings.

Invariant: it agrees with how the call ended, and an opted-out call is rated without retelling it.
"""

from random import Random
from typing import Any

from .calls import Call
from .chance import choose, choose_weighted
from .outcomes import NEVER_CONNECTED

_OPTIONAL = ("agent_sentiment", "agent_task_completion_rating_reason", "call_completion_rating_reason")
_ENDED_BY = {
    "user_hangup": "call was ended by the user.",
    "agent_hangup": "call was ended by the agent after the goodbyes.",
    "call_transfer": "call was transferred to a person.",
    "inactivity": "call ended because the user stayed silent.",
    "machine_detected": "call reached a machine.",
}


def analyse(call: Call, rng: Random) -> dict[str, Any]:
    """Return the analysis of a call."""
    summary = choose(rng, call.scenario.summary).format_map(call.slots)
    mood = _mood(call, rng)
    manner = choose_weighted(rng, (("Friendly", 0.6), ("Neutral", 0.3), ("Positive", 0.1)))
    dropped = choose(rng, _OPTIONAL) if rng.random() < 0.1 else None
    blank = rng.random() < 0.3
    if call.reason in NEVER_CONNECTED or not call.conversation.turns:
        return {
            "call_summary": "",
            "user_sentiment": "Unknown",
            "agent_sentiment": "Unknown",
            "agent_task_completion_rating": "Incomplete",
            "agent_task_completion_rating_reason": "There was no conversation.",
            "call_completion_rating": "Incomplete",
            "call_completion_rating_reason": "There was no conversation.",
        }
    if call.completed:
        task, why = "Complete", "The agent answered the question of the user and finished the task."
    elif call.reason == "call_transfer":
        task, why = "Partial", "The agent handed the request over to a person."
    else:
        task, why = "Incomplete", "The call ended before the agent could finish the task."
    if call.reason == "machine_detected":
        summary = "The agent reached a machine and hung up."
    elif not call.completed:
        topic = call.scenario.topic.format_map(call.slots)
        summary = f"The call was about {topic} and ended before it was settled."
    analysis: dict[str, Any] = {
        "call_summary": None if call.opted_out else summary,
        "user_sentiment": mood,
        "agent_sentiment": manner,
        "agent_task_completion_rating": task,
        "agent_task_completion_rating_reason": why,
        "call_completion_rating": "Complete" if call.completed else "Incomplete",
        "call_completion_rating_reason": _ENDED_BY.get(call.reason, "call ended with a technical error."),
    }
    if dropped and blank:
        analysis[dropped] = None
    elif dropped:
        del analysis[dropped]
    return analysis


def _mood(call: Call, rng: Random) -> str:
    """Draw the user's sentiment: a call that got nowhere pleases nobody."""
    happy, neutral, unhappy = (0.55, 0.37, 0.08) if call.completed else (0.1, 0.5, 0.4)
    return choose_weighted(rng, (("Positive", happy), ("Neutral", neutral), ("Negative", unhappy)))
