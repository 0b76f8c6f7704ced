"""Our cookies. Under https they carry the __Host- prefix, which ties them to this very host."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

from huntaze.models.second_factor import CHALLENGE, HALFWAY
from huntaze.models.sign_in import ABSOLUTE


class Cookie:
    """One cookie: HttpOnly, SameSite=Lax, for the whole host; Secure and `__Host-` under https."""

    def __init__(self, name: str, lifetime: timedelta) -> None:
        self.name = name
        self.lifetime = lifetime

    def read(self) -> str | None:
        return request.cookies.get(self._full_name)

    def write(self, response: Response, value: str) -> None:
        response.set_cookie(
            self._full_name,
            value,
            max_age=self.lifetime,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )

    def clear(self, response: Response) -> None:
        response.delete_cookie(self._full_name, secure=request.is_secure, httponly=True, samesite="Lax")

    def read_bytes(self) -> bytes:
        """What `write_bytes` wrote; b"" when there is none, or it was changed beyond reading."""
        try:
            return urlsafe_b64decode(self.read() or "")
        except ValueError:
            return b""

    def write_bytes(self, response: Response, value: bytes) -> None:
        self.write(response, urlsafe_b64encode(value).decode())

    @property
    def _full_name(self) -> str:
        return f"__Host-{self.name}" if request.is_secure else self.name


class Toasts(SecureCookieSessionInterface):
    """Flask's own signed cookie, which carries nothing but toasts, under the same rules."""

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-toasts" if request.is_secure else "toasts"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


# The cookie outlives the session's row: a late form must still tell whose it was.
SIGN_IN = Cookie("huntaze", ABSOLUTE + timedelta(days=30))
HALF = Cookie("half", HALFWAY)
APP_SECRET = Cookie("app", timedelta(minutes=30))
PASSKEY = Cookie("passkey", CHALLENGE)
KNOWN = Cookie("known", timedelta(days=365))  # services/known_devices.py
LOOK = Cookie("look", timedelta(days=365))
LANGUAGE = Cookie("language", timedelta(days=365))
