"""The inbox and one conversation, in a browser: read, written in, and what is said when it can't be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from huntaze.blueprints import streams
from huntaze.blueprints.chatbot import events
from huntaze.blueprints.chatbot.conversations import stamp
from huntaze.models.conversation import Conversation, DeliveryState, Direction, Failure, Message
from huntaze.models.draft import Draft
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.conversation_history import PAGE
from tests.conftest import Browser, SignIn
from tests.factories import (
    ConversationFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SavedReplyFactory,
    SubscriberFactory,
    TransactionFactory,
    VaultItemFactory,
)

INBOX = "/chatbot/conversations"
QUEUE = "/onlyfans/messages"
HOSTILE = "<script>alert(1)</script> {{ 7*7 }} {name} & more"


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    """One from which may be sent."""
    return PlatformAccountFactory(
        workspace_id=workspace.id, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC)
    )


@pytest.fixture
def fan(workspace: Workspace, account: PlatformAccount) -> Subscriber:
    return SubscriberFactory(
        workspace_id=workspace.id, account_id=account.id, platform_id="77", display_name="Mike", username="mike"
    )


@pytest.fixture
def chat(account: PlatformAccount, fan: Subscriber) -> Conversation:
    return ConversationFactory(account=account, subscriber_id=fan.id)


@pytest.fixture
def path(chat: Conversation) -> str:
    return f"{INBOX}/{chat.id}"


def _sent(owner: Session, chat: Conversation) -> list[Message]:
    ours = select(Message).where(Message.conversation_id == chat.id, Message.key.is_not(None))
    return list(owner.scalars(ours.order_by(Message.id).execution_options(populate_existing=True)))


# Reading --------------------------------------------------------------------------------------------


def test_nothing_yet(as_viewer: Browser) -> None:
    assert "No conversations yet" in as_viewer.get(INBOX).text
    assert "No conversation fits this choice." in as_viewer.get(f"{INBOX}?view=unread").text


def test_the_list_says_who_waits_and_what_they_spent(as_viewer: Browser, chat: Conversation, owner: Session) -> None:
    owner.execute(update(Subscriber).where(Subscriber.id == chat.subscriber_id).values(total_spent_cents=123400))
    MessageFactory(conversation=chat, body=HOSTILE)
    page = as_viewer.get(INBOX).text
    assert f'<span class="vh" id="u{chat.id}"> 1 unread</span>' in page
    assert "waits since" in page
    assert "$1,234.00" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} {name}" in page
    assert "<script>alert" not in page
    part = as_viewer.swap(INBOX, page=INBOX)
    assert part.text.strip() in page
    assert 'class="count">1<' in page, "unanswered, in the bar"


def test_the_number_of_queries_does_not_grow(
    app_engine: Engine, as_viewer: Browser, account: PlatformAccount
) -> None:
    for number in range(3):
        SubscriberFactory(workspace_id=account.workspace_id)
        MessageFactory(conversation=ConversationFactory(account=account), body=f"Hello {number}")
    with _counted(app_engine) as statements:
        as_viewer.get(INBOX)
    # The workspace of the transaction, the last change, the page, the pinned ones, the tags.
    assert len(statements) == 5


def test_search_finds_words_and_names(as_viewer: Browser, chat: Conversation, account: PlatformAccount) -> None:
    said = MessageFactory(conversation=chat, body="Is there a Café in Lisbon?")
    other = ConversationFactory(account=account)
    MessageFactory(conversation=other, body="Something else")
    for term in ("lisb", "cafe LISBON"):
        found = as_viewer.get(INBOX, query_string={"q": term}).text
        assert f'href="{INBOX}/{chat.id}?at={said.id}"' in found
        assert f"{INBOX}/{other.id}" not in found
    assert f'<li id="c{chat.id}"' in as_viewer.get(INBOX, query_string={"q": "mik"}).text
    for term in ("zzqx", "%", "'", "\\", ":*", "&|!", "( )", "a' | b:*", "мир 🦄"):
        assert "Nothing found" in as_viewer.get(INBOX, query_string={"q": term}).text, term
    assert as_viewer.get(f"{INBOX}/{chat.id}?at={said.id}").status_code == 200


def test_a_message_is_shown_as_text(as_viewer: Browser, chat: Conversation, path: str) -> None:
    MessageFactory(conversation=chat, body=HOSTILE)
    page = as_viewer.get(path).text
    assert '<p dir="auto" hx-ignore>&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} {name} &amp; more</p>' in page
    assert "composer" not in page, "a viewer reads"


def test_earlier_messages_by_link_and_later_ones_back(as_viewer: Browser, chat: Conversation, path: str) -> None:
    now = datetime.now(UTC)
    for number in range(PAGE * 2 + 3):
        MessageFactory(conversation=chat, body=f"Message no. {number}.", sent_at=now - timedelta(minutes=number))

    def shown(html: str) -> list[int]:
        return [int(number) for number in re.findall(r"Message no. (\d+)\.", html)]

    first = as_viewer.get(path).text
    assert shown(first) == list(reversed(range(PAGE)))
    earlier = unescape(re.findall(r'href="([^"]+after=[^"]+)"', first)[0])
    second = as_viewer.get(earlier).text
    assert shown(second) == list(reversed(range(PAGE, PAGE * 2)))
    part = as_viewer.swap(earlier, page=path).text
    assert shown(part) == shown(second)
    assert "<html" not in part
    later = unescape(re.findall(r'href="([^"]+before=[^"]+)"', second)[0])
    assert shown(as_viewer.get(later).text) == shown(first)
    last = unescape(re.findall(r'href="([^"]+after=[^"]+)"', second)[0])
    assert shown(as_viewer.get(last).text) == [PAGE * 2 + 2, PAGE * 2 + 1, PAGE * 2]


def test_the_fan_beside_it(as_chatter: Browser, chat: Conversation, fan: Subscriber, path: str) -> None:
    TransactionFactory(subscriber=fan, gross_cents=4200)
    NoteFactory(subscriber=fan, body="Likes blue.")
    OutgoingFactory(conversation=chat, state=DeliveryState.SENT, body="Look at this", price_cents=999, media_count=1)
    about = as_chatter.get(f"{path}/about").text
    for said in ("$42.00", "Likes blue.", "Look at this", "$9.99, not paid yet", f"/onlyfans/subscribers/{fan.id}"):
        assert said in about
    for verb, then in (("pin", "unpin"), ("unpin", "pin"), ("close", "reopen"), ("reopen", "close")):
        part = as_chatter.swap(f"{path}/{verb}", method="POST", page=path)
        assert f"{path}/{then}" in part.text
    assert f"{path}/wake" in as_chatter.swap(f"{path}/snooze", method="POST", page=path, data={"hours": "3"}).text
    assert as_chatter.post(f"{path}/wake").headers["Location"] == path
    assert as_chatter.post(f"{path}/snooze", data={"hours": "0"}).status_code == 422


def test_reading_is_marked_by_post(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    message = MessageFactory(conversation=chat)
    as_chatter.get(path)
    unread = select(Conversation.unread).where(Conversation.id == chat.id)
    assert owner.scalar(unread) == 1
    assert as_chatter.swap(f"{path}/read", method="POST", data={"message_id": message.id}).status_code == 204
    assert owner.scalar(unread) == 0


def test_from_the_fan_to_the_conversation(as_chatter: Browser, workspace: Workspace, chat: Conversation) -> None:
    assert as_chatter.get(f"/chatbot/with/{chat.subscriber_id}").headers["Location"] == f"{INBOX}/{chat.id}"
    other = SubscriberFactory(workspace_id=workspace.id)
    assert as_chatter.get(f"/chatbot/with/{other.id}").headers["Location"] == f"/onlyfans/subscribers/{other.id}"
    begun = as_chatter.post(INBOX, data={"subscriber_id": other.id}).headers["Location"]
    assert as_chatter.post(INBOX, data={"subscriber_id": other.id}).headers["Location"] == begun
    assert as_chatter.get(f"/chatbot/with/{other.id}").headers["Location"] == begun
    assert as_chatter.post(INBOX, data={"subscriber_id": SubscriberFactory().id}).status_code == 404


# Writing --------------------------------------------------------------------------------------------


def test_sent_without_javascript(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    page = as_chatter.get(path).text
    key = re.findall(r'name="key" value="([^"]+)"', page)[0]
    assert as_chatter.get(path).text == page, "and so it has the same ETag"
    for _ in range(2):  # a double tap
        response = as_chatter.post(f"{path}/messages", data={"text": " Hello\r\n🦄 ", "key": key})
        assert (response.status_code, response.headers["Location"]) == (303, path)
    [message] = _sent(owner, chat)
    assert (message.body, message.state, message.author_id) == (
        "Hello\n🦄",
        DeliveryState.QUEUED,
        as_chatter.member.user_id,
    )
    page = as_chatter.get(path).text
    assert "Queued" in page
    assert key not in page, "the next message is another one"


def test_sent_with_javascript(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    key = str(uuid4())
    parts = [
        as_chatter.swap(f"{path}/messages", method="POST", page=path, data={"text": "Hello", "key": key})
        for _ in range(2)
    ]
    [message] = _sent(owner, chat)
    for part in parts:
        assert part.status_code == 200
        assert part.text.startswith(f'<li id="m{message.id}" class="out">')
        assert part.text.strip() in as_chatter.get(path).text


def test_a_paid_message(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    item = VaultItemFactory(account=owner.get_one(PlatformAccount, (chat.workspace_id, chat.account_id)))
    form = {"text": "Look", "price": "12.50", "media": [item.platform_id, item.platform_id]}
    assert as_chatter.post(f"{path}/messages", data=form).status_code == 303
    [message] = _sent(owner, chat)
    assert (message.price_cents, message.media, message.media_count) == (1250, [item.platform_id], 1)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"text": ""}, "Write something, or add a photo or a video."),
        ({"text": "x" * 10_000}, "Use at most 5000 characters."),
        ({"text": "Hi", "price": "2.99", "media": "1"}, "from 3 to 200"),
        ({"text": "Hi", "price": "200.01", "media": "1"}, "from 3 to 200"),
        ({"text": "Hi", "price": "5"}, "needs a photo or a video"),
        ({"text": "Hi", "price": "much"}, "Write a number, like 12.50."),
        ({"text": "Hi", "media": "not-in-the-vault"}, "These are not in the vault"),
        ({"text": "Hi", "at": "2020-01-01T10:00"}, "This time is over; choose one to come."),
        ({"text": "Hi", "at": "2099-01-01T10:00"}, "Choose a time within the next 90 days."),
        ({"text": "Hi", "at": "tomorrow"}, "Choose a day and a time."),
        ({"text": "a\0b"}, "Remove the invisible control characters."),
        ({"text": "Hi", "key": "mine"}, "Send a UUID as the key."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    as_chatter: Browser, chat: Conversation, path: str, owner: Session, typed: dict[str, str], said: str
) -> None:
    whole = as_chatter.post(f"{path}/messages", data=typed)
    part = as_chatter.swap(f"{path}/messages", method="POST", page=path, data=typed)
    for response in (whole, part):
        assert response.status_code == 422
        assert said in unescape(response.text)
        kept = re.findall(r'<textarea class="in" name="text"[^>]*>\n(.*?)</textarea>', response.text, re.S)
        assert [unescape(text) for text in kept] == [typed["text"]]
        if "media" in typed:
            assert f'value="{typed["media"]}" checked' in response.text
    assert _sent(owner, chat) == []


def test_a_key_that_was_used_for_another_text(
    as_chatter: Browser, path: str, chat: Conversation, owner: Session
) -> None:
    key = str(uuid4())
    as_chatter.post(f"{path}/messages", data={"text": "One", "key": key})
    again = as_chatter.post(f"{path}/messages", data={"text": "Another", "key": key})
    assert again.status_code == 422
    assert "This idempotency key was used for another message" in again.text
    assert [message.body for message in _sent(owner, chat)] == ["One"]


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        (Conversation, {"can_send": False}, "The platform does not let you write to this fan now."),
        (Subscriber, {"vanished_at": datetime(2026, 1, 1, tzinfo=UTC)}, "has left the platform"),
        (PlatformAccount, {"policy_accepted_at": None}, "has to read and accept the platform’s rules first."),
        (PlatformAccount, {"key_sealed": None, "health": "disconnected"}, "This account is disconnected"),
    ],
)
def test_who_cannot_be_written_to(
    as_chatter: Browser,
    chat: Conversation,
    path: str,
    owner: Session,
    table: type,
    change: dict[str, object],
    said: str,
) -> None:
    owner.execute(update(table).where(table.workspace_id == chat.workspace_id).values(**change))
    page = as_chatter.get(path).text
    assert said in page
    assert "Copy and open" in page
    refused = as_chatter.post(f"{path}/messages", data={"text": "Hello"})
    assert refused.status_code == 422
    assert said in refused.text
    assert ">\nHello</textarea>" in refused.text
    assert _sent(owner, chat) == []


def test_later_unless_the_fan_writes_first(
    as_chatter: Browser, chat: Conversation, path: str, owner: Session
) -> None:
    at = (datetime.now(UTC) + timedelta(days=1)).replace(second=0, microsecond=0)
    as_chatter.post(
        f"{path}/messages", data={"text": "Good night", "at": f"{at:%Y-%m-%dT%H:%M}", "cancel_on_reply": "1"}
    )
    [message] = _sent(owner, chat)
    assert (message.state, message.sent_at, message.cancel_on_reply) == (DeliveryState.SCHEDULED, at, True)
    assert "goes out then, unless the fan writes first" in as_chatter.get(path).text
    MessageFactory(conversation=chat)
    assert [message.failure for message in _sent(owner, chat)] == [Failure.REPLIED]
    assert "Cancelled: the fan wrote first" in as_chatter.get(path).text


def test_each_state_and_what_can_be_done(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    def verbs(message: Message) -> list[str]:
        html = as_chatter.get(path).text
        return re.findall(rf'action="[^"]*/messages/{message.id}/([a-z-]+)', html)

    queued = OutgoingFactory(conversation=chat)
    assert verbs(queued) == ["cancel"]
    assert "Cancelled" in as_chatter.swap(f"{QUEUE}/{queued.id}/cancel?chat=", method="POST", page=path).text
    failed = OutgoingFactory(conversation=chat, state=DeliveryState.FAILED, failure=Failure.REFUSED)
    assert verbs(failed) == ["send-again"]
    assert "Not sent: the platform refused it" in as_chatter.get(path).text
    for verb, then in (("went-out", "Unsure"), ("drop", "Unsure"), ("send-again", "Unsure")):
        unsure = OutgoingFactory(conversation=chat, state=DeliveryState.UNKNOWN, failure=Failure.NO_ANSWER)
        assert verbs(unsure) == ["went-out", "send-again", "drop"]
        for _ in range(2):
            part = as_chatter.swap(f"{QUEUE}/{unsure.id}/{verb}?chat=", method="POST", page=path)
            assert part.status_code == 200
            assert then not in part.text
    sent = OutgoingFactory(conversation=chat, state=DeliveryState.SENT, platform_id="991")
    assert verbs(sent) == ["unsend"]
    assert as_chatter.post(f"{path}/messages/{sent.id}/unsend").headers["Location"] == path
    assert "being taken back" in as_chatter.get(path).text
    owner.execute(update(Message).where(Message.id == sent.id).values(deleted_at=datetime.now(UTC)))
    assert "Taken back" in as_chatter.get(path).text
    old = OutgoingFactory(
        conversation=chat,
        state=DeliveryState.SENT,
        platform_id="992",
        sent_at=datetime.now(UTC) - timedelta(hours=25),
    )
    assert verbs(old) == []
    as_chatter.post(f"{path}/messages/{old.id}/unsend")
    assert "It is too late" in as_chatter.get(path).text
    account = owner.get_one(PlatformAccount, (chat.workspace_id, chat.account_id))
    other = OutgoingFactory(conversation=ConversationFactory(account=account))
    assert as_chatter.post(f"{path}/messages/{other.id}/unsend").status_code == 404


def test_what_cannot_be_sent_again_is_not_dropped(
    as_chatter: Browser, chat: Conversation, path: str, owner: Session
) -> None:
    failed = OutgoingFactory(conversation=chat, state=DeliveryState.FAILED, failure=Failure.REFUSED)
    owner.execute(update(Conversation).where(Conversation.id == chat.id).values(can_send=False))
    assert as_chatter.post(f"{QUEUE}/{failed.id}/send-again?chat=").headers["Location"] == path
    assert "does not let you write to this fan" in as_chatter.get(path).text
    assert [message.state for message in _sent(owner, chat)] == [DeliveryState.FAILED]


def test_copy_and_open(as_chatter: Browser, workspace: Workspace, owner: Session) -> None:
    """Of a fan of no account, too: nothing is needed but a hand."""
    fan = SubscriberFactory(workspace_id=workspace.id, username="zoe")
    path = as_chatter.post(INBOX, data={"subscriber_id": fan.id}).headers["Location"]
    page = as_chatter.get(path).text
    key = re.findall(r'name="key" value="([^"]+)"', page)[0]
    assert "copy the text and send it at the platform" in page
    form = {"text": HOSTILE, "price": "5", "media": ["7", "8"], "key": key, "how": "hand"}
    shown = as_chatter.post(f"{path}/messages", data=form).text
    assert "&lt;script&gt;" in shown
    assert "https://onlyfans.com/zoe" in shown
    assert "File 7" in shown
    assert owner.scalar(select(func.count()).where(Message.workspace_id == workspace.id)) == 0
    for _ in range(2):
        assert as_chatter.post(f"{path}/by-hand", data=form).headers["Location"] == path
    [message] = owner.scalars(select(Message).where(Message.workspace_id == workspace.id))
    assert (message.state, message.direction, message.price_cents) == (DeliveryState.SENT, Direction.OUTBOUND, 500)
    assert as_chatter.post(f"{path}/messages", data={**form, "price": "1"}).status_code == 422


# Drafts and saved replies ---------------------------------------------------------------------------


def test_a_draft_is_there_on_another_device(
    as_chatter: Browser, sign_in: SignIn, chat: Conversation, path: str, owner: Session
) -> None:
    form = {"text": " half a th", "price": "5", "media": "9"}
    assert as_chatter.swap(f"{path}/draft", method="POST", page=path, data=form).status_code == 204
    elsewhere = sign_in(as_chatter.member).get(path).text
    assert ">\n half a th</textarea>" in elsewhere
    assert 'value="5"' in elsewhere
    assert 'value="9" checked' in elsewhere
    colleague = sign_in(MemberFactory(workspace_id=chat.workspace_id))
    assert "half a th" not in colleague.get(path).text
    as_chatter.post(f"{path}/messages", data={"text": "Whole"})
    assert owner.scalar(select(func.count()).where(Draft.conversation_id == chat.id)) == 0
    as_chatter.post(f"{path}/draft", data=form)
    as_chatter.post(f"{path}/draft", data={"text": " "})
    assert owner.scalar(select(func.count()).where(Draft.conversation_id == chat.id)) == 0
    assert as_chatter.post(f"{path}/draft", data={"text": "x" * 20_001}).status_code == 422


def test_saved_replies_stack(as_chatter: Browser, chat: Conversation, path: str) -> None:
    made = as_chatter.post("/chatbot/replies", data={"name": "Thanks", "body": "Thank you, {name}! {{ 7*7 }} {x}"})
    assert made.headers["Location"] == "/chatbot/replies"
    listed = as_chatter.get(f"{path}/replies").text
    assert "Thank you, Mike! {{ 7*7 }} {x}" in listed
    inserts = re.findall(rf'formaction="({path}/replies/\d+/insert)"', listed)
    as_chatter.post(inserts[0], data={"text": "Hi!"})
    other = SavedReplyFactory(workspace_id=chat.workspace_id, name="Bye", body="Bye, @{username}.")
    as_chatter.post(f"{path}/replies/{other.id}/insert", data={"text": "Hi! Thank you, Mike!"})
    assert ">\nHi! Thank you, Mike! Bye, @mike.</textarea>" in as_chatter.get(path).text


def test_saved_replies_are_changed_and_removed(as_chatter: Browser, as_viewer: Browser, workspace: Workspace) -> None:
    reply = SavedReplyFactory(workspace_id=workspace.id, name="Thanks", body="Gracias")
    SavedReplyFactory(workspace_id=workspace.id, name="Bye", body="Adiós")
    edit = f"/chatbot/replies/{reply.id}/edit"
    assert 'value="Thanks"' in as_chatter.get(edit).text
    for typed, said in (
        ({"name": "bye", "body": "x"}, "Another text has this name"),
        ({"name": "", "body": ""}, "fill"),
    ):
        refused = as_chatter.post(edit, data=typed)
        assert refused.status_code == 422
        assert said in refused.text
    as_chatter.post(edit, data={"name": "Thank you", "body": "Thanks!"})
    assert "Thank you" in as_viewer.get("/chatbot/replies").text
    as_chatter.post(f"/chatbot/replies/{reply.id}/remove")
    assert "Thank you" not in as_viewer.get("/chatbot/replies").text


def test_the_vault(as_chatter: Browser, account: PlatformAccount, path: str) -> None:
    VaultItemFactory(account=account, platform_id="501", kind="video", duration_seconds=61)
    VaultItemFactory(account=account, platform_id="502", is_ready=False)
    shown = as_chatter.get(f"{path}/media").text
    assert "Video 501" in shown
    assert "502" not in shown
    assert as_chatter.post(f"{path}/draft", data={"text": "Look", "media": "501"}).headers["Location"] == path
    assert 'value="501" checked' in as_chatter.get(path).text
    assert "501" not in as_chatter.swap(f"{path}/media", page=path).text, "it is in the composer already"


# Live -----------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PACE", 0.0)
    monkeypatch.setattr(events, "SLACK", timedelta(0))


def _events(browser: Browser, path: str, **headers: str) -> Iterator[str]:
    with closing(browser.get(path, buffered=False, headers=headers)) as response:
        for told in response.iter_encoded():
            yield told.decode()


@pytest.mark.usefixtures("quick")
def test_what_is_said_is_told(as_chatter: Browser, sign_in: SignIn, chat: Conversation, path: str) -> None:
    MessageFactory(conversation=chat, body="Before", created_at=datetime.now(UTC) - timedelta(hours=1))
    colleague = sign_in(MemberFactory(workspace_id=chat.workspace_id))
    since = stamp(datetime.now(UTC))
    here = _events(as_chatter, f"{path}/events?since={since}")
    inbox = _events(as_chatter, f"{INBOX}/events?since={since}")
    for stream in (here, inbox):
        next(stream)
    colleague.post(f"{path}/messages", data={"text": "From a colleague"})
    said, listed = next(here), next(inbox)
    assert "From a colleague" in said
    assert "Queued" in said
    assert f'<li id="c{chat.id}" hx-swap-oob="delete">' in listed
    assert "You: From a colleague" in listed
    assert len(said.encode()) + len(listed.encode()) <= 1300
    last = re.findall(r"^id: (\S+)$", said, re.M)[0]
    again = _events(as_chatter, f"{path}/events?since={since}", **{"Last-Event-ID": last})
    assert "Before" not in next(again)


@pytest.mark.usefixtures("quick")
def test_a_page_is_not_told_what_it_sent(as_chatter: Browser, chat: Conversation, path: str, owner: Session) -> None:
    key = uuid4()
    page = _events(as_chatter, f"{path}/events", **{"X-Page": key.hex[:8]})
    other = _events(as_chatter, f"{path}/events", **{"X-Page": uuid4().hex[:8]})
    for stream in (page, other):
        next(stream)
    assert "Mine" in as_chatter.swap(f"{path}/messages", method="POST", data={"text": "Mine", "key": key}).text
    assert "Mine" in next(other)
    [message] = _sent(owner, chat)
    as_chatter.post(f"{QUEUE}/{message.id}/cancel?chat=")
    for stream in (page, other):
        told = next(stream)
        assert told.count("Mine") == 1
        assert "Cancelled" in told, "what became of it"


@pytest.mark.usefixtures("quick")
def test_that_a_row_was_read_takes_no_second_row(as_chatter: Browser, chat: Conversation, path: str) -> None:
    inbox = _events(as_chatter, f"{INBOX}/events")
    next(inbox)
    as_chatter.post(f"{path}/messages", data={"text": "Hello"})
    assert "You: Hello" in next(inbox)
    said = MessageFactory(conversation=chat, body="Hi!")
    as_chatter.post(f"{path}/unpin")  # any signal
    assert f'id="u{chat.id}"> 1 unread' in next(inbox)
    as_chatter.post(f"{path}/read", data={"message_id": said.id})
    assert _told(next(inbox)) == f'<span id="u{chat.id}" hx-swap-oob="delete"></span>'


def _told(event: str) -> str:
    return "".join(line.removeprefix("data: ") for line in event.splitlines() if line.startswith("data: "))


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    """The statements of the app's role within the block."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)
