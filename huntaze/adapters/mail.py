"""Sending mail: over SMTP, or into a folder, where /dev/mail shows it."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

TIMEOUT = 10
"""Seconds that a mail server has for each answer."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in plain text. `reference` makes its Message-ID: the same mail twice is one to a mail program."""

    to: str
    subject: str
    body: str
    reference: int = 0


class MailError(Exception):
    """The mail was not taken.

    permanent: trying again would not help (the address does not exist, say).
    away: it was not even heard, and another would not be either.
    """

    def __init__(self, text: str, *, permanent: bool = False, away: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.away = away


class Mailer(Protocol):
    """Hands letters to whoever delivers them."""

    def send(self, letter: Letter) -> None:
        """Raises MailError."""


class SmtpMailer:
    """Hands letters to the server of `url`: smtps:// speaks TLS from the start, smtp:// once the server offers it.

    A password is only ever sent over TLS.
    """

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    def send(self, letter: Letter) -> None:
        try:
            message = _message(letter, self._sender)
        except ValueError as error:
            raise MailError(f"This can't be written as a mail: {type(error).__name__}.", permanent=True) from None
        try:
            with self._connected() as server:
                _hand_over(message, server)
        except (smtplib.SMTPException, OSError) as error:
            raise MailError(type(error).__name__, away=True) from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        host, port = self._url.hostname or "", self._url.port
        context = ssl.create_default_context()
        if self._url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port or 587, timeout=TIMEOUT)
        with server:
            server.ehlo()
            encrypted = self._url.scheme == "smtps"
            if not encrypted and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                encrypted = True
            if self._url.username:
                if not encrypted:
                    raise smtplib.SMTPNotSupportedError("no STARTTLS, so no password")
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
            yield server


class LocalMailer:
    """Keeps the newest letters in a folder, one file each."""

    KEPT = 100

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, letter: Letter) -> None:
        message = _message(letter, "Huntaze <huntaze@localhost>")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = self._folder / f"{letter.reference:012d}.new"
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(bytes(message))
            new.rename(new.with_suffix(".eml"))
            for old in sorted(self._folder.glob("*.eml"))[: -self.KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise MailError(f"{type(error).__name__}: {error.strerror}", away=True) from error

    def letters(self) -> list[Letter]:
        """The newest first."""
        return [_letter(path) for path in sorted(self._folder.glob("*.eml"), reverse=True)]


def _hand_over(message: EmailMessage, server: smtplib.SMTP) -> None:
    """Raises MailError for what is wrong with this mail alone."""
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code = next(iter(refused.recipients.values()))[0]
        raise MailError(f"The recipient was refused ({code}).", permanent=500 <= code < 600) from None
    except smtplib.SMTPDataError as refused:
        code = refused.smtp_code
        raise MailError(f"The mail was refused ({code}).", permanent=500 <= code < 600) from None
    except smtplib.SMTPNotSupportedError:
        raise MailError("The server takes no address in such letters.", permanent=True) from None


def _message(letter: Letter, sender: str) -> EmailMessage:
    """Raises ValueError for what no header can hold."""
    message = EmailMessage(policy.SMTP)
    mailbox, _at, host = letter.to.rpartition("@")
    # Few servers take a host in letters of its own (RFC 6531); all take its name in ASCII.
    to = f"{mailbox}@{host.encode('idna').decode()}"
    message["From"], message["To"], message["Subject"] = sender, to, letter.subject
    domain = sender.rpartition("@")[2].rstrip(">")
    message["Message-ID"] = f"<huntaze-{letter.reference}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    message.set_content(letter.body)
    return message


def _letter(path: Path) -> Letter:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body()
    text = body.get_content().replace("\r\n", "\n") if body else ""
    return Letter(str(message["To"]), str(message["Subject"]), text, int(path.stem))
