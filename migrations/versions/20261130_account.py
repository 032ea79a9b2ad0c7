"""Calls can be known by their numbers alone, the ledger keeps every id, and a reconciliation is recorded.

Revision: 20261130_account, after 20261130_reference.

Every call that is there was fetched whole. What a listing says of it is not known yet: `reconcile` finds out.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_account"
down_revision = "20261130_reference"
branch_labels = None
depends_on = None

# Whether the step loses rows: the warehouse is copied beside itself before such a step.
destructive_upgrade = False
destructive_downgrade = True


# What is said of the tables and columns that were there before, after and before this step.
_COMMENTS = {
    "table calls": (
        "One row per call: the newest whole payload, or what a listing says of it until that is fetched",
        "One row per call: the newest payload fetched",
    ),
    "table etl_outcomes": (
        "One row per call id that was ever given or listed: how it stands",
        "One row per call id ever asked for: its latest outcome",
    ),
    "column etl_outcomes.outcome": (
        "Settled: loaded, unchanged, not_found, deleted or rejected. To be asked for again: waiting, listed, "
        "changed, failed, or not_final by refresh",
        "loaded, unchanged, not_final, not_found, rejected or failed",
    ),
    "column etl_outcomes.fetched_at": (
        "When the API last answered for the whole call, UTC; null before that",
        "When the API last answered for it, UTC; null when that run did not ask",
    ),
}


def upgrade() -> None:
    """Add the columns and the tables."""
    for named, (comment, _) in _COMMENTS.items():
        op.execute(f"comment on {named} is '{comment}'")
    _add_to_calls()
    _add_to_outcomes()
    op.add_column(
        "etl_runs",
        sa.Column(
            "allowed_calls_per_second",
            sa.Double,
            comment="Calls a second that the account let through, where its limit held the run back; else "
            "null",
        ),
    )
    op.create_table(
        "etl_reconciliations",
        sa.Column("run_id", sa.String, nullable=False, comment="Run that compared"),
        sa.Column(
            "since_at", sa.DateTime, nullable=False, comment="First start of a call that was compared, UTC"
        ),
        sa.Column(
            "until_at",
            sa.DateTime,
            nullable=False,
            comment="Last start of a call that was compared, UTC: when the listing began",
        ),
        sa.Column(
            "proved_at",
            sa.DateTime,
            nullable=False,
            comment="When what had been found was put right, UTC",
        ),
        sa.Column(
            "listed_count",
            sa.BigInteger,
            nullable=False,
            comment="Calls that the account listed for that time",
        ),
        sa.Column(
            "unchanged_count",
            sa.BigInteger,
            nullable=False,
            comment="Of these: the warehouse had them as they were",
        ),
        sa.Column(
            "missing_count",
            sa.BigInteger,
            nullable=False,
            comment="Of these: the warehouse did not have them",
        ),
        sa.Column(
            "changed_count",
            sa.BigInteger,
            nullable=False,
            comment="Of these: the account had changed them since",
        ),
        sa.Column(
            "deleted_count",
            sa.BigInteger,
            nullable=False,
            comment="Calls of the warehouse that the account did not have any more",
        ),
        comment="One row per `reconcile` that proved that warehouse and account agree",
    )


def _add_to_calls() -> None:
    op.add_column(
        "calls",
        sa.Column(
            "detail",
            sa.String,
            server_default="whole",
            comment="whole, or listed: only what a listing says of the call is here yet, all but what was "
            "spoken",
        ),
    )
    op.add_column(
        "calls",
        sa.Column(
            "listed_hash",
            sa.String,
            comment="Hash of the part of the payload that listings have too; null until that is known",
        ),
    )
    op.add_column(
        "calls",
        sa.Column(
            "deleted_at_source_at",
            sa.DateTime,
            comment="When the API was first found not to have the call any more, UTC",
        ),
    )
    op.add_column(
        "calls",
        sa.Column(
            "is_hidden",
            sa.Boolean,
            comment="Whether views leave the call out: deleted at the source, and PIPELINE_DELETED is hide",
        ),
    )
    # In three steps: after `add column … default false` DuckDB alters the table no more in this transaction.
    op.execute("alter table calls alter column is_hidden set data type boolean using false")
    op.execute("alter table calls alter column is_hidden set default false")


def _add_to_outcomes() -> None:
    op.add_column(
        "etl_outcomes",
        sa.Column(
            "first_seen_at",
            sa.DateTime,
            comment="When the id was first given, listed or answered for, UTC",
        ),
    )
    op.add_column(
        "etl_outcomes",
        sa.Column(
            "listed_at",
            sa.DateTime,
            comment="When a listing last brought something new of it, UTC; null before that",
        ),
    )
    op.add_column(
        "etl_outcomes", sa.Column("listed_hash", sa.String, comment="Hash of what that listing said of it")
    )
    op.add_column(
        "etl_outcomes",
        sa.Column(
            "given_at",
            sa.DateTime,
            comment="When a run was last given the id, UTC; null where it is known from listings alone",
        ),
    )
    op.execute(
        """
        update etl_outcomes
        set first_seen_at = coalesce(
            (select calls.first_seen_at from calls where calls.call_id = etl_outcomes.call_id),
            fetched_at,
            recorded_at
        )
        """
    )


def downgrade() -> None:
    """Drop what was added, and what only listings know: ids and calls that were never fetched whole."""
    op.execute("create temporary table only_listed as select call_id from calls where detail = 'listed'")
    for named, (_, comment) in _COMMENTS.items():
        op.execute(f"comment on {named} is '{comment}'")
    op.drop_table("etl_reconciliations")
    op.drop_column("etl_runs", "allowed_calls_per_second")
    for column in ("given_at", "listed_hash", "listed_at", "first_seen_at"):
        op.drop_column("etl_outcomes", column)
    for column in ("is_hidden", "deleted_at_source_at", "listed_hash", "detail"):
        op.drop_column("calls", column)
    # Rows go last: DuckDB alters no table whose rows the same transaction changed.
    for table in ("calls", "latency_stats", "latency_values", "call_analysis", "call_costs", "etl_drift"):
        op.execute(f"delete from {table} where call_id in (select call_id from only_listed)")
    op.execute("delete from stored_days")
    op.execute("delete from etl_outcomes where outcome in ('waiting', 'listed')")
    op.execute("update etl_outcomes set outcome = 'loaded' where outcome = 'changed'")
    op.execute("update etl_outcomes set outcome = 'not_found' where outcome = 'deleted'")
    op.drop_table("only_listed")
