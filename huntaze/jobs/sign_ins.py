"""Sessions and typed text that are over."""

from __future__ import annotations

from flask import current_app

from huntaze.services.parked_forms import ParkedFormService
from huntaze.services.sign_in import SignInService
from huntaze.system import system_session


def purge_expired() -> int:
    """Deletes them; returns how many rows."""
    with system_session() as session:
        parked_forms = ParkedFormService(session, current_app.config["SECRET_KEY"])
        return SignInService(session).purge() + parked_forms.purge()
