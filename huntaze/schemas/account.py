"""Signing in and up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from huntaze.schemas.base import Email, Line, Schema


class Credentials(Schema):
    """What the log-in form says. The password is taken as it is, blanks included."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=254, to_lower=True)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024, strip_whitespace=False)]
    next: str = ""


class Registration(Schema):
    """A new user with a workspace of their own."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    business: Annotated[Line, Field(min_length=1, max_length=100)]
    email: Email
    password: Annotated[str, StringConstraints(min_length=8, max_length=128, strip_whitespace=False)]
    next: str = ""
