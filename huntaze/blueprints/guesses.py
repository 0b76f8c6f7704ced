"""How many passwords may be tried: who is asking, and what they have tried before (ASVS 2.4.1, 6.3.1)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from flask import Response, current_app, request

from huntaze.blueprints import web
from huntaze.blueprints.cookies import KNOWN
from huntaze.services.known_devices import mark, recognise
from huntaze.services.tries import ACCOUNT, ADDRESS, DEVICE, PASSWORD, TryService, Whose


def address() -> str:
    """The network address of who asks. An IPv6 client has a /64 of its own, and could ask from any part of it.

    It is what the last trusted proxy saw: a client can't choose it (TRUSTED_PROXIES, ProxyFix).
    """
    try:
        client = ip_address(request.remote_addr or "")
    except ValueError:
        return ""  # a unix socket
    if client.version == 6:
        return str(client.ipv4_mapped or ip_network((client.packed[:8] + bytes(8), 64)))
    return str(client)


def take(email: str) -> None:
    """Counts a password that is about to be tried for this e-mail. Raises TooManyTries."""
    web.take_a_try(*_lanes(email))


def right(email: str, response: Response) -> Response:
    """The password was right: its tries are forgotten, but for those of others at the same network address."""
    for lane, whose in _lanes(email):
        if lane is ADDRESS:
            web.personal(TryService).give_back(lane, whose)
        else:
            web.personal(TryService).forget((lane, whose))
    return know(email, response)


def know(email: str, response: Response) -> Response:
    """From now on this device has tries of its own for this account: someone signed in, or opened a mailed link."""
    KNOWN.write(response, mark(email, current_app.config["SECRET_KEY"]))
    return response


def take_again() -> None:
    """Counts a password that the viewer was asked for again. Raises TooManyTries."""
    web.take_a_try(_own())


def right_again() -> None:
    web.personal(TryService).forget(_own())


def _lanes(email: str) -> list[Whose]:
    email = email.lower()
    device = recognise(KNOWN.read() or "", email, current_app.config["SECRET_KEY"])
    return [(DEVICE, device)] if device else [(ACCOUNT, email), (ADDRESS, address())]


def _own() -> Whose:
    return PASSWORD, str(web.viewer().user_id)
