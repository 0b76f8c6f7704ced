"""/settings/data: everything taken along; the workspace's last week."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.mail import LocalMailer
from huntaze.jobs import mails
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.sign_in import SignIn
from huntaze.models.user import Role, User
from huntaze.models.workspace import GRACE, Workspace
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, SubscriberFactory, UserFactory
from tests.routes import belongings

PAGE = "/settings/data"


def test_everything_in_one_zip(as_owner: Browser, owner: Session) -> None:
    belongings(as_owner.member)
    response = as_owner.post(f"{PAGE}/export")
    assert response.status_code == 200
    assert response.mimetype == "application/zip"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="huntaze-20')
    assert "Content-Length" not in response.headers, "it is made while it is sent"
    archive = zipfile.ZipFile(io.BytesIO(response.data))
    assert archive.testzip() is None
    assert "huntaze load" in archive.read("README.txt").decode()
    assert b"fan-" in archive.read("subscribers.csv")
    assert _actions(owner, as_owner) == [Action.WORKSPACE_EXPORTED]


@pytest.mark.parametrize("verb", ["export", "delete"])
def test_the_password_is_asked_for_again(as_owner: Browser, owner: Session, verb: str) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    owner.execute(update(SignIn).where(SignIn.user_id == as_owner.member.user_id).values(confirmed_at=long_ago))
    response = as_owner.post(f"{PAGE}/{verb}", data={"name": _name(owner, as_owner)} if verb == "delete" else {})
    assert response.headers["Location"].startswith("/confirm?next=/settings/data")
    assert _actions(owner, as_owner) == []


def test_the_settings_lead_owners_there(as_owner: Browser, as_manager: Browser) -> None:
    assert f'href="{PAGE}"' in as_owner.get("/settings").text
    assert f'href="{PAGE}"' not in as_manager.get("/settings").text
    assert as_manager.get(PAGE).status_code == 403


def test_a_week_in_which_it_can_be_taken_back(
    app: Flask, as_owner: Browser, as_viewer: Browser, owner: Session
) -> None:
    here, name = as_owner.member.workspace_id, _name(owner, as_owner)
    french = UserFactory(locale="fr", email=f"fr{here}@huntaze.test")
    MemberFactory(workspace_id=here, user_id=french.id, role=Role.OWNER)
    MemberFactory(workspace_id=here, role=Role.MANAGER)
    refused = as_owner.post(f"{PAGE}/delete", data={"name": "Something else"})
    assert refused.status_code == 422
    assert f"This is not it: type {name}." in refused.text
    assert 'value="Something else"' in refused.text

    for _ in range(2):
        assert as_owner.post(f"{PAGE}/delete", data={"name": name}).headers["Location"] == PAGE
    delete_at = owner.scalar(select(Workspace.delete_at).where(Workspace.id == here))
    assert delete_at is not None
    assert abs(delete_at - datetime.now(UTC) - GRACE) < timedelta(minutes=1)
    assert _actions(owner, as_owner) == [Action.WORKSPACE_DELETION_ASKED], "twice is once"
    with app.app_context():
        mails.send_due()
    mailer: LocalMailer = app.extensions["huntaze.mailer"]
    sent = [letter for letter in mailer.letters() if name in letter.subject]
    address = owner.scalar(select(User.email).where(User.id == as_owner.member.user_id))
    assert sorted((letter.to, letter.subject) for letter in sent) == sorted(
        [(address, f"{name} will be deleted"), (french.email, f"{name} sera supprimé")]
    )
    assert all(f"http://localhost{PAGE}" in letter.body for letter in sent)

    for browser in (as_owner, as_viewer):
        assert "This workspace will be deleted on" in browser.get("/onlyfans/subscribers").text
    assert f'action="{PAGE}/keep"' in as_owner.get("/onlyfans/subscribers").text
    assert f'action="{PAGE}/keep"' not in as_viewer.get("/onlyfans/subscribers").text
    assert as_viewer.post(f"{PAGE}/keep").status_code == 403
    assert as_owner.post("/onlyfans/subscribers", data={"username": "new.fan"}).status_code == 303, "work goes on"

    for _ in range(2):
        assert as_owner.post(f"{PAGE}/keep").headers["Location"] == PAGE
    assert "will be deleted" not in as_viewer.get("/onlyfans/subscribers").text
    assert _actions(owner, as_owner) == [Action.WORKSPACE_DELETION_ASKED, Action.WORKSPACE_KEPT]


def test_when_its_time_has_come_it_is_closed(as_owner: Browser, nobody: Browser, owner: Session) -> None:
    SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    past = datetime.now(UTC) - timedelta(seconds=1)
    owner.execute(update(Workspace).where(Workspace.id == as_owner.member.workspace_id).values(delete_at=past))
    for path in (PAGE, "/onlyfans/subscribers"):
        assert as_owner.get(path).headers["Location"].startswith("/login")
    assert as_owner.get("/api/onlyfans/subscribers").status_code == 401


def test_who_has_no_workspace_left_opens_a_new_one(nobody: Browser, owner: Session) -> None:
    user = UserFactory()
    log_in = {"email": user.email, "password": PASSWORD}
    told = nobody.post("/login", data=log_in)
    assert told.status_code == 422
    assert "Name a new one here" in told.text
    assert 'name="business"' in told.text
    assert "Name a new one here" not in nobody.post("/login", data={**log_in, "password": "wrong"}).text
    assert nobody.post("/login", data={**log_in, "business": "Second Try"}).status_code == 303
    assert "Second Try" in nobody.get("/settings").text


def test_a_name_on_the_login_page_opens_nothing_for_who_has_a_workspace(nobody: Browser, owner: Session) -> None:
    member = MemberFactory()
    email = owner.scalar(select(User.email).where(User.id == member.user_id))
    before = owner.scalar(select(func.count()).select_from(Workspace))
    nobody.post("/login", data={"email": email, "password": PASSWORD, "business": "Another"})
    assert owner.scalar(select(func.count()).select_from(Workspace)) == before


def test_another_workspace_of_the_member_is_where_they_land(nobody: Browser, owner: Session) -> None:
    closed = MemberFactory()
    there = MemberFactory(user_id=closed.user_id)
    past = datetime.now(UTC) - timedelta(seconds=1)
    owner.execute(update(Workspace).where(Workspace.id == closed.workspace_id).values(delete_at=past))
    email = owner.scalar(select(User.email).where(User.id == closed.user_id))
    assert nobody.post("/login", data={"email": email, "password": PASSWORD}).status_code == 303
    here = owner.scalars(select(SignIn.workspace_id).where(SignIn.user_id == closed.user_id)).all()
    assert here == [there.workspace_id]
    assert nobody.post("/settings/workspace/switch", data={"workspace_id": closed.workspace_id}).status_code == 404


def _name(owner: Session, browser: Browser) -> str:
    name = owner.scalar(select(Workspace.name).where(Workspace.id == browser.member.workspace_id))
    assert name is not None
    return name


def _actions(owner: Session, browser: Browser) -> list[str]:
    here = AuditEvent.workspace_id == browser.member.workspace_id
    return list(owner.scalars(select(AuditEvent.action).where(here).order_by(AuditEvent.id)))
