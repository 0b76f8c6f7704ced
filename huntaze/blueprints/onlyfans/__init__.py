"""The creator's business on OnlyFans: her fans, so far."""

from flask import Blueprint

bp = Blueprint("onlyfans", __name__, url_prefix="/onlyfans")

from huntaze.blueprints.onlyfans import (  # noqa: E402
    subscriber_data,
    subscriber_export,
    subscriber_imports,
    subscriber_notes,
    subscriber_tags,
    subscribers,
)

__all__ = [
    "bp",
    "subscriber_data",
    "subscriber_export",
    "subscriber_imports",
    "subscriber_notes",
    "subscriber_tags",
    "subscribers",
]
