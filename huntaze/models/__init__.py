"""The tables. Import a model from its own module; this one makes the metadata complete."""

from huntaze.models import (
    account_link,
    audit,
    imports,
    invitation,
    mail,
    notification,
    rollup,
    second_factor,
    sign_in,
    subscriber,
    tick,
    tombstone,
    transaction,
    tries,
    user,
    workspace,
)
from huntaze.models.base import Base

__all__ = [
    "Base",
    "account_link",
    "audit",
    "imports",
    "invitation",
    "mail",
    "notification",
    "rollup",
    "second_factor",
    "sign_in",
    "subscriber",
    "tick",
    "tombstone",
    "transaction",
    "tries",
    "user",
    "workspace",
]
