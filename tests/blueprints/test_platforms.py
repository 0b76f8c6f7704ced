"""Settings > Platforms: an account is connected, looked after and disconnected, and its key is never seen again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from huntaze.models.platform_account import Health, PlatformAccount, Resource
from huntaze.models.platform_check import CheckState, PlatformCheck, Question, Trouble
from huntaze.services.platform_policies import POLICIES
from tests.conftest import SWAP, Browser
from tests.factories import PlatformAccountFactory, PlatformCheckFactory, SyncStateFactory

LIST = "/settings/platforms"
KEY = "ofapi-canary-key"
Queues = list[Queue]


@pytest.fixture
def account(as_owner: Browser) -> PlatformAccount:
    return PlatformAccountFactory(workspace_id=as_owner.member.workspace_id, display_name="Jade")


@pytest.fixture
def queue(app: Flask) -> Queues:
    """What is asked of the platform goes into one of two, see worker.py."""
    redis: Redis = app.extensions["redis"]
    queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in ("default", "sync")]
    for each in queues:
        each.empty()
    return queues


def jobs(queues: Queues) -> list[tuple[str, list[int]]]:
    return [(job.func_name, list(job.args)) for each in queues for job in each.jobs]


def now_is(owner: Session, account: PlatformAccount, **values: Any) -> None:
    owner.execute(update(PlatformAccount).where(PlatformAccount.id == account.id).values(**values))


def test_none_yet(as_owner: Browser, as_manager: Browser) -> None:
    assert f'href="{LIST}/new"' in as_owner.get(LIST).text
    html = as_manager.get(LIST).text
    assert "An owner of the workspace can connect one." in html
    assert f"{LIST}/new" not in html


def test_a_manager_sees_and_changes_nothing(as_owner: Browser, as_manager: Browser, account: PlatformAccount) -> None:
    html = as_manager.get(f"{LIST}/{account.id}").text
    assert "Jade" in html
    assert 'method="post"' not in html.partition("<main")[2].partition("</main")[0]
    assert "/disconnect" not in html


def test_who_may_not_see_it_does_not_hear_of_it(
    as_owner: Browser, as_chatter: Browser, stranger: Browser, nobody: Browser, account: PlatformAccount
) -> None:
    path = f"{LIST}/{account.id}"
    assert as_chatter.get(path).status_code == 403
    assert LIST not in as_chatter.get("/settings").text
    assert LIST in as_owner.get("/settings").text
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/disconnect").status_code == 404
    assert nobody.get(path).status_code == 303


def test_a_key_is_checked_by_a_worker_and_shown_nowhere(as_owner: Browser, queue: Queues, owner: Session) -> None:
    response = as_owner.post(LIST, data={"key": KEY})
    assert response.status_code == 303
    where = response.headers["Location"]
    check_id = int(where.rpartition("/")[2])
    assert ("huntaze.jobs.platforms.check", [as_owner.member.workspace_id, check_id]) in jobs(queue)
    page = as_owner.get(where)
    assert "asking the gateway" in page.text
    assert 'http-equiv="refresh"' in page.text, "works without JavaScript"
    for shown in (response, page, as_owner.get(LIST), as_owner.get("/settings/audit"), as_owner.get(f"{LIST}/new")):
        assert KEY not in shown.text
    assert KEY not in json.dumps(jobs(queue))


def test_a_key_that_is_missing_is_asked_for(as_owner: Browser) -> None:
    for key in ("", "k" * 501, "a\nb"):
        response = as_owner.post(LIST, data={"key": key})
        assert response.status_code == 422
        assert "f-key-error" in response.text
    assert "k" * 501 not in response.text


@pytest.mark.parametrize("trouble", list(Trouble))
def test_each_trouble_with_a_key_says_what_to_do(as_owner: Browser, trouble: Trouble) -> None:
    check = PlatformCheckFactory(
        workspace_id=as_owner.member.workspace_id, state=CheckState.FAILED, trouble=trouble, key_sealed=None
    )
    html = as_owner.get(f"{LIST}/checks/{check.id}").text
    note = html.partition('role="alert">')[2].partition("</div>")[0]
    assert note.count("<p>") == 2, "what it is, and the remedy"
    assert "None" not in note
    assert f'href="{LIST}/new"' in html


def test_an_account_is_chosen_and_its_webhook_shown_once(
    app: Flask, as_owner: Browser, owner: Session, queue: Queues
) -> None:
    check = PlatformCheckFactory(workspace_id=as_owner.member.workspace_id, key=KEY)
    page = as_owner.get(f"{LIST}/checks/{check.id}").text
    assert "@creator1" in page
    response = as_owner.post(f"{LIST}/checks/{check.id}/connect", data={"external_id": "acct_000001"})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    mine = PlatformAccount.workspace_id == as_owner.member.workspace_id
    account = owner.scalars(select(PlatformAccount).where(mine)).one()
    assert "http://localhost/webhooks/onlyfans/" in response.text
    secret = response.text.partition('id="secret" value="')[2].partition('"')[0]
    assert len(secret) > 30
    assert [args for name, args in jobs(queue) if name.startswith("huntaze.jobs.sync")] == [
        [as_owner.member.workspace_id, account.id]
    ]
    for path in (f"{LIST}/{account.id}", LIST, "/settings/audit", f"{LIST}/{account.id}/webhook"):
        text = as_owner.get(path).text
        assert secret not in text
        assert KEY not in text
    again = as_owner.post(f"{LIST}/checks/{check.id}/connect", data={"external_id": "acct_000001"})
    assert again.status_code == 404, "a double tap connects once"
    export = as_owner.post("/settings/data/export").data
    assert secret.encode() not in export
    assert KEY.encode() not in export


def test_what_is_connected_already_is_not_offered(as_owner: Browser) -> None:
    here = {"workspace_id": as_owner.member.workspace_id}
    PlatformAccountFactory(**here, external_id="acct_000001")
    check = PlatformCheckFactory(**here)
    html = as_owner.get(f"{LIST}/checks/{check.id}").text
    assert "external_id" not in html
    response = as_owner.post(f"{LIST}/checks/{check.id}/connect", data={"external_id": "acct_000001"})
    assert response.status_code == 422
    assert "connected already" in response.text


def test_a_check_of_a_colleague_is_the_owners_only(as_owner: Browser, as_manager: Browser, stranger: Browser) -> None:
    check = PlatformCheckFactory(workspace_id=as_owner.member.workspace_id)
    assert as_manager.get(f"{LIST}/checks/{check.id}").status_code == 403
    assert stranger.get(f"{LIST}/checks/{check.id}").status_code == 404


@pytest.mark.parametrize("health", list(Health))
def test_each_state_is_said_in_plain_words(
    as_owner: Browser, account: PlatformAccount, owner: Session, health: Health
) -> None:
    retry_at = datetime.now(UTC) + timedelta(minutes=5)
    gone = {"key_sealed": None} if health is Health.DISCONNECTED else {"retry_at": retry_at, "credits_left": 1234}
    now_is(owner, account, health=health, **gone)
    html = as_owner.get(f"{LIST}/{account.id}").text
    if health is Health.CONNECTED:
        assert 'class="note bad"' not in html
    else:
        note = html.partition('class="note bad">')[2].partition("</div>")[0]
        assert note.count("<p>") >= 2
    assert ("in 5 minutes" in html) == (health not in (Health.CONNECTED, Health.DISCONNECTED))
    if health is not Health.DISCONNECTED:
        assert "1,234" in html
    assert health.value in ("connected",) or as_owner.get(LIST).status_code == 200


def test_the_first_reading_shows_how_far_it_is(as_owner: Browser, account: PlatformAccount, owner: Session) -> None:
    now = datetime.now(UTC)
    SyncStateFactory(account=account, resource="fans_active", seen=1200, finished_at=now)
    SyncStateFactory(account=account, resource="transactions", seen=3400, started_at=now, rejected=2)
    now_is(owner, account, sync_wanted_at=now)
    path = f"{LIST}/{account.id}"
    html = as_owner.get(path).text
    assert "1,200" in html
    assert "3,400 so far" in html
    assert "2 could not be read" in html
    assert f'data-events="{path}/events"' in html
    assert 'http-equiv="refresh"' in html
    part = as_owner.get(path, headers=SWAP).text
    assert "<html" not in part
    assert "3,400 so far" in part

    now_is(owner, account, sync_wanted_at=None, synced_at=now)
    assert "data-events" not in as_owner.get(path).text, "an idle page holds nothing open"


def test_what_a_sweep_costs_is_shown(as_owner: Browser, account: PlatformAccount) -> None:
    SyncStateFactory(
        account=account, resource=Resource.SWEEP, credits=5_012, finished_at=datetime.now(UTC) - timedelta(days=2)
    )
    html = as_owner.get(f"{LIST}/{account.id}").text
    assert "Weekly look for fans who left the platform" in html
    assert "5,012 credits, 2 days ago" in html


def test_its_stream_ends_when_nothing_is_under_way(as_owner: Browser, account: PlatformAccount) -> None:
    text = as_owner.get(f"{LIST}/{account.id}/events").text
    assert "event: end" in text
    assert 'id="health-title"' in text


def test_the_stream_of_a_check_brings_its_answer(as_owner: Browser) -> None:
    check = PlatformCheckFactory(workspace_id=as_owner.member.workspace_id)
    text = as_owner.get(f"{LIST}/checks/{check.id}/events").text
    assert "event: end" in text
    assert "acct_000001" in text


def test_a_test_and_a_reading_are_asked_for(as_owner: Browser, account: PlatformAccount, queue: Queues) -> None:
    path, here = f"{LIST}/{account.id}", as_owner.member.workspace_id
    for verb in ("test", "test", "sync"):
        response = as_owner.post(f"{path}/{verb}")
        assert (response.status_code, response.headers["Location"]) == (303, path)
    names = [name for name, args in jobs(queue) if args[0] == here]
    assert names.count("huntaze.jobs.platforms.check") == 2
    html = as_owner.get(path).text
    assert "Testing" in html


def test_a_key_is_replaced(as_owner: Browser, account: PlatformAccount, queue: Queues, owner: Session) -> None:
    path = f"{LIST}/{account.id}"
    assert 'type="password"' in as_owner.get(f"{path}/key").text
    response = as_owner.post(f"{path}/key", data={"key": KEY})
    assert response.status_code == 303
    check = owner.scalars(select(PlatformCheck).where(PlatformCheck.account_id == account.id)).one()
    assert check.question is Question.REPLACE
    good = update(PlatformCheck).where(PlatformCheck.id == check.id).values(state=CheckState.GOOD, key_sealed=None)
    owner.execute(good)
    assert as_owner.get(response.headers["Location"]).headers["Location"] == path


def test_the_rules_are_read_and_accepted(as_owner: Browser, as_manager: Browser, account: PlatformAccount) -> None:
    path, version = f"{LIST}/{account.id}", POLICIES[account.platform].version
    html = as_owner.get(path).text
    for word in ("May we call its API?", "Must AI be disclosed?", "OnlyFans, Terms of Service", "AI Act"):
        assert word in html
    assert as_manager.post(f"{path}/policy", data={"version": version}).status_code == 403
    stale = as_owner.post(f"{path}/policy", data={"version": "of last year"})
    assert stale.status_code == 422
    assert "read them once more" in stale.text
    assert as_owner.post(f"{path}/policy", data={"version": version}).status_code == 303
    assert "Accepted on" in as_manager.get(path).text


def test_it_is_disconnected_with_its_data_kept(as_owner: Browser, account: PlatformAccount, queue: Queues) -> None:
    path = f"{LIST}/{account.id}"
    response = as_owner.post(f"{path}/disconnect")
    assert (response.status_code, response.headers["Location"]) == (303, path)
    html = as_owner.get(path).text
    assert "Connect again" in html
    assert "/sync" not in html
    assert as_owner.post(f"{path}/sync").status_code == 422
    assert not [name for name, _ in jobs(queue) if name.endswith("erase")]


def test_its_data_goes_only_when_the_name_is_typed(
    as_owner: Browser, account: PlatformAccount, queue: Queues
) -> None:
    path = f"{LIST}/{account.id}/disconnect"
    response = as_owner.post(path, data={"erase": "1", "name": "someone"})
    assert response.status_code == 422
    assert f"type {account.username}." in response.text
    assert 'value="someone"' in response.text, "what was typed is there"
    response = as_owner.post(path, data={"erase": "1", "name": account.username})
    assert (response.status_code, response.headers["Location"]) == (303, LIST)
    assert ("huntaze.jobs.platforms.erase", [account.workspace_id, account.id]) in jobs(queue)
    assert "being erased" in as_owner.get(f"{LIST}/{account.id}").text


def test_a_new_webhook_address_is_shown_once(as_owner: Browser, account: PlatformAccount) -> None:
    path = f"{LIST}/{account.id}/webhook"
    first, second = as_owner.post(path), as_owner.post(path)
    assert first.status_code == second.status_code == 200
    addresses = {response.text.partition('id="address" value="')[2].partition('"')[0] for response in (first, second)}
    assert len(addresses) == 2


def test_the_empty_dashboard_offers_it(as_owner: Browser, as_manager: Browser) -> None:
    assert f"{LIST}/new" in as_owner.get("/dashboard").text
    assert f"{LIST}/new" not in as_manager.get("/dashboard").text
