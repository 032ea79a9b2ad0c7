"""${message}

Revision: ${up_revision}, after ${down_revision | comma,n}.
"""

import sqlalchemy as sa
from alembic import op

revision = "${up_revision}"
down_revision = "${down_revision}"
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

# Whether the step loses rows: the warehouse is copied beside itself before such a step.
destructive_upgrade = False
destructive_downgrade = True


def upgrade() -> None:
    """Say what is true afterwards."""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """Say what is lost."""
    ${downgrades if downgrades else "raise NotImplementedError"}
