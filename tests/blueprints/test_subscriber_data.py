"""One fan's data: the files that a fan gets, and the erasure."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import LargeBinary, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from huntaze import logs
from huntaze.config import Config
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import Base
from huntaze.models.domain_event import EventKind
from huntaze.models.sign_in import ParkedForm, SignIn
from huntaze.models.subscriber import Subscriber
from huntaze.models.tombstone import Tombstone
from huntaze.models.transaction import Transaction
from huntaze.services.erasure import KEPT
from huntaze.services.subscriber_data import HANDED_OVER, LEFT_OUT, NOT_PERSONAL
from tests.conftest import Browser
from tests.factories import (
    ConversationFactory,
    DomainEventFactory,
    DraftFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    NotificationFactory,
    OutgoingFactory,
    PeriodFactory,
    PlatformAccountFactory,
    SavedReplyFactory,
    SubscriberFactory,
    TransactionFactory,
)

LIST = "/onlyfans/subscribers"
CANARY = "canary7f3a"


def test_the_file_has_all_of_it(as_manager: Browser, owner: Session) -> None:
    member = as_manager.member
    fan = SubscriberFactory(
        workspace_id=member.workspace_id, username="ann", display_name="Ann <Lee>", email="ann@e.test", country="FR"
    )
    NoteFactory(subscriber=fan, body="Likes <b>blue</b>\nand green", author_id=member.user_id)
    TransactionFactory(subscriber=fan, gross_cents=1234)
    NotificationFactory(member=member, title="@ann paid")
    as_manager.post(f"{LIST}/{fan.id}/tags", data={"name": "kind"})

    as_json = as_manager.post(f"{LIST}/{fan.id}/data.json")
    as_html = as_manager.post(f"{LIST}/{fan.id}/data.html")
    for response, kind in ((as_json, "json"), (as_html, "html")):
        assert response.status_code == 200
        assert response.headers["Content-Disposition"] == f'attachment; filename="fan-{fan.id}.{kind}"'
        assert response.headers["Cache-Control"] == "no-store"
    found = as_json.json
    assert found is not None
    assert found["person"]["email"] == "ann@e.test"
    assert found["tags"] == ["kind"]
    assert [note["body"] for note in found["notes"]] == ["Likes <b>blue</b>\nand green"]
    assert [payment["gross_cents"] for payment in found["payments"]] == [1234]
    assert [notification["title"] for notification in found["notifications"]] == ["@ann paid"]
    for shown in ("Ann &lt;Lee&gt;", "@ann", "FR", "kind", "Likes &lt;b&gt;blue", "$12.34", "@ann paid", "Tip"):
        assert shown in as_html.text, shown
    assert "<script" not in as_html.text
    assert "src=" not in as_html.text
    assert 'href="data:text/css;base64,' in as_html.text, "it needs no network"
    actions = select(AuditEvent.action, AuditEvent.detail).where(AuditEvent.workspace_id == member.workspace_id)
    assert [tuple(row) for row in owner.execute(actions)] == [
        (Action.SUBSCRIBER_EXPORTED, {"format": "json"}),
        (Action.SUBSCRIBER_EXPORTED, {"format": "html"}),
    ]


def test_what_the_platform_told_is_in_the_readable_file(as_manager: Browser) -> None:
    fan = SubscriberFactory(workspace_id=as_manager.member.workspace_id)
    account = PlatformAccountFactory(workspace_id=fan.workspace_id)
    ended = datetime(2026, 2, 3, 12, tzinfo=UTC)
    PeriodFactory(subscriber=fan, started_at=datetime(2026, 1, 3, 12, tzinfo=UTC), ends_at=ended, price_cents=777)
    for kind in EventKind:
        DomainEventFactory(subscriber=fan, kind=kind)
    chat = ConversationFactory(account=account, subscriber_id=fan.id)
    MessageFactory(conversation=chat, body="<i>bought</i>", price_cents=1900, media_count=2, deleted_at=ended)
    html = as_manager.post(f"{LIST}/{fan.id}/data.html").text
    words = (
        "Jan 3, 2026",
        "$7.77",
        "New fan",
        "Renewal",
        "Purchase",
        "Chargeback",
        "2 files",
        "$19.00, not paid yet",
    )
    for shown in (*words, "taken back on Feb 3, 2026", "&lt;i&gt;bought&lt;/i&gt;", "They can be written to."):
        assert shown in html, shown


def test_the_readable_file_is_in_the_readers_language(as_manager: Browser) -> None:
    fan = SubscriberFactory(workspace_id=as_manager.member.workspace_id)
    as_manager.post("/settings/language", data={"locale": "fr"})
    html = as_manager.post(f"{LIST}/{fan.id}/data.html").text
    assert '<html lang="fr">' in html
    assert "Ce qui est détenu sur" in html


def test_no_table_and_no_column_about_a_fan_is_forgotten() -> None:
    """A new table that points at a fan: hand it over, or say why not. A new column: likewise."""
    pointing = {
        table.name
        for table in Base.metadata.tables.values()
        if any(constraint.referred_table.name == "subscribers" for constraint in table.foreign_key_constraints)
    }
    assert {"subscribers", *pointing} == HANDED_OVER.keys() | NOT_PERSONAL.keys()
    assert KEPT.keys() <= HANDED_OVER.keys()
    for name, schema in HANDED_OVER.items():
        fields = set(schema.model_fields) if schema else set()
        columns = set(Base.metadata.tables[name].c.keys()) - {"workspace_id"}
        assert columns == fields | LEFT_OUT[name], name


def test_the_password_is_asked_for_again(as_manager: Browser, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=as_manager.member.workspace_id)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    owner.execute(update(SignIn).where(SignIn.user_id == as_manager.member.user_id).values(confirmed_at=long_ago))
    for verb, data in (("data.json", {}), ("data.html", {}), ("erase", {"username": fan.username})):
        response = as_manager.post(f"{LIST}/{fan.id}/{verb}", data=data)
        assert response.headers["Location"].startswith("/confirm?next=/onlyfans/subscribers/"), verb
    assert owner.scalar(select(func.count()).where(Subscriber.id == fan.id)) == 1


def test_erasing_asks_for_the_name(as_manager: Browser, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=as_manager.member.workspace_id, username="ann.b")
    page = as_manager.get(f"{LIST}/{fan.id}/data").text
    assert "Type ann.b to confirm" in page
    for typed, message in (
        ("ann", "This is not it: type ann.b."),
        ("", "Please fill this in."),
        ("é", "Use only letters"),
    ):
        refused = as_manager.post(f"{LIST}/{fan.id}/erase", data={"username": typed})
        assert refused.status_code == 422
        assert message in refused.text
        assert f'name="username" type="text" value="{typed}"' in refused.text
    for _ in range(2):
        done = as_manager.post(f"{LIST}/{fan.id}/erase", data={"username": "@Ann.B"})
        assert (done.status_code, done.headers["Location"]) == (303, LIST), "a double tap is no error"
    assert as_manager.get(f"{LIST}/{fan.id}").status_code == 404
    audit = select(AuditEvent.action, AuditEvent.subject_id, AuditEvent.detail).where(
        AuditEvent.workspace_id == as_manager.member.workspace_id
    )
    assert [tuple(row) for row in owner.execute(audit)] == [(Action.SUBSCRIBER_ERASED, fan.id, {"payments": 0})]


def test_who_was_erased_is_added_only_after_a_clear_question(as_manager: Browser, owner: Session) -> None:
    here = as_manager.member.workspace_id
    fan = SubscriberFactory(workspace_id=here, username="ann")
    as_manager.post(f"{LIST}/{fan.id}/erase", data={"username": "ann"})
    form = {"username": "Ann", "display_name": "Ann L.", "tier": "vip"}
    asked = as_manager.post(LIST, data=form)
    assert asked.status_code == 422
    assert "asked to be erased" in asked.text
    assert 'name="anyway" value="1"' in asked.text
    assert 'value="Ann L."' in asked.text, "what was typed is kept"
    api = as_manager.post("/api/onlyfans/subscribers", json={"username": "ann"})
    assert (api.status_code, api.json and api.json["errors"][0]["field"]) == (409, "anyway")
    other = SubscriberFactory(workspace_id=here, username="other")
    renamed = as_manager.post(f"{LIST}/{other.id}/edit", data={"username": "ann"})
    assert renamed.status_code == 422, "nor by the back door"
    assert as_manager.patch(f"/api/onlyfans/subscribers/{other.id}", json={"username": "ann"}).status_code == 409

    assert as_manager.post(LIST, data={**form, "anyway": "1"}).status_code == 303
    added = owner.scalar(select(Subscriber.id).where(Subscriber.workspace_id == here, Subscriber.username == "ann"))
    last = select(AuditEvent.action, AuditEvent.subject_id).where(AuditEvent.workspace_id == here)
    assert owner.execute(last.order_by(AuditEvent.id.desc()).limit(1)).one() == (Action.SUBSCRIBER_READMITTED, added)
    assert owner.scalar(select(func.count()).where(Tombstone.workspace_id == here)) == 0


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that is logged, at the most talkative level."""
    written, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(logs.JsonFormatter())
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_nothing_that_names_the_person_is_left(
    app: Flask, as_manager: Browser, nobody: Browser, owner: Session, config: Config, log: StringIO
) -> None:
    """A canary in everything that people can write about a fan, through the pages; then 0 of it anywhere."""
    member = as_manager.member
    form = {"username": CANARY, "display_name": f"Display {CANARY}", "email": f"{CANARY}@example.test", "tier": "vip"}
    path = as_manager.post(LIST, data=form).headers["Location"]
    fan_id = int(path.rpartition("/")[2])
    as_manager.post(f"{path}/edit", data={**form, "status": "active", "display_name": f"Changed {CANARY}"})
    as_manager.post(f"{path}/notes", data={"body": f"A note about {CANARY}."})
    as_manager.post(f"{path}/tags", data={"name": f"{CANARY}'s birthday"})
    as_manager.get(f"{LIST}?q={CANARY}")
    NotificationFactory(member=MemberFactory(workspace_id=member.workspace_id), title="Paid", body=f"by @{CANARY}")
    NotificationFactory(member=member, title="A fan is back", url=path)
    TransactionFactory(subscriber=owner.get(Subscriber, (member.workspace_id, fan_id)))
    chat = as_manager.post("/chatbot/conversations", data={"subscriber_id": fan_id}).headers["Location"]
    as_manager.post(f"{chat}/by-hand", data={"text": f"Happy birthday, {CANARY}!"})
    as_manager.post(f"{chat}/draft", data={"text": f"Dear {CANARY}"})
    for kind in ("json", "html"):
        assert CANARY in as_manager.post(f"{path}/data.{kind}").text
    # Text about the fan, typed when the session had ended, waits for its author.
    owner.execute(update(SignIn).where(SignIn.user_id == member.user_id).values(ended_at=func.now()))
    as_manager.post(f"{path}/notes", data={"body": f"More about {CANARY}."})
    as_manager.post(f"{path}/notes", data={"body": "About somebody else."})
    owner.execute(update(SignIn).where(SignIn.user_id == member.user_id).values(ended_at=None))
    parked = select(func.count()).where(ParkedForm.user_id == member.user_id)
    assert owner.scalar(parked) == 2
    assert _rows_with(owner, CANARY) >= 5

    assert as_manager.post(f"{path}/erase", data={"username": CANARY}).status_code == 303

    assert _rows_with(owner, CANARY) == 0
    assert owner.scalar(parked) == 1, "what the canary is not in is kept"
    redis: Redis = app.extensions["redis"]
    for key in redis.scan_iter():
        assert CANARY.encode() not in key + (redis.dump(key) or b"")
    for file in Path(config.data).rglob("*"):
        assert CANARY not in str(file)
        assert not file.is_file() or CANARY.encode() not in file.read_bytes()
    assert CANARY not in log.getvalue()
    assert "request" in log.getvalue()
    assert owner.scalar(select(func.count()).where(Transaction.workspace_id == member.workspace_id)) == 1


def test_texts_of_the_team_that_name_the_fan_are_listed_and_changed_by_a_person(
    as_manager: Browser, owner: Session
) -> None:
    here, word = as_manager.member.workspace_id, "canary5e1d"
    fan = SubscriberFactory(workspace_id=here, username=word)
    other = SubscriberFactory(workspace_id=here, display_name="Ben Fox")
    account = PlatformAccountFactory(workspace_id=here)
    chat = ConversationFactory(account=account, subscriber_id=other.id)
    reply = SavedReplyFactory(workspace_id=here, name="Thanks", body=f"As I told @{word}: thank you!")
    NoteFactory(subscriber=other, body=f"Knows {word.upper()}.")
    waiting = OutgoingFactory(conversation=chat, body=f"Say hello to {word}")
    DraftFactory(conversation=chat, user_id=as_manager.member.user_id, body=f"{word} says hello")
    SavedReplyFactory(workspace_id=here, name="Other", body=f"{word}s and more")
    OutgoingFactory(conversation=chat, state="sent", body="Sent is theirs")
    MessageFactory(conversation=ConversationFactory(account=account, subscriber_id=fan.id), body=f"I am {word}")
    links = [
        f"/chatbot/replies/{reply.id}/edit",
        f"{LIST}/{other.id}/notes",
        f"/chatbot/conversations/{chat.id}",
        f"/onlyfans/messages/{waiting.id}",
    ]

    def named(page: str) -> list[str]:
        return re.findall(r'<li><a href="([^"]+)">(?:Saved reply|Note on|Draft of|Message to)', page)

    assert named(as_manager.get(f"{LIST}/{fan.id}/data").text) == links
    erased = as_manager.post(f"{LIST}/{fan.id}/erase", data={"username": word})
    assert erased.status_code == 200
    assert named(erased.text) == links
    assert word not in erased.text
    assert _rows_with(owner, word) == len(links) + 1, "and a word that only begins so"
    again = as_manager.post(f"{LIST}/{fan.id}/erase", data={"username": word})
    assert again.status_code == 303, "nobody knows the name any more"


def _rows_with(owner: Session, word: str) -> int:
    """How many values in the whole database have the word in them."""
    found = 0
    for table in Base.metadata.tables.values():
        for column in table.c:
            if isinstance(column.type, LargeBinary):
                where = f"encode({column.name}, 'escape') ILIKE :like"
            elif isinstance(column.type, Text | JSONB):
                where = f"{column.name}::text ILIKE :like"
            else:
                continue
            found += (
                owner.scalar(text(f"SELECT count(*) FROM {table.name} WHERE {where}"), {"like": f"%{word}%"}) or 0
            )
    return found


def test_the_search_for_the_canary_finds_one(owner: Session, as_manager: Browser) -> None:
    here, word = as_manager.member.workspace_id, "needle91c2"
    SubscriberFactory(workspace_id=here, display_name=f"the {word}")
    owner.add(AuditEvent(workspace_id=here, action="test.done", detail=json.loads(f'{{"x": "{word}"}}')))
    owner.add(Tombstone(workspace_id=here, digest=word.encode(), erased_id=1))
    owner.flush()
    assert _rows_with(owner, word) == 4, "name and search text, audit, bytes"
