"""Why calls end today: every reason of today's API, each in the place of one of v1.

Invariant: a call that nobody answered keeps a reason of that kind, and so does one that failed.
"""

from random import Random

from .chance import choose_weighted
from .outcomes import DISCONNECTION_REASONS

_TODAY: dict[str, tuple[tuple[str, float], ...]] = {
    "user_hangup": (("user_hangup", 0.94), ("user_requested_dnc", 0.03), ("user_requested_callback", 0.03)),
    "agent_hangup": (
        ("agent_hangup", 0.93),
        ("max_duration_reached", 0.03),
        ("manual_stopped", 0.02),
        ("call_take_over", 0.02),
    ),
    "call_transfer": (("call_transfer", 0.7), ("transfer_bridged", 0.2), ("transfer_cancelled", 0.1)),
    "machine_detected": (("voicemail_reached", 0.8), ("ivr_reached", 0.2)),
    "concurrency_limit_reached": (
        ("concurrency_limit_reached", 0.25),
        ("no_concurrency_fallback", 0.15),
        ("no_valid_payment", 0.15),
        ("credit_exhausted", 0.15),
        ("budget_reached", 0.15),
        ("scam_detected", 0.15),
    ),
    "dial_no_answer": (("dial_no_answer", 0.9), ("user_declined", 0.1)),
    "dial_failed": (
        ("dial_failed", 0.3),
        ("invalid_destination", 0.2),
        ("telephony_provider_permission_denied", 0.1),
        ("telephony_provider_unavailable", 0.1),
        ("sip_routing_error", 0.1),
        ("marked_as_spam", 0.1),
        ("network_blocked", 0.1),
    ),
    "error_llm_websocket_open": (
        ("error_llm_websocket_open", 0.6),
        ("error_user_not_joined", 0.2),
        ("registered_call_timeout", 0.2),
    ),
    "error_twilio": (("error_retell", 1.0),),
    "error_frontend_corrupted_payload": (("error_unknown", 1.0),),
}
# With the one that some calls have in place of any.
ALL_REASONS = tuple(
    dict.fromkeys(
        [*DISCONNECTION_REASONS, *(reason for options in _TODAY.values() for reason, _ in options), ""]
    )
)


def reason_today(rng: Random, reason: str) -> str:
    """Return the reason that today's API would give where v1 gave this one."""
    return choose_weighted(rng, _TODAY.get(reason, ((reason, 1.0),)))
