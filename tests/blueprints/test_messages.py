"""The queue: what waits and why, what a person decides about it, and who may."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from huntaze.models.conversation import DeliveryState, Failure, Message
from huntaze.models.delivery import AttemptOutcome, Halt, Lane
from huntaze.models.platform_account import Health, PlatformAccount
from huntaze.services.platform_policies import POLICIES
from tests.blueprints.test_subscribers import _queries
from tests.conftest import Browser
from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    LaneFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
)

HERE = "/onlyfans/messages"
JOB = "huntaze.jobs.delivery.deliver"

_numbers = count()


@pytest.fixture
def account(as_owner: Browser) -> PlatformAccount:
    account: PlatformAccount = PlatformAccountFactory(
        workspace_id=as_owner.member.workspace_id,
        username="jade",
        policy_version=next(iter(POLICIES.values())).version,
        policy_accepted_at=datetime.now(UTC),
    )
    return account


@pytest.fixture
def queue(app: Flask) -> Queue:
    redis: Redis = app.extensions["redis"]
    queue = Queue("delivery", connection=redis, serializer=JSONSerializer)
    queue.empty()
    return queue


def outgoing(account: PlatformAccount, **given: Any) -> Message:
    here = {"workspace_id": account.workspace_id, "account_id": account.id}
    fan = SubscriberFactory(**here, platform_id=f"{next(_numbers)}", display_name="Ann Lee")
    given = {"body": "Hello you", **given}
    message: Message = OutgoingFactory(
        conversation=ConversationFactory(account=account, subscriber_id=fan.id), **given
    )
    return message


def state_of(owner: Session, message: Message) -> DeliveryState:
    return owner.scalars(select(Message.state).where(Message.id == message.id)).one()


def lane_of(owner: Session, account: PlatformAccount) -> Lane:
    return owner.scalars(select(Lane).where(Lane.account_id == account.id)).one()


def main_of(html: str) -> str:
    return html.partition("<main")[2].partition("</main")[0]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", main_of(html)).split())


def test_without_an_account_there_is_one_thing_to_do(as_owner: Browser, as_chatter: Browser) -> None:
    assert 'href="/settings/platforms/new"' in main_of(as_owner.get(HERE).text)
    page = main_of(as_chatter.get(HERE).text)
    assert "An owner of the workspace can connect one." in page
    assert "/settings/platforms/new" not in page
    assert "/events" not in page, "nothing can happen"


def test_nothing_sent_yet(as_owner: Browser, account: PlatformAccount) -> None:
    page = words(as_owner.get(HERE).text)
    assert "Nothing sent yet" in page
    assert "All quiet" in page
    assert "0 sent in 24 hours" in page


def test_rules_that_nobody_accepted_are_named(as_owner: Browser, as_viewer: Browser) -> None:
    account = PlatformAccountFactory(workspace_id=as_owner.member.workspace_id)
    assert f'href="/settings/platforms/{account.id}"' in main_of(as_owner.get(HERE).text)
    page = main_of(as_viewer.get(HERE).text)
    assert "the owner has to read and accept" in page
    assert f'href="/settings/platforms/{account.id}"' not in page, "who may not open it is not sent there"


def test_what_is_on_its_way(as_owner: Browser, account: PlatformAccount) -> None:
    for _ in range(4):
        outgoing(account)
    outgoing(account, state=DeliveryState.SENDING)
    outgoing(account, state=DeliveryState.SCHEDULED, sent_at=datetime.now(UTC) + timedelta(hours=1))
    page = words(as_owner.get(HERE).text)
    for text in ("@jade 5 left", "Done at about", "2 a second", "1 is scheduled for later"):
        assert text in page
    assert "Resume" not in page


@pytest.mark.parametrize(
    ("lane", "text", "linked"),
    [
        ({"paused_at": 5, "halt": Halt.PERSON}, "paused it at", None),
        ({"stop_at": 5}, "Stopped at", None),
        ({"not_before": -5, "halt": Halt.LIMITED}, "asked us to slow down", None),
        ({"not_before": -5, "halt": Halt.UNREACHABLE}, "does not answer", None),
        ({"not_before": -5, "halt": Halt.GARBLED}, "answers strangely", None),
        ({"paused_at": 5, "halt": Halt.UNREACHABLE}, "Paused since", "/settings/platforms/{id}"),
        ({"paused_at": 5, "halt": Halt.KEY_REFUSED}, "The key is refused", "/settings/platforms/{id}"),
        ({"paused_at": 5, "halt": Halt.FORBIDDEN}, "Access is denied", "/settings/platforms/{id}"),
        ({"paused_at": 5, "halt": Halt.REFUSALS}, "refused many in a row", "?state=failed&amp;account={id}"),
    ],
)
def test_each_wait_says_why_how_long_and_what_to_do(
    as_owner: Browser, account: PlatformAccount, lane: dict[str, Any], text: str, linked: str | None
) -> None:
    at = {
        name: datetime.now(UTC) - timedelta(minutes=value) if isinstance(value, int) else value
        for name, value in lane.items()
    }
    by = {"paused_by": as_owner.member.user_id} if lane.get("halt") is Halt.PERSON else {}
    LaneFactory(account=account, **at, **by)
    outgoing(account)
    html = as_owner.get(HERE).text
    assert text in words(html)
    assert "1 left" in words(html)
    assert ("Waiting until" in words(html)) == ("not_before" in lane)
    assert ("Resume" in words(html)) == ("not_before" not in lane)
    assert "None" not in words(html)
    if linked:
        assert linked.format(id=account.id) in main_of(html)


def test_a_disconnected_account_sends_nothing(as_owner: Browser) -> None:
    account = PlatformAccountFactory(
        workspace_id=as_owner.member.workspace_id, key_sealed=None, health=Health.DISCONNECTED
    )
    outgoing(account)
    page = words(as_owner.get(HERE).text)
    assert "Disconnected Nothing goes out." in page
    assert "Pause" not in page


def test_what_is_unsure_comes_first_and_asks(as_owner: Browser, account: PlatformAccount) -> None:
    message = outgoing(
        account, state=DeliveryState.UNKNOWN, failure=Failure.NO_ANSWER, price_cents=1200, media_count=2
    )
    AttemptFactory(message=message, outcome=AttemptOutcome.UNKNOWN, detail="timed_out")
    outgoing(account)
    html = main_of(as_owner.get(HERE).text)
    page = words(as_owner.get(HERE).text)
    assert page.index("1 message may have gone out, or not") < page.index("1 left")
    for text in ("Ann Lee", "Hello you", "$12.00 · 2 files", "no clear answer came back", "It went out", "Drop"):
        assert text in page
    for verb in ("went-out", "send-again", "drop"):
        assert f'method="post" action="{HERE}/{message.id}/{verb}"' in html


def test_many_doubts_are_a_list(as_owner: Browser, account: PlatformAccount) -> None:
    for _ in range(7):
        outgoing(account, state=DeliveryState.UNKNOWN)
    html = main_of(as_owner.get(HERE).text)
    assert html.count("/went-out") == 2 * 5  # the form's action, for htmx and without
    assert f'href="{HERE}?state=unsure"' in html
    assert len(re.findall('hx-target="#dialog-body"', as_owner.get(f"{HERE}?state=unsure").text)) == 7


def test_the_list_is_filtered_by_the_url(as_owner: Browser, account: PlatformAccount) -> None:
    other = PlatformAccountFactory(workspace_id=account.workspace_id, username="other")
    for state in DeliveryState:
        outgoing(account, state=state, body=f"it is {state}")
    outgoing(other, body="from the other")

    def bodies(query: str) -> set[str]:
        html = as_owner.swap(f"{HERE}{query}").text.partition("hx-partial")[0]
        return set(re.findall(r"it is \w+|from the other", html))

    assert len(bodies("")) == 9
    assert bodies("?state=waiting") == {"it is scheduled", "it is held", "it is queued", "from the other"}
    assert bodies(f"?state=waiting&account={other.id}") == {"from the other"}
    assert bodies("?state=unsure") == {"it is unknown"}
    assert bodies(f"?state=failed&account={other.id}") == set()
    assert "No such message" in as_owner.get(f"{HERE}?state=failed&account={other.id}").text
    assert as_owner.get(f"{HERE}?state=gold").status_code == 422


def test_pages_of_fifty(as_owner: Browser, account: PlatformAccount) -> None:
    ids = [outgoing(account).id for _ in range(53)]

    def shown(html: str) -> list[int]:
        return [int(found) for found in re.findall(rf'<a href="{HERE}/(\d+)"', html)]

    html = as_owner.get(f"{HERE}?state=waiting").text
    assert shown(html) == ids[:2:-1]
    (following,) = set(re.findall(r'href="([^"]+after=[^"]+)"', html))
    assert "state=waiting" in following
    rest = as_owner.swap(following.replace("&amp;", "&")).text
    assert shown(rest) == ids[2::-1]
    assert "<section" not in rest, "rows alone"


def test_a_message_tells_its_story(as_viewer: Browser, as_owner: Browser, account: PlatformAccount) -> None:
    message = outgoing(
        account, state=DeliveryState.FAILED, failure=Failure.REFUSED, author_id=as_owner.member.user_id
    )
    AttemptFactory(message=message, outcome=AttemptOutcome.NOT_SENT, detail="refused (422)")
    page = words(as_owner.get(f"{HERE}/{message.id}").text)
    for text in (
        "Failed",
        "The platform refused it.",
        "written by",
        "did not take it",
        "refused (422)",
        "Send again",
    ):
        assert text in page
    assert "<!doctype" not in as_owner.swap(f"{HERE}/{message.id}").text
    assert 'method="post"' not in main_of(as_viewer.get(f"{HERE}/{message.id}").text)


@pytest.mark.parametrize("failure", list(Failure))
def test_each_failure_has_words(as_owner: Browser, account: PlatformAccount, failure: Failure) -> None:
    message = outgoing(account, state=DeliveryState.FAILED, failure=failure)
    for outcome in AttemptOutcome:
        AttemptFactory(message=message, outcome=outcome)
    page = main_of(as_owner.get(f"{HERE}/{message.id}").text)
    assert re.search(r'<p class="note bad">[^<]{20,}</p>', page)
    assert page.count(": tried, ") == len(AttemptOutcome)
    assert ": tried, <" not in page


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("cancel", DeliveryState.QUEUED, DeliveryState.CANCELLED),
        ("went-out", DeliveryState.UNKNOWN, DeliveryState.SENT),
        ("drop", DeliveryState.UNKNOWN, DeliveryState.CANCELLED),
        ("send-again", DeliveryState.UNKNOWN, DeliveryState.CANCELLED),
        ("send-again", DeliveryState.FAILED, DeliveryState.CANCELLED),
    ],
)
def test_a_chatter_decides_about_one(
    as_chatter: Browser,
    as_owner: Browser,
    account: PlatformAccount,
    owner: Session,
    queue: Queue,
    verb: str,
    before: DeliveryState,
    after: DeliveryState,
) -> None:
    message = outgoing(account, state=before)
    response = as_chatter.post(f"{HERE}/{message.id}/{verb}")
    assert (response.status_code, response.headers["Location"]) == (303, HERE)
    assert 'class="toast good"' in as_chatter.get(HERE).text
    assert state_of(owner, message) is after
    again = as_chatter.swap(f"{HERE}/{message.id}/{verb}", method="POST")
    assert again.status_code == 200
    assert "<hx-partial" in again.text, "the parts of the page"
    assert "<!doctype" not in again.text
    jobs = [job.func_name for job in queue.jobs]
    assert (JOB in jobs) == (verb == "send-again")
    copies = owner.scalars(select(Message.state).where(Message.conversation_id == message.conversation_id)).all()
    assert sorted(copies) == sorted([after, DeliveryState.QUEUED] if verb == "send-again" else [after])


def test_what_is_too_late_says_so_and_changes_nothing(
    as_chatter: Browser, as_owner: Browser, account: PlatformAccount, owner: Session, queue: Queue
) -> None:
    sent = outgoing(account, state=DeliveryState.SENT)
    for verb in ("cancel", "drop", "send-again"):
        response = as_chatter.post(f"{HERE}/{sent.id}/{verb}")
        assert response.headers["Location"] == f"{HERE}/{sent.id}"
        assert 'class="toast bad"' in as_chatter.get(response.headers["Location"]).text
        swapped = as_chatter.swap(f"{HERE}/{sent.id}/{verb}", method="POST")
        assert swapped.headers["HX-Redirect"] == f"{HERE}/{sent.id}"
        as_chatter.get(HERE)  # takes the toast
    assert state_of(owner, sent) is DeliveryState.SENT
    assert queue.jobs == []


def test_what_can_not_be_sent_again_stays_in_doubt(
    as_chatter: Browser, as_owner: Browser, account: PlatformAccount, owner: Session
) -> None:
    message = outgoing(account, state=DeliveryState.UNKNOWN, body="x" * 5_001)
    chat = message.conversation_id
    where = as_chatter.post(f"{HERE}/{message.id}/send-again").headers["Location"]
    assert where == f"{HERE}/{message.id}"
    assert "Use at most 5,000" in as_chatter.get(where).text.replace("5000", "5,000")
    assert state_of(owner, message) is DeliveryState.UNKNOWN
    assert len(owner.scalars(select(Message.id).where(Message.conversation_id == chat)).all()) == 1


def test_a_manager_pauses_and_resumes(
    as_manager: Browser, as_owner: Browser, account: PlatformAccount, owner: Session, queue: Queue
) -> None:
    outgoing(account)
    lane = f"{HERE}/lanes/{account.id}"
    assert as_manager.post(f"{lane}/pause").status_code == 303
    assert "paused it at" in words(as_owner.get(HERE).text)
    assert lane_of(owner, account).paused_by == as_manager.member.user_id
    assert queue.jobs == []
    swapped = as_manager.swap(f"{lane}/resume", method="POST")
    assert "paused it at" not in swapped.text
    assert 'hx-target="#lanes"' in swapped.text
    assert lane_of(owner, account).paused_at is None
    assert JOB in [job.func_name for job in queue.jobs]


def test_what_waits_is_cancelled_at_once(
    as_manager: Browser, as_owner: Browser, account: PlatformAccount, owner: Session
) -> None:
    typed, bulk, sending = (
        outgoing(account),
        outgoing(account, bulk=True),
        outgoing(account, bulk=True, state=DeliveryState.SENDING),
    )
    lane = f"{HERE}/lanes/{account.id}"
    assert "2 messages wait, 1 of them of a campaign" in words(as_manager.get(lane).text)
    assert as_manager.post(f"{lane}/cancel", data={"which": "some"}).status_code == 422
    assert as_manager.post(f"{lane}/cancel", data={"which": "bulk"}).status_code == 303
    assert "1 message is cancelled. 1 is on its way already." in as_manager.get(HERE).text
    states = [state_of(owner, each) for each in (typed, bulk, sending)]
    assert states == [DeliveryState.QUEUED, DeliveryState.CANCELLED, DeliveryState.SENDING]
    as_manager.post(f"{lane}/cancel")
    assert "1 message is cancelled." in as_manager.get(HERE).text
    assert state_of(owner, typed) is DeliveryState.CANCELLED


def test_it_stops_when_the_viewers_clock_says_so(
    as_manager: Browser, as_owner: Browser, account: PlatformAccount, owner: Session
) -> None:
    lane = f"{HERE}/lanes/{account.id}"
    now = datetime.now(UTC)
    for minutes in (-5, 5):
        wanted = now + timedelta(minutes=minutes)
        assert as_manager.post(f"{lane}/stop-at", data={"at": f"{wanted:%H:%M}"}).status_code == 303
        stop_at = lane_of(owner, account).stop_at
        assert stop_at is not None
        assert now < stop_at <= now + timedelta(days=1)
        assert f"{stop_at:%H:%M}" == f"{wanted:%H:%M}"
        assert f'value="{wanted:%H:%M}"' in as_manager.get(lane).text
    assert "Stops at" in as_manager.get(HERE).text
    refused = as_manager.post(f"{lane}/stop-at", data={"at": "late"})
    assert refused.status_code == 422
    assert 'value="late"' in refused.text
    assert "Write a time like 23:30." in refused.text
    as_manager.post(f"{lane}/stop-at", data={"at": ""})
    assert lane_of(owner, account).stop_at is None


def test_who_may_not_sees_no_button(
    as_owner: Browser,
    as_chatter: Browser,
    as_viewer: Browser,
    stranger: Browser,
    account: PlatformAccount,
    owner: Session,
) -> None:
    unsure, waiting = outgoing(account, state=DeliveryState.UNKNOWN), outgoing(account)
    assert 'method="post"' not in main_of(as_viewer.get(HERE).text)
    page = main_of(as_chatter.get(HERE).text)
    assert "/went-out" in page
    assert "/lanes/" not in page
    for verb in ("pause", "resume", "cancel", "stop-at"):
        assert as_chatter.post(f"{HERE}/lanes/{account.id}/{verb}").status_code == 403
        assert stranger.post(f"{HERE}/lanes/{account.id}/{verb}").status_code == 404
    for message, verb in ((waiting, "cancel"), (unsure, "went-out"), (unsure, "drop"), (unsure, "send-again")):
        assert as_viewer.post(f"{HERE}/{message.id}/{verb}").status_code == 403
        assert stranger.post(f"{HERE}/{message.id}/{verb}").status_code == 404
    assert (state_of(owner, unsure), state_of(owner, waiting)) == (DeliveryState.UNKNOWN, DeliveryState.QUEUED)
    assert "Hello you" not in stranger.get(HERE).text


def test_where_no_stream_is_heard_the_parts_are_asked_for(as_owner: Browser, account: PlatformAccount) -> None:
    outgoing(account, state=DeliveryState.SENDING)
    assert f'hx-get="{HERE}/lanes" hx-trigger="click, every 30s"' in as_owner.get(HERE).text
    swapped = as_owner.swap(f"{HERE}/lanes").text
    assert "1 is on its way" in swapped
    assert swapped.count("<hx-partial") == 2
    assert as_owner.get(f"{HERE}/lanes").headers["Location"] == HERE


def test_a_stream_says_what_changed_and_nothing_twice(as_owner: Browser, account: PlatformAccount) -> None:
    outgoing(account)
    (path,) = re.findall(r'data-events="([^"]+)"', as_owner.get(HERE).text)
    with as_owner.get(path) as quiet:
        assert next(iter(quiet.response)).decode() == "retry: 1000\ndata: <!---->\n\n"  # type: ignore[union-attr]
    outgoing(account, state=DeliveryState.UNKNOWN)
    with as_owner.get(path) as told:
        first = next(iter(told.response)).decode()  # type: ignore[union-attr]
    assert 'hx-target="#unsure"' in first
    assert "may have gone out" in first


def test_the_page_asks_little_of_the_database(
    as_owner: Browser, account: PlatformAccount, app_engine: Engine, owner_engine: Engine
) -> None:
    LaneFactory(account=account)
    for _ in range(4):
        outgoing(account)
        AttemptFactory(message=outgoing(account, state=DeliveryState.UNKNOWN))
    with _queries(app_engine, owner_engine) as found:
        as_owner.get(HERE)
    # Who asks; the notifications that wait; the page of messages; the time, accounts, lanes, two counts; the doubts,
    # their attempts.
    assert len(found) == 9, found
