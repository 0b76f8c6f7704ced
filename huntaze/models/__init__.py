"""The tables. Import a model from its own module; this one makes the metadata complete."""

from huntaze.models import (  # fmt: skip
    account_link,
    audit,
    mail,
    notification,
    sign_in,
    subscriber,
    tick,
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
    "mail",
    "notification",
    "sign_in",
    "subscriber",
    "tick",
    "transaction",
    "tries",
    "user",
    "workspace",
]
