"""Codes of an authenticator app: six digits, anew every 30 seconds (RFC 6238)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import AuthenticatorApp
from huntaze.models.user import User
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.recovery_codes import RecoveryCodeService
from huntaze.services.vault import Vault

ISSUER = "Huntaze"
WINDOW = 1
"""Steps before and after this one whose codes count: a phone's clock may be 30 seconds wrong (RFC 6238 §5.2)."""
FREE = 5
"""Wrong codes in a row without a pause; then 1, 2, 4 ... minutes, at most an hour. A guesser has 24 tries a day at
three codes of a million each: one in 38 years."""


class TotpService:
    """Whose sign-in asks for a code, and which codes are right."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.vault = Vault(secret_key, "authenticator apps")
        self.recovery_codes = RecoveryCodeService(session, secret_key)

    def new_secret(self, user_id: UserId) -> bytes:
        """A secret to be set up, sealed for that person."""
        return self.vault.seal(pyotp.random_base32().encode(), _context(user_id))

    def secret(self, user_id: UserId, sealed: bytes) -> str | None:
        """The secret in base 32, or None if it was not sealed for that person."""
        plain = self.vault.open(sealed, _context(user_id))
        return plain.decode() if plain else None

    def turn_on(self, user_id: UserId, sealed: bytes, code: str) -> list[str]:
        """From now on a sign-in asks for a code. Returns the recovery codes.

        `code` shows that the app has the secret. Raises Invalid when it is wrong, Conflict when it is on already.
        """
        step = _step(self.secret(user_id, sealed), code)
        if step is None:
            raise Invalid({"code": [Problem("wrong_code")]})
        added = (
            insert(AuthenticatorApp)
            .values(user_id=user_id, secret=sealed, last_step=step)
            .on_conflict_do_nothing()
            .returning(AuthenticatorApp.user_id)
        )
        if self.session.scalar(added) is None:
            raise Conflict({"_": [Problem("second_factor_on")]})
        return self.recovery_codes.renew(user_id)

    def turn_off(self, user_id: UserId) -> bool:
        """The password alone is enough again. Returns whether it was on."""
        self.recovery_codes.drop(user_id)
        off = delete(AuthenticatorApp).where(AuthenticatorApp.user_id == user_id).returning(AuthenticatorApp.user_id)
        return self.session.scalar(off) is not None

    def let_in(self, email: str) -> None:
        """Turns it off for someone who has lost both phone and recovery codes. Raises NotFound without an account."""
        user_id = self.session.scalar(select(User.id).where(User.email == email.lower()))
        if user_id is None:
            raise NotFound(email)
        self.turn_off(UserId(user_id))

    def on_since(self, user_id: UserId) -> datetime | None:
        """When it was turned on; None when it is off."""
        return self.session.scalar(select(AuthenticatorApp.created_at).where(AuthenticatorApp.user_id == user_id))

    def count_attempt(self, user_id: UserId) -> None:
        """Counts a code that is about to be tried, in a transaction that the caller commits first: of many at the
        same time no more are tried than one after the other. Raises Invalid while it is too early."""
        now, nth = datetime.now(UTC), AuthenticatorApp.failures + 1
        pause = func.least(60, func.power(2, func.least(nth - FREE, 6))) * timedelta(minutes=1)
        counted = (
            update(AuthenticatorApp)
            .where(AuthenticatorApp.user_id == user_id, AuthenticatorApp.try_at <= now)
            .values(failures=nth, try_at=case((nth < FREE, AuthenticatorApp.try_at), else_=now + pause))
            .returning(AuthenticatorApp.user_id)
        )
        if self.session.scalar(counted) is not None:
            return
        try_at = self.session.scalar(select(AuthenticatorApp.try_at).where(AuthenticatorApp.user_id == user_id))
        if try_at is not None:
            minutes = -((now - try_at) // timedelta(minutes=1))
            raise Invalid({"code": [Problem("too_many_codes", {"minutes": max(1, minutes)})]})

    def use(self, user_id: UserId, code: str) -> bool:
        """Whether the code is right, and later than the last one that was taken: each is taken once."""
        sealed = self.session.scalar(select(AuthenticatorApp.secret).where(AuthenticatorApp.user_id == user_id))
        step = _step(self.secret(user_id, sealed) if sealed else None, code)
        taken = (
            update(AuthenticatorApp)
            .where(AuthenticatorApp.user_id == user_id, AuthenticatorApp.last_step < (-1 if step is None else step))
            .values(last_step=step, failures=0, try_at=func.now())
            .returning(AuthenticatorApp.user_id)
        )
        return self.session.scalar(taken) is not None


def address(secret: str, email: str) -> str:
    """The otpauth: address that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def _step(secret: str | None, code: str) -> int | None:
    """The step whose code this is, among those that count now."""
    if secret is None or not code.isascii():
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=datetime.now(UTC), valid_window=WINDOW)
    except OTPVerificationError:
        return None


def _context(user_id: UserId) -> str:
    return f"authenticator_apps:{user_id}"
