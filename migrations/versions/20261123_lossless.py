"""The warehouse says where turns come from, keeps every field of turns and tools, and records drift.

Revision: 20261123_lossless, after 20261122_initial.

The new columns are null until `replay` fills them from the landed payloads.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_lossless"
down_revision = "20261122_initial"
branch_labels = None
depends_on = None

# Whether the step loses rows: the warehouse is copied beside itself before such a step.
destructive_upgrade = False
destructive_downgrade = True


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column(
        "calls",
        sa.Column(
            "transcript_source",
            sa.String,
            comment="Field the turns come from: transcript_object, transcript_with_tool_calls or, where only "
            "that is stored, scrubbed_transcript_with_tool_calls; null without turns",
        ),
    )
    op.add_column(
        "utterances",
        sa.Column(
            "extra",
            sa.JSON,
            comment="Fields of the turn and of its words that have no column; null when there are none",
        ),
    )
    op.add_column(
        "tool_calls",
        sa.Column(
            "extra",
            sa.JSON,
            comment="Fields of invocation and result that have no column; null when there are none",
        ),
    )
    op.create_table(
        "etl_drift",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "kind",
            sa.String,
            nullable=False,
            comment="field, value (of an enum), metric (of latency) or role (in a transcript)",
        ),
        sa.Column("json_path", sa.String, nullable=False, comment="Where the payload has it, as a JSON path"),
        sa.Column(
            "value",
            sa.String,
            comment="The value, metric or role, cut to 200 characters; null for a field",
        ),
        sa.Column("occurrence_count", sa.BigInteger, nullable=False, comment="How often the payload has it"),
        sa.Column("recorded_at", sa.DateTime, nullable=False, comment="When it was loaded, UTC"),
        comment="One row per call and thing in its payload that the API is not known to send",
    )


def downgrade() -> None:
    """Drop what was added; the landed payloads still have it."""
    op.drop_table("etl_drift")
    op.drop_column("tool_calls", "extra")
    op.drop_column("utterances", "extra")
    op.drop_column("calls", "transcript_source")
