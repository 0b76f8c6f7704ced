"""Platform accounts, as typed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from huntaze.schemas.base import Line, Schema


class NewKey(Schema):
    """An API key of the gateway; longer than any that it gives is refused."""

    key: Annotated[Line, Field(min_length=1, max_length=500)]


class ChosenAccount(Schema):
    external_id: Annotated[Line, Field(min_length=1, max_length=100)]


class PolicyAccepted(Schema):
    version: Annotated[Line, Field(min_length=1, max_length=50)]


class Disconnection(Schema):
    """name: the account's user name, typed to confirm that its data shall go."""

    erase: bool = False
    name: Annotated[Line, Field(max_length=200)] = ""
