"""What is posted to an account's webhook: stored if the platform signed it, answered at once, and once."""

from __future__ import annotations

import json
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import Health, PlatformAccount, WebhookDelivery
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.services.webhook_inbox import LARGEST
from huntaze.services.webhooks import WebhookService
from tests.conftest import Browser
from tests.webhooks import Hook, hook_of, paid, said

AT_ONCE = 50
CANARY = "canary-of-a-fan"


def stored(owner: Session, hook: Hook) -> list[WebhookDelivery]:
    query = select(WebhookDelivery).where(WebhookDelivery.account_id == hook.account.id).order_by(WebhookDelivery.id)
    return list(owner.scalars(query.execution_options(populate_existing=True)))


def refused(owner: Session, hook: Hook) -> int:
    query = select(WebhookRefusal.refused).where(WebhookRefusal.account_id == hook.account.id)
    return owner.scalar(query) or 0


def test_what_is_signed_is_stored_and_a_job_is_asked_for(app: Flask, hook: Hook, owner: Session) -> None:
    redis: Redis = app.extensions["redis"]
    queue = Queue("default", connection=redis, serializer="json")
    queue.empty()
    body = hook.body("messages.received", said())
    response = hook.post(body, "key-1")
    assert response.status_code == 204
    assert response.data == b""
    assert "Set-Cookie" not in response.headers
    (delivery,) = stored(owner, hook)
    assert (delivery.event, delivery.known, delivery.body, delivery.reference) == (
        "messages.received", True, body, "key:key-1",
    )  # fmt: skip
    assert delivery.processed_at is None
    (job,) = queue.jobs
    assert (job.func_name, job.args) == (
        "huntaze.jobs.webhooks.process", [hook.account.workspace_id, hook.account.id],
    )  # fmt: skip


@pytest.mark.parametrize("signature", ["", "0" * 64, "é" * 64, "none", None, "of another body", "of another secret"])
def test_what_is_forged_is_refused_counted_and_not_quoted(
    app: Flask, hook: Hook, owner: Session, caplog: pytest.LogCaptureFixture, signature: str | None
) -> None:
    body = hook.body("messages.received", said(text=CANARY))
    given = {"Signature": signature or ""}
    if signature == "of another body":
        given = {"Signature": hook.sign(body + b" ")}
    elif signature == "of another secret":
        given = {"Signature": hook_of(app, hook.account.workspace_id, "acct_2").sign(body)}
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert hook.post(body, **given).status_code == 401
    assert stored(owner, hook) == []
    assert refused(owner, hook) == 2
    assert "webhook without a right signature" in caplog.messages
    told = json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert CANARY not in told
    assert hook.token not in told, "who reads logs must not be able to post"


def test_an_unknown_address_is_not_found(hook: Hook, owner: Session) -> None:
    for token in ("nobody", "x" * 2_000, hook.token[:-1], "%00", "é"):
        response = hook.post(hook.body("tips.received"), path=f"/webhooks/onlyfans/{token}")
        assert (response.status_code, response.data) == (404, b""), token
    assert hook.post(b"{}", path=hook.path.replace("onlyfans", "fanvue")).status_code == 404
    assert stored(owner, hook) == []


def test_a_disconnected_account_takes_nothing(hook: Hook, owner: Session) -> None:
    gone = {"key_sealed": None, "health": Health.DISCONNECTED}
    owner.execute(update(PlatformAccount).where(PlatformAccount.id == hook.account.id).values(**gone))
    assert hook.post(hook.body("transactions.new", paid())).status_code == 404
    assert stored(owner, hook) == []


@pytest.mark.parametrize("size", [LARGEST + 1, 5 * 2**20])
def test_what_is_too_large_is_not_read(hook: Hook, owner: Session, size: int) -> None:
    body = hook.body("messages.received", {"text": "x" * size})
    response = hook.post(body)
    assert (response.status_code, response.data) == (413, b"")
    assert stored(owner, hook) == []
    assert refused(owner, hook) == 0


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_the_bytes_count_and_not_what_they_are_called(hook: Hook, owner: Session, content_type: str) -> None:
    body = hook.body("transactions.new", paid())
    assert hook.post(body, **{"Content-Type": content_type}).status_code == 204
    assert [delivery.body for delivery in stored(owner, hook)] == [body]


def test_it_is_only_posted_to(hook: Hook, nobody: Browser) -> None:
    assert nobody.get(hook.path).status_code == 405


def test_a_page_of_another_site_cannot_post(hook: Hook) -> None:
    body = hook.body("transactions.new", paid())
    assert hook.post(body, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_what_comes_twice_is_stored_once(hook: Hook, owner: Session) -> None:
    body = hook.body("messages.received", said())
    assert {hook.post(body, "the same").status_code for _ in range(3)} == {204}
    assert {hook.post(body, None).status_code for _ in range(3)} == {204}
    assert {hook.post(body, "k" * 5_000).status_code for _ in range(3)} == {204}
    references = [delivery.reference for delivery in stored(owner, hook)]
    assert references == ["key:the same", references[1]], "without a usable key it is known by its digest"
    assert references[1].startswith("sha256:")


def test_two_accounts_may_get_the_same_key(app: Flask, hook: Hook, owner: Session) -> None:
    other = hook_of(app, hook.account.workspace_id, "acct_2")
    for each in (hook, other):
        each.post(each.body("messages.received", said()), "the same")
        assert len(stored(owner, each)) == 1


@pytest.mark.parametrize("same", [True, False], ids=["the same", "different ones"])
def test_fifty_at_once(hook: Hook, owner: Session, same: bool) -> None:
    bodies = [hook.body("messages.received", said(message=70 if same else 70 + n)) for n in range(AT_ONCE)]
    keys = ["one" if same else f"many-{n}" for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = Counter(response.status_code for response in threads.map(hook.post, bodies, keys))
    assert statuses == {204: AT_ONCE}
    assert len(stored(owner, hook)) == (1 if same else AT_ONCE)


def test_without_valkey_it_is_stored_all_the_same(
    app: Flask, hook: Hook, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "redis", Redis.from_url("unix:///nowhere"))
    assert hook.post(hook.body("messages.received", said())).status_code == 204
    assert len(stored(owner, hook)) == 1


@pytest.mark.parametrize("event", ["users.typing", "users.online", "users.offline"])
def test_who_is_online_is_not_kept(hook: Hook, owner: Session, event: str) -> None:
    assert hook.post(hook.body(event, {"id": 7}), None).status_code == 204
    assert stored(owner, hook) == []


def test_what_is_not_understood_is_counted_and_not_kept(hook: Hook, owner: Session, session: Session) -> None:
    for _ in range(2):
        assert hook.post(hook.body("posts.liked", {"text": CANARY})).status_code == 204
    assert hook.post(b"[" * 5_000).status_code == 204
    assert hook.post(hook.body("transactions.new", paid(), account="acct_of_another")).status_code == 204
    assert hook.post(hook.body("x\n\u202e" * 5_000)).status_code == 204
    deliveries = stored(owner, hook)
    assert all(each.body is None and not each.known and each.processed_at for each in deliveries)
    oddities = WebhookService(session, WorkspaceId(hook.account.workspace_id)).oddities(hook.account.id)
    counts = {each.name: each.times for each in oddities.unknown}
    assert counts == {"posts.liked": 2, "(unreadable)": 1, "transactions.new": 1, ("x" * 100): 1}
    assert not oddities.is_empty


def test_refusals_are_counted_for_the_account_alone(app: Flask, hook: Hook, session: Session) -> None:
    other = hook_of(app, hook.account.workspace_id, "acct_2")
    hook.post(b"{}", Signature="")
    service = WebhookService(session, WorkspaceId(hook.account.workspace_id))
    assert service.oddities(hook.account.id).refused == 1
    assert service.oddities(hook.account.id).refused_at is not None
    assert service.oddities(other.account.id).is_empty
    assert WebhookService(session, WorkspaceId(0)).oddities(hook.account.id).is_empty


def test_the_page_of_the_account_tells_what_was_of_no_use(app: Flask, as_owner: Browser) -> None:
    hook = hook_of(app, as_owner.member.workspace_id)
    page = f"/settings/platforms/{hook.account.id}"
    assert "Webhooks that we could not use" not in as_owner.get(page).text
    hook.post(b"{}", Signature="")
    for _ in range(2):
        hook.post(hook.body("posts.<b>liked", {"text": CANARY}))
    html = as_owner.get(page).text
    for shown in (
        "Webhooks that we could not use",
        "1 was not signed by the platform",
        "posts.&lt;b&gt;liked</bdi> × 2",
    ):
        assert shown in html, shown
    assert CANARY not in html
