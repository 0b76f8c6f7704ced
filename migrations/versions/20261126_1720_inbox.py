"""The inbox: what it shows of each conversation, drafts, saved replies, and the search in messages."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "20261126_1720"
down_revision = "20261126_1700"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parents[1] / "functions"
NAMES = {
    "INSERT": "REFERENCING NEW TABLE AS came",
    "UPDATE": "REFERENCING OLD TABLE AS went NEW TABLE AS came",
    "DELETE": "REFERENCING OLD TABLE AS went",
}
OPEN = "closed_at IS NULL"
INDEXES = {
    "ix_conversations_open": (["last_message_at", "id"], OPEN),
    "ix_conversations_closed": (["last_message_at", "id"], "closed_at IS NOT NULL"),
    "ix_conversations_unread": (["last_message_at", "id"], f"unread > 0 AND {OPEN}"),
    "ix_conversations_waiting": (["waiting_since", "id"], f"waiting_since IS NOT NULL AND {OPEN}"),
    "ix_conversations_assignee": (["assignee_id", "last_message_at", "id"], "assignee_id IS NOT NULL"),
    "ix_conversations_pinned": (["pinned_at", "id"], "pinned_at IS NOT NULL"),
    "ix_conversations_snoozed": (["snoozed_until", "id"], "snoozed_until IS NOT NULL"),
    "ix_conversations_touched": (["touched_at", "id"], None),
}
TABLES = ("drafts", "saved_replies")


def upgrade() -> None:
    op.alter_column("conversations", "account_id", nullable=True)
    for name in ("waiting_since", "read_at", "pinned_at", "snoozed_until", "closed_at"):
        op.add_column("conversations", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("conversations", sa.Column("last_message_id", sa.BigInteger()))
    op.add_column("conversations", sa.Column("unread", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("assignee_id", sa.BigInteger()))
    for table in ("conversations", "messages"):
        op.add_column(table, _touched())
    op.add_column("messages", sa.Column("unsend_asked_at", sa.DateTime(timezone=True)))
    op.create_foreign_key(
        op.f("fk_conversations_workspace_id_assignee_id_memberships"),
        "conversations",
        "memberships",
        ["workspace_id", "assignee_id"],
        ["workspace_id", "user_id"],
        ondelete="SET NULL (assignee_id)",
    )
    op.drop_index("ix_conversations_newest", "conversations")
    for name, (columns, which) in INDEXES.items():
        op.create_index(
            name, "conversations", ["workspace_id", *columns], postgresql_where=sa.text(which) if which else None
        )
    op.create_index(
        "ix_messages_unsending",
        "messages",
        ["unsend_asked_at"],
        postgresql_where=sa.text("unsend_asked_at IS NOT NULL AND deleted_at IS NULL"),
    )
    op.execute(
        "CREATE INDEX ix_messages_search ON messages"
        " USING gin (workspace_id, (id >> 14), to_tsvector('simple'::regconfig, fold(body)))"
    )
    op.create_table(
        "drafts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), server_default="", nullable=False),
        sa.Column("media", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(body) <= 20000", name=op.f("ck_drafts_body_length")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_drafts_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "conversation_id"],
            ["conversations.workspace_id", "conversations.id"],
            name=op.f("fk_drafts_workspace_id_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            name=op.f("fk_drafts_workspace_id_user_id_memberships"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "conversation_id", "user_id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "saved_replies",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name=op.f("ck_saved_replies_name_length")),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 5000", name=op.f("ck_saved_replies_body_length")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_saved_replies_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_saved_replies")),
    )
    op.create_index(
        "uq_saved_replies_workspace_id_name",
        "saved_replies",
        ["workspace_id", sa.text("lower(name)")],
        unique=True,
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (workspace_id = current_workspace())")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO huntaze_app")

    for name in ("conversations", "search_messages"):
        op.execute((FUNCTIONS / f"20261126_{name}.sql").read_text())
    for event, names in NAMES.items():
        op.execute(
            f"CREATE TRIGGER inbox_{event.lower()} AFTER {event} ON messages {names}"
            " FOR EACH STATEMENT EXECUTE FUNCTION note_messages()"
        )
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION touch()")
    # What was there before anybody could read it here counts as read.
    op.execute("UPDATE conversations SET read_at = last_message_at")
    op.execute("SELECT summarise_conversations(workspace_id, array_agg(id)) FROM conversations GROUP BY workspace_id")


def downgrade() -> None:
    op.execute("DROP TRIGGER touch ON messages")
    for event in NAMES:
        op.execute(f"DROP TRIGGER inbox_{event.lower()} ON messages")
    for function in (
        "search_messages(text, integer)",
        "touch()",
        "note_messages()",
        "summarise_conversations(bigint, bigint[])",
    ):
        op.execute(f"DROP FUNCTION {function}")
    for table in TABLES:
        op.drop_table(table)
    for name in ("ix_messages_search", "ix_messages_unsending"):
        op.drop_index(name, "messages")
    for name in INDEXES:
        op.drop_index(name, "conversations")
    op.create_index("ix_conversations_newest", "conversations", ["workspace_id", "last_message_at", "id"])
    op.drop_constraint(op.f("fk_conversations_workspace_id_assignee_id_memberships"), "conversations")
    for column in ("unsend_asked_at", "touched_at"):
        op.drop_column("messages", column)
    for column in (
        "touched_at",
        "assignee_id",
        "unread",
        "last_message_id",
        "closed_at",
        "snoozed_until",
        "pinned_at",
        "read_at",
        "waiting_since",
    ):
        op.drop_column("conversations", column)
    # A chat without an account could not be told before.
    op.execute("DELETE FROM conversations WHERE account_id IS NULL")
    op.alter_column("conversations", "account_id", nullable=False)


def _touched() -> sa.Column[sa.DateTime]:
    now = sa.text("clock_timestamp()")
    return sa.Column("touched_at", sa.DateTime(timezone=True), server_default=now, nullable=False)
