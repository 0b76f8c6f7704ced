"""Handing mails to a server, whatever it answers, and keeping them in a folder where there is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from huntaze.adapters import mail
from huntaze.adapters.mail import Letter, LocalMailer, MailError, SmtpMailer
from tests.mail_servers import SECRET, Box, authenticator, certificate, free_port, hanging, serving

LETTER = Letter("ann@huntaze.test", "Grüße 🦄", "Hello,\n\nopen this: http://localhost/x?token=a_b-c\n", reference=7)
SENDER = "Huntaze <hello@huntaze.test>"
WITHOUT_TLS = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
LOGIN = "huntaze:p%40ss%2Fword@"


def _send(url: str, letter: Letter = LETTER) -> None:
    SmtpMailer(url, SENDER).send(letter)


def _refusal(url: str, letter: Letter = LETTER) -> MailError:
    with pytest.raises(MailError) as caught:
        _send(url, letter)
    return caught.value


def test_a_letter_arrives_as_it_was_written() -> None:
    box = Box()
    with serving(box) as port:
        _send(f"smtp://127.0.0.1:{port}")
    [arrived] = box.mails
    assert (arrived["From"], arrived["To"]) == (SENDER, "ann@huntaze.test")
    assert str(arrived["Message-ID"]) == "<huntaze-7@huntaze.test>", "the same mail twice is one to a mail program"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["X-RcptTo"] == "ann@huntaze.test"
    body = arrived.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n") == LETTER.body


@WITHOUT_TLS
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_goes_over_tls(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    tls = {"ssl_context": server} if scheme == "smtps" else {"tls_context": server, "require_starttls": True}
    # To aiosmtpd a connection that began with TLS is plain: it would not offer AUTH.
    options = {**tls, "auth_required": True, "authenticator": authenticator, "auth_require_tls": scheme == "smtp"}
    box = Box()
    with serving(box, **options) as port:
        _send(f"{scheme}://{LOGIN}127.0.0.1:{port}")
        assert len(box.mails) == 1
        wrong = _refusal(f"{scheme}://huntaze:wrong@127.0.0.1:{port}")
    assert wrong.away, "nobody's mail would be taken"
    assert not wrong.permanent, "the operator can put it right"
    assert len(box.mails) == 1


@WITHOUT_TLS
def test_a_password_is_not_sent_in_the_clear() -> None:
    box = Box()
    options = {"auth_required": True, "authenticator": authenticator, "auth_require_tls": False}
    with serving(box, **options) as port:
        refused = _refusal(f"smtp://{LOGIN}127.0.0.1:{port}")
    assert refused.away
    assert SECRET not in str(refused)


def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    server, _trusted = certificate(tmp_path)
    with serving(Box(), tls_context=server) as port:
        assert _refusal(f"smtp://127.0.0.1:{port}").away


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [("550 no such user", True), ("553 bad name", True), ("450 greylisted", False), ("452 full", False)],
)
def test_a_recipient_is_refused_for_good_or_for_now(answer: str, permanent: bool) -> None:
    with serving(Box(refuse=answer)) as port:
        refused = _refusal(f"smtp://127.0.0.1:{port}")
    assert (refused.permanent, refused.away) == (permanent, False)
    assert "ann" not in str(refused), "the log keeps it"


@pytest.mark.parametrize(("answer", "permanent"), [("554 looks like spam", True), ("451 later", False)])
def test_a_mail_is_refused_for_good_or_for_now(answer: str, permanent: bool) -> None:
    with serving(Box(reject=answer)) as port:
        refused = _refusal(f"smtp://127.0.0.1:{port}")
    assert (refused.permanent, refused.away) == (permanent, False)


def test_a_server_that_is_not_there() -> None:
    refused = _refusal(f"smtp://127.0.0.1:{free_port()}")
    assert (refused.permanent, refused.away) == (False, True)


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT", 0.2)
    began = time.monotonic()
    with hanging() as port:
        refused = _refusal(f"smtp://127.0.0.1:{port}")
    assert (refused.permanent, refused.away) == (False, True)
    assert time.monotonic() - began < 2


def test_a_host_in_letters_of_its_own_is_written_in_ascii() -> None:
    box = Box()
    with serving(box, enable_SMTPUTF8=False) as port:
        _send(f"smtp://127.0.0.1:{port}", Letter("ann@münchen.test", "x", "x"))
        assert box.mails[0]["X-RcptTo"] == "ann@xn--mnchen-3ya.test"
        refused = _refusal(f"smtp://127.0.0.1:{port}", Letter("änn@huntaze.test", "x", "x"))
    assert (refused.permanent, refused.away) == (True, False)


@pytest.mark.parametrize("to", ["a\nb@huntaze.test", "ann@huntaze.test\r\nBcc: eve@huntaze.test", "ann@" + "x" * 70])
def test_what_is_no_address_is_sent_nowhere(to: str) -> None:
    box = Box()
    with serving(box) as port:
        refused = _refusal(f"smtp://127.0.0.1:{port}", Letter(to, "x", "x"))
    assert (refused.permanent, box.mails) == (True, [])


def test_the_folder_keeps_the_newest(tmp_path: Path) -> None:
    mailer = LocalMailer(tmp_path / "mail")
    assert mailer.letters() == []
    for number in range(1, LocalMailer.KEPT + 4):
        mailer.send(Letter("ann@huntaze.test", f"Grüße {number}", f"Body {number}\n", reference=number))
    letters = mailer.letters()
    assert len(letters) == LocalMailer.KEPT
    newest = LocalMailer.KEPT + 3
    assert letters[0] == Letter("ann@huntaze.test", f"Grüße {newest}", f"Body {newest}\n", newest)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "mail").iterdir()} == {0o600}, "links open accounts"
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700


def test_the_same_letter_twice_is_there_once(tmp_path: Path) -> None:
    mailer = LocalMailer(tmp_path)
    for _ in range(2):
        mailer.send(LETTER)
    assert mailer.letters() == [LETTER]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(MailError) as caught:
        LocalMailer(tmp_path / "mail").send(LETTER)
    assert caught.value.away
