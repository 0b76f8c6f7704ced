"""What one would do first: a job for each message. For comparison only: it keeps no pace, and knows of no doubt."""

from __future__ import annotations

import asyncio

from flask import current_app
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from huntaze.adapters.platform import MessageDraft
from huntaze.models.platform_account import PlatformAccount
from huntaze.services.platform_keys import PlatformKeys
from huntaze.system import system_session


def send(workspace_id: int, message_id: int) -> None:
    with system_session() as session:
        account, chat, body, key = _look(session, workspace_id, message_id)
        session.execute(text("UPDATE messages SET state = 'sending' WHERE id = :id"), {"id": message_id})
    asyncio.run(_send(account, chat, body, key))
    with system_session() as session:
        session.execute(text("UPDATE messages SET state = 'sent' WHERE id = :id"), {"id": message_id})


def _look(session: Session, workspace_id: int, message_id: int) -> tuple[PlatformAccount, str, str, str]:
    row = session.execute(
        text(
            "SELECT m.account_id, m.body, m.key, s.platform_id FROM messages m JOIN conversations c"
            " ON c.id = m.conversation_id JOIN subscribers s ON s.id = c.subscriber_id"
            " WHERE m.workspace_id = :workspace AND m.id = :id"
        ),
        {"workspace": workspace_id, "id": message_id},
    ).one()
    account = session.scalars(select(PlatformAccount).where(PlatformAccount.id == row.account_id)).one()
    session.expunge(account)
    return account, row.platform_id, row.body, str(row.key)


async def _send(account: PlatformAccount, chat: str, body: str, key: str) -> None:
    api_key = PlatformKeys(current_app.config["SECRET_KEY"]).api_key(account) or ""
    adapter = current_app.extensions["huntaze.platforms"](account.platform, api_key, account.external_id)
    try:
        await adapter.send_message(chat, MessageDraft(body), key)
    finally:
        await adapter.aclose()
