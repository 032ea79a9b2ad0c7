"""The warehouse holds who spoke when in every call, measured from word times once, when the call is loaded.

Revision: 20261123_conversations, after 20261122_initial.

Calls that were loaded before have no rows here, and no role in their words, until `replay` normalises
their payloads again.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_conversations"
down_revision = "20261123_lossless"
branch_labels = None
depends_on = None

# Whether the step loses rows: what is dropped is computed again by `replay` from landed payloads.
destructive_upgrade = False
destructive_downgrade = True


def upgrade() -> None:
    """Add the role of a word, and create the two tables with their comments."""
    op.add_column(
        "words",
        sa.Column(
            "role",
            sa.String,
            comment="Who said it, as in utterances; null in words loaded before this was kept, "
            "until a replay",
        ),
    )
    op.create_table(
        "conversations",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column("agent_turn_count", sa.Integer, nullable=False, comment="Turns of the agent, timed or not"),
        sa.Column("user_turn_count", sa.Integer, nullable=False, comment="Turns of the user, timed or not"),
        sa.Column(
            "other_turn_count",
            sa.Integer,
            nullable=False,
            comment="Turns of other roles such as transfer_target; in no other measure",
        ),
        sa.Column("agent_word_count", sa.Integer, nullable=False, comment="Words of the agent, timed or not"),
        sa.Column("user_word_count", sa.Integer, nullable=False, comment="Words of the user, timed or not"),
        sa.Column("other_word_count", sa.Integer, nullable=False, comment="Words of other roles"),
        sa.Column(
            "agent_untimed_word_count",
            sa.Integer,
            nullable=False,
            comment="Words of the agent without sound times: in no measure of time",
        ),
        sa.Column(
            "user_untimed_word_count",
            sa.Integer,
            nullable=False,
            comment="Words of the user without sound times: in no measure of time",
        ),
        sa.Column(
            "first_word_s",
            sa.Double,
            comment="Start of the first timed word of agent or user, in seconds of call audio",
        ),
        sa.Column(
            "last_word_s",
            sa.Double,
            comment="End of the last timed word of agent or user, in seconds of call audio",
        ),
        sa.Column(
            "agent_first_word_s",
            sa.Double,
            comment="Start of the agent's first timed word, in seconds of call audio",
        ),
        sa.Column("agent_talk_s", sa.Double, comment="Seconds in which the agent spoke: union of its words"),
        sa.Column("user_talk_s", sa.Double, comment="Seconds in which the user spoke: union of its words"),
        sa.Column("overlap_s", sa.Double, comment="Seconds in which agent and user spoke at once"),
        sa.Column(
            "silence_s",
            sa.Double,
            comment="Seconds between first_word_s and last_word_s in which nobody spoke, in any role",
        ),
        sa.Column("longest_silence_s", sa.Double, comment="Longest of these silences, in seconds"),
        sa.Column("long_silence_s", sa.Double, comment="Seconds in silences longer than 2 s"),
        sa.Column("long_silence_count", sa.Integer, comment="Silences longer than 2 s"),
        sa.Column("dead_air_s", sa.Double, comment="Seconds in silences longer than 5 s"),
        sa.Column("dead_air_count", sa.Integer, comment="Silences longer than 5 s"),
        sa.Column(
            "agent_silence_s",
            sa.Double,
            comment="Seconds of silence in the agent's turn: before it answers, within its turn, "
            "while its tool runs",
        ),
        sa.Column(
            "user_silence_s",
            sa.Double,
            comment="Seconds of silence in the user's turn: before it answers or while it does not, "
            "within its turn",
        ),
        sa.Column(
            "agent_response_count",
            sa.Integer,
            comment="Turns of the agent that follow the user's, with a gap of 0 or more",
        ),
        sa.Column(
            "agent_response_p50_ms",
            sa.Double,
            comment="Median of these gaps in ms: user's last word to agent's first",
        ),
        sa.Column("agent_response_p95_ms", sa.Double, comment="95th percentile of these gaps in ms"),
        sa.Column(
            "user_response_count",
            sa.Integer,
            comment="Turns of the user that follow the agent's, with a gap of 0 or more",
        ),
        sa.Column(
            "user_response_p50_ms",
            sa.Double,
            comment="Median of these gaps in ms: agent's last word to user's first",
        ),
        sa.Column("user_response_p95_ms", sa.Double, comment="95th percentile of these gaps in ms"),
        sa.Column(
            "agent_interruption_count",
            sa.Integer,
            comment="Turns of the agent that overlap an earlier turn of the user",
        ),
        sa.Column(
            "agent_interruption_ms",
            sa.Double,
            comment="Milliseconds both spoke because the agent interrupted",
        ),
        sa.Column(
            "user_interruption_count",
            sa.Integer,
            comment="Turns of the user that overlap an earlier turn of the agent",
        ),
        sa.Column(
            "user_interruption_ms", sa.Double, comment="Milliseconds both spoke because the user interrupted"
        ),
        sa.Column(
            "agent_longest_monologue_s",
            sa.Double,
            comment="Longest stretch of the agent's words without a word of anybody else between, in seconds",
        ),
        sa.Column(
            "user_longest_monologue_s",
            sa.Double,
            comment="Longest stretch of the user's words without a word of anybody else between, in seconds",
        ),
        comment="One row per call with a transcript: who spoke when, measured from word times",
    )
    op.create_table(
        "turn_timings",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "utterance_index",
            sa.Integer,
            nullable=False,
            comment="Position of the turn in the transcript, from 0",
        ),
        sa.Column("role", sa.String, nullable=False, comment="agent or user"),
        sa.Column(
            "talk_ms",
            sa.Double,
            comment="Milliseconds that the turn adds to its speaker's talk: union of its words",
        ),
        sa.Column(
            "response_gap_ms",
            sa.Double,
            comment="Silence in ms between the other party's last word and this turn's first; "
            "null when the turn follows its own speaker or another role, or begins while somebody speaks",
        ),
        sa.Column(
            "overlap_ms",
            sa.Double,
            comment="Milliseconds of talk over an earlier turn of the other party: 0 interrupts nobody",
        ),
        comment="One row per turn of agent or user with a timed word: how it came",
    )


def downgrade() -> None:
    """Drop the two tables and the role of a word."""
    op.drop_table("turn_timings")
    op.drop_table("conversations")
    op.drop_column("words", "role")
