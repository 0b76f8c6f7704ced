"""The log: JSON lines that say what happened and to whom, and nothing that people wrote (ASVS 16)."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from huntaze import logs
from tests.conftest import Browser
from tests.factories import PASSWORD, ApiTokenFactory, MemberFactory, SubscriberFactory, UserFactory

CANARY = "canary-1f6e"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What is written to standard error, at the most talkative level."""
    written = StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure("DEBUG")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(log: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_is_a_line_of_json(as_owner: Browser, log: StringIO) -> None:
    fan = SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    response = as_owner.get(f"/onlyfans/subscribers/{fan.id}?q=ann")
    [line] = [line for line in _lines(log) if line["logger"] == "huntaze.request"]
    assert line["level"] == "INFO"
    assert line["method"] == "GET"
    assert line["route"] == "/onlyfans/subscribers/<int:subscriber_id>"
    assert line["ids"] == {"subscriber_id": fan.id}
    assert line["status"] == 200
    assert (line["user_id"], line["workspace_id"]) == (as_owner.member.user_id, as_owner.member.workspace_id)
    assert isinstance(line["ms"], float)
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert line["time"]


def test_nobody_is_in_it_where_nobody_is_signed_in(nobody: Browser, log: StringIO) -> None:
    nobody.get("/login")
    [line] = [line for line in _lines(log) if line["logger"] == "huntaze.request"]
    assert (line["user_id"], line["workspace_id"]) == (None, None)


@pytest.mark.parametrize("given", ["a-request-id", "0123456789abcdef", "A" * 64])
def test_a_request_id_is_taken_over(nobody: Browser, given: str) -> None:
    assert nobody.get("/login", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["short", "A" * 65, "with blank", "<script>", "a\tb", ""])
def test_a_strange_one_is_not(nobody: Browser, given: str) -> None:
    answers = [nobody.get("/login", headers={"X-Request-Id": given}).headers["X-Request-Id"] for _ in range(2)]
    assert given not in answers
    assert len(set(answers)) == 2
    assert all(len(answer) == 16 for answer in answers)


def test_an_error_names_its_request(as_owner: Browser) -> None:
    response = as_owner.get("/nowhere")
    assert response.headers["X-Request-Id"] in response.text
    answer = as_owner.get("/api/nowhere")
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_nothing_that_people_wrote_is_in_it(as_owner: Browser, nobody: Browser, log: StringIO) -> None:
    member = as_owner.member
    fan = SubscriberFactory(workspace_id=member.workspace_id)
    page = f"/onlyfans/subscribers/{fan.id}"
    ApiTokenFactory(member=member, token=CANARY)
    user = UserFactory()
    MemberFactory(user_id=user.id)

    as_owner.get(f"/onlyfans/subscribers?q={CANARY}&tag={CANARY}")
    as_owner.get(f"/onlyfans/subscribers?sort={CANARY}")
    as_owner.get(f"/{CANARY}")
    as_owner.get("/onlyfans/subscribers", headers={"Referer": f"http://localhost/{CANARY}", "User-Agent": CANARY})
    as_owner.post("/onlyfans/subscribers", data={"username": CANARY, "email": f"{CANARY}@example.test"})
    as_owner.post("/onlyfans/subscribers", data={"username": f"{CANARY}!", CANARY: CANARY})
    as_owner.post(f"{page}/edit", data={"display_name": CANARY})
    as_owner.post(f"{page}/notes", data={"body": CANARY})
    as_owner.post(f"{page}/tags", data={"name": CANARY})
    as_owner.post("/api/onlyfans/subscribers", data=CANARY, content_type="application/json")
    nobody.get("/api/onlyfans/subscribers", headers={"Authorization": f"Bearer {CANARY}"})
    nobody.get("/api/onlyfans/subscribers", headers={"Authorization": f"Bearer not-{CANARY}"})
    nobody.get(f"/login?next=/{CANARY}")
    nobody.post("/login", data={"email": f"{CANARY}@huntaze.test", "password": CANARY})
    nobody.post("/login", data={"email": user.email, "password": PASSWORD})
    token = nobody.get_cookie("huntaze")
    registration = {
        "name": CANARY,
        "business": CANARY,
        "email": f"{CANARY}@huntaze.test",
        "password": f"{CANARY} words",
    }
    nobody.post("/register", data=registration)
    nobody.post("/logout")

    written = log.getvalue()
    assert len([line for line in _lines(log) if line["logger"] == "huntaze.request"]) == 17
    assert CANARY not in written
    for secret in (PASSWORD, user.email, token.value if token else ""):
        assert secret
        assert secret not in written


def test_not_even_when_the_database_refuses(as_owner: Browser, owner: Session, log: StringIO) -> None:
    """PostgreSQL quotes the row ("Failing row contains ..."), SQLAlchemy the parameters."""
    fan = SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    refuse = f"ALTER TABLE notes ADD CONSTRAINT of_a_test CHECK (body <> '{CANARY}') NOT VALID"
    owner.execute(text(refuse))
    try:
        response = as_owner.post(f"/onlyfans/subscribers/{fan.id}/notes", data={"body": CANARY})
    finally:
        owner.execute(text("ALTER TABLE notes DROP CONSTRAINT of_a_test"))
    assert response.status_code == 500
    assert CANARY not in response.text, "nor is it shown"
    [line] = [line for line in _lines(log) if line["level"] == "ERROR"]
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert "IntegrityError" in str(line["error"])
    assert "subscriber_notes.py" in str(line["stack"]), "where it happened"
    assert CANARY not in log.getvalue()
