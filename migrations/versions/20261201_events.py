"""Events that the API pushes are recorded, and a call says which of them brought its payload.

Revision: 20261201_events, after 20261201_drift_first_seen.

Every call that is there was asked for.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_events"
down_revision = "20261201_drift_first_seen"
branch_labels = None
depends_on = None

# Whether the step loses rows: which events came is known from what is landed, once that is loaded again.
destructive_upgrade = False
destructive_downgrade = True
# Whether what it adds is empty, for calls that are there, until their payloads are loaded again.
filled_by_replay = False


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column(
        "calls",
        sa.Column(
            "event",
            sa.String,
            comment="Event that brought this payload, such as call_analyzed; null where the API was asked",
        ),
    )
    op.create_table(
        "call_events",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "event",
            sa.String,
            nullable=False,
            comment="What happened, as the API calls it: call_ended, transfer_bridged and the like",
        ),
        sa.Column(
            "event_key",
            sa.String,
            nullable=False,
            comment="What the event has again when it is sent again",
        ),
        sa.Column("received_at", sa.DateTime, nullable=False, comment="When it was received first, UTC"),
        sa.Column(
            "sequence",
            sa.BigInteger,
            comment="Number of that moment: of two events the one with the greater number came later",
        ),
        sa.Column(
            "transfer_destination",
            sa.JSON,
            comment="Where the call is transferred to, as sent; null for other events",
        ),
        sa.Column(
            "transfer_option",
            sa.JSON,
            comment="How the call is transferred, as sent; null for other events",
        ),
        sa.Column("loaded_at", sa.DateTime, nullable=False, comment="When it was loaded, UTC"),
        sa.Column("load_id", sa.String, nullable=False, comment="Load that loaded it"),
        comment="One row per event of a call that was received, however often it was sent",
    )
    op.create_table(
        "etl_events",
        sa.Column("chunk_id", sa.String, nullable=False, comment="Chunk that the events are landed in"),
        sa.Column("event", sa.String, nullable=False, comment="What happened, as the API calls it"),
        sa.Column(
            "event_count",
            sa.BigInteger,
            nullable=False,
            comment="How many of these events were received, repeated ones included",
        ),
        sa.Column(
            "first_id",
            sa.String,
            nullable=False,
            comment="A call, chat or event that one of them tells of",
        ),
        sa.Column(
            "first_received_at",
            sa.DateTime,
            nullable=False,
            comment="When the first of them was received, UTC",
        ),
        sa.Column(
            "last_received_at",
            sa.DateTime,
            nullable=False,
            comment="When the last of them was received, UTC",
        ),
        comment="One row per chunk and kind of event: how many came, also of those that become no rows",
    )


def downgrade() -> None:
    """Drop what was added."""
    op.drop_table("etl_events")
    op.drop_table("call_events")
    op.drop_column("calls", "event")
