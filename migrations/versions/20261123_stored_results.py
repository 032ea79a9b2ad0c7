"""The warehouse keeps the results of daily views and of checks, so that dashboards need not compute them.

Revision: 20261123_stored_results, after 20261123_conversations.

No day is stored at first: views compute it, and the next run stores it. The next `check` fills etl_checks.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_stored_results"
down_revision = "20261123_conversations"
branch_labels = None
depends_on = None

# Whether the step loses rows: what is stored can be computed again from the other tables.
destructive_upgrade = False
destructive_downgrade = False

# The views and the columns of their results; the first says which period a row is of.
STORED = {
    "daily_conversations": {
        "day": sa.Date,
        "agent_id": sa.String,
        "calls": sa.BigInteger,
        "timed_calls": sa.BigInteger,
        "turns": sa.BigInteger,
        "agent_talk_s": sa.Double,
        "user_talk_s": sa.Double,
        "agent_talk_ratio": sa.Double,
        "silence_rate": sa.Double,
        "long_silence_rate": sa.Double,
        "dead_air_rate": sa.Double,
        "agent_silence_share": sa.Double,
        "agent_words_per_minute": sa.Double,
        "user_words_per_minute": sa.Double,
        "agent_interruptions": sa.BigInteger,
        "user_interruptions": sa.BigInteger,
        "agent_interruption_ms": sa.Double,
        "user_interruption_ms": sa.Double,
        "median_agent_first_word_s": sa.Double,
        "median_agent_monologue_s": sa.Double,
        "agent_response_p50_ms": sa.Double,
        "agent_response_p95_ms": sa.Double,
        "user_response_p50_ms": sa.Double,
        "user_response_p95_ms": sa.Double,
    },
    "daily_costs": {
        "day": sa.Date,
        "agent_id": sa.String,
        "calls": sa.BigInteger,
        "costed_calls": sa.BigInteger,
        "cost_cents": sa.Double,
        "transfer_leg_cents": sa.Double,
        "agent_leg_cents": sa.Double,
        "cents_per_call": sa.Double,
        "connected_minutes": sa.Double,
        "cents_per_connected_minute": sa.Double,
        "successful_calls": sa.BigInteger,
        "cents_per_successful_call": sa.Double,
        "llm_tokens": sa.Double,
    },
    "daily_disconnection_categories": {
        "day": sa.Date,
        "agent_id": sa.String,
        "category": sa.String,
        "calls": sa.BigInteger,
        "share": sa.Double,
        "avg_duration_ms": sa.Double,
    },
    "daily_disconnections": {
        "day": sa.Date,
        "agent_id": sa.String,
        "disconnection_reason": sa.String,
        "category": sa.String,
        "calls": sa.BigInteger,
        "share": sa.Double,
        "avg_duration_ms": sa.Double,
    },
    "daily_latency": {
        "day": sa.Date,
        "agent_id": sa.String,
        "metric": sa.String,
        "calls": sa.BigInteger,
        "samples": sa.BigInteger,
        "p50_ms": sa.Double,
        "p90_ms": sa.Double,
        "p95_ms": sa.Double,
        "p99_ms": sa.Double,
        "median_call_p50_ms": sa.Double,
        "p99_call_p99_ms": sa.Double,
        "method": sa.String,
    },
    "daily_outcomes": {
        "day": sa.Date,
        "agent_id": sa.String,
        "calls": sa.BigInteger,
        "over_calls": sa.BigInteger,
        "connected_calls": sa.BigInteger,
        "connect_rate": sa.Double,
        "conversations": sa.BigInteger,
        "avg_connected_ms": sa.Double,
        "median_connected_ms": sa.Double,
        "judged_calls": sa.BigInteger,
        "successful_calls": sa.BigInteger,
        "success_rate": sa.Double,
        "task_rated_calls": sa.BigInteger,
        "task_complete_rate": sa.Double,
        "call_rated_calls": sa.BigInteger,
        "call_complete_rate": sa.Double,
        "sentiment_calls": sa.BigInteger,
        "positive_rate": sa.Double,
        "negative_rate": sa.Double,
        "voicemail_calls": sa.BigInteger,
        "voicemail_rate": sa.Double,
        "ivr_calls": sa.BigInteger,
        "ivr_rate": sa.Double,
        "transfer_attempts": sa.BigInteger,
        "transferred_calls": sa.BigInteger,
        "transfer_success_rate": sa.Double,
        "contained_calls": sa.BigInteger,
        "containment_rate": sa.Double,
        "early_hangups": sa.BigInteger,
        "early_hangup_rate": sa.Double,
    },
    "daily_pickups": {
        "day": sa.Date,
        "agent_id": sa.String,
        "attempts": sa.BigInteger,
        "connected_attempts": sa.BigInteger,
        "connect_rate": sa.Double,
        "picked_up_attempts": sa.BigInteger,
        "pickup_rate": sa.Double,
        "numbers": sa.BigInteger,
        "connected_numbers": sa.BigInteger,
        "number_connect_rate": sa.Double,
        "picked_up_numbers": sa.BigInteger,
        "number_pickup_rate": sa.Double,
    },
    "daily_product_costs": {
        "day": sa.Date,
        "agent_id": sa.String,
        "product": sa.String,
        "is_transfer_leg": sa.Boolean,
        "cost_lines": sa.BigInteger,
        "cost_cents": sa.Double,
        "share": sa.Double,
    },
    "daily_ratings": {
        "day": sa.Date,
        "agent_id": sa.String,
        "rating": sa.String,
        "value": sa.String,
        "calls": sa.BigInteger,
        "share": sa.Double,
    },
    "daily_slow_turns": {
        "day": sa.Date,
        "agent_id": sa.String,
        "metric": sa.String,
        "threshold_ms": sa.Integer,
        "calls": sa.BigInteger,
        "samples": sa.BigInteger,
        "slow_rate": sa.Double,
        "method": sa.String,
    },
    "daily_tools": {
        "day": sa.Date,
        "agent_id": sa.String,
        "name": sa.String,
        "invocations": sa.BigInteger,
        "results": sa.BigInteger,
        "orphans": sa.BigInteger,
        "orphan_rate": sa.Double,
        "judged_invocations": sa.BigInteger,
        "successful_invocations": sa.BigInteger,
        "success_rate": sa.Double,
    },
    "hourly_latency": {
        "hour": sa.DateTime,
        "agent_id": sa.String,
        "metric": sa.String,
        "calls": sa.BigInteger,
        "samples": sa.BigInteger,
        "p50_ms": sa.Double,
        "p90_ms": sa.Double,
        "p95_ms": sa.Double,
        "p99_ms": sa.Double,
        "median_call_p50_ms": sa.Double,
        "p99_call_p99_ms": sa.Double,
        "method": sa.String,
    },
}


def upgrade() -> None:
    """Create the tables of results and the list of days for which those of views hold."""
    op.create_table(
        "stored_days",
        sa.Column("day", sa.Date, nullable=False, comment="Day (UTC) that no load has touched since"),
        comment="One row per day whose stored results hold: views compute all others",
    )
    op.create_table(
        "etl_checks",
        sa.Column(
            "check_name",
            sa.String,
            nullable=False,
            comment="Name of the check: its query is sql/checks/<name>.sql",
        ),
        sa.Column(
            "severity",
            sa.String,
            nullable=False,
            comment="fail: numbers cannot be trusted; warn: somebody should look",
        ),
        sa.Column(
            "offending_rows",
            sa.BigInteger,
            nullable=False,
            comment="Rows that broke what the check asks for; 0 is good",
        ),
        sa.Column("checked_at", sa.DateTime, nullable=False, comment="When it was asked, UTC"),
        comment="One row per check: what it found when `check` ran last",
    )
    create_results()


def create_results() -> None:
    """Create the tables of results alone."""
    for view, columns in STORED.items():
        period = next(iter(columns))
        op.create_table(
            f"stored_{view}",
            *(
                sa.Column(name, kind, nullable=name != period, comment=f"As in {view}")
                for name, kind in columns.items()
            ),
            comment=f"Results of the view {view} for the days in stored_days: ask the view",
        )


def downgrade() -> None:
    """Drop the tables."""
    for view in STORED:
        op.drop_table(f"stored_{view}")
    op.drop_table("etl_checks")
    op.drop_table("stored_days")
