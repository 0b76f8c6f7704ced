"""Who asked to be erased: nothing that can be read, only what a name can be compared with."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Tenant


class Tombstone(Tenant, Base):
    """One thing by which an erased fan would be known again (user name, platform id), as a keyed digest.

    `erased_id` is the number that the fan had: it ties the digests of one person together.
    """

    __tablename__ = "tombstones"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    erased_id: Mapped[int]
    created_at: Mapped[CreatedAt]
