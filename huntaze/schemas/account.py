"""Signing in and up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from huntaze.schemas.base import Email, Line, Schema, Text

GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=1024, strip_whitespace=False)]
"""One that somebody has already: taken as it is, blanks included."""
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=128, strip_whitespace=False)]
"""ASVS 6.2.1, 6.2.9: 8 to 128 characters, taken as they are."""
Token = Annotated[str, StringConstraints(max_length=100)]
"""Of a link in a mail."""


class Credentials(Schema):
    """What the log-in form says."""

    email: Annotated[Text, StringConstraints(min_length=1, max_length=254, to_lower=True)]
    password: GivenPassword
    business: Annotated[Line, Field(max_length=100)] = ""
    """A name for a new workspace, of who has none (any more)."""
    next: str = ""


class Confirmation(Schema):
    """The password once more."""

    password: GivenPassword
    next: str = ""


class TypedWorkspaceName(Schema):
    """A workspace's name typed once more, before it is deleted."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]


class NewUser(Schema):
    """A person and their first password."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    email: Email
    password: NewPassword


class Registration(NewUser):
    """A new user with a workspace of their own."""

    business: Annotated[Line, Field(min_length=1, max_length=100)]
    next: str = ""


class Opening(Schema):
    """A registration is confirmed: the link in the mail, and the password that was chosen."""

    token: Token
    password: GivenPassword


class ForgottenPassword(Schema):
    """Who forgot theirs."""

    email: Email


class PasswordReset(Schema):
    """A new password, by a link in a mail."""

    token: Token
    password: NewPassword


class PasswordChange(Schema):
    """A new password, by who knows the current one."""

    current: GivenPassword
    password: NewPassword


class EmailChange(Schema):
    """The address that an account is to have."""

    email: Email


class EmailLink(Schema):
    """The link in a mail that confirms an address."""

    token: Token
