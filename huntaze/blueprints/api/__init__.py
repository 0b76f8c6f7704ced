"""The JSON API: the same services, schemas and rules as the pages."""

from flask import Blueprint

bp = Blueprint("api", __name__, url_prefix="/api")

from huntaze.blueprints.api import analytics, chatbot, management, messages, onlyfans, openapi  # noqa: E402

__all__ = ["analytics", "bp", "chatbot", "management", "messages", "onlyfans", "openapi"]
