"""The tables. Import a model from its own module; this one makes the metadata complete."""

from huntaze.models import notification, rollup, sign_in, subscriber, tick, transaction, user, workspace
from huntaze.models.base import Base

__all__ = ["Base", "notification", "rollup", "sign_in", "subscriber", "tick", "transaction", "user", "workspace"]
