"""What is typed to a fan: a draft, a saved text."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from huntaze.models.draft import LONGEST
from huntaze.schemas.base import Line, Optional, Schema, Text
from huntaze.schemas.message import Draft, MediaId

MOST_MEDIA = 100


class DraftChange(Schema):
    """What stands in the composer, right or wrong."""

    model_config = ConfigDict(str_strip_whitespace=False, extra="ignore")

    text: Annotated[Text, Field(max_length=LONGEST)] = ""
    price: Annotated[Line, Field(max_length=20)] = ""
    media: list[MediaId] = Field(default_factory=list, max_length=MOST_MEDIA)


class NewSavedReply(Schema):
    """A text to write again: {name} and {username} become the fan's."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    body: Annotated[Text, Field(min_length=1, max_length=5000)]


class Reply(Draft):
    """A message to the fan of a conversation. key: the same key is the same message, however often it comes.

    at: when it is to go out, if not now. cancel_on_reply: not if the fan writes before that.
    """

    at: Annotated[datetime | None, Optional] = None
    cancel_on_reply: bool = False
    key: Annotated[UUID | None, Optional] = None

    def in_zone(self, zone: tzinfo) -> Reply:
        """With a time that says its zone: one that does not is of this one."""
        if self.at is None or self.at.tzinfo is not None:
            return self
        return self.model_copy(update={"at": self.at.replace(tzinfo=zone)})
