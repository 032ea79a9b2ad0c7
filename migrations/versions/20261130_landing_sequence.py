"""What is newer is told by a number that no clock can break, not by the time of an answer.

Revision: 20261130_landing_sequence, after 20261130_real_payloads.

What earlier versions loaded is numbered in the order of its times, before all that is landed from now on: so
a call that a clock once stamped with a time to come is replaced by the next fetch.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_landing_sequence"
down_revision = "20261130_real_payloads"
branch_labels = None
depends_on = None

# Whether the step loses rows: the warehouse is copied beside itself before such a step.
destructive_upgrade = False
# Numbers are read from what is landed again.
destructive_downgrade = True

_COLUMNS = {
    "calls": {
        "sequence": (
            "extracted_at",
            "Number of that answer: of two answers for a call the one with the greater number is newer",
        ),
        "deleted_sequence": (
            "deleted_at_source_at",
            "Number of the answer that first said so; null while the call is there",
        ),
    },
    "etl_outcomes": {
        "fetched_sequence": ("fetched_at", "Number of that answer"),
        "listed_sequence": ("listed_at", "Number of what that listing said"),
        "given_sequence": ("given_at", "Number of the moment at which a run was last given the id"),
    },
    "etl_rejects": {"sequence": ("rejected_at", "Number of the answer that brought it last")},
}


def upgrade() -> None:
    """Add the numbers, and fill them from the times."""
    for table, added in _COLUMNS.items():
        for name, (_, comment) in added.items():
            op.add_column(table, sa.Column(name, sa.BigInteger, comment=comment))
    for table, added in _COLUMNS.items():
        for name, (moment, _) in added.items():
            op.execute(f"update {table} set {name} = epoch_us({moment}) - 4611686018427387904")


def downgrade() -> None:
    """Drop the numbers."""
    for table, added in _COLUMNS.items():
        for name in reversed(added):
            op.drop_column(table, name)
