"""What we send: messages with a state, the lanes by which they go out, and the attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_1700"
down_revision = "20261126_1640"
branch_labels = None
depends_on = None

STATES = ("scheduled", "held", "queued", "sending", "sent", "failed", "unknown", "cancelled")
FAILURES = ("refused", "fan_gone", "no_answer", "key_mismatch", "replied")
HALTS = ("person", "limited", "unreachable", "garbled", "refusals", "key_refused", "forbidden")
OUTCOMES = ("sent", "not_sent", "unknown", "found", "not_found", "lost")
COLUMNS = (
    "settled_by", "failure", "media", "cancel_on_reply", "queued_at", "author_id", "place", "bulk", "key", "state",
    "account_id",
)  # fmt: skip
INDEXES = (
    ("uq_messages_key", ["workspace_id", "key"], "key IS NOT NULL"),
    ("ix_messages_queue", ["workspace_id", "account_id", "bulk", "place"], "state = 'queued'"),
    ("ix_messages_sending", ["workspace_id", "account_id", "conversation_id"], "state = 'sending'"),
    ("ix_messages_scheduled", ["sent_at"], "state = 'scheduled'"),
    ("ix_messages_waiting", ["workspace_id", "conversation_id"], "state IN ('scheduled', 'held', 'queued')"),
    ("ix_messages_outgoing", ["workspace_id", "id"], "key IS NOT NULL"),
    ("ix_messages_lately", ["workspace_id", "sent_at"], "key IS NOT NULL"),
    ("ix_messages_state", ["workspace_id", "account_id", "state", "id"], "key IS NOT NULL"),
)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE message_places")
    op.execute("GRANT USAGE ON SEQUENCE message_places TO huntaze_app")
    _add("account_id", sa.BigInteger())
    _add("state", _choice("state", STATES), nullable=False, server_default="sent")
    _add("key", sa.Uuid())
    _add("bulk", sa.Boolean(), nullable=False, server_default="false")
    _add("place", sa.BigInteger())
    _add("author_id", sa.BigInteger())
    _add("queued_at", sa.DateTime(timezone=True))
    _add("cancel_on_reply", sa.Boolean(), nullable=False, server_default="false")
    _add("media", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}")
    _add("failure", _choice("failure", FAILURES))
    _add("settled_by", sa.BigInteger())
    op.alter_column("messages", "platform_id", nullable=True)
    op.execute(
        "UPDATE messages AS m SET account_id = c.account_id FROM conversations AS c"
        " WHERE c.workspace_id = m.workspace_id AND c.id = m.conversation_id"
    )
    op.create_check_constraint(op.f("ck_messages_state"), "messages", _one_of("state", STATES))
    op.create_check_constraint(op.f("ck_messages_failure"), "messages", _one_of("failure", FAILURES))
    op.create_check_constraint(
        op.f("ck_messages_queued"), "messages", "state <> 'queued' OR (place IS NOT NULL AND account_id IS NOT NULL)"
    )
    op.create_check_constraint(op.f("ck_messages_key"), "messages", "state = 'sent' OR key IS NOT NULL")
    op.create_foreign_key(
        op.f("fk_messages_workspace_id_account_id_platform_accounts"),
        "messages",
        "platform_accounts",
        ["workspace_id", "account_id"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    for column in ("author_id", "settled_by"):
        op.create_foreign_key(
            op.f(f"fk_messages_{column}_users"), "messages", "users", [column], ["id"], ondelete="SET NULL"
        )
    for name, columns, where in INDEXES:
        op.create_index(name, "messages", columns, unique=name.startswith("uq"), postgresql_where=sa.text(where))

    op.create_table(
        "lanes",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default="{}", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("halt", _choice("halt", HALTS), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.BigInteger(), nullable=True),
        sa.Column("stop_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(_one_of("halt", HALTS), name=op.f("ck_lanes_halt")),
        sa.ForeignKeyConstraint(
            ["paused_by"], ["users.id"], name=op.f("fk_lanes_paused_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_lanes_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_lanes_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", name=op.f("pk_lanes")),
    )
    op.create_index("ix_lanes_worker", "lanes", ["worker_id"], postgresql_where=sa.text("worker_id IS NOT NULL"))
    op.create_table(
        "attempts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", _choice("outcome", OUTCOMES), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint(_one_of("outcome", OUTCOMES), name=op.f("ck_attempts_outcome")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_attempts_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name=op.f("fk_attempts_workspace_id_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_message", "attempts", ["workspace_id", "message_id", "id"])
    op.create_index("ix_attempts_started", "attempts", ["started_at"])
    op.create_table(
        "delivery_workers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("process", sa.Text(), server_default="", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_workers")),
    )
    for table in ("lanes", "attempts"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (workspace_id = current_workspace())")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON lanes TO huntaze_app")
    op.execute("GRANT SELECT, DELETE ON attempts TO huntaze_app")


def downgrade() -> None:
    """What was not sent is not known to the older version, and goes."""
    op.drop_table("delivery_workers")
    op.drop_table("attempts")
    op.drop_table("lanes")
    op.execute("DELETE FROM messages WHERE platform_id IS NULL")
    for name, _columns, _where in INDEXES:
        op.drop_index(name, table_name="messages")
    for column in COLUMNS:
        op.drop_column("messages", column)
    op.alter_column("messages", "platform_id", nullable=False)
    op.execute("DROP SEQUENCE message_places")


def _add(name: str, kind: sa.types.TypeEngine[object], **more: object) -> None:
    op.add_column("messages", sa.Column(name, kind, **{"nullable": True, **more}))  # type: ignore[arg-type]


def _choice(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=20)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"
