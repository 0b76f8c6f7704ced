"""Members, invitations and API tokens, as typed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from huntaze.models.audit import Action
from huntaze.models.sign_in import TokenScope
from huntaze.models.user import Role
from huntaze.schemas.base import Email, Line, Optional, Schema


class RoleChange(Schema):
    role: Role


class NewInvitation(Schema):
    email: Email
    role: Role = Role.CHATTER


class Newcomer(Schema):
    """A person without an account who accepts an invitation; the invitation has the e-mail.

    ASVS 6.2.1, 6.2.9: a password of 8 to 128 characters, taken as they are.
    """

    token: str
    name: Annotated[Line, Field(min_length=1, max_length=100)]
    password: Annotated[str, StringConstraints(min_length=8, max_length=128, strip_whitespace=False)]


class NewToken(Schema):
    """days: how long it is good for; without a number it is until it is revoked."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    scope: TokenScope = TokenScope.READ
    days: Annotated[int | None, Optional] = Field(default=None, ge=1, le=3650)


class AuditFilter(Schema):
    """The query of the audit log: it is the URL."""

    action: Annotated[Action | None, Optional] = None
    member: Annotated[int | None, Optional] = Field(default=None, ge=1, lt=10**18)
    after: Annotated[str, Field(max_length=400)] = ""
