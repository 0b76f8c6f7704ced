"""The mails that wait to be sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.mail import Letter
from huntaze.models.mail import Mail
from huntaze.services.vault import Vault

LEASE = timedelta(minutes=2)
"""For so long one sender has a mail to itself; when it dies, another tries."""
GIVEN_UP = timedelta(days=1)
"""So long after it was written a mail is of no use any more: the links in it are over."""


class MailService:
    """Works through the system door: a mail goes to a person, who may have no workspace yet."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.vault = Vault(secret_key, "mails")

    def queue(self, letter: Letter) -> int:
        """Keeps the letter to be sent after the commit; returns its number for `jobs.mails.send`."""
        plain = json.dumps([letter.to, letter.subject, letter.body]).encode()
        mail = Mail(ciphertext=self.vault.seal(plain, "mail"))
        self.session.add(mail)
        self.session.flush()
        return mail.id

    def claim(self, mail_id: int) -> Letter | None:
        """The letter, for the caller alone to send; None when it is sent, or not to be tried now."""
        now = datetime.now(UTC)
        mine = (
            update(Mail)
            .where(Mail.id == mail_id, Mail.try_at <= now)
            .values(try_at=now + LEASE, attempts=Mail.attempts + 1)
            .returning(Mail.ciphertext)
        )
        sealed = self.session.scalar(mine)
        plain = self.vault.open(sealed, "mail") if sealed else None
        if plain is None:
            return None
        to, subject, body = json.loads(plain)
        return Letter(to=to, subject=subject, body=body, reference=mail_id)

    def sent(self, mail_id: int) -> None:
        """It is out of our hands."""
        self.session.execute(delete(Mail).where(Mail.id == mail_id))

    def later(self, mail_id: int) -> None:
        """It could not be sent: again in 1, 2, 4 ... minutes, at most an hour."""
        pause = func.least(60, func.power(2, Mail.attempts - 1)) * timedelta(minutes=1)
        self.session.execute(update(Mail).where(Mail.id == mail_id).values(try_at=func.now() + pause))

    def due(self) -> list[int]:
        """The numbers of those to try now, the oldest first. Drops those that were given up."""
        now = datetime.now(UTC)
        self.session.execute(delete(Mail).where(Mail.created_at < now - GIVEN_UP))
        return list(self.session.scalars(select(Mail.id).where(Mail.try_at <= now).order_by(Mail.id).limit(500)))
