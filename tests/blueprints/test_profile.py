"""The viewer's profile and picture, the workspace's settings, and API tokens."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.models import sign_in as sessions
from huntaze.models.sign_in import ApiToken
from huntaze.models.user import Membership, Picture, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.management import time_zones
from huntaze.services.pictures import LARGEST
from tests.conftest import Browser, SignIn
from tests.factories import (
    PNG,
    ApiTokenFactory,
    MemberFactory,
    SubscriberFactory,
    TransactionFactory,
    UserFactory,
    WorkspaceFactory,
)

UPLOAD = "/settings/profile/picture"
FANS = "/api/onlyfans/subscribers"


def _upload(browser: Browser, content: bytes, name: str = "me.png") -> TestResponse:
    quoted = name.replace('"', "%22").replace("\r\n", "%0D%0A")  # as browsers write it
    head = f'--x\r\nContent-Disposition: form-data; name="picture"; filename="{quoted}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--x--\r\n"
    return browser.post(UPLOAD, data=body, content_type="multipart/form-data; boundary=x")


def test_a_profile_is_changed(as_viewer: Browser, owner: Session) -> None:
    data = {"name": " Zoé ", "time_zone": "new york", "locale": "fr"}
    assert as_viewer.post("/settings/profile", data=data).status_code == 303
    user = owner.get(User, as_viewer.member.user_id)
    assert user is not None
    assert (user.name, user.time_zone, user.locale) == ("Zoé", "America/New_York", "fr")
    html = as_viewer.get("/settings/profile").text
    assert 'value="America/New_York"' in html
    assert '<html lang="fr">' in html
    as_viewer.post("/settings/profile", data={"name": "Zoé", "time_zone": "", "locale": ""})
    owner.expire_all()
    assert (user.time_zone, user.locale) == (None, None)


@pytest.mark.parametrize(
    "zone", ["Nowhere/City", "../../etc/passwd", "Europe/Paris\0", "x" * 100, "GMT+25", "springfield"]
)
def test_what_is_no_time_zone(as_viewer: Browser, owner: Session, zone: str) -> None:
    response = as_viewer.post("/settings/profile", data={"name": "Ann", "time_zone": zone})
    assert response.status_code == 422
    assert 'id="f-time_zone-error"' in response.text
    assert owner.scalar(select(User.name).where(User.id == as_viewer.member.user_id)) != "Ann"


def test_the_zones_to_choose_from() -> None:
    assert {"UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"} <= set(time_zones())
    assert "US/Eastern" not in time_zones()


def test_times_are_in_the_viewers_zone(sign_in: SignIn) -> None:
    workspace = WorkspaceFactory(time_zone="Asia/Tokyo")
    people = {
        zone: MemberFactory(workspace_id=workspace.id, user_id=UserFactory(time_zone=zone).id)
        for zone in (None, "UTC")
    }
    fan = SubscriberFactory(workspace_id=workspace.id)
    TransactionFactory(subscriber=fan, occurred_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    pages = {zone: sign_in(member).get(f"/onlyfans/subscribers/{fan.id}").text for zone, member in people.items()}
    assert "Mar 2, 2026" in pages[None]
    assert "Mar 1, 2026" in pages["UTC"]


def test_a_picture_is_shown_to_colleagues_alone(
    as_viewer: Browser, as_owner: Browser, stranger: Browser, nobody: Browser
) -> None:
    assert _upload(as_viewer, PNG).status_code == 303
    shell = as_viewer.get("/settings").text
    address = re.search(rf'src="(/settings/team/{as_viewer.member.user_id}/picture\?v=\w+)"', shell)
    assert address
    for browser in (as_viewer, as_owner):
        response = browser.get(address[1])
        assert response.status_code == 200
        assert response.mimetype == "image/webp"
        assert response.headers["Cache-Control"].startswith("private, max-age=")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.data[8:12] == b"WEBP"
    assert stranger.get(address[1]).status_code == 404
    assert nobody.get(address[1]).status_code == 303
    assert address[1] in as_owner.get("/settings/team").text


def test_another_picture_has_another_address(as_viewer: Browser, owner: Session) -> None:
    digest = select(User.picture).where(User.id == as_viewer.member.user_id)
    _upload(as_viewer, PNG)
    first = owner.scalar(digest)
    _upload(as_viewer, PNG)
    assert owner.scalar(digest) == first
    import pyvips

    _upload(as_viewer, pyvips.Image.black(40, 40).jpegsave_buffer(), "other.jpg")
    assert owner.scalar(digest) not in (first, None)
    assert as_viewer.post(f"{UPLOAD}/remove").status_code == 303
    assert owner.scalar(digest) is None
    assert owner.scalar(select(func.count()).where(Picture.user_id == as_viewer.member.user_id)) == 0
    assert "<img" not in as_viewer.get("/settings").text


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "me.png", "fill this in"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "me.png", "JPEG, PNG, WebP or GIF"),
        (b"<script>alert(1)</script>", "../../me.jpg", "JPEG, PNG, WebP or GIF"),
        (PNG[:40], 'a"\r\nX: y.png', "damaged"),
        (b"\xff\xd8\xff" + b"\0" * (LARGEST + 1), "big.jpg", "larger than 5 MB"),
        (b"\xff\xd8\xff" + b"\0" * (33 * 1024 * 1024), "huge.jpg", "larger than 5 MB"),
    ],
    ids=["nothing", "svg", "html", "cut", "6 MB", "33 MB"],
)
def test_what_is_no_picture_says_why(
    as_viewer: Browser, owner: Session, content: bytes, name: str, words: str
) -> None:
    response = _upload(as_viewer, content, name)
    assert response.status_code == 422
    assert words in response.text
    assert 'name="name"' in response.text, "the page with both forms"
    assert owner.scalar(select(User.picture).where(User.id == as_viewer.member.user_id)) is None


def test_without_a_file_and_with_a_text_instead(as_viewer: Browser) -> None:
    for data in ({}, {"picture": "text"}):
        assert as_viewer.post(UPLOAD, data=data).status_code == 422


def test_other_forms_stay_small(as_viewer: Browser) -> None:
    assert as_viewer.post("/settings/profile", data={"name": "x" * 2_000_000}).status_code == 413


def test_the_workspace_is_the_owners(as_owner: Browser, as_manager: Browser, owner: Session) -> None:
    data = {"name": "Studio Ann", "currency": "EUR", "time_zone": "europe/paris"}
    assert as_manager.post("/settings/workspace", data=data).status_code == 403
    assert as_owner.post("/settings/workspace", data=data).status_code == 303
    row = owner.get(Workspace, as_owner.member.workspace_id)
    assert row is not None
    assert (row.name, row.currency, row.time_zone) == ("Studio Ann", "EUR", "Europe/Paris")
    assert "Studio Ann" in as_manager.get("/settings").text


@pytest.mark.parametrize("money", ["payment", "price"])
def test_the_currency_stays_where_there_is_money(as_owner: Browser, owner: Session, money: str) -> None:
    here = as_owner.member.workspace_id
    fan = SubscriberFactory(workspace_id=here, monthly_price_cents=999 if money == "price" else 0)
    if money == "payment":
        TransactionFactory(subscriber=fan)
    assert "so it stays" in as_owner.get("/settings/workspace").text
    data = {"name": "New", "currency": "EUR", "time_zone": "UTC"}
    response = as_owner.post("/settings/workspace", data=data)
    assert response.status_code == 422
    assert "amounts in USD already" in response.text
    assert as_owner.put("/api/management/settings", json=data).status_code == 409
    assert as_owner.post("/settings/workspace", data={**data, "currency": "USD"}).status_code == 303


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "JPY", "EURO", "€"])
def test_what_is_no_currency(as_owner: Browser, currency: str) -> None:
    data = {"name": "New", "currency": currency, "time_zone": "UTC"}
    response = as_owner.post("/settings/workspace", data=data)
    assert response.status_code == 422
    assert 'id="f-currency-error"' in response.text


def _create(browser: Browser, **fields: str) -> str:
    response = browser.post("/settings/tokens", data={"name": "script", "scope": "write", "days": "", **fields})
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    token = re.search(r'id="token" value="([\w-]{43})"', response.text)
    assert token
    return token[1]


def _program(app: Flask, token: str) -> FlaskClient:
    program = FlaskClient(app, app.response_class)
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return program


def test_a_token_is_shown_once_and_works_until_it_is_revoked(app: Flask, as_manager: Browser, owner: Session) -> None:
    token = _create(as_manager)
    assert token not in as_manager.get("/settings/tokens").text
    program = _program(app, token)
    assert program.post(FANS, json={"username": "ann"}).status_code == 201
    assert "never used" not in as_manager.get("/settings/tokens").text
    token_id = owner.scalar(select(ApiToken.id).where(ApiToken.user_id == as_manager.member.user_id))
    assert as_manager.post(f"/settings/tokens/{token_id}/revoke").status_code == 303
    assert program.get(FANS).status_code == 401
    assert "/revoke" not in as_manager.get("/settings/tokens").text


def test_a_token_that_reads_changes_nothing(app: Flask, as_owner: Browser) -> None:
    """Whatever the route: the gate refuses, and not each view."""
    program = _program(app, _create(as_owner, scope="read"))
    for path in (FANS, "/api/management/profile", "/api/management/settings"):
        assert program.get(path).status_code == 200
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, 1))
            for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
                assert program.open(path, method=method, json={}).status_code == 403, rule


def test_a_token_has_the_role_of_the_moment(app: Flask, as_manager: Browser, owner: Session) -> None:
    program = _program(app, _create(as_manager))
    owner.execute(update(Membership).where(Membership.user_id == as_manager.member.user_id).values(role=Role.VIEWER))
    assert program.post(FANS, json={"username": "ann"}).status_code == 403
    assert program.get(FANS).status_code == 200


def test_a_token_ends(app: Flask, as_manager: Browser, owner: Session) -> None:
    program = _program(app, _create(as_manager, days="30"))
    assert program.get(FANS).status_code == 200
    ended = update(ApiToken).where(ApiToken.user_id == as_manager.member.user_id)
    owner.execute(ended.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert program.get(FANS).status_code == 401
    assert "expired" in as_manager.get("/settings/tokens").text


def test_a_double_tap_makes_one_token(as_manager: Browser, owner: Session) -> None:
    _create(as_manager)
    again = as_manager.post("/settings/tokens", data={"name": "script", "scope": "write", "days": ""})
    assert again.status_code == 422
    assert owner.scalar(select(func.count()).where(ApiToken.user_id == as_manager.member.user_id)) == 1


def test_it_asks_for_the_password_again(as_manager: Browser, owner: Session) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    row = sessions.SignIn
    owner.execute(update(row).where(row.user_id == as_manager.member.user_id).values(confirmed_at=long_ago))
    for response in (
        as_manager.get("/settings/tokens/new"),
        as_manager.post("/settings/tokens", data={"name": "script", "scope": "read"}),
    ):
        assert response.headers["Location"].startswith("/confirm?")
    assert owner.scalar(select(func.count()).where(ApiToken.user_id == as_manager.member.user_id)) == 0


def test_whose_tokens_one_sees(as_owner: Browser, as_manager: Browser, owner: Session) -> None:
    mine = ApiTokenFactory(member=as_owner.member, name="of the owner")
    theirs = ApiTokenFactory(member=as_manager.member, name="of the manager")
    assert "of the owner" not in as_manager.get("/settings/tokens").text
    assert as_manager.post(f"/settings/tokens/{mine.id}/revoke").status_code == 404
    assert "of the manager" in as_owner.get("/settings/tokens").text
    assert as_owner.post(f"/settings/tokens/{theirs.id}/revoke").status_code == 303


def test_a_token_cannot_make_tokens(app: Flask, as_owner: Browser) -> None:
    program = _program(app, _create(as_owner))
    assert program.post("/settings/tokens", data={"name": "more"}).status_code == 303, "to the sign-in"


def test_the_profile_by_api(as_viewer: Browser) -> None:
    changed = as_viewer.put("/api/management/profile", json={"name": "Ann", "time_zone": "Paris"})
    assert changed.status_code == 200
    assert changed.json == as_viewer.get("/api/management/profile").json
    assert changed.json is not None
    assert (changed.json["name"], changed.json["time_zone"], changed.json["role"]) == (
        "Ann",
        "Europe/Paris",
        "viewer",
    )
    for body in ({}, {"name": ""}, {"name": "Ann", "locale": "xx"}, {"name": "Ann", "email": "x@y.test"}):
        response = as_viewer.put("/api/management/profile", json=body)
        assert response.status_code == 422
    assert as_viewer.put("/api/management/settings", json={}).status_code == 403
    assert as_viewer.get("/api/management/settings").status_code == 200
