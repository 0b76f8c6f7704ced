"""/api/onlyfans/subscribers: the same rules as the pages, for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.models.sign_in import ApiToken
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership, Role
from huntaze.services.keyset import PAGE
from tests.conftest import Browser
from tests.factories import ApiTokenFactory, MemberFactory, SubscriberFactory, TagFactory, TaggedFactory, sha256

PATH = "/api/onlyfans/subscribers"
FIELDS = {
    "id", "username", "display_name", "email", "tier", "status", "monthly_price_cents", "total_spent_cents",
    "country", "joined_at", "last_active_at", "renews_at", "archived_at", "tags",
}  # fmt: skip


@pytest.fixture
def member(app: Flask) -> Membership:
    return MemberFactory(role=Role.MANAGER)


@pytest.fixture
def program(app: Flask, member: Membership) -> FlaskClient:
    """With the member's token."""
    program = FlaskClient(app, app.response_class)
    token = f"token of {member.user_id}"
    ApiTokenFactory(member=member, token=token)
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return program


def _problem(response: TestResponse, status: int, *fields: str) -> list[str]:
    """Checks the shape of a problem (RFC 9457); returns its messages."""
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    answer = response.json
    assert answer is not None
    assert answer["status"] == status
    assert answer["type"]
    assert answer["title"]
    assert [error["field"] for error in answer.get("errors", [])] == list(fields)
    return [error["message"] for error in answer.get("errors", [])]


def test_a_new_one_is_answered_with_its_row(program: FlaskClient) -> None:
    response = program.post(PATH, json={"username": "@Ann"})
    assert response.status_code == 201
    row = response.json
    assert row is not None
    assert row.keys() == FIELDS
    assert response.headers["Location"] == f"{PATH}/{row['id']}"
    assert (row["username"], row["tier"], row["status"], row["email"], row["tags"]) == (
        "ann",
        "free",
        "active",
        None,
        [],
    )
    assert (row["monthly_price_cents"], row["total_spent_cents"], row["archived_at"]) == (0, 0, None)
    assert datetime.fromisoformat(row["joined_at"]).utcoffset() is not None
    assert program.get(response.headers["Location"]).json == row


def test_all_that_can_be_said(program: FlaskClient) -> None:
    said = {"username": "ann", "display_name": "Ann 🦄", "email": "Ann@example.test", "tier": "vip"}
    row = program.post(PATH, json=said).json
    assert row is not None
    assert {key: row[key] for key in said} == {**said, "email": "ann@example.test"}


def test_a_double_is_a_conflict(program: FlaskClient, owner: Session, member: Membership) -> None:
    program.post(PATH, json={"username": "ann"})
    [message] = _problem(program.post(PATH, json={"username": "ANN", "tier": "vip"}), 409, "username")
    assert "@ann" in message
    bob = program.post(PATH, json={"username": "bob"}).json
    assert bob is not None
    _problem(program.patch(f"{PATH}/{bob['id']}", json={"username": "ann"}), 409, "username")
    assert owner.scalar(select(func.count()).where(Subscriber.workspace_id == member.workspace_id)) == 2


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["username"]),
        ({"username": ""}, ["username"]),
        ({"username": None}, ["username"]),
        ({"username": 5}, ["username"]),
        ({"username": ["ann"]}, ["username"]),
        ({"username": "a b"}, ["username"]),
        ({"username": "x" * 10_000}, ["username"]),
        ({"username": "ann", "email": "none"}, ["email"]),
        ({"username": "ann", "email": {"a": 1}}, ["email"]),
        ({"username": "ann", "tier": "gold"}, ["tier"]),
        ({"username": "ann", "tier": None}, ["tier"]),
        ({"username": "ann", "display_name": None}, ["display_name"]),
        ({"username": "ann", "display_name": "a\u0000"}, ["display_name"]),
        ({"username": "ann", "total_spent_cents": 1}, ["total_spent_cents"]),
        ({"username": "", "email": "none", "tier": 1}, ["username", "email", "tier"]),
    ],
)
def test_bad_input_names_every_field(program: FlaskClient, body: dict[str, object], fields: list[str]) -> None:
    messages = _problem(program.post(PATH, json=body), 422, *fields)
    assert all(messages)


@pytest.mark.parametrize("body", ["", "{", "nul", "\x00", "[" * 5000, '{"username": "\\ud800"}', "\ufeff{}", "NaN"])
def test_what_is_no_json(program: FlaskClient, body: str) -> None:
    response = program.post(PATH, data=body, content_type="application/json")
    assert response.status_code == 422
    assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize("body", [[], "ann", 5, None, True, [{"username": "ann"}]])
def test_json_that_is_no_object(program: FlaskClient, body: object) -> None:
    response = program.post(PATH, data=json.dumps(body), content_type="application/json")
    _problem(response, 422, "_")


@pytest.mark.parametrize("mimetype", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_what_is_not_sent_as_json(program: FlaskClient, mimetype: str) -> None:
    """A form of another site can't be mistaken for it."""
    _problem(program.post(PATH, data='{"username": "ann"}', content_type=mimetype), 415)


def test_a_change_sets_what_it_names(program: FlaskClient) -> None:
    said = {"username": "ann", "display_name": "Ann", "email": "ann@example.test", "tier": "vip"}
    row = program.post(PATH, json=said).json
    assert row is not None
    here = f"{PATH}/{row['id']}"
    assert program.patch(here, json={"display_name": "Anna"}).json == {**row, "display_name": "Anna"}
    changed = program.patch(here, json={"email": None, "status": "expired"}).json
    assert changed == {**row, "display_name": "Anna", "email": None, "status": "expired"}
    assert program.patch(here, json={}).json == changed
    assert program.get(here).json == changed
    _problem(program.patch(here, json={"username": ""}), 422, "username")
    _problem(program.patch(here, json={"id": 5}), 422, "id")
    assert program.get(here).json == changed


def test_a_changed_row_keeps_its_tags(program: FlaskClient, member: Membership) -> None:
    fan = SubscriberFactory(workspace_id=member.workspace_id)
    tag = TagFactory(workspace_id=member.workspace_id, name="whale")
    TaggedFactory(subscriber=fan, tag=tag)
    changed = program.patch(f"{PATH}/{fan.id}", json={"tier": "vip"}).json
    assert changed is not None
    assert changed["tags"] == [{"id": tag.id, "name": "whale"}]


def test_deleting_archives(program: FlaskClient, owner: Session) -> None:
    row = program.post(PATH, json={"username": "ann"}).json
    assert row is not None
    here = f"{PATH}/{row['id']}"
    for _ in range(2):
        response = program.delete(here)
        assert (response.status_code, response.data) == (204, b"")
    archived = program.get(here).json
    assert archived is not None
    assert archived["archived_at"] is not None
    assert program.get(PATH).json == {"items": [], "next": None}
    assert program.get(f"{PATH}?archived=1").json == {"items": [archived], "next": None}


def test_pages(program: FlaskClient, member: Membership) -> None:
    for n in range(PAGE + 5):
        SubscriberFactory(workspace_id=member.workspace_id, username=f"fan{n:03}", total_spent_cents=n)
    first = program.get(f"{PATH}?sort=spent&spent_min=0").json
    assert first is not None
    second = program.get(PATH, query_string={"sort": "spent", "spent_min": "0", "after": first["next"]}).json
    assert second is not None
    names = [row["username"] for row in (*first["items"], *second["items"])]
    assert names == [f"fan{n:03}" for n in range(PAGE + 4, -1, -1)]
    assert (len(first["items"]), second["next"]) == (PAGE, None)
    assert all(row.keys() == FIELDS for row in first["items"])


def test_a_search(program: FlaskClient, member: Membership) -> None:
    SubscriberFactory(workspace_id=member.workspace_id, username="ann", display_name="Hélène")
    SubscriberFactory(workspace_id=member.workspace_id, username="bob")
    found = program.get(f"{PATH}?q=helene").json
    assert found is not None
    assert [row["username"] for row in found["items"]] == ["ann"]
    _problem(program.get(f"{PATH}?sort=none&tier=gold"), 422, "tier", "sort")


def test_who_is_not_there(program: FlaskClient) -> None:
    calls: list[Callable[[], TestResponse]] = [
        lambda: program.get(f"{PATH}/9999999999"),
        lambda: program.patch(f"{PATH}/9999999999", json={}),
        lambda: program.delete(f"{PATH}/9999999999"),
        lambda: program.get(f"{PATH}/abc"),
        lambda: program.get("/api/nothing"),
    ]
    for call in calls:
        _problem(call(), 404)


def test_a_role_holds_for_tokens_too(program: FlaskClient, owner: Session, member: Membership) -> None:
    fan = SubscriberFactory(workspace_id=member.workspace_id)
    demoted = update(Membership).where(Membership.user_id == member.user_id).values(role=Role.CHATTER)
    owner.execute(demoted)
    _problem(program.post(PATH, json={"username": "ann"}), 403)
    _problem(program.patch(f"{PATH}/{fan.id}", json={"tier": "vip"}), 403)
    _problem(program.delete(f"{PATH}/{fan.id}"), 403)
    assert program.get(f"{PATH}/{fan.id}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer unknown", "Bearer ", "Bearer", "Basic YTpi", "bearer\tx", "Token x", "Bearer é", "Bearer a b", ""],
)
def test_an_unknown_token_is_nobody(app: Flask, authorization: str) -> None:
    program = FlaskClient(app, app.response_class)
    response = program.get(PATH, headers={"Authorization": authorization})
    _problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_is_nobody(program: FlaskClient, owner: Session, member: Membership) -> None:
    assert program.get(PATH).status_code == 200
    hashed = sha256(f"token of {member.user_id}")
    owner.execute(update(ApiToken).where(ApiToken.token_hash == hashed).values(revoked_at=datetime.now(UTC)))
    _problem(program.get(PATH), 401)
    _problem(program.post(PATH, json={"username": "ann"}), 401)


def test_a_session_does_too(as_manager: Browser) -> None:
    assert as_manager.post(PATH, json={"username": "ann"}).status_code == 201
    assert as_manager.get(PATH).status_code == 200


def test_a_bad_token_is_not_made_good_by_a_session(as_manager: Browser) -> None:
    _problem(as_manager.get(PATH, headers={"Authorization": "Bearer unknown"}), 401)


def test_a_token_opens_no_page(program: FlaskClient) -> None:
    assert program.get("/onlyfans/subscribers").status_code == 303
    assert program.get("/settings").status_code == 303


def test_messages_are_in_the_language_of_the_reader(as_manager: Browser) -> None:
    response = as_manager.post(PATH, json={}, headers={"Accept-Language": "fr"})
    [message] = _problem(response, 422, "username")
    assert message != "Please fill this in."
