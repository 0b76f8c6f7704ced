"""Fans who are erased: their payments stay without a name, a keyed digest keeps them out; workspaces that will go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_1120"
down_revision = "20261126_1100"
branch_labels = None
depends_on = None

PAID_BY = "fk_transactions_workspace_id_subscriber_id_subscribers"


def upgrade() -> None:
    op.create_table(
        "tombstones",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("erased_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_tombstones_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "digest", name=op.f("pk_tombstones")),
    )
    op.execute("ALTER TABLE tombstones ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY tenant ON tombstones USING (workspace_id = current_workspace())")
    op.execute("GRANT SELECT, INSERT, DELETE ON tombstones TO huntaze_app")

    op.alter_column("transactions", "subscriber_id", existing_type=sa.BigInteger(), nullable=True)
    _tie_payments_to_fans(ondelete="SET NULL (subscriber_id)")

    op.add_column("workspaces", sa.Column("delete_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("GRANT UPDATE (delete_at) ON workspaces TO huntaze_app")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (delete_at) ON workspaces FROM huntaze_app")
    op.drop_column("workspaces", "delete_at")
    _tie_payments_to_fans(ondelete=None)
    # A payment had to have a fan. One fan without a name for each workspace takes those whose fan is gone.
    op.execute(
        "INSERT INTO subscribers (workspace_id, username, archived_at)"
        " SELECT DISTINCT workspace_id, 'erased', now() FROM transactions WHERE subscriber_id IS NULL"
        " ON CONFLICT DO NOTHING"
    )
    op.execute(
        "UPDATE transactions t SET subscriber_id = s.id FROM subscribers s"
        " WHERE s.workspace_id = t.workspace_id AND s.username = 'erased' AND t.subscriber_id IS NULL"
    )
    op.alter_column("transactions", "subscriber_id", existing_type=sa.BigInteger(), nullable=False)
    op.drop_table("tombstones")


def _tie_payments_to_fans(ondelete: str | None) -> None:
    op.drop_constraint(PAID_BY, "transactions", type_="foreignkey")
    op.create_foreign_key(
        op.f(PAID_BY),
        "transactions",
        "subscribers",
        ["workspace_id", "subscriber_id"],
        ["workspace_id", "id"],
        ondelete=ondelete,
    )
