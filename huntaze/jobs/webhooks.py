"""What platforms posted: stored by the web, worked into the tables here."""

from __future__ import annotations

import logging
from functools import partial

from flask import current_app
from sqlalchemy.exc import OperationalError

from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.services.webhook_inbox import WebhookInbox
from huntaze.services.webhook_work import WebhookWork
from huntaze.system import system_session

log = logging.getLogger(__name__)


def process(workspace_id: int, account_id: int) -> None:
    """Stores what the account's waiting deliveries say; nothing if none waits."""
    readers = current_app.extensions["huntaze.webhook_readers"]
    transaction = partial(workspace_session, workspace_id)
    key = current_app.config["SECRET_KEY"]
    WebhookWork(transaction, WorkspaceId(workspace_id), account_id, readers, key).run()


def process_waiting() -> None:
    """Goes on where a job was lost or a worker killed."""
    with system_session() as session:
        accounts = WebhookInbox(session, current_app.config["SECRET_KEY"]).waiting()
    for workspace_id, account_id in accounts:
        try:
            process(workspace_id, account_id)
        except OperationalError as error:  # one that has to wait does not hold up the others
            log.warning("webhooks wait on", extra={"account_id": account_id, "error": type(error).__name__})


def purge() -> None:
    """Forgets old deliveries."""
    with system_session() as session:
        WebhookInbox(session, current_app.config["SECRET_KEY"]).purge()
