"""An account with a webhook that the tests know the secret of, and what a platform posts to it."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from huntaze.jobs import webhooks as jobs
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.workspace import Workspace
from huntaze.services.platform_keys import PlatformKeys, webhook_hash
from tests.factories import PlatformAccountFactory, session

Json = dict[str, Any]
_numbers = count(1)


@dataclass(frozen=True)
class Hook:
    """Where a platform posts, and how it signs."""

    app: Flask
    account: PlatformAccount
    token: str
    secret: str

    @property
    def path(self) -> str:
        return f"/webhooks/onlyfans/{self.token}"

    def body(self, event: str, payload: Json | None = None, account: str | None = None) -> bytes:
        envelope = {"event": event, "account_id": account or self.account.external_id, "payload": payload or {}}
        return json.dumps(envelope).encode()

    def sign(self, body: bytes) -> str:
        return hmac.new(self.secret.encode(), body, "sha256").hexdigest()

    def post(self, body: bytes, key: str | None = "", *, path: str = "", **headers: str) -> TestResponse:
        """As a platform does. key: "" for one of its own, None for none."""
        sent = {"Content-Type": "application/json", "Signature": self.sign(body), **headers}
        if key is not None:
            sent["X-OFAPI-Idempotency-Key"] = key or f"event-{next(_numbers)}"
        return FlaskClient(self.app, TestResponse).post(path or self.path, data=body, headers=sent)

    def work(self) -> None:
        """What the job does."""
        with self.app.app_context():
            jobs.process(self.account.workspace_id, self.account.id)


def hook_of(app: Flask, workspace_id: int, external_id: str = "acct_000001") -> Hook:
    return hook_for(app, PlatformAccountFactory(workspace_id=workspace_id, external_id=external_id))


def hook_for(app: Flask, account: PlatformAccount) -> Hook:
    """Gives the account another address and secret."""
    keys = PlatformKeys(app.config["SECRET_KEY"])
    token, secret = keys.new_webhook()
    sealed = keys.seal(account, "webhook_secret_sealed", secret)
    known = {"webhook_hash": webhook_hash(token), "webhook_secret_sealed": sealed}
    session.execute(update(PlatformAccount).where(PlatformAccount.id == account.id).values(**known))
    session.commit()
    return Hook(app, account, token, secret)


@pytest.fixture
def hook(app: Flask, workspace: Workspace) -> Hook:
    return hook_of(app, workspace.id)


def said(fan: int = 7, message: int = 70, text: str = "Hello", at: str = "2026-11-20T10:00:00+00:00") -> Json:
    """The payload of messages.received."""
    return {
        "id": message,
        "text": f"<p>{text}</p>",
        "price": 0,
        "isFree": True,
        "createdAt": at,
        "fromUser": {"id": fan, "username": f"fan{fan}", "name": f"Fan {fan}"},
    }


def paid(fan: int = 7, payment: str = "pay_1", dollars: float = 5, at: str = "2026-11-20T10:00:00+00:00") -> Json:
    """The payload of transactions.new: a tip."""
    return {
        "id": payment,
        "amount": dollars,
        "net": round(dollars * 0.8, 2),
        "fee": round(dollars - round(dollars * 0.8, 2), 2),
        "vatAmount": 0,
        "taxAmount": 0,
        "currency": "USD",
        "type": "tips",
        "status": "done",
        "description": "Tip",
        "createdAt": at,
        "user": {"id": fan, "username": f"fan{fan}", "name": f"Fan {fan}"},
    }
