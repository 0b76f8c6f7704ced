"""What every table shares: the declarative base, the ids and the tenant column."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from sqlalchemy import BigInteger, DateTime, Enum, ForeignKey, Identity, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, registry

WorkspaceId = NewType("WorkspaceId", int)
UserId = NewType("UserId", int)
Cents = NewType("Cents", int)
"""Minor units of the currency beside it (or of the workspace): never a float."""

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
Touched = Annotated[datetime, mapped_column(server_default=func.clock_timestamp())]
"""When the row last changed, by the clock and not by its transaction's beginning; a trigger keeps it."""


class Base(DeclarativeBase):
    """The declarative base. Times are aware and UTC, text has no length but in a CHECK."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: DateTime(timezone=True),
            str: Text,
            int: BigInteger,
            Cents: BigInteger,
            WorkspaceId: BigInteger,
            UserId: BigInteger,
        },
    )


class Tenant:
    """A table whose rows belong to one workspace.

    The workspace is the first column of the primary key, so that a child points at
    (workspace_id, id) and can't reach into another workspace. tests/test_catalogue.py
    checks that each of these tables has row-level security.
    """

    @declared_attr
    def workspace_id(cls) -> Mapped[WorkspaceId]:  # noqa: N805  declared_attr takes the class
        return mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, sort_order=-1)


def choice(enum: type[StrEnum], name: str) -> Enum:
    """A text column with a CHECK for the values of `enum`."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=20,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )
