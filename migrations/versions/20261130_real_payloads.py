"""Rows say what real accounts send: what was scrubbed, when tools ran, who stood in for a model, which day.

Revision: 20261130_real_payloads, after 20261130_account.

What calls loaded before do not say yet is null until `replay` normalises their payloads again. The moment of
a call, and its day, are those of its start or else its end.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261130_real_payloads"
down_revision = "20261130_account"
branch_labels = None
depends_on = None

# Whether the step loses rows: what is dropped is computed again by `replay` from landed payloads.
destructive_upgrade = False
destructive_downgrade = True
# Whether what it adds is empty, for calls that are there, until their payloads are loaded again.
filled_by_replay = True

# What is said of the tables and columns that were there before, after and before this step.
_COMMENTS = {
    "column utterances.start_s": (
        "Start of the first timed word that was spoken, in seconds of call audio",
        "Start of the first timed word, in seconds of call audio",
    ),
    "column utterances.end_s": (
        "End of the last timed word that was spoken, in seconds of call audio",
        "End of the last timed word, in seconds of call audio",
    ),
    "column utterances.word_count": (
        "Number of words in the turn, spoken or not",
        "Number of words in the turn",
    ),
    "table words": ("One row per word of the transcript", "One row per spoken word"),
    "column words.word": (
        "The word as transcribed, with the blanks that it was sent with",
        "The word as transcribed",
    ),
    "column conversations.agent_untimed_word_count": (
        ("Words of the agent without sound times, or never spoken: in no measure of time"),
        "Words of the agent without sound times: in no measure of time",
    ),
    "column conversations.user_untimed_word_count": (
        ("Words of the user without sound times, or never spoken: in no measure of time"),
        "Words of the user without sound times: in no measure of time",
    ),
    "column conversations.agent_interruption_count": (
        "Turns of the agent that begin later than a turn of the user and overlap it",
        "Turns of the agent that overlap an earlier turn of the user",
    ),
    "column conversations.user_interruption_count": (
        "Turns of the user that begin later than a turn of the agent and overlap it",
        "Turns of the user that overlap an earlier turn of the agent",
    ),
    "column turn_timings.overlap_ms": (
        ("Milliseconds of talk over a turn of the other party that began before: 0 interrupts nobody"),
        ("Milliseconds of talk over an earlier turn of the other party: 0 interrupts nobody"),
    ),
    "column known_disconnection_reasons.category": (
        (
            "completed, asked_to_stop, transferred, automated_answer, timeout, "
            "not_connected, capacity_or_account, platform_error or operator"
        ),
        (
            "completed, transferred, automated_answer, timeout, not_connected, "
            "capacity_or_account, platform_error or operator"
        ),
    ),
}


def upgrade() -> None:
    """Add the columns and the table, and give every call its moment and its day."""
    _comment(0)
    for table, added in _make_columns().items():
        for column in added:
            op.add_column(table, column)
    op.create_table(
        "etl_settings",
        sa.Column("setting", sa.String, nullable=False, comment="time_zone"),
        sa.Column(
            "value", sa.String, nullable=False, comment="What the rows of the warehouse were made with"
        ),
        sa.Column("changed_at", sa.DateTime, nullable=False, comment="When it was set, UTC"),
        comment="One row per setting that decides what stored rows say",
    )
    op.execute(
        """
        update calls
        set
            dated_at = coalesce(started_at, ended_at),
            local_at = coalesce(started_at, ended_at),
            day = cast(coalesce(started_at, ended_at) as date)
        """
    )
    _make_stored_days("Day in PIPELINE_TIMEZONE that no load has touched since")


def downgrade() -> None:
    """Drop what was added."""
    _comment(1)
    op.drop_table("etl_settings")
    # They came with views that the revision below does not have.
    for view in ("daily_custom_analysis", "daily_model_fallbacks"):
        op.drop_table(f"stored_{view}", if_exists=True)
    for table, added in _make_columns().items():
        for column in reversed(added):
            op.drop_column(table, column.name)
    _make_stored_days("Day (UTC) that no load has touched since")


def _make_stored_days(comment: str) -> None:
    """Make the table anew, empty: an earlier step of the same transaction may have changed its rows."""
    op.drop_table("stored_days")
    op.create_table(
        "stored_days",
        sa.Column("day", sa.Date, nullable=False, comment=comment),
        comment="One row per day whose stored results hold: views compute all others",
    )


def _comment(place: int) -> None:
    for named, comments in _COMMENTS.items():
        quoted = comments[place].replace("'", "''")
        op.execute(f"comment on {named} is '{quoted}'")


def _make_columns() -> dict[str, list[sa.Column[Any]]]:
    """Return the columns that the step adds, by table; each can be added once."""
    return {
        "calls": [
            sa.Column("custom_attributes", sa.JSON, comment="Attributes that a team gives to its calls"),
            sa.Column(
                "metadata_source",
                sa.String,
                comment=("metadata, or scrubbed_metadata where the source keeps only that; null without"),
            ),
            sa.Column(
                "retell_llm_dynamic_variables_source",
                sa.String,
                comment=(
                    "retell_llm_dynamic_variables, or scrubbed_retell_llm_dynamic_variables; null without"
                ),
            ),
            sa.Column(
                "collected_dynamic_variables_source",
                sa.String,
                comment=(
                    "collected_dynamic_variables, or scrubbed_collected_dynamic_variables; null without"
                ),
            ),
            sa.Column(
                "redacted_fields",
                sa.JSON,
                comment=(
                    "Names of fields that the source removed for privacy, as a list; null where "
                    "it removed none: what is null and not named here was never there"
                ),
            ),
            sa.Column(
                "dated_at",
                sa.DateTime,
                comment=(
                    "Moment that the call is counted at, UTC: its start, else its end, else when "
                    "a sync first saw it, if that looked often enough; null: date unknown"
                ),
            ),
            sa.Column("local_at", sa.DateTime, comment="dated_at on the clocks of PIPELINE_TIMEZONE"),
            sa.Column("day", sa.Date, comment="Day of local_at; null: date unknown"),
        ],
        "utterances": [
            sa.Column(
                "primary_model",
                sa.String,
                comment="Model that was to speak, where another took its place; else null",
            ),
            sa.Column("backup_model", sa.String, comment="Model that took its place"),
            sa.Column("fallback_reason", sa.String, comment="Why it took its place"),
            sa.Column("fallback_latency_ms", sa.Double, comment="Milliseconds that choosing it took"),
        ],
        "words": [
            sa.Column(
                "is_spoken",
                sa.Boolean,
                comment=(
                    "Whether it was spoken: false where its start is its end, as that of text "
                    "that was planned and cut off; null in words loaded before this was kept, "
                    "until a replay"
                ),
            ),
        ],
        "call_analysis": [
            sa.Column(
                "analysis_source",
                sa.String,
                comment=(
                    "call_analysis, scrubbed_call_analysis, or both where what one lacks is from the other"
                ),
            ),
        ],
        "tool_calls": [
            sa.Column(
                "phase",
                sa.String,
                server_default="session",
                comment="session, or pre_session or post_session: before or after the conversation",
            ),
            sa.Column(
                "invoked_at_s",
                sa.Double,
                comment="When it was invoked, in seconds of call audio; null where not sent",
            ),
            sa.Column(
                "result_at_s",
                sa.Double,
                comment="When its result came, in seconds of call audio; null where not sent",
            ),
            sa.Column("latency_ms", sa.Double, comment="result_at_s - invoked_at_s, in ms"),
            sa.Column(
                "primary_model",
                sa.String,
                comment="Model that was to answer, where another took its place; else null",
            ),
            sa.Column("backup_model", sa.String, comment="Model that took its place"),
            sa.Column("fallback_reason", sa.String, comment="Why it took its place"),
            sa.Column("fallback_latency_ms", sa.Double, comment="Milliseconds that choosing it took"),
        ],
        "transcript_events": [
            sa.Column(
                "phase",
                sa.String,
                server_default="session",
                comment="session, or pre_session or post_session: before or after the conversation",
            ),
            sa.Column(
                "at_s", sa.Double, comment="When it happened, in seconds of call audio; null where not sent"
            ),
        ],
    }
