"""How often something was tried that must not be tried too often: a password, say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base


class Tries(Base):
    """One counter. `key` is a keyed hash of whose it is: the table names no address of anyone."""

    __tablename__ = "tries"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    count: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime | None]  # not before then; None: at once
    forgotten_at: Mapped[datetime]  # from then on it counts from zero
