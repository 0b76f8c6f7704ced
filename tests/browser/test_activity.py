"""From the platform to an open page: a fan tips, and the dashboard says so without being loaded again."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask
from playwright.sync_api import Page, expect
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from huntaze.models.platform_account import PlatformAccount, WebhookDelivery
from huntaze.models.workspace import Workspace
from tests.factories import SubscriberFactory
from tests.simulated import ACCOUNT, Simulated
from tests.waiting import wait_until
from tests.webhooks import hook_of
from worker import QueueWorker


def test_a_tip_is_there_without_a_reload(
    app: Flask, signed_in: Page, base_url: str, workspace: Workspace, simulator: Simulated, owner: Session
) -> None:
    SubscriberFactory(workspace_id=workspace.id, display_name="Ann Lee")
    redis: Redis = app.extensions["redis"]
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    queue.empty()  # of what other tests left
    hook = hook_of(app, workspace.id, ACCOUNT)
    # The simulator's clock stands still, and what is older than the connection is no news.
    account = PlatformAccount.id == hook.account.id
    owner.execute(update(PlatformAccount).where(account).values(connected_at=datetime(2000, 1, 1, tzinfo=UTC)))
    simulator.tell("webhooks", url=base_url + hook.path, secret=hook.secret)
    with signed_in.expect_response("**/dashboard/events"):
        signed_in.goto("/dashboard")
    expect(signed_in.locator("#news > li")).to_have_count(1)
    signed_in.evaluate("document.body.dataset.same = 'page'")
    simulator.tell("act", deed="tip", fan=simulator.fan(), cents=12_345)
    waiting = select(WebhookDelivery.id).where(WebhookDelivery.account_id == hook.account.id)
    wait_until(lambda: len(owner.scalars(waiting).all()) == 3)
    # One that forks: this process has an event loop, the browser's, and jobs bring their own.
    with app.app_context():
        QueueWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")
    expect(signed_in.locator("#news")).to_contain_text("Tip")
    expect(signed_in.locator("#news")).to_contain_text("$98.76")  # what is left of it
    assert signed_in.evaluate("document.body.dataset.same") == "page"
