"""Adding, changing, archiving a fan in a browser."""

from __future__ import annotations

from html import unescape

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewSubscriber
from tests.conftest import Browser
from tests.factories import SubscriberFactory

LIST = "/onlyfans/subscribers"
EMOJI = "🦄🫨👩‍❤️‍👩 Luna"  # of Unicode 15, and joined ones
ARABIC = "محمد عبد الله"


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    return SubscriberFactory(
        workspace_id=workspace.id, username="ann", display_name="Ann Lee", email="ann@example.test", tier="vip"
    )


def _rows(owner: Session, workspace: Workspace) -> list[Subscriber]:
    query = select(Subscriber).where(Subscriber.workspace_id == workspace.id).order_by(Subscriber.id)
    return list(owner.scalars(query.execution_options(populate_existing=True)))


def test_added_without_javascript(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    page = as_manager.get(f"{LIST}/new")
    assert f'method="post" action="{LIST}"' in page.text
    assert '<option value="free" selected>' in page.text
    form = {"username": "@Ann.Lee", "display_name": "Ann", "email": "Ann@Example.test", "tier": "premium"}
    response = as_manager.post(LIST, data=form)
    [row] = _rows(owner, workspace)
    assert (row.username, row.display_name, row.email, row.tier) == ("ann.lee", "Ann", "ann@example.test", "premium")
    assert (response.status_code, response.headers["Location"]) == (303, f"{LIST}/{row.id}")
    after = as_manager.get(response.headers["Location"])
    assert "Ann is among your fans now." in after.text
    assert "Ann is among your fans now." not in as_manager.get(f"{LIST}/{row.id}").text, "said once"


def test_added_in_the_dialog(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    dialog = as_manager.swap(f"{LIST}/new", page=LIST)
    assert dialog.text.strip().startswith("<form")
    assert dialog.text.strip() in as_manager.get(f"{LIST}/new").text
    response = as_manager.swap(LIST, method="POST", page=LIST, data={"username": "ann"})
    [row] = _rows(owner, workspace)
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, f"{LIST}/{row.id}")
    assert (row.tier, row.status) == ("free", "active")


WRONG = [
    ("username", "", "Please fill this in."),
    ("username", "@", "Use only letters a to z, digits, dot, dash and underscore."),
    ("username", "ann lee", "Use only letters a to z, digits, dot, dash and underscore."),
    ("username", EMOJI, "Use only letters a to z, digits, dot, dash and underscore."),
    ("username", ARABIC, "Use only letters a to z, digits, dot, dash and underscore."),
    ("username", "x" * 10_000, "Use at most"),
    ("username", "x" * 101, "Use at most 100 characters."),
    ("username", "@" + "x" * 101, "Use at most"),
    ("display_name", "x" * 101, "Use at most 100 characters."),
    ("display_name", "two\r\nlines", "Write this on one line."),
    ("display_name", "nul\0", "Remove the invisible control characters."),
    ("email", "none", "Write an e-mail address like name@example.com."),
    ("email", "a@b@c.test", "Write an e-mail address like name@example.com."),
    ("email", "x" * 250 + "@example.test", ""),
    ("tier", "gold", "Choose one of: free, basic, premium, vip."),
    ("tier", "", "Choose one of: free, basic, premium, vip."),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
@pytest.mark.parametrize("editing", [False, True])
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    as_manager: Browser, owner: Session, workspace: Workspace, fan: Subscriber, field: str, value: str, message: str,
    editing: bool,
) -> None:  # fmt: skip
    path = f"{LIST}/{fan.id}/edit" if editing else LIST
    typed = {
        "username": "new.name",
        "display_name": ARABIC,
        "email": "new@example.test",
        "tier": "basic",
        field: value,
    }
    before = [(row.username, row.display_name, row.email, row.tier) for row in _rows(owner, workspace)]
    page, part = as_manager.post(path, data=typed), as_manager.swap(path, method="POST", data=typed)
    for response in (page, part):
        assert response.status_code == 422
        html = unescape(response.text)
        assert f'id="f-{field}-error">{message}' in html
        assert html.count('aria-invalid="true"') == 1
        for name in typed.keys() - {"tier"}:
            shown = value.replace("\r\n", "\n") if name == field else typed[name]
            assert f'value="{shown}"' in html.replace("\r\n", "\n"), name
    assert part.text.strip() in page.text
    assert [(row.username, row.display_name, row.email, row.tier) for row in _rows(owner, workspace)] == before


@pytest.mark.parametrize("name", [EMOJI, ARABIC, "O'Brien & <Sons>", "x" * 100, "Zoë\u200d", "𝔉𝔞𝔫"])
def test_any_name_is_fine(as_manager: Browser, owner: Session, workspace: Workspace, name: str) -> None:
    as_manager.post(LIST, data={"username": "ann", "display_name": name})
    [row] = _rows(owner, workspace)
    assert row.display_name == name
    for path in (LIST, f"{LIST}/{row.id}", f"{LIST}/{row.id}/edit"):
        assert name in unescape(as_manager.get(path).text), path


@pytest.mark.parametrize("username", ["a", "x" * 100, "@" + "x" * 100, "A.b-c_1", "1", "..."])
def test_user_names_as_on_the_platform(
    as_manager: Browser, owner: Session, workspace: Workspace, username: str
) -> None:
    assert as_manager.post(LIST, data={"username": username}).status_code == 303
    assert [row.username for row in _rows(owner, workspace)] == [username.removeprefix("@").lower()]


def test_a_double_submit_is_one_fan(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    first, second = (as_manager.post(LIST, data={"username": "ann", "email": "a@b.test"}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert len(_rows(owner, workspace)) == 1


def test_a_name_that_is_taken(as_manager: Browser, fan: Subscriber) -> None:
    response = as_manager.post(LIST, data={"username": "ANN"})
    assert response.status_code == 422
    assert 'id="f-username-error">You already have a fan called @ann.' in response.text
    other = SubscriberFactory(workspace_id=fan.workspace_id, username="bob")
    response = as_manager.post(f"{LIST}/{other.id}/edit", data={"username": "ann", "display_name": "Bob"})
    assert response.status_code == 422
    assert 'id="f-username-error">You already have a fan called @ann.' in response.text
    assert 'value="Bob"' in response.text
    as_manager.post(f"{LIST}/{fan.id}/archive")
    response = as_manager.post(LIST, data={"username": "ann"})
    assert "is among your archived fans; restore that one instead." in response.text


def test_changed(as_manager: Browser, owner: Session, workspace: Workspace, fan: Subscriber) -> None:
    page = as_manager.get(f"{LIST}/{fan.id}/edit")
    for shown in ('value="ann"', 'value="Ann Lee"', 'value="ann@example.test"', '<option value="vip" selected>'):
        assert shown in page.text
    form = {"username": "annie", "display_name": "", "email": "", "tier": "basic", "status": "cancelled"}
    response = as_manager.post(f"{LIST}/{fan.id}/edit", data=form)
    assert (response.status_code, response.headers["Location"]) == (303, f"{LIST}/{fan.id}")
    [row] = _rows(owner, workspace)
    assert (row.username, row.display_name, row.email) == ("annie", "", None)
    assert (row.tier, row.status) == ("basic", "cancelled")
    assert "Saved." in as_manager.get(f"{LIST}/{fan.id}").text


def test_changed_in_the_dialog(as_manager: Browser, fan: Subscriber) -> None:
    edit = f"{LIST}/{fan.id}/edit"
    assert as_manager.swap(edit).text.strip() in as_manager.get(edit).text
    response = as_manager.swap(edit, method="POST", data={"username": "annie"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, f"{LIST}/{fan.id}")


def test_archived_and_back(as_manager: Browser, fan: Subscriber) -> None:
    page = f"{LIST}/{fan.id}"
    assert as_manager.post(f"{page}/archive").headers["Location"] == page
    html = as_manager.get(page).text
    assert "Archived on" in html
    assert f'action="{page}/restore"' in html
    assert "@ann" not in as_manager.get(LIST).text
    assert "@ann" in as_manager.get(f"{LIST}?archived=1").text
    assert as_manager.post(f"{page}/restore").headers["Location"] == page
    assert "Archived on" not in as_manager.get(page).text
    assert "@ann" in as_manager.get(LIST).text


COLUMNS = {column.name for column in Subscriber.__table__.columns} - {"status", *NewSubscriber.model_fields}


@pytest.mark.parametrize("column", [*sorted(COLUMNS), "workspace", "tags", "role", "__class__"])
def test_only_what_the_form_has_is_taken(
    as_manager: Browser, owner: Session, workspace: Workspace, fan: Subscriber, column: str
) -> None:
    """ASVS 15.3.3."""
    before = _rows(owner, workspace)[0].__dict__.copy()
    for path, form in ((LIST, {"username": "bob"}), (f"{LIST}/{fan.id}/edit", {"username": "ann"})):
        response = as_manager.post(path, data={**form, column: "7"})
        assert response.status_code == 422, path
        as_json = as_manager.post(f"/api{LIST}", json={**form, column: 7})
        assert [error["field"] for error in as_json.json["errors"]] == [column]
    as_json = as_manager.patch(f"/api{LIST}/{fan.id}", json={column: 7})
    assert [error["field"] for error in as_json.json["errors"]] == [column]
    [row] = _rows(owner, workspace)
    before.pop("_sa_instance_state")
    assert {name: getattr(row, name) for name in before} == before


def test_a_new_fan_has_no_status_yet(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    assert as_manager.post(LIST, data={"username": "bob", "status": "cancelled"}).status_code == 422
    assert _rows(owner, workspace) == []


def test_an_unknown_part_of_a_form_is_named(as_manager: Browser) -> None:
    """It comes from no page of ours, but who wrote a script deserves an answer."""
    response = as_manager.post(LIST, data={"username": "bob", "colour": "blue"})
    assert response.status_code == 422
    assert "colour" in response.text


def test_files_and_too_much_are_refused(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    assert as_manager.post(LIST, data={"username": "x" * 2_000_000}).status_code == 413
    assert as_manager.post(f"/api{LIST}", json={"username": "x" * 2_000_000}).status_code == 413
    assert owner.scalar(select(func.count()).where(Subscriber.workspace_id == workspace.id)) == 0
