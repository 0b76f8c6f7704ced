"""The links that mails carry: who has one has read the mail, and may do one thing with it, once.

Works through the system door: who opens a link is not signed in.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from huntaze.models.account_link import LIFETIME, REGISTRATION, AccountLink, PendingAccount, Purpose
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.sign_in import SignIn
from huntaze.models.user import User
from huntaze.schemas.account import Registration
from huntaze.services.accounts import AccountService, refuse_common
from huntaze.services.errors import Invalid, NotFound, Problem
from huntaze.services.passwords import hash_password, verify_password
from huntaze.services.sign_in import hash_token


class AccountLinkService:
    """Tokens leave this class once, in the clear, for a mail; what is stored is their hash."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def owner_of(self, email: str) -> User | None:
        """Who signs in with this e-mail."""
        return self.session.scalar(select(User).where(User.email == email))

    def issue(self, user_id: UserId, purpose: Purpose, email: str) -> str:
        """The token of a link for a mail to `email`. The one before it opens nothing any more."""
        token = secrets.token_urlsafe(32)
        values = {"token_hash": hash_token(token), "email": email, "created_at": func.now()}
        link = insert(AccountLink).values(user_id=user_id, purpose=purpose, **values)
        self.session.execute(link.on_conflict_do_update(index_elements=["user_id", "purpose"], set_=values))
        return token

    def find(self, token: str, purpose: Purpose) -> AccountLink:
        """What the link is about; looking uses nothing up. Raises NotFound for one that is over, or never was."""
        link = self.session.scalar(
            select(AccountLink).where(
                AccountLink.token_hash == hash_token(token),
                AccountLink.purpose == purpose,
                AccountLink.created_at > datetime.now(UTC) - LIFETIME[purpose],
            )
        )
        if link is None:
            raise NotFound(purpose)
        return link

    def reset_password(self, token: str, password: str) -> User:
        """Sets a forgotten password and ends all sessions: whoever else was in must go. Opens none itself,
        and leaves second factors and API tokens alone.

        Raises NotFound for a link that is over, Invalid for a password that many use (the link stays good).
        """
        refuse_common(password)
        user = self._use(token, Purpose.PASSWORD)
        user.password_hash = hash_password(password)
        user.email_confirmed_at = user.email_confirmed_at or datetime.now(UTC)  # the link was mailed there
        ended = update(SignIn).where(SignIn.user_id == user.id, SignIn.ended_at.is_(None))
        self.session.execute(ended.values(ended_at=func.now()))
        return user

    def confirm_email(self, token: str) -> tuple[User, str]:
        """The address that the link was mailed to is the account's from now on; returns the one before.

        Raises NotFound for a link that is over, Invalid when somebody has that address by now.
        """
        email = self.find(token, Purpose.EMAIL).email
        user = self._use(token, Purpose.EMAIL)
        before = user.email
        try:
            with self.session.begin_nested():
                user.email, user.email_confirmed_at = email, datetime.now(UTC)
        except IntegrityError:
            raise Invalid({"_": [Problem("email_taken")]}) from None
        if email != before:  # a link in the old mailbox
            self.session.execute(delete(AccountLink).where(AccountLink.user_id == user.id))
        return user, before

    def register(self, wanted: Registration) -> str:
        """Keeps a registration until its e-mail is confirmed: the token of the link for that mail.

        Raises Invalid for a password that many use.
        """
        refuse_common(wanted.password)
        token = secrets.token_urlsafe(32)
        self.session.add(
            PendingAccount(
                token_hash=hash_token(token),
                email=wanted.email,
                name=wanted.name,
                business=wanted.business,
                password_hash=hash_password(wanted.password),
            )
        )
        return token

    def pending(self, token: str) -> PendingAccount:
        """The registration of a link. Raises NotFound for one that is over, or never was."""
        found = self.session.scalar(
            select(PendingAccount)
            .where(PendingAccount.token_hash == hash_token(token))
            .where(PendingAccount.created_at > datetime.now(UTC) - REGISTRATION)
        )
        if found is None:
            raise NotFound(PendingAccount.__tablename__)
        return found

    def open_account(self, token: str, password: str) -> tuple[WorkspaceId, UserId]:
        """Opens the account that was registered. The password shows that who clicks is who registered: otherwise
        anybody could register somebody else's address, and wait for them to click.

        Raises NotFound for a link that is over, Invalid for another password, Conflict when someone has that e-mail.
        """
        pending = self.pending(token)
        if not verify_password(pending.password_hash, password):
            raise Invalid({"password": [Problem("wrong_password")]})
        opened = AccountService(self.session).open_registered(pending)
        self.session.execute(delete(PendingAccount).where(PendingAccount.email == pending.email))
        return opened

    def purge(self) -> int:
        """Deletes the links and registrations that are over; returns how many."""
        now = datetime.now(UTC)
        old_links = or_(
            *(
                (AccountLink.purpose == purpose) & (AccountLink.created_at < now - lifetime)
                for purpose, lifetime in LIFETIME.items()
            )
        )
        statements = (
            delete(AccountLink).where(old_links),
            delete(PendingAccount).where(PendingAccount.created_at < now - REGISTRATION),
        )
        return sum(cast("CursorResult[Any]", self.session.execute(statement)).rowcount for statement in statements)

    def _use(self, token: str, purpose: Purpose) -> User:
        """Whose link it is; fifty at once use it once."""
        user_id = self.session.scalar(
            delete(AccountLink)
            .where(
                AccountLink.token_hash == hash_token(token),
                AccountLink.purpose == purpose,
                AccountLink.created_at > datetime.now(UTC) - LIFETIME[purpose],
            )
            .returning(AccountLink.user_id)
        )
        if user_id is None:
            raise NotFound(purpose)
        return self.session.get_one(User, user_id)
