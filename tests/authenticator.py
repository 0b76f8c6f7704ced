"""A device with passkeys, in software: what a browser answers for it, and what a forger might."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, AT = 0x01, 0x04, 0x40
"""Flags of the authenticator data: someone was there, was verified, and a credential follows (WebAuthn §6.1)."""


@dataclass
class Device:
    """One P-256 key for one site. What is changed here is told wrong, and signed all the same."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    flags: int = UP | UV
    count: int = 1
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: str) -> str:
        """As navigator.credentials.create(), with attestation "none"."""
        asked = json.loads(options)
        self.user_handle = _decoded(asked["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        credential = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + cbor2.dumps(cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(AT) + credential}
        return self._credential(
            clientDataJSON=_encoded(self._client_data("webauthn.create", asked["challenge"])),
            attestationObject=_encoded(cbor2.dumps(attestation)),
        )

    def answer(self, options: str) -> str:
        """As navigator.credentials.get(); the count goes up by one."""
        client_data = self._client_data("webauthn.get", json.loads(options)["challenge"])
        self.count += 1 if self.count else 0
        data = self._data()
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            clientDataJSON=_encoded(client_data),
            authenticatorData=_encoded(data),
            signature=_encoded(signature),
            userHandle=_encoded(self.user_handle),
        )

    def _data(self, more: int = 0) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags | more]) + self.count.to_bytes(4)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _credential(self, **response: Any) -> str:
        named = _encoded(self.credential_id)
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": response})


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(value: str) -> bytes:
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
