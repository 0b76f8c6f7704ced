"""A session that ends while someone types: after signing in, what was typed is there again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.models.sign_in import IDLE, ParkedForm, SignIn
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Role, User
from huntaze.models.workspace import Workspace
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, SubscriberFactory, UserFactory

LIST = "/onlyfans/subscribers"
TYPED = "Typed on a train <in> a “tunnel” 🦄"


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    return SubscriberFactory(workspace_id=workspace.id, username="ann", display_name="Ann")


@pytest.fixture
def end_session(owner: Session) -> Callable[[Browser], None]:
    def end_session(browser: Browser) -> None:
        ended = update(SignIn).where(SignIn.user_id == browser.member.user_id).values(ended_at=func.now())
        owner.execute(ended)

    return end_session


def _sign_in_again(browser: Browser, owner: Session, login: str) -> str:
    """Signs in where the answer led to; returns where that leads."""
    next_path = parse_qs(urlsplit(login).query)["next"][0]
    assert f'value="{next_path}"' in unescape(browser.get(login).text)
    email = owner.scalar(select(User.email).where(User.id == browser.member.user_id))
    response = browser.post("/login", data={"email": email, "password": PASSWORD, "next": next_path})
    assert response.headers["Location"] == next_path
    return next_path


FORMS = [
    (LIST, {"username": "new.fan", "display_name": TYPED, "email": "none", "tier": "vip"}, f"{LIST}/new", TYPED),
    (
        "{page}/edit",
        {"username": "ann2", "display_name": TYPED, "tier": "vip", "status": "expired"},
        "{page}/edit",
        TYPED,
    ),
    ("{page}/notes", {"body": f"{TYPED}\nand two lines"}, "{page}", f"{TYPED}\nand two lines"),
    ("{page}/tags", {"name": TYPED}, "{page}", TYPED),
]


@pytest.mark.parametrize(("action", "form", "back", "shown"), FORMS, ids=["add", "edit", "note", "tag"])
@pytest.mark.parametrize("swap", [False, True])
def test_what_was_typed_is_there_after_signing_in(
    as_manager: Browser, owner: Session, workspace: Workspace, fan: Subscriber,
    end_session: Callable[[Browser], None], action: str, form: dict[str, str], back: str, shown: str, swap: bool,
) -> None:  # fmt: skip
    page = f"{LIST}/{fan.id}"
    action, back = action.format(page=page), back.format(page=page)
    end_session(as_manager)
    if swap:
        response = as_manager.swap(action, method="POST", page=back, data=form)
        assert response.status_code == 401
        login = response.headers["HX-Redirect"]
    else:
        response = as_manager.post(action, data=form)
        assert response.status_code == 303
        login = response.headers["Location"]
    assert TYPED not in unescape(login), "it is in no URL"

    path = _sign_in_again(as_manager, owner, login)
    assert urlsplit(path).path == back
    html = unescape(as_manager.get(path).text)
    assert shown in html
    for name, value in form.items():
        if name not in ("tier", "status", "body"):
            assert f'value="{value}"' in html
    if "tier" in form:
        assert '<option value="vip" selected>' in html
    assert [row for row in owner.scalars(select(Subscriber.display_name)) if row == TYPED] == [], "nothing was saved"


def test_and_it_can_be_sent_from_there(
    as_manager: Browser, owner: Session, fan: Subscriber, end_session: Callable[[Browser], None]
) -> None:
    page = f"{LIST}/{fan.id}"
    end_session(as_manager)
    login = as_manager.post(f"{page}/edit", data={"username": "ann", "display_name": TYPED}).headers["Location"]
    _sign_in_again(as_manager, owner, login)
    assert as_manager.post(f"{page}/edit", data={"username": "ann", "display_name": TYPED}).status_code == 303
    assert owner.scalar(select(Subscriber.display_name).where(Subscriber.id == fan.id)) == TYPED


def test_an_idle_session_too(as_manager: Browser, owner: Session, workspace: Workspace) -> None:
    late = datetime.now(UTC) + IDLE + timedelta(days=1)
    with time_machine.travel(late):
        response = as_manager.post(LIST, data={"username": "ann", "display_name": TYPED})
    number = parse_qs(urlsplit(response.headers["Location"]).query)["next"][0].partition("parked=")[2]
    assert number.isdecimal()
    assert owner.scalar(select(ParkedForm.user_id).where(ParkedForm.id == int(number))) == as_manager.member.user_id


def test_somebody_else_does_not_see_it(
    as_manager: Browser, as_owner: Browser, stranger: Browser, end_session: Callable[[Browser], None]
) -> None:
    end_session(as_manager)
    login = as_manager.post(LIST, data={"username": "ann", "display_name": TYPED}).headers["Location"]
    path = parse_qs(urlsplit(login).query)["next"][0]
    for other in (as_owner, stranger):
        page = other.get(path)
        assert page.status_code == 200
        assert TYPED not in unescape(page.text)


def test_it_is_gone_after_an_hour(
    as_manager: Browser, owner: Session, end_session: Callable[[Browser], None]
) -> None:
    end_session(as_manager)
    login = as_manager.post(LIST, data={"username": "ann", "display_name": TYPED}).headers["Location"]
    path = _sign_in_again(as_manager, owner, login)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1, minutes=1)):
        page = as_manager.get(path)
    assert page.status_code == 200
    assert TYPED not in unescape(page.text)


@pytest.mark.parametrize("number", ["0", "-1", "abc", "9" * 18, "9" * 40, "1e3", "", "٣"])
def test_a_made_up_number_is_an_empty_form(as_manager: Browser, number: str) -> None:
    page = as_manager.get(f"{LIST}/new", query_string={"parked": number})
    assert page.status_code == 200
    assert '<option value="free" selected>' in page.text


def test_too_much_is_not_kept(as_manager: Browser, end_session: Callable[[Browser], None]) -> None:
    end_session(as_manager)
    response = as_manager.post(LIST, data={"username": "ann", "display_name": "x" * 70_000})
    assert (response.status_code, response.headers["Location"]) == (303, f"/login?next={LIST}/new")


def test_without_a_session_nothing_is_kept(nobody: Browser, owner: Session) -> None:
    before = owner.scalar(select(func.max(ParkedForm.id)))
    nobody.set_cookie("huntaze", "never was")
    response = nobody.post(LIST, data={"username": "ann"})
    assert response.headers["Location"] == f"/login?next={LIST}/new"
    assert owner.scalar(select(func.max(ParkedForm.id))) == before


def test_another_site_cannot_have_anything_kept(
    as_manager: Browser, owner: Session, end_session: Callable[[Browser], None]
) -> None:
    end_session(as_manager)
    before = owner.scalar(select(func.max(ParkedForm.id)))
    response = as_manager.post(LIST, data={"username": "ann"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert owner.scalar(select(func.max(ParkedForm.id))) == before


def test_who_may_no_longer_do_it_is_told_so(
    as_manager: Browser, owner: Session, end_session: Callable[[Browser], None]
) -> None:
    end_session(as_manager)
    login = as_manager.post(LIST, data={"username": "ann"}).headers["Location"]
    user = UserFactory()
    MemberFactory(workspace_id=as_manager.member.workspace_id, user_id=user.id, role=Role.VIEWER)
    path = parse_qs(urlsplit(login).query)["next"][0]
    as_manager.post("/login", data={"email": user.email, "password": PASSWORD, "next": path})
    assert as_manager.get(path).status_code == 403
