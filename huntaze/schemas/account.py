"""Signing in and up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from huntaze.schemas.base import Email, Line, Schema, Text


class Credentials(Schema):
    """What the log-in form says. The password is taken as it is, blanks included."""

    email: Annotated[Text, StringConstraints(min_length=1, max_length=254, to_lower=True)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024, strip_whitespace=False)]
    business: Annotated[Line, Field(max_length=100)] = ""
    """A name for a new workspace, of who has none (any more)."""
    next: str = ""


class Confirmation(Schema):
    """The password once more."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=1024, strip_whitespace=False)]
    next: str = ""


class TypedWorkspaceName(Schema):
    """A workspace's name typed once more, before it is deleted."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]


class NewUser(Schema):
    """A person and their first password (ASVS 6.2.1, 6.2.9: 8 to 128 characters, taken as they are)."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    email: Email
    password: Annotated[str, StringConstraints(min_length=8, max_length=128, strip_whitespace=False)]


class Registration(NewUser):
    """A new user with a workspace of their own."""

    business: Annotated[Line, Field(min_length=1, max_length=100)]
    next: str = ""
