"""A payload that is rejected again, as it was before, is one reject that was seen more than once.

Revision: 20261130_repeated_rejects, after 20261130_flat_ledger.

What was rejected before stays as it is, each once: what its payload was without secrets is not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_repeated_rejects"
down_revision = "20261130_flat_ledger"
branch_labels = None
depends_on = None

# Whether the step loses rows: how often payloads were seen, which nothing computes again.
destructive_upgrade = False
destructive_downgrade = True
# Whether what it adds is empty, for calls that are there, until their payloads are loaded again.
filled_by_replay = False

# What is said of the table and its columns after and before this step.
_COMMENTS = {
    "table etl_rejects": (
        "One row per call id and quarantined payload, however often that came",
        "One row per quarantined payload",
    ),
    "column etl_rejects.run_id": (
        "Run that brought it first, or first again after it was settled",
        "Run that fetched it",
    ),
    "column etl_rejects.rejected_at": ("When it was fetched first, UTC", "When it was fetched, UTC"),
}


def upgrade() -> None:
    """Add the columns; every reject was seen once."""
    for column in _make_columns():
        op.add_column("etl_rejects", column)
    _comment(0)
    op.execute("update etl_rejects set seen_count = 1, last_seen_at = rejected_at")


def downgrade() -> None:
    """Drop the columns."""
    _comment(1)
    for column in reversed(_make_columns()):
        op.drop_column("etl_rejects", column.name)


def _comment(place: int) -> None:
    for named, comments in _COMMENTS.items():
        quoted = comments[place].replace("'", "''")
        op.execute(f"comment on {named} is '{quoted}'")


def _make_columns() -> list[sa.Column[object]]:
    """Return the columns that the step adds; each can be added once."""
    return [
        sa.Column(
            "detail",
            sa.String,
            comment="whole, or listed for an item of a listing; null where an earlier version loaded it",
        ),
        sa.Column(
            "body_hash",
            sa.String,
            comment="Hash of the payload without its secrets; null where an earlier version landed it",
        ),
        sa.Column("seen_count", sa.Integer, comment="How often it was fetched, as it is but for its secrets"),
        sa.Column("last_seen_at", sa.DateTime, comment="When it was fetched last, UTC"),
    ]
