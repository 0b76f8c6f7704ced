"""Platform accounts: questions to the platform that a person waits for, and accounts whose data is being erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_1620"
down_revision = "20261126_1600"
branch_labels = None
depends_on = None

TROUBLES = (
    "key_refused", "forbidden", "missing", "session_expired", "limited", "unreachable", "garbled", "no_account",
    "other_account",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("platform_accounts", sa.Column("erase_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "platform_checks",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("platform", _choice("platform", "onlyfans"), nullable=False),
        sa.Column("question", _choice("question", "connect", "replace", "test"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", _choice("state", "waiting", "good", "failed"), server_default="waiting", nullable=False),
        sa.Column("trouble", _choice("trouble", *TROUBLES), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", JSONB(), server_default="[]", nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["users.id"], name=op.f("fk_platform_checks_asked_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_platform_checks_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"], ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_platform_checks_workspace_id_platform_accounts"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_platform_checks")),
    )  # fmt: skip
    op.create_index(
        "ix_platform_checks_waiting",
        "platform_checks",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.execute("ALTER TABLE platform_checks ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY tenant ON platform_checks USING (workspace_id = current_workspace())")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON platform_checks TO huntaze_app")


def downgrade() -> None:
    op.drop_table("platform_checks")
    op.drop_column("platform_accounts", "erase_asked_at")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)
