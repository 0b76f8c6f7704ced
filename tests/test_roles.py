"""Who may call what: every route without a session, with each role, and after the role has changed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from huntaze.models.user import Membership, Role
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import ApiTokenFactory, MemberFactory, SubscriberFactory
from tests.routes import PUBLIC, ROUTES, SIGNED, belongings, call

CLOSED = sorted(ROUTES.keys() - PUBLIC)
PAGES = [name for name in CLOSED if not name.startswith("api.")]
API = [name for name in CLOSED if name.startswith("api.")]


def test_a_page_sends_a_stranger_to_the_login_and_back(app: Flask, nobody: Browser) -> None:
    ids = belongings(MemberFactory())
    for endpoint in PAGES:
        response = call(app, nobody, endpoint, ids)
        assert response.status_code == 303, endpoint
        target = urlsplit(response.headers["Location"])
        assert target.path == "/login", endpoint
        back = parse_qs(target.query)["next"][0]
        if ROUTES[endpoint].is_safe:
            assert back == response.request.path, endpoint
        else:
            assert nobody.get(back).status_code in (303, 200), f"{endpoint} comes back to a page, not to a POST"


def test_htmx_is_told_to_go_to_the_login(app: Flask, nobody: Browser) -> None:
    ids = belongings(MemberFactory())
    for endpoint in PAGES:
        headers = {**SWAP, "HX-Current-URL": "http://localhost/onlyfans/subscribers?q=ann"}
        response = call(app, nobody, endpoint, ids, headers)
        assert response.status_code == 401, endpoint
        assert response.data == b"", endpoint
        target = urlsplit(response.headers["HX-Redirect"])
        assert target.path == "/login", endpoint
        if ROUTES[endpoint].is_safe:
            assert parse_qs(target.query)["next"] == ["/onlyfans/subscribers?q=ann"], "the page, not the part of it"


def test_the_api_answers_401(app: Flask, nobody: Browser) -> None:
    ids = belongings(MemberFactory())
    for endpoint in API:
        response = call(app, nobody, endpoint, ids)
        assert response.status_code == 401, endpoint
        assert response.mimetype == "application/problem+json", endpoint
        assert response.json is not None
        assert response.json["status"] == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("endpoint", sorted(PUBLIC - SIGNED))
def test_a_public_page_needs_no_session(app: Flask, nobody: Browser, endpoint: str) -> None:
    response = call(app, nobody, endpoint, {})
    assert response.status_code not in (401, 403, 404, 500)
    assert "next=" not in response.headers.get("Location", "")


@pytest.mark.parametrize("endpoint", CLOSED)
def test_each_role_may_do_what_it_covers(app: Flask, sign_in: SignIn, endpoint: str) -> None:
    owner = MemberFactory()
    needed = ROUTES[endpoint].needed
    assert needed is not None
    for role in Role:
        member = owner if role is Role.OWNER else MemberFactory(workspace_id=owner.workspace_id, role=role)
        response = call(app, sign_in(member), endpoint, belongings(owner))
        assert (response.status_code == 403) == (list(Role).index(role) < list(Role).index(needed)), role
        assert response.status_code != 500


def test_every_unsafe_route_of_a_workspace_names_its_role(app: Flask) -> None:
    """What belongs to the viewer alone (their notifications, their profile, their tokens) needs none."""
    unnamed = {
        endpoint
        for endpoint, route in ROUTES.items()
        if not route.is_safe and endpoint not in PUBLIC and not hasattr(app.view_functions[endpoint], "needed_role")
    }
    about_oneself = {name for name in unnamed if name.startswith(("second_factor.", "passkeys.", "account."))}
    assert unnamed - about_oneself == {
        "notifications.mark_read",
        "auth.confirm_password",
        "settings.switch_workspace",
        "settings.change_profile",
        "settings.change_picture",
        "settings.remove_picture",
        "settings.leave",
        "settings.create_token",
        "settings.revoke_token",
        "api.put_profile",
    }


def test_a_lower_role_holds_at_once(app: Flask, as_manager: Browser, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=as_manager.member.workspace_id)
    edit = f"/onlyfans/subscribers/{fan.id}/edit"
    assert as_manager.get(edit).status_code == 200
    _set_role(owner, as_manager.member, Role.VIEWER)
    assert as_manager.get(edit).status_code == 403
    assert as_manager.post(edit, data={"display_name": "Mine"}).status_code == 403
    assert as_manager.patch(f"/api/onlyfans/subscribers/{fan.id}", json={"display_name": "Mine"}).status_code == 403
    assert as_manager.get(f"/onlyfans/subscribers/{fan.id}").status_code == 200
    _set_role(owner, as_manager.member, Role.MANAGER)
    assert as_manager.get(edit).status_code == 200


def test_pages_offer_only_what_the_role_may_do(as_viewer: Browser, as_chatter: Browser, as_manager: Browser) -> None:
    fan = SubscriberFactory(workspace_id=as_viewer.member.workspace_id)
    page, add = f"/onlyfans/subscribers/{fan.id}", "/onlyfans/subscribers/new"
    offered = {"edit": f"{page}/edit", "archive": f"{page}/archive", "note": f"{page}/notes", "tag": f"{page}/tags"}

    def offers(browser: Browser) -> set[str]:
        html = browser.get(page).text
        return {name for name, path in offered.items() if f'="{path}"' in html}

    assert offers(as_viewer) == set()
    assert offers(as_chatter) == {"note", "tag"}
    assert offers(as_manager) == set(offered)
    assert add not in as_chatter.get("/onlyfans/subscribers").text
    assert add in as_manager.get("/onlyfans/subscribers").text


def test_who_leaves_the_workspace_is_signed_out(as_manager: Browser, owner: Session, app: Flask) -> None:
    token = f"token of {as_manager.member.user_id}"
    ApiTokenFactory(member=as_manager.member, token=token)
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/api/onlyfans/subscribers", headers=bearer).status_code == 200

    owner.execute(
        delete(Membership).where(
            Membership.workspace_id == as_manager.member.workspace_id, Membership.user_id == as_manager.member.user_id
        )
    )
    response = as_manager.get("/onlyfans/subscribers")
    assert (response.status_code, urlsplit(response.headers["Location"]).path) == (303, "/login")
    assert as_manager.swap("/onlyfans/subscribers").status_code == 401
    assert as_manager.get("/api/onlyfans/subscribers").status_code == 401
    assert app.test_client().get("/api/onlyfans/subscribers", headers=bearer).status_code == 401


def _set_role(owner: Session, member: Membership, role: Role) -> None:
    owner.execute(
        update(Membership)
        .where(Membership.workspace_id == member.workspace_id, Membership.user_id == member.user_id)
        .values(role=role)
    )
