"""The warehouse holds what is known of disconnection reasons; tables of stored results come with the views.

Revision: 20261130_reference, after 20261123_stored_results.

The rows of known_disconnection_reasons, and the tables of stored results, are made again whenever views are
applied: they are as the version of the package that applied them says.
"""

from types import ModuleType

import sqlalchemy as sa
from alembic import op

revision = "20261130_reference"
down_revision = "20261123_stored_results"
branch_labels = None
depends_on = None

# Whether the step loses rows: what is dropped comes from files of the package, or is computed again.
destructive_upgrade = False
destructive_downgrade = False


def upgrade() -> None:
    """Create the reference, and leave the tables of results to the views."""
    op.create_table(
        "known_disconnection_reasons",
        sa.Column("disconnection_reason", sa.String, nullable=False, comment="Reason as the API sends it"),
        sa.Column(
            "category",
            sa.String,
            nullable=False,
            comment="completed, transferred, automated_answer, timeout, not_connected, capacity_or_account, "
            "platform_error or operator",
        ),
        sa.Column(
            "reached",
            sa.String,
            comment="What the reason says that the call reached: nobody, voicemail, ivr or transfer_target; "
            "null where it does not say",
        ),
        sa.Column("is_documented", sa.Boolean, comment="Whether a page of the API lists the reason"),
        sa.Column(
            "source",
            sa.String,
            nullable=False,
            comment="Where the reason is listed: v1 reference, reference or SDK types",
        ),
        comment="One row per disconnection reason that is known, with what it means",
    )
    _drop_results()


def downgrade() -> None:
    """Drop the reference, and create the tables of results as the previous revision has them."""
    _drop_results()
    _previous().create_results()
    op.drop_table("known_disconnection_reasons")


def _drop_results() -> None:
    # They are there once views have been applied, which no migration does.
    for view in _previous().STORED:
        op.drop_table(f"stored_{view}", if_exists=True)
    op.execute("delete from stored_days")


def _previous() -> ModuleType:
    scripts = op.get_context().script
    assert scripts is not None
    return scripts.get_revisions(down_revision)[0].module
