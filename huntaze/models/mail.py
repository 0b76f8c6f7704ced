"""Mails that wait to be sent: what is queued in a transaction is sent after it, and not lost with the mail server."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id


class Mail(Base):
    """Encrypted, because its links open accounts; deleted when it is sent."""

    __tablename__ = "mails"

    id: Mapped[Id]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(server_default="0")
    try_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]
