"""Codes and passkeys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from huntaze.schemas.base import Line, Schema, Text


def _compact(value: str) -> str:
    return "".join(value.split()).replace("-", "")


class Code(Schema):
    """A code of an authenticator app, or a recovery code, without the blanks and dashes that people write in it."""

    code: Annotated[Text, StringConstraints(min_length=1, max_length=64), AfterValidator(_compact)]
    business: Annotated[Line, Field(max_length=100)] = ""
    """A name for a new workspace, of who has none (any more)."""
    next: str = ""


class PasskeyName(Schema):
    """What a person calls a passkey, mostly the device that it is on."""

    name: Annotated[Line, Field(min_length=1, max_length=50)]


class NewPasskey(PasskeyName):
    """A passkey that a device has just made: what the browser's PublicKeyCredential says of itself, as JSON."""

    credential: str = ""


class PasskeyAnswer(Schema):
    """A passkey's answer to a challenge, as JSON."""

    credential: str = ""
    next: str = ""
