"""Sessions, links, counted tries and typed text that are over."""

from __future__ import annotations

from flask import current_app

from huntaze.services.account_links import AccountLinkService
from huntaze.services.parked_forms import ParkedFormService
from huntaze.services.sign_in import SignInService
from huntaze.services.tries import TryService
from huntaze.system import system_session


def purge_expired() -> int:
    """Deletes them; returns how many rows."""
    with system_session() as session:
        key = current_app.config["SECRET_KEY"]
        services = (
            SignInService(session),
            AccountLinkService(session),
            TryService(session, key),
            ParkedFormService(session, key),
        )
        return sum(service.purge() for service in services)
