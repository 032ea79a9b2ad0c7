"""The ledger of ids has a key by which one id is found among millions.

Revision: 20261130_flat_ledger, after 20261130_landing_sequence.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_flat_ledger"
down_revision = "20261130_landing_sequence"
branch_labels = None
depends_on = None

# Whether the step loses rows: the key follows from the id.
destructive_upgrade = False
destructive_downgrade = False


def upgrade() -> None:
    """Add the key, and fill it from the ids."""
    op.add_column(
        "etl_outcomes",
        sa.Column(
            "id_key",
            sa.BigInteger,
            comment=(
                "Half of the lower half of the id's MD5: what is compared in place of the id where one is "
                "looked for among all; null where a row was not written by a run"
            ),
        ),
    )
    op.execute("update etl_outcomes set id_key = md5_number_lower(call_id) & 4294967295")


def downgrade() -> None:
    """Drop the key."""
    op.drop_column("etl_outcomes", "id_key")
