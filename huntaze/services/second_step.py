"""Between the password and the session of someone who has a second factor."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, insert, literal, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import ATTEMPTS, HALFWAY, HalfSignIn
from huntaze.models.user import User
from huntaze.services.errors import Invalid, NotFound, Problem
from huntaze.services.recovery_codes import RecoveryCodeService
from huntaze.services.totp import TotpService


@dataclass(frozen=True, slots=True)
class Halfway:
    """Someone who gave the right password. codes_left: None unless a recovery code was used."""

    id: int
    user_id: UserId
    name: str
    email: str
    codes_left: int | None = None


class SecondStepService:
    """Works through the system door: nobody has a workspace yet."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.totp = TotpService(session, secret_key)
        self.recovery_codes = RecoveryCodeService(session, secret_key)

    def start(self, user_id: UserId) -> str | None:
        """After the right password: the token of what is half a sign-in, or None where the password is enough."""
        if self.totp.on_since(user_id) is None:
            return None
        token = secrets.token_urlsafe(32)
        half = select(literal(_hash(token)), User.id, User.password_hash).where(User.id == user_id)
        self.session.execute(insert(HalfSignIn).from_select(["token_hash", "user_id", "password_hash"], half))
        return token

    def count_attempt(self, token: str, code: str) -> Halfway:
        """Whose it is, for one attempt; the caller commits before `finish`. Raises NotFound when it is over (too
        late, too many attempts, another password), Invalid while the person has to wait."""
        counted = (
            update(HalfSignIn)
            .where(
                HalfSignIn.token_hash == _hash(token),
                HalfSignIn.attempts < ATTEMPTS,
                HalfSignIn.created_at > datetime.now(UTC) - HALFWAY,
                HalfSignIn.user_id == User.id,
                HalfSignIn.password_hash == User.password_hash,
            )
            .values(attempts=HalfSignIn.attempts + 1)
            .returning(HalfSignIn.id, User.id.label("user_id"), User.name, User.email)
        )
        row = self.session.execute(counted).one_or_none()
        if row is None:
            raise NotFound
        half = Halfway(row.id, UserId(row.user_id), row.name, row.email)
        if _is_of_app(code):
            self.totp.count_attempt(half.user_id)
        return half

    def finish(self, half: Halfway, code: str) -> Halfway:
        """Takes the code. Raises Invalid when it is wrong or was used before, NotFound when someone was quicker."""
        of_app = _is_of_app(code)
        right = (self.totp if of_app else self.recovery_codes).use(half.user_id, code)
        if not right:
            raise Invalid({"code": [Problem("wrong_code")]})
        gone = delete(HalfSignIn).where(HalfSignIn.id == half.id).returning(HalfSignIn.id)
        if self.session.scalar(gone) is None:
            raise NotFound
        left = None if of_app else self.recovery_codes.left(half.user_id)
        return Halfway(half.id, half.user_id, half.name, half.email, left)

    def purge(self) -> int:
        """Deletes what is over; returns how many."""
        old = delete(HalfSignIn).where(HalfSignIn.created_at < datetime.now(UTC) - HALFWAY)
        return cast("CursorResult[Any]", self.session.execute(old)).rowcount


def _is_of_app(code: str) -> bool:
    return code.isdecimal() and len(code) <= 8


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
