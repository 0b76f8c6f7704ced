"""The viewer, their team, their workspace, and how Huntaze looks to them."""

from flask import Blueprint

bp = Blueprint("settings", __name__, url_prefix="/settings")

from huntaze.blueprints.settings import audit, index, invitations, profile, team, tokens, workspace  # noqa: E402

__all__ = ["audit", "bp", "index", "invitations", "profile", "team", "tokens", "workspace"]
