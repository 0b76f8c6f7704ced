"""Recovery codes: for who has lost the phone that shows the other codes."""

from __future__ import annotations

import hmac
import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import RecoveryCode

CODES = 10
LENGTH = 16
"""Characters of 5 bits: 80 bits, which nobody guesses, so that a wrong one needs no pause (ASVS 6.5.2)."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like a digit."""
_READ_AS = str.maketrans("ilo", "110", " -\t\n")


class RecoveryCodeService:
    """The recovery codes of people. Codes leave this class once, in the clear.

    What is stored is their HMAC with a key of ours: the table alone tells nothing, and each person's codes
    are hashed apart.
    """

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.key = HKDF(SHA256(), 32, salt=None, info=b"recovery codes").derive(secret_key.encode())

    def renew(self, user_id: UserId) -> list[str]:
        """New codes, as a person writes them down; the former ones are worth nothing from now on."""
        self.drop(user_id)
        codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(CODES)]
        rows = [{"user_id": user_id, "code_hash": self._hash(user_id, code)} for code in codes]
        self.session.execute(insert(RecoveryCode), rows)
        return ["-".join(code[at : at + 4] for at in range(0, LENGTH, 4)) for code in codes]

    def left(self, user_id: UserId) -> int:
        """How many have not been used."""
        return self.session.scalar(select(func.count()).where(RecoveryCode.user_id == user_id)) or 0

    def use(self, user_id: UserId, code: str) -> bool:
        """Whether the code is one of them. It is taken once: of two at the same time, one finds it gone."""
        plain = code.lower().translate(_READ_AS)
        taken = (
            delete(RecoveryCode)
            .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == self._hash(user_id, plain))
            .returning(RecoveryCode.user_id)
        )
        return self.session.scalar(taken) is not None

    def drop(self, user_id: UserId) -> None:
        """None is worth anything any more."""
        self.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))

    def _hash(self, user_id: UserId, code: str) -> bytes:
        return hmac.digest(self.key, f"{user_id}:{code}".encode(), "sha256")
