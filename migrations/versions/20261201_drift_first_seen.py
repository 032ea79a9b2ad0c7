"""What the API was not known to send says itself when its call was first seen.

Revision: 20261201_drift_first_seen, after 20261130_repeated_rejects.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_drift_first_seen"
down_revision = "20261130_repeated_rejects"
branch_labels = None
depends_on = None

# Whether the step loses rows: the time is the one that the call has.
destructive_upgrade = False
destructive_downgrade = False
# Whether what it adds is empty, for calls that are there, until their payloads are loaded again.
filled_by_replay = False


def upgrade() -> None:
    """Add the time, and fill it from the calls."""
    op.add_column(
        "etl_drift",
        sa.Column("first_seen_at", sa.DateTime, comment="When the pipeline first fetched the call, UTC"),
    )
    op.execute(
        "update etl_drift set first_seen_at = calls.first_seen_at "
        "from calls where calls.call_id = etl_drift.call_id"
    )


def downgrade() -> None:
    """Drop the time."""
    op.drop_column("etl_drift", "first_seen_at")
