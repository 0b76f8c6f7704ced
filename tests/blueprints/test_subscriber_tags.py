"""Tags of a fan, in a browser."""

from __future__ import annotations

from html import unescape

import pytest

from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from tests.conftest import Browser
from tests.factories import SubscriberFactory, TagFactory, TaggedFactory

LIST = "/onlyfans/subscribers"


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    return SubscriberFactory(workspace_id=workspace.id, username="ann")


@pytest.fixture
def path(fan: Subscriber) -> str:
    return f"{LIST}/{fan.id}"


def test_added_without_javascript(as_chatter: Browser, path: str) -> None:
    response = as_chatter.post(f"{path}/tags", data={"name": " Big Whale "})
    assert (response.status_code, response.headers["Location"]) == (303, path)
    assert "Big Whale" in as_chatter.get(path).text
    assert "@ann" in as_chatter.get(f"{LIST}?tag=big+whale").text


def test_added_with_htmx(as_chatter: Browser, path: str) -> None:
    for name in ("first", "second"):
        response = as_chatter.swap(f"{path}/tags", method="POST", page=path, data={"name": name})
        assert response.status_code == 200
        assert f"{name}</bdi>" in response.text, "what was just added is shown"
    assert "first</bdi>" in response.text
    assert response.text.strip() in as_chatter.get(path).text


def test_removed(as_chatter: Browser, fan: Subscriber, path: str) -> None:
    tags = [TagFactory(workspace_id=fan.workspace_id, name=name) for name in ("first", "second")]
    for tag in tags:
        TaggedFactory(subscriber=fan, tag=tag)
    response = as_chatter.swap(f"{path}/tags/{tags[0].id}/remove", method="POST", page=path)
    assert "second</bdi>" in response.text
    assert "first" not in response.text
    assert as_chatter.post(f"{path}/tags/{tags[1].id}/remove").headers["Location"] == path
    assert "second" not in as_chatter.get(path).text
    assert as_chatter.post(f"{path}/tags/{tags[1].id}/remove").status_code == 404, "it went with its last fan"


def test_those_of_the_workspace_are_offered(as_chatter: Browser, fan: Subscriber, path: str) -> None:
    TagFactory(workspace_id=fan.workspace_id, name="offered")
    TagFactory(name="of another workspace")
    html = as_chatter.get(path).text
    assert '<option value="offered">' in html
    assert "of another workspace" not in html


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Please fill this in."),
        ("x" * 41, "Use at most 40 characters."),
        ("two\nlines", "Write this on one line."),
        ("nul\0", "Remove the invisible control characters."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    as_chatter: Browser, path: str, name: str, message: str
) -> None:
    whole = as_chatter.post(f"{path}/tags", data={"name": name})
    part = as_chatter.swap(f"{path}/tags", method="POST", page=path, data={"name": name})
    for response in (whole, part):
        assert response.status_code == 422
        assert f'id="tag-error">{message}' in response.text
        assert f'value="{name}"' in unescape(response.text)
    assert part.text.strip() in whole.text


@pytest.mark.parametrize("name", ["x" * 40, "🦄🦄", "سريع", "a/b?c=d&e", "<b>", "Straße"])
def test_any_word_is_fine_and_can_be_filtered_by(as_chatter: Browser, path: str, name: str) -> None:
    assert as_chatter.post(f"{path}/tags", data={"name": name}).status_code == 303
    assert f"{name}</bdi>" in unescape(as_chatter.get(path).text)
    assert "@ann" in as_chatter.get(LIST, query_string={"tag": name}).text
