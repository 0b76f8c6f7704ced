"""CSV imports: the files, what became of their rows, and the platform's own id of a subscriber."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261126_1100"
down_revision = "20261126_1040"
branch_labels = None
depends_on = None

TABLES = ("imports", "import_chunks", "import_rows")
STATES = ("uploading", "checking", "ready", "unreadable", "running", "done", "undoing", "undone")


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("platform_id", sa.Text(), nullable=True))
    op.create_unique_constraint("uq_subscribers_platform_id", "subscribers", ["workspace_id", "platform_id"])
    op.create_check_constraint(
        op.f("ck_subscribers_platform_id_length"), "subscribers", "length(platform_id) BETWEEN 1 AND 64"
    )
    op.create_table(
        "imports",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        _count("size"),
        sa.Column("state", _choice("state", *STATES), server_default="uploading", nullable=False),
        sa.Column("locale", sa.Text(), server_default="en", nullable=False),
        _count("revision"),
        sa.Column("settings", JSONB(), server_default="{}", nullable=False),
        sa.Column("head", JSONB(), server_default="{}", nullable=False),
        sa.Column("problems", JSONB(), server_default="[]", nullable=False),
        sa.Column("failure", JSONB(), nullable=True),
        *(_count(name) for name in ("total", "done", "added", "changed", "unchanged", "refused")),
        _now("touched_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        _now("created_at"),
        sa.CheckConstraint("length(file_name) <= 255", name=op.f("ck_imports_file_name_length")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_imports_author_id_users"), ondelete="SET NULL"
        ),
        _of_workspace("imports"),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_newest", "imports", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_imports_at_work",
        "imports",
        ["touched_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('uploading', 'checking', 'running', 'undoing')"),
    )
    op.create_table(
        "import_chunks",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _of_workspace("import_chunks"),
        _of_import("import_chunks"),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "number", name=op.f("pk_import_chunks")),
    )
    op.create_table(
        "import_rows",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("outcome", _choice("outcome", "added", "changed", "refused"), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("cells", JSONB(), nullable=True),
        sa.Column("problems", JSONB(), nullable=True),
        _now("stored_at"),
        _of_workspace("import_rows"),
        _of_import("import_rows"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            name=op.f("fk_import_rows_workspace_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "import_id", "row", name=op.f("pk_import_rows")),
    )
    op.create_index(
        "ix_import_rows_subscriber",
        "import_rows",
        ["workspace_id", "subscriber_id"],
        unique=False,
        postgresql_where=sa.text("subscriber_id IS NOT NULL"),
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING (workspace_id = current_workspace())")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO huntaze_app")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("subscribers", "platform_id")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_workspace_id_workspaces")
    return sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=name, ondelete="CASCADE")


def _of_import(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_workspace_id_imports")
    return sa.ForeignKeyConstraint(
        ["workspace_id", "import_id"], ["imports.workspace_id", "imports.id"], name=name, ondelete="CASCADE"
    )
