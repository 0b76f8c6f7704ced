"""The mails that Huntaze writes: templates/mail/<name>.txt, its first line is the subject."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import force_locale, get_locale

from huntaze.blueprints import web
from huntaze.blueprints.shell import LOCALES
from huntaze.services.errors import TooManyTries
from huntaze.services.tries import LETTER


def write(name: str, to: str, locale: str | None = None, **context: Any) -> None:
    """Sends it after the commit, in the reader's language: `locale`, or that of who asks."""
    with force_locale(locale if locale in LOCALES else str(get_locale())):
        text = render_template(f"mail/{name}.txt", absolute=web.absolute, **context)
    subject, _blank, body = text.partition("\n\n")
    web.mail(to, subject.strip(), body.strip() + "\n")


def may_go_to(email: str) -> bool:
    """Whether a mail that anybody may ask for can go there now. Who asks is not told: two at once are one mail,
    and nobody's mailbox is flooded."""
    try:
        web.take_a_try((LETTER, email))
    except TooManyTries:
        return False
    return True
