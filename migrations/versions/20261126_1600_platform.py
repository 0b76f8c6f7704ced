"""Platform accounts, what is read of them, what happened, and to which account fans and payments belong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_1600"
down_revision = "20261126_1500"
branch_labels = None
depends_on = None


TABLES = (
    "platform_accounts",
    "payouts",
    "sync_states",
    "tracking_links",
    "vault_items",
    "webhook_deliveries",
    "conversations",
    "domain_events",
    "subscription_periods",
    "messages",
)
TYPES = ("subscription", "renewal", "tip", "message", "ppv", "post", "stream", "referral", "chargeback")


def upgrade() -> None:
    op.create_table(
        "platform_accounts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "platform",
            sa.Enum("onlyfans", name="platform", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("display_name", sa.Text(), server_default="", nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("webhook_hash", sa.LargeBinary(), nullable=False),
        sa.Column("webhook_secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "health",
            sa.Enum(
                "connected",
                "key_refused",
                "forbidden",
                "missing",
                "session_expired",
                "limited",
                "unreachable",
                "garbled",
                "disconnected",
                name="health",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="connected",
            nullable=False,
        ),
        sa.Column("health_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credits_left", sa.BigInteger(), nullable=True),
        sa.Column("minute_limit", sa.BigInteger(), nullable=True),
        sa.Column("minute_left", sa.BigInteger(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("policy_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("policy_accepted_by", sa.BigInteger(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "key_sealed IS NOT NULL OR health = 'disconnected'", name=op.f("ck_platform_accounts_key")
        ),
        sa.CheckConstraint(
            "length(external_id) BETWEEN 1 AND 100", name=op.f("ck_platform_accounts_external_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["policy_accepted_by"],
            ["users.id"],
            name=op.f("fk_platform_accounts_policy_accepted_by_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_platform_accounts_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_platform_accounts")),
        sa.UniqueConstraint("webhook_hash", name=op.f("uq_platform_accounts_webhook_hash")),
        sa.UniqueConstraint(
            "workspace_id",
            "platform",
            "external_id",
            name=op.f("uq_platform_accounts_workspace_id_platform_external_id"),
        ),
    )
    op.create_table(
        "payouts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_payouts_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_payouts_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "platform_id", name=op.f("pk_payouts")),
    )
    op.create_table(
        "sync_states",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "resource",
            sa.Enum(
                "fans_active",
                "fans_expired",
                "transactions",
                "chargebacks",
                "chats",
                "messages",
                "payouts",
                "media",
                "links",
                "sweep",
                name="resource",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest_in_pass", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_sync_states_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_sync_states_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "resource", name=op.f("pk_sync_states")),
    )
    op.create_table(
        "tracking_links",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("fans", sa.BigInteger(), nullable=False),
        sa.Column("revenue_cents", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_tracking_links_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_tracking_links_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "platform_id", name=op.f("pk_tracking_links")),
    )
    op.create_table(
        "vault_items",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.BigInteger(), nullable=True),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_vault_items_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_vault_items_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", "platform_id", name=op.f("pk_vault_items")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_webhook_deliveries_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_webhook_deliveries_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "workspace_id",
            "account_id",
            "reference",
            name=op.f("uq_webhook_deliveries_workspace_id_account_id_reference"),
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_received",
        "webhook_deliveries",
        ["workspace_id", "account_id", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["workspace_id", "account_id", "id"],
        unique=False,
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_table(
        "conversations",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("can_send", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("platform_unread", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("behind", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            name=op.f("fk_conversations_workspace_id_account_id_platform_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            name=op.f("fk_conversations_workspace_id_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_conversations_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "workspace_id", "subscriber_id", name=op.f("uq_conversations_workspace_id_subscriber_id")
        ),
    )
    op.create_index(
        "ix_conversations_behind",
        "conversations",
        ["workspace_id", "account_id", "last_message_at"],
        unique=False,
        postgresql_where=sa.text("behind"),
    )
    op.create_index(
        "ix_conversations_newest", "conversations", ["workspace_id", "last_message_at", "id"], unique=False
    )
    op.create_table(
        "domain_events",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "subscribed",
                "renewed",
                "expired",
                "tip",
                "purchase",
                "message",
                "chargeback",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            name=op.f("fk_domain_events_workspace_id_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_domain_events_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_domain_events")),
        sa.UniqueConstraint(
            "workspace_id", "kind", "reference", name=op.f("uq_domain_events_workspace_id_kind_reference")
        ),
    )
    op.create_index("ix_domain_events_newest", "domain_events", ["workspace_id", "occurred_at", "id"], unique=False)
    op.create_index(
        "ix_domain_events_subscriber",
        "domain_events",
        ["workspace_id", "subscriber_id", "occurred_at", "id"],
        unique=False,
    )
    op.create_table(
        "subscription_periods",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_cents", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            name=op.f("fk_subscription_periods_workspace_id_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_subscription_periods_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "subscriber_id", "started_at", name=op.f("pk_subscription_periods")),
    )
    op.create_table(
        "messages",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column(
            "direction",
            sa.Enum("inbound", "outbound", name="direction", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("price_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_tip", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("media_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_opened", sa.Boolean(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_messages_price")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "conversation_id"],
            ["conversations.workspace_id", "conversations.id"],
            name=op.f("fk_messages_workspace_id_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_messages_workspace_id_workspaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "workspace_id",
            "conversation_id",
            "platform_id",
            name=op.f("uq_messages_workspace_id_conversation_id_platform_id"),
        ),
    )
    op.create_index(
        "ix_messages_conversation", "messages", ["workspace_id", "conversation_id", "sent_at", "id"], unique=False
    )
    op.add_column("subscribers", sa.Column("account_id", sa.BigInteger(), nullable=True))
    op.add_column("subscribers", sa.Column("renews", sa.Boolean(), nullable=True))
    op.add_column("subscribers", sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscribers", sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("uq_subscribers_platform_id"), "subscribers", type_="unique")
    op.create_index(
        "uq_subscribers_platform_id",
        "subscribers",
        ["workspace_id", "platform_id", "account_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("platform_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("uq_subscribers_workspace_id_username"), "subscribers", type_="unique")
    op.create_index(
        "uq_subscribers_workspace_id_username",
        "subscribers",
        ["workspace_id", "username", "account_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_subscribers_account",
        "subscribers",
        ["workspace_id", "account_id", "id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_subscribers_workspace_id_account_id_platform_accounts"),
        "subscribers",
        "platform_accounts",
        ["workspace_id", "account_id"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    op.add_column("transactions", sa.Column("account_id", sa.BigInteger(), nullable=True))
    op.add_column("transactions", sa.Column("platform_id", sa.Text(), nullable=True))
    op.add_column("transactions", sa.Column("reverses", sa.Text(), nullable=True))
    op.add_column("transactions", sa.Column("vat_cents", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_transactions_reverses",
        "transactions",
        ["workspace_id", "account_id", "reverses"],
        unique=False,
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )
    op.create_unique_constraint(
        op.f("uq_transactions_workspace_id_account_id_platform_id"),
        "transactions",
        ["workspace_id", "account_id", "platform_id"],
    )
    op.create_foreign_key(
        op.f("fk_transactions_workspace_id_account_id_platform_accounts"),
        "transactions",
        "platform_accounts",
        ["workspace_id", "account_id"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (workspace_id = current_workspace())")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO huntaze_app")
    _allow_types(*TYPES, "other")


def downgrade() -> None:
    op.execute("UPDATE transactions SET type = 'message' WHERE type = 'other'")
    op.execute("DELETE FROM daily_earnings WHERE type = 'other'")
    _allow_types(*TYPES)
    op.drop_constraint(
        op.f("fk_transactions_workspace_id_account_id_platform_accounts"), "transactions", type_="foreignkey"
    )
    op.drop_constraint(op.f("uq_transactions_workspace_id_account_id_platform_id"), "transactions", type_="unique")
    op.drop_index("ix_transactions_reverses", table_name="transactions")
    op.drop_column("transactions", "vat_cents")
    op.drop_column("transactions", "reverses")
    op.drop_column("transactions", "platform_id")
    op.drop_column("transactions", "account_id")
    op.drop_constraint(
        op.f("fk_subscribers_workspace_id_account_id_platform_accounts"), "subscribers", type_="foreignkey"
    )
    op.drop_index("ix_subscribers_account", table_name="subscribers")
    op.drop_index("uq_subscribers_workspace_id_username", table_name="subscribers")
    op.drop_index("uq_subscribers_platform_id", table_name="subscribers")
    # A person who was a fan of two accounts had two rows of the same name and id.
    op.execute(
        "UPDATE subscribers s SET username = left(username, 80) || '.' || id, platform_id = NULL WHERE EXISTS ("
        "SELECT FROM subscribers o WHERE o.workspace_id = s.workspace_id AND o.id < s.id"
        " AND (o.username = s.username OR o.platform_id = s.platform_id))"
    )
    op.create_unique_constraint(
        op.f("uq_subscribers_workspace_id_username"), "subscribers", ["workspace_id", "username"]
    )
    op.create_unique_constraint(op.f("uq_subscribers_platform_id"), "subscribers", ["workspace_id", "platform_id"])
    op.drop_column("subscribers", "vanished_at")
    op.drop_column("subscribers", "listed_at")
    op.drop_column("subscribers", "renews")
    op.drop_column("subscribers", "account_id")
    for table in reversed(TABLES):
        op.drop_table(table)


def _allow_types(*types: str) -> None:
    listed = ", ".join(f"'{type_}'" for type_ in types)
    for table in ("transactions", "daily_earnings"):
        op.drop_constraint(op.f(f"ck_{table}_type"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_type"), table, f"type IN ({listed})")
