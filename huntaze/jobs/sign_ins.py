"""Sessions and typed text that are over."""

from __future__ import annotations

from flask import current_app

from huntaze.services.sign_in import SignInService
from huntaze.services.vault import Vault
from huntaze.system import system_session


def purge_expired() -> int:
    """Deletes them; returns how many rows."""
    with system_session() as session:
        return SignInService(session, Vault(current_app.config["SECRET_KEY"], "typed text")).purge()
