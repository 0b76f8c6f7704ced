"""The creator's business on OnlyFans: her fans, and what is sent to them."""

from flask import Blueprint

bp = Blueprint("onlyfans", __name__, url_prefix="/onlyfans")

from huntaze.blueprints.onlyfans import (  # noqa: E402
    lanes,
    messages,
    subscriber_data,
    subscriber_export,
    subscriber_imports,
    subscriber_notes,
    subscriber_tags,
    subscribers,
)

__all__ = [
    "bp",
    "lanes",
    "messages",
    "subscriber_data",
    "subscriber_export",
    "subscriber_imports",
    "subscriber_notes",
    "subscriber_tags",
    "subscribers",
]
