"""The tables. Import a model from its own module; this one makes the metadata complete."""

from huntaze.models import audit, imports, mail, notification, sign_in, subscriber, tick, transaction, user, workspace
from huntaze.models.base import Base

__all__ = [
    "Base",
    "audit",
    "imports",
    "mail",
    "notification",
    "sign_in",
    "subscriber",
    "tick",
    "transaction",
    "user",
    "workspace",
]
