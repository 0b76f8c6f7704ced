"""The creator's business on OnlyFans: her fans, so far."""

from flask import Blueprint

bp = Blueprint("onlyfans", __name__, url_prefix="/onlyfans")

from huntaze.blueprints.onlyfans import subscriber_data, subscriber_notes, subscriber_tags, subscribers  # noqa: E402

__all__ = ["bp", "subscriber_data", "subscriber_notes", "subscriber_tags", "subscribers"]
