"""What was mailed in a test, without a worker: the mails that wait are sent into the app's folder."""

from __future__ import annotations

import re

from flask import Flask

from huntaze.adapters.mail import Letter, LocalMailer
from huntaze.jobs.mails import send_due


class Letters:
    """The letters that the app wrote, the newest first."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def all(self, to: str) -> list[Letter]:
        with self.app.app_context():
            send_due()
            mailer = self.app.extensions["huntaze.mailer"]
            assert isinstance(mailer, LocalMailer)
            return [letter for letter in mailer.letters() if letter.to == to]

    def newest(self, to: str) -> Letter:
        return self.all(to)[0]

    def token(self, to: str) -> str:
        """Of the link in the newest letter that has one."""
        return next(found[1] for letter in self.all(to) if (found := re.search(r"token=([\w-]+)", letter.body)))
