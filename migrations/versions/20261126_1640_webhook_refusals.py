"""How often an account's webhook was posted to without a right signature."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_1640"
down_revision = "20261126_1620"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_refusals",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_webhook_refusals_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_webhook_refusals_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "day", name=op.f("pk_webhook_refusals")),
    )
    op.execute("ALTER TABLE webhook_refusals ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY tenant ON webhook_refusals USING (workspace_id = current_workspace())")
    op.execute("GRANT SELECT, DELETE ON webhook_refusals TO huntaze_app")


def downgrade() -> None:
    op.drop_table("webhook_refusals")
