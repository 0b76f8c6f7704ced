"""The fans of a filter as a CSV file: whole, harmless, and fit to be imported again."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from huntaze.blueprints.downloads import Interrupted
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.sign_in import CONFIRMED, SignIn
from huntaze.models.subscriber import Status, Tier
from huntaze.models.user import User
from huntaze.models.workspace import Workspace
from tests.conftest import Browser
from tests.factories import SubscriberFactory, TagFactory, TaggedFactory
from tests.imports import Importing

EXPORT = "/onlyfans/subscribers/export"
ODD = ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "'=1", "a;b,c", 'say "hi"', "Zoë 🦄", "\u202eabc", "two  blanks"]


def _rows(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_all_fans_of_the_filter(as_manager: Browser, owner: Session) -> None:
    here = as_manager.member.workspace_id
    vip = SubscriberFactory(
        workspace_id=here, username="ann", tier=Tier.VIP, monthly_price_cents=1999, total_spent_cents=123456,
        joined_at=datetime(2025, 3, 31, 18, 30, 5, tzinfo=UTC), country="FR", email="a@b.co", platform_id="77",
    )  # fmt: skip
    TaggedFactory(subscriber=vip, tag=TagFactory(workspace_id=here, name="kind"))
    SubscriberFactory(workspace_id=here, username="bob")
    SubscriberFactory(workspace_id=here, username="old", tier=Tier.VIP, archived_at=datetime.now(UTC))
    SubscriberFactory(username="stranger", tier=Tier.VIP)
    page = as_manager.get(f"{EXPORT}?tier=vip&q=ann")
    assert "1 fan that your search and filters find." in page.text
    response = as_manager.post(EXPORT, data={"tier": "vip", "q": "ann"})
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="fans-20')
    assert _rows(response.data) == [
        {
            "Username": "ann", "Platform id": "77", "Display name": "", "E-mail": "a@b.co", "Tier": "vip",
            "Status": "active", "Monthly price": "19.99", "Total spent": "1234.56", "Country": "FR",
            "Joined": "2025-03-31 18:30:05", "Last seen": "", "Renewal date": "", "Tags": "kind",
        }
    ]  # fmt: skip
    assert len(_rows(as_manager.post(EXPORT).data)) == 2
    events = owner.scalars(select(AuditEvent).where(AuditEvent.workspace_id == here).order_by(AuditEvent.id)).all()
    assert [(event.action, event.detail) for event in events] == [
        (Action.SUBSCRIBERS_EXPORTED, {"filters": 1, "searched": 1}),
        (Action.SUBSCRIBERS_EXPORTED, {"filters": 0, "searched": 0}),
    ]


def test_the_list_links_to_the_export_of_its_filter(as_manager: Browser, as_chatter: Browser) -> None:
    SubscriberFactory(workspace_id=as_manager.member.workspace_id, tier=Tier.VIP)
    query = "tier=vip&spent_min=0"
    assert f"{EXPORT}?{query}".replace("&", "&amp;") in as_manager.swap(f"/onlyfans/subscribers?{query}").text
    assert EXPORT not in as_chatter.get("/onlyfans/subscribers").text


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/New_York"])
def test_what_was_exported_is_imported_as_unchanged(
    app: Flask, as_manager: Browser, owner: Session, locale: str, zone: str
) -> None:
    here = as_manager.member.workspace_id
    owner.execute(update(Workspace).where(Workspace.id == here).values(time_zone=zone))
    owner.execute(update(User).where(User.id == as_manager.member.user_id).values(locale=locale))
    summer_ends = datetime(2025, 10, 26, 0, 0, tzinfo=UTC)
    for number, name in enumerate(ODD):
        SubscriberFactory(
            workspace_id=here, username=f"-fan.{number}", display_name=name, monthly_price_cents=number * 12345,
            status=list(Status)[number % 3], joined_at=summer_ends + timedelta(minutes=20 * number, microseconds=7),
            renews_at=datetime(2025, 11, 2, 4, 0, tzinfo=UTC) + timedelta(minutes=20 * number),
            platform_id=f"{number:020}", country=("FR", "US", "")[number % 3], total_spent_cents=number * 99999,
        )  # fmt: skip
    content = as_manager.post(EXPORT).data
    delimiter = ";" if locale == "fr" else ","
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    done = Importing(app, here, locale).whole(content)
    assert (done.added, done.changed, done.unchanged, done.refused) == (0, 0, len(ODD), 0)
    meant = [column["field"] for column in done.settings["columns"]]
    assert None not in meant[:-1], "each of our own columns is known, but for the tags"


def test_more_fans_than_a_batch(as_manager: Browser, owner: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huntaze.blueprints.onlyfans.subscriber_export.BATCH", 7)
    names = [f"fan.{number:02}" for number in range(22)]
    for name in names:
        SubscriberFactory(workspace_id=as_manager.member.workspace_id, username=name)
    assert [row["Username"] for row in _rows(as_manager.post(EXPORT).data)] == names


def test_it_asks_for_the_password_again(as_manager: Browser, owner: Session) -> None:
    mine = SignIn.user_id == as_manager.member.user_id
    owner.execute(update(SignIn).where(mine).values(confirmed_at=datetime.now(UTC) - CONFIRMED))
    for response in (as_manager.get(f"{EXPORT}?tier=vip"), as_manager.post(EXPORT)):
        assert response.status_code == 303
        assert response.headers["Location"].startswith("/confirm?next=")
    assert (
        owner.scalars(select(AuditEvent).where(AuditEvent.workspace_id == as_manager.member.workspace_id)).all() == []
    )


def test_the_file_of_someone_who_is_signed_out_meanwhile_breaks_off(
    as_manager: Browser, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huntaze.blueprints.onlyfans.subscriber_export.BATCH", 1)
    for _ in range(3):
        SubscriberFactory(workspace_id=as_manager.member.workspace_id)
    lines = as_manager.post(EXPORT, buffered=False).iter_encoded()
    next(lines)
    next(lines)
    owner.execute(
        update(SignIn).where(SignIn.user_id == as_manager.member.user_id).values(ended_at=datetime.now(UTC))
    )
    with pytest.raises(Interrupted):
        next(lines)
