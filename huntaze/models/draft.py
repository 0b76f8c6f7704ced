"""What a member has typed to a fan and not sent yet."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Tenant, UserId

LONGEST = 20_000
"""Characters: more than can be sent, so that what is too long is kept until it is shortened."""


class Draft(Tenant, Base):
    """One for each member and conversation, as typed: a price may still be none, and media may be gone."""

    __tablename__ = "drafts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "conversation_id"],
            ["conversations.workspace_id", "conversations.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "user_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"length(body) <= {LONGEST}", "body_length"),
    )

    conversation_id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(primary_key=True)
    body: Mapped[str]
    price: Mapped[str] = mapped_column(server_default="")
    media: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    updated_at: Mapped[CreatedAt]
