"""Encryption of what is stored for one person or one workspace only."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12
"""Bytes (NIST SP 800-38D)."""
KEY_ID = 4
"""Bytes."""


class Vault:
    """AES-256-GCM with a key derived from SECRET_KEY for one purpose.

    `context` is authenticated with the text: a ciphertext that is moved to another owner does not open.
    """

    def __init__(self, secret_key: str, purpose: str) -> None:
        key = _derived(secret_key, purpose, 32)
        self._aead = AESGCM(key)
        self.key_id = _derived(secret_key, f"which key: {purpose}", KEY_ID)
        """Says which key sealed something, and nothing about the key."""

    def seal(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes | None:
        """The plain bytes, or None when the key, the context or a single bit differs."""
        try:
            return self._aead.decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
        except (InvalidTag, ValueError):
            return None


def _derived(secret_key: str, info: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info.encode()).derive(secret_key.encode())
