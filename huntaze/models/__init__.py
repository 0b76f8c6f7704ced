"""The tables. Import a model from its own module; this one makes the metadata complete."""

from huntaze.models import (
    audit,
    invitation,
    mail,
    notification,
    second_factor,
    sign_in,
    subscriber,
    tick,
    tombstone,
    transaction,
    user,
    workspace,
)
from huntaze.models.base import Base

__all__ = [
    "Base",
    "audit",
    "invitation",
    "mail",
    "notification",
    "second_factor",
    "sign_in",
    "subscriber",
    "tick",
    "tombstone",
    "transaction",
    "user",
    "workspace",
]
