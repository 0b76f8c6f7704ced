"""Sessions, halves of them, links, counted tries, typed text and challenges that are over."""

from __future__ import annotations

from flask import current_app

from huntaze.services.account_links import AccountLinkService
from huntaze.services.parked_forms import ParkedFormService
from huntaze.services.passkeys import PasskeyService
from huntaze.services.second_step import SecondStepService
from huntaze.services.sign_in import SignInService
from huntaze.services.tries import TryService
from huntaze.system import system_session


def purge_expired() -> int:
    """Deletes them; returns how many rows."""
    with system_session() as session:
        key = current_app.config["SECRET_KEY"]
        keyed = (ParkedFormService, SecondStepService, PasskeyService, TryService)
        services = [SignInService(session), AccountLinkService(session), *(kind(session, key) for kind in keyed)]
        return sum(service.purge() for service in services)
