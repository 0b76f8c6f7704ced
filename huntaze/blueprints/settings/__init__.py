"""The viewer, their team, their workspace, and how Huntaze looks to them."""

from flask import Blueprint

bp = Blueprint("settings", __name__, url_prefix="/settings")

from huntaze.blueprints.settings import (  # noqa: E402
    audit,
    data,
    index,
    invitations,
    platform_checks,
    platforms,
    profile,
    team,
    tokens,
    workspace,
)

__all__ = [
    "audit",
    "bp",
    "data",
    "index",
    "invitations",
    "platform_checks",
    "platforms",
    "profile",
    "team",
    "tokens",
    "workspace",
]
