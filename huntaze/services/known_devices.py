"""Devices that signed in to an account before, told by a cookie (OWASP, Slow Down Online Guessing Attacks).

It opens nothing. It gives its device tries of its own, so that a stranger who guesses can't lock the owner out.
"""

from __future__ import annotations

import hmac
import secrets


def mark(email: str, secret_key: str) -> str:
    """What the cookie of a device says that just signed in with this e-mail. It does not tell which."""
    device = secrets.token_urlsafe(12)
    return f"{device}.{_seal(device, email, secret_key)}"


def recognise(cookie: str, email: str, secret_key: str) -> str | None:
    """The device that signed in with this e-mail before; None for another device, or another's cookie."""
    device, _dot, seal = cookie.partition(".")
    known = hmac.compare_digest(seal.encode(errors="replace"), _seal(device, email, secret_key).encode())
    return device if known else None


def _seal(device: str, email: str, secret_key: str) -> str:
    return hmac.digest(secret_key.encode(), f"known device:{device}:{email}".encode(errors="replace"), "sha256").hex()
