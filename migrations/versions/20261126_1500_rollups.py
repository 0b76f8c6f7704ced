"""Rollups: what each day earned and whom it brought, kept by triggers, and the indexes of the dashboard's lists."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "20261126_1500"
down_revision = "20261126_1120"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parents[1] / "functions"
ROLLUPS = ("daily_earnings", "daily_subscribers")
KINDS = {"transactions": "earnings", "subscribers": "subscribers"}
NAMES = {
    "INSERT": "REFERENCING NEW TABLE AS came",
    "UPDATE": "REFERENCING OLD TABLE AS went NEW TABLE AS came",
    "DELETE": "REFERENCING OLD TABLE AS went",
}


def upgrade() -> None:
    op.create_table(
        "daily_earnings",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "subscription",
                "renewal",
                "tip",
                "message",
                "ppv",
                "post",
                "stream",
                "referral",
                "chargeback",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.Column("folded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_daily_earnings_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_daily_earnings")),
    )
    op.create_index("ix_daily_earnings_day", "daily_earnings", ["workspace_id", "day", "type"])
    op.create_table(
        "daily_subscribers",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "event",
            sa.Enum("joined", "renews", name="event", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "expired",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("fans", sa.BigInteger(), nullable=False),
        sa.Column("folded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_daily_subscribers_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_daily_subscribers")),
    )
    op.create_index("ix_daily_subscribers_day", "daily_subscribers", ["workspace_id", "event", "day", "status"])
    for table in ROLLUPS:
        op.create_index(f"ix_{table}_unfolded", table, ["workspace_id"], postgresql_where=sa.text("NOT folded"))
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (workspace_id = current_workspace())")
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO huntaze_app")

    op.create_index("ix_transactions_newest", "transactions", ["workspace_id", "occurred_at", "id"])
    op.create_index(
        "ix_subscribers_renews",
        "subscribers",
        ["workspace_id", "renews_at", "id"],
        postgresql_where=sa.text("archived_at IS NULL"),
    )

    op.execute((FUNCTIONS / "20261126_days.sql").read_text())
    for table, kind in KINDS.items():
        for event, names in NAMES.items():
            op.execute(
                f"CREATE TRIGGER days_{event.lower()} AFTER {event} ON {table} {names}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION note_days('{kind}')"
            )
    op.execute(
        "CREATE TRIGGER days_move AFTER UPDATE OF time_zone ON workspaces FOR EACH ROW"
        " WHEN (old.time_zone IS DISTINCT FROM new.time_zone) EXECUTE FUNCTION rebuild_days()"
    )
    op.execute("SELECT rebuild_days(id) FROM workspaces")


def downgrade() -> None:
    op.execute("DROP TRIGGER days_move ON workspaces")
    for table in KINDS:
        for event in NAMES:
            op.execute(f"DROP TRIGGER days_{event.lower()} ON {table}")
    for function in (
        "rebuild_days()",
        "rebuild_days(bigint)",
        "note_days()",
        "keep_days(bigint)",
        "subscribers_by_day(text)",
        "earnings_by_day(text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("ix_subscribers_renews", "subscribers")
    op.drop_index("ix_transactions_newest", "transactions")
    for table in ROLLUPS:
        op.drop_table(table)
