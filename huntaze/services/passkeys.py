"""Passkeys (WebAuthn): a device that knows its owner stands for both factors."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import CHALLENGE, Passkey, SpentChallenge
from huntaze.schemas.second_factor import NewPasskey
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.vault import Vault

MOST = 20
"""Passkeys a person may have."""
CHALLENGE_BYTES = 32
"""WebAuthn §13.4.3 asks for 16 at least."""
SIGN_IN = "sign in"


@dataclass(frozen=True, slots=True)
class Site:
    """Where people reach Huntaze. origin: as browsers say it, like https://app.example.com."""

    origin: str

    @property
    def rp_id(self) -> str:
        return urlsplit(self.origin).hostname or ""

    @property
    def takes_passkeys(self) -> bool:
        """A passkey is bound to a name: browsers make none for an IP address."""
        try:
            ipaddress.ip_address(self.rp_id)
        except ValueError:
            return self.origin.startswith("https://") or self.rp_id == "localhost"
        return False


@dataclass(frozen=True, slots=True)
class Question:
    """options: what the browser is asked, as JSON; sealed: the challenge in it, for that browser to bring back."""

    options: str
    sealed: bytes


class PasskeyService:
    """Works through the system door: a passkey belongs to a person, and finds them before they have a workspace.

    webauthn is imported on use: 5 MB that most processes never need (measured).
    """

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.vault = Vault(secret_key, "passkey challenges")

    def ask_for_new(self, user_id: UserId, name: str, email: str, site: Site) -> Question:
        """For navigator.credentials.create(): a discoverable passkey that verifies its owner."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import structs

        known = self.all(user_id)
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = generate_registration_options(
            rp_id=site.rp_id,
            rp_name="Huntaze",
            user_id=known[0].user_handle if known else secrets.token_bytes(64),
            user_name=email,
            user_display_name=name,
            challenge=challenge,
            timeout=int(CHALLENGE.total_seconds() * 1000),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=key.credential_id) for key in known],
        )
        return Question(options_to_json(options), self._seal(challenge + options.user.id, _of(user_id)))

    def ask(self, site: Site) -> Question:
        """For navigator.credentials.get(): any passkey of this site that the device has."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=int(CHALLENGE.total_seconds() * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return Question(options_to_json(options), self._seal(challenge, SIGN_IN))

    def add(self, user_id: UserId, wanted: NewPasskey, sealed: bytes, site: Site) -> Passkey:
        """Raises Invalid when the answer is not to be trusted or too late, Conflict for a known or one too many."""
        from webauthn import verify_registration_response

        opened = self._open(sealed, _of(user_id))
        challenge, user_handle = opened[:CHALLENGE_BYTES], opened[CHALLENGE_BYTES:]
        with _refusals():
            made = verify_registration_response(
                credential=wanted.credential,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        self._spend(challenge)
        if len(self.all(user_id)) >= MOST:
            raise Conflict({"_": [Problem("too_many_passkeys", {"most": MOST})]})
        added = (
            insert(Passkey)
            .values(
                user_id=user_id,
                user_handle=user_handle,
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=wanted.name,
            )
            .on_conflict_do_nothing()
            .returning(Passkey)
        )
        passkey = self.session.scalar(added)
        if passkey is None:
            raise Conflict({"_": [Problem("passkey_known")]})
        return passkey

    def check(self, credential: str, sealed: bytes, site: Site, owner: UserId | None = None) -> UserId:
        """Whose passkey answered the challenge. Raises Invalid, the same for whatever is wrong with it, and when it
        is not of the `owner` that is expected."""
        from webauthn import verify_authentication_response
        from webauthn.helpers import parse_authentication_credential_json

        challenge = self._open(sealed, SIGN_IN)
        with _refusals():
            given = parse_authentication_credential_json(credential)
            passkey = self.session.scalar(select(Passkey).where(Passkey.credential_id == given.raw_id))
            if passkey is None or owner not in (None, passkey.user_id):
                raise _wrong()
            if given.response.user_handle != passkey.user_handle:
                raise _wrong()
            seen = verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        self._spend(challenge)
        # Two answers with the same count come of two devices, of which one is a copy; some count nothing at all.
        count = seen.new_sign_count
        counts_on = Passkey.sign_count < count if count else Passkey.sign_count == 0
        used = (
            update(Passkey)
            .where(Passkey.id == passkey.id, counts_on)
            .values(sign_count=count, last_used_at=datetime.now(UTC))
            .returning(Passkey.user_id)
        )
        user_id = self.session.scalar(used)
        if user_id is None:
            raise _wrong()
        return user_id

    def all(self, user_id: UserId) -> list[Passkey]:
        """The person's, at most MOST, the oldest first."""
        return list(self.session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))

    def get(self, user_id: UserId, passkey_id: int) -> Passkey:
        """Raises NotFound, also for another person's."""
        passkey = self.session.scalar(select(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id))
        if passkey is None:
            raise NotFound(passkey_id)
        return passkey

    def rename(self, user_id: UserId, passkey_id: int, name: str) -> None:
        """Raises NotFound."""
        self.get(user_id, passkey_id).name = name

    def remove(self, user_id: UserId, passkey_id: int) -> str:
        """It opens nothing any more; returns its name. Raises NotFound."""
        mine = delete(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
        name: str | None = self.session.scalar(mine.returning(Passkey.name))
        if name is None:
            raise NotFound(passkey_id)
        return name

    def purge(self) -> int:
        """Forgets the challenges that are too old to be answered; returns how many."""
        old = delete(SpentChallenge).where(SpentChallenge.created_at < datetime.now(UTC) - 2 * CHALLENGE)
        return cast("CursorResult[Any]", self.session.execute(old)).rowcount

    def _seal(self, plain: bytes, purpose: str) -> bytes:
        asked_at = int(datetime.now(UTC).timestamp())
        return self.vault.seal(asked_at.to_bytes(8) + plain, purpose)

    def _open(self, sealed: bytes, purpose: str) -> bytes:
        """The challenge. Raises Invalid when it is none of ours for this purpose, or too old."""
        plain = self.vault.open(sealed, purpose)
        if plain is None:
            raise Invalid({"_": [Problem("passkey_late")]})
        asked_at = datetime.fromtimestamp(int.from_bytes(plain[:8]), UTC)
        if datetime.now(UTC) > asked_at + CHALLENGE:
            raise Invalid({"_": [Problem("passkey_late")]})
        return plain[8:]

    def _spend(self, challenge: bytes) -> None:
        """Raises Invalid for a challenge that was answered before."""
        spent = insert(SpentChallenge).values(challenge_hash=hashlib.sha256(challenge).digest())
        if self.session.scalar(spent.on_conflict_do_nothing().returning(SpentChallenge.created_at)) is None:
            raise Invalid({"_": [Problem("passkey_late")]})


@contextmanager
def _refusals() -> Iterator[None]:
    """webauthn's errors as ours. Bytes that are no credential at all also make it raise ValueError and the like."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise _wrong() from error


def _wrong() -> Invalid:
    return Invalid({"_": [Problem("passkey")]})


def _of(user_id: UserId) -> str:
    return f"new for {user_id}"
