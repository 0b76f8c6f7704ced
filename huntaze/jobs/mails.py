"""Mails: one is sent right after its commit, and what could not be sent then a little later."""

from __future__ import annotations

import logging

from flask import current_app

from huntaze.adapters.mail import Mailer, MailError
from huntaze.services.mails import MailService
from huntaze.system import system_session

log = logging.getLogger(__name__)


def send(mail_id: int) -> bool:
    """Sends it, unless it is sent or someone is about to; returns whether the mail server was there.

    No transaction is open while it answers.
    """
    mailer: Mailer = current_app.extensions["huntaze.mailer"]
    key = current_app.config["SECRET_KEY"]
    with system_session() as session:
        letter = MailService(session, key).claim(mail_id)
    if letter is None:
        return True
    try:
        mailer.send(letter)
    except MailError as error:
        log.warning("mail not sent", extra={"mail_id": mail_id, "error": str(error), "permanent": error.permanent})
        if not error.permanent:
            with system_session() as session:
                MailService(session, key).later(mail_id)
            return not error.away
    with system_session() as session:
        MailService(session, key).sent(mail_id)
    return True


def send_due() -> None:
    """Sends those whose first attempt failed, or whose job was lost; leaves the rest when the server is away:
    one that hangs must not hold up the worker for each of them."""
    with system_session() as session:
        due = MailService(session, current_app.config["SECRET_KEY"]).due()
    for mail_id in due:
        if not send(mail_id):
            break
