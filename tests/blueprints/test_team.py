"""The team's pages, invitations, and joining, as browsers see them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.adapters.mail import Letter
from huntaze.blueprints.audit_words import WORDS
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import Base
from huntaze.models.invitation import Invitation
from huntaze.models.mail import Mail
from huntaze.models.user import Membership, Role, User
from huntaze.services.mails import MailService
from tests import factories
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import (
    PASSWORD,
    AuditEventFactory,
    InvitationFactory,
    MemberFactory,
    SubscriberFactory,
    UserFactory,
    WorkspaceFactory,
)

COLUMNS = sorted({column.name for table in Base.metadata.tables.values() for column in table.columns})


def _invite(browser: Browser, email: str, **fields: str) -> tuple[str, str]:
    """Returns the paths of the link that is shown and of the one in the mail."""
    response = browser.post("/settings/team/invitations", data={"email": email, "role": "chatter", **fields})
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    shown = re.search(r'id="link" value="http://localhost(/join\?token=[\w-]+)"', response.text)
    assert shown
    return shown[1], re.search(r"http://localhost(/join\?token=[\w-]+)", _last_letter(browser, email).body)[1]  # type: ignore[index]


def _last_letter(browser: Browser, email: str) -> Letter:
    app = browser.application
    service = MailService(factories.session(), app.config["SECRET_KEY"])
    for mail_id in factories.session().scalars(select(Mail.id).order_by(Mail.id.desc())):
        letter = service.claim(mail_id)
        factories.session().commit()
        if letter and letter.to == email:
            return letter
    raise AssertionError(f"no mail to {email}")


def test_who_sees_the_team(
    as_owner: Browser, as_manager: Browser, as_chatter: Browser, as_viewer: Browser, stranger: Browser
) -> None:
    assert "/settings/team/invitations/new" in as_owner.get("/settings/team").text
    manager = as_manager.get("/settings/team").text
    assert "/settings/team/invitations/new" not in manager
    assert manager.count("<bdi>person") == 4
    for browser in (as_chatter, as_viewer):
        assert browser.get("/settings/team").status_code == 403
        assert "/settings/team" not in browser.get("/settings").text
    assert stranger.get(f"/settings/team/{as_owner.member.user_id}").status_code == 404


def test_a_demotion_holds_in_mid_session(sign_in: SignIn, as_owner: Browser) -> None:
    other = sign_in(MemberFactory(workspace_id=as_owner.member.workspace_id))
    assert other.get("/settings/audit").status_code == 200
    path = f"/settings/team/{other.member.user_id}"
    assert as_owner.post(f"{path}/role", data={"role": "viewer"}).headers["Location"] == "/settings/team"
    assert other.get("/settings/audit").status_code == 403
    assert other.post(f"{path}/role", data={"role": "owner"}).status_code == 403
    assert as_owner.post(f"{path}/remove").status_code == 303
    assert other.get("/settings").headers["Location"].startswith("/login")


def test_the_last_owner_is_told_why(as_owner: Browser) -> None:
    path = f"/settings/team/{as_owner.member.user_id}"
    for response in (
        as_owner.post(f"{path}/role", data={"role": "viewer"}),
        as_owner.post(f"{path}/remove"),
        as_owner.post("/settings/team/leave"),
    ):
        assert response.status_code == 422
        assert "A workspace needs an owner" in response.text
    assert as_owner.get("/settings/audit").status_code == 200


def test_leaving_goes_on_elsewhere(sign_in: SignIn, as_owner: Browser, owner: Session) -> None:
    leaver = sign_in(MemberFactory(workspace_id=as_owner.member.workspace_id, role=Role.CHATTER))
    there = MemberFactory(user_id=leaver.member.user_id, workspace_id=WorkspaceFactory(name="There").id)
    assert leaver.post("/settings/team/leave").headers["Location"] == "/settings"
    assert "There" in leaver.get("/settings").text
    assert (
        leaver.post("/settings/workspace/switch", data={"workspace_id": as_owner.member.workspace_id}).status_code
        == 404
    )
    assert there.user_id == leaver.member.user_id


def test_leaving_the_only_one_is_signing_out(sign_in: SignIn, as_owner: Browser) -> None:
    leaver = sign_in(MemberFactory(workspace_id=as_owner.member.workspace_id, role=Role.CHATTER))
    assert leaver.post("/settings/team/leave").headers["Location"] == "/login"
    assert leaver.get("/settings").headers["Location"].startswith("/login")


def test_an_account_is_invited_and_joins(as_owner: Browser, nobody: Browser, owner: Session) -> None:
    ann = UserFactory(locale="fr")
    MemberFactory(user_id=ann.id)
    shown, mailed = _invite(as_owner, ann.email, role="manager")
    letter_links = {shown, mailed}
    assert len(letter_links) == 2
    for path in letter_links:
        page = nobody.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert "I have an account" in page.text
    login = nobody.post("/login", data={"email": ann.email, "password": PASSWORD, "next": shown})
    assert login.headers["Location"] == shown
    assert "Rejoindre" in nobody.get(shown).text
    token = shown.partition("token=")[2]
    assert nobody.post("/join", data={"token": token}).headers["Location"] == "/"
    joined = owner.get(Membership, (as_owner.member.workspace_id, ann.id))
    assert joined is not None
    assert joined.role is Role.MANAGER
    assert nobody.get("/settings/team").status_code == 200, "in the workspace that was joined"
    assert nobody.post("/join", data={"token": token}).status_code == 422


def test_the_mail_is_in_the_language_of_who_is_invited(as_owner: Browser) -> None:
    ann = UserFactory(locale="fr")
    _invite(as_owner, "someone.new@huntaze.test")
    as_owner.post("/settings/team/invitations", data={"email": ann.email, "role": "viewer"})
    letter = _last_letter(as_owner, ann.email)
    assert "vous invite" in letter.subject
    assert "Voyez l’invitation" in letter.body


def test_a_new_account_joins(as_owner: Browser, nobody: Browser, owner: Session) -> None:
    email = f"new.{as_owner.member.user_id}@huntaze.test"
    shown, _mailed = _invite(as_owner, email)
    token = shown.partition("token=")[2]
    bad = nobody.post("/join/register", data={"token": token, "name": "New", "password": "short"})
    assert bad.status_code == 422
    assert 'value="New"' in bad.text
    extra = nobody.post(
        "/join/register",
        data={"token": token, "name": "New", "password": PASSWORD, "role": "owner", "email": "x@y.test"},
    )
    assert extra.status_code == 422
    response = nobody.post("/join/register", data={"token": token, "name": "New", "password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert nobody.get("/onlyfans/subscribers").status_code == 200
    user = owner.scalar(select(User).where(User.email == email))
    assert user is not None
    joined = owner.get(Membership, (as_owner.member.workspace_id, user.id))
    assert joined is not None
    assert joined.role is Role.CHATTER


def test_someone_else_is_told_so(as_owner: Browser, stranger: Browser, owner: Session) -> None:
    shown, mailed = _invite(as_owner, "ann@huntaze.test")
    for path in (shown, mailed):
        assert "for another address" in stranger.get(path).text
        token = path.partition("token=")[2]
        assert stranger.post("/join", data={"token": token}).status_code == 422
    assert owner.get(Membership, (as_owner.member.workspace_id, stranger.member.user_id)) is None


def test_a_member_already_is_told_so(as_owner: Browser, sign_in: SignIn, owner: Session) -> None:
    ann = UserFactory()
    InvitationFactory(workspace_id=as_owner.member.workspace_id, email=ann.email, shown=f"late {ann.id}")
    browser = sign_in(MemberFactory(workspace_id=as_owner.member.workspace_id, user_id=ann.id, role=Role.MANAGER))
    response = browser.post("/join", data={"token": f"late {ann.id}"})
    assert response.status_code == 422
    assert "is a member already" in response.text


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"revoked_at": "2026-01-01T00:00:00Z"}, 410, "was revoked"),
        ({"accepted_at": "2026-01-01T00:00:00Z"}, 410, "was accepted"),
        ({"sent_at": "2026-01-01T00:00:00Z"}, 410, "is too old"),
        (None, 404, "leads nowhere"),
    ],
)
def test_what_is_over_says_so(
    app: Flask, nobody: Browser, fields: dict[str, str] | None, status: int, words: str
) -> None:
    if fields is not None:
        InvitationFactory(shown=f"over {words}", **fields)
    response = nobody.get("/join", query_string={"token": f"over {words}"})
    assert response.status_code == status
    assert words in response.text


def test_opening_the_link_uses_nothing_up(as_owner: Browser, nobody: Browser, owner: Session) -> None:
    shown, mailed = _invite(as_owner, "ann@huntaze.test")
    for _ in range(3):
        for path in (shown, mailed):
            assert nobody.get(path).status_code == 200
            assert nobody.head(path).status_code == 200
    here = Invitation.workspace_id == as_owner.member.workspace_id
    assert owner.scalar(select(Invitation.accepted_at).where(here)) is None


def test_a_refused_invitation_keeps_what_was_typed(as_owner: Browser, owner: Session) -> None:
    path = "/settings/team/invitations"
    for data, field in (
        ({"email": "no address", "role": "chatter"}, "email"),
        ({"email": "", "role": "king"}, "role"),
    ):
        response = as_owner.post(path, data=data)
        assert response.status_code == 422
        assert f'id="f-{field}-error"' in response.text
        if data["email"]:
            assert data["email"] in response.text
    assert owner.scalar(select(func.count()).where(Invitation.workspace_id == as_owner.member.workspace_id)) == 0


MASS = [
    ("/settings/team/invitations", {"email": "ann@huntaze.test", "role": "viewer"}),
    ("/settings/tokens", {"name": "script", "scope": "read"}),
    ("/settings/profile", {"name": "Ann"}),
    ("/settings/workspace", {"name": "Studio", "currency": "USD", "time_zone": "UTC"}),
]


@pytest.mark.parametrize(("path", "body"), MASS, ids=[path for path, _body in MASS])
def test_no_column_is_assigned_by_its_name(as_owner: Browser, path: str, body: dict[str, str]) -> None:
    """Every column of every table that is no field of the form is refused by name (ASVS 15.3.3)."""
    for column in COLUMNS:
        if column in body or (path, column) in {("/settings/profile", "time_zone"), ("/settings/profile", "locale")}:
            continue
        response = as_owner.post(path, data={**body, column: "1"})
        assert response.status_code == 422, column
        assert f"{column}: There is no such field" in response.text, column


def test_every_action_has_words() -> None:
    assert set(Action) == set(WORDS), "blueprints/audit_words.py"
    assert all(str(words) for words in WORDS.values())


def test_the_audit_log(sign_in: SignIn, as_owner: Browser, as_manager: Browser, stranger: Browser) -> None:
    here = as_owner.member.workspace_id
    ann = MemberFactory(workspace_id=here, user_id=UserFactory(name="Ann <b>").id, role=Role.CHATTER)
    fan = SubscriberFactory(workspace_id=here, display_name="A fan")
    as_owner.post(f"/settings/team/{ann.user_id}/role", data={"role": "viewer"})
    AuditEventFactory(workspace_id=here, actor_id=ann.user_id, action="fan.unknown_to_us", subject_id=fan.id)
    html = as_owner.get("/settings/audit").text
    assert "Role changed" in html
    assert f'<a href="/settings/team/{ann.user_id}">Ann &lt;b&gt;</a>' in html
    assert "Chatter · Viewer" in html
    assert f'<a href="/onlyfans/subscribers/{fan.id}">A fan</a>' in html
    only = as_owner.get("/settings/audit?action=member.role_changed").text
    assert "A fan" not in only
    assert "A fan" in as_owner.get(f"/settings/audit?member={ann.user_id}").text
    assert "Nothing of that kind" in as_owner.swap("/settings/audit?action=member.left").text
    assert as_owner.get("/settings/audit?action=nonsense").status_code == 422
    assert as_manager.get("/settings/audit").status_code == 403
    assert "Ann" not in stranger.get("/settings/audit").text

    as_owner.post(f"/settings/team/{ann.user_id}/remove")
    after = as_owner.get("/settings/audit").text
    assert "Member removed" in after
    assert f'<a href="/settings/team/{ann.user_id}">' not in after, "there is no such page any more"
    assert "Ann &lt;b&gt;" in after


def test_the_audit_log_has_pages(as_owner: Browser) -> None:
    for _ in range(51):
        AuditEventFactory(workspace_id=as_owner.member.workspace_id)
    first = as_owner.get("/settings/audit?action=member.left").text
    assert first.count("<li>") == 50
    link = re.search(r'href="(/settings/audit\?[^"]*after=[^"]+)"', first)
    assert link
    rest = as_owner.get(link[1].replace("&amp;", "&"), headers=SWAP).text
    assert rest.count("<li>") == 1
    assert urlsplit(link[1]).query.startswith("action=")


def test_what_is_recorded_is_never_changed(as_owner: Browser, owner: Session) -> None:
    as_owner.post("/settings/workspace", data={"name": "Other", "currency": "EUR", "time_zone": "paris"})
    row = owner.scalar(select(AuditEvent).where(AuditEvent.workspace_id == as_owner.member.workspace_id))
    assert row is not None
    assert (row.action, row.actor_id) == ("workspace.changed", as_owner.member.user_id)
    assert "Other" not in repr(row.detail)
