"""Notes about a fan, in a browser."""

from __future__ import annotations

from html import unescape

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Note, Subscriber
from huntaze.models.workspace import Workspace
from tests.conftest import Browser
from tests.factories import NoteFactory, SubscriberFactory


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    return SubscriberFactory(workspace_id=workspace.id, username="ann")


@pytest.fixture
def path(fan: Subscriber) -> str:
    return f"/onlyfans/subscribers/{fan.id}"


def _bodies(owner: Session, fan: Subscriber) -> list[str]:
    return list(owner.scalars(select(Note.body).where(Note.subscriber_id == fan.id).order_by(Note.id)))


def test_added_without_javascript(as_chatter: Browser, owner: Session, fan: Subscriber, path: str) -> None:
    response = as_chatter.post(f"{path}/notes", data={"body": " Likes blue\r\n🦄 "})
    assert (response.status_code, response.headers["Location"]) == (303, path)
    assert _bodies(owner, fan) == ["Likes blue\n🦄"]
    assert "Likes blue\n🦄" in as_chatter.get(path).text


def test_added_with_htmx(as_chatter: Browser, path: str) -> None:
    response = as_chatter.swap(f"{path}/notes", method="POST", page=path, data={"body": "Likes blue"})
    assert response.status_code == 200
    assert "Likes blue" in response.text
    assert "<html" not in response.text
    assert response.text.strip() in as_chatter.get(path).text


def test_removed(as_chatter: Browser, owner: Session, fan: Subscriber, path: str) -> None:
    first, second = (NoteFactory(subscriber=fan, body=body) for body in ("First", "Second"))
    response = as_chatter.swap(f"{path}/notes/{first.id}/remove", method="POST", page=path)
    assert "Second" in response.text
    assert "First" not in response.text
    assert as_chatter.post(f"{path}/notes/{second.id}/remove").headers["Location"] == path
    assert _bodies(owner, fan) == []
    assert as_chatter.post(f"{path}/notes/{second.id}/remove").status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "Please fill this in."),
        (" \r\n\t ", "Please fill this in."),
        ("x" * 5001, "Use at most 5000 characters."),
        ("a\0b", "Remove the invisible control characters."),
        ("a\x1b[31m", "Remove the invisible control characters."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    as_chatter: Browser, owner: Session, fan: Subscriber, path: str, body: str, message: str
) -> None:
    whole = as_chatter.post(f"{path}/notes", data={"body": body})
    part = as_chatter.swap(f"{path}/notes", method="POST", page=path, data={"body": body})
    for response in (whole, part):
        assert response.status_code == 422
        assert f'id="f-body-error">{message}' in response.text
        typed = response.text.partition('id="f-body"')[2].partition("</textarea>")[0].partition(">\n")[2]
        assert unescape(typed).replace("\r\n", "\n") == body.replace("\r\n", "\n")
    assert part.text.strip() in whole.text
    assert _bodies(owner, fan) == []


def test_as_long_as_allowed(as_chatter: Browser, owner: Session, fan: Subscriber, path: str) -> None:
    longest = "🦄" * 5000
    assert as_chatter.post(f"{path}/notes", data={"body": longest}).status_code == 303
    assert _bodies(owner, fan) == [longest]


def test_a_double_submit_is_one_note(as_chatter: Browser, owner: Session, fan: Subscriber, path: str) -> None:
    for _ in range(2):
        as_chatter.post(f"{path}/notes", data={"body": "Likes blue"})
    assert _bodies(owner, fan) == ["Likes blue"]


def test_a_note_of_another_fan_is_not_removed_here(
    as_chatter: Browser, owner: Session, fan: Subscriber, path: str
) -> None:
    other = NoteFactory(subscriber=SubscriberFactory(workspace_id=fan.workspace_id), body="Of another")
    assert as_chatter.post(f"{path}/notes/{other.id}/remove").status_code == 404
    assert owner.scalar(select(Note.body).where(Note.id == other.id)) == "Of another"
