"""Chats and what is said in them, as a platform tells it: by id, in whatever order; what changed last counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from huntaze.adapters.platform import Chat, Fan, Message
from huntaze.models.conversation import Direction
from huntaze.models.domain_event import EventKind
from huntaze.services import conversation_news, platform_fans
from huntaze.services.platform_scope import News, Scope, clean

HISTORY = timedelta(days=30)
"""How long before the connection a chat must have been silent for its messages not to be read at first."""

SLACK = timedelta(minutes=2)
"""How much the platform's clock may be behind ours, when a message of the chat is compared with what we sent."""

# As in platform_fans: each in its index.
NAMED = """
SELECT s.platform_id FROM unnest(CAST(:ids AS text[])) AS told CROSS JOIN LATERAL (
       SELECT account_id, platform_id, display_name FROM subscribers
        WHERE workspace_id = :workspace AND platform_id = told OFFSET 0) AS s
 WHERE s.account_id = :account AND s.display_name <> ''
"""
STORE = """
INSERT INTO conversations AS c (workspace_id, account_id, subscriber_id, can_send, platform_unread)
SELECT :workspace, :account, s.id, coalesce(r.can_send, true), coalesce(r.unread, 0)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (fan text, can_send boolean, unread bigint)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
    ON CONFLICT (workspace_id, subscriber_id) DO UPDATE
       SET can_send = excluded.can_send, platform_unread = excluded.platform_unread
     WHERE :told AND (c.can_send, c.platform_unread) <> (excluded.can_send, excluded.platform_unread)
"""
# Wherever a message is the chat's last one and unknown, there may be others before it.
BEHIND = """
UPDATE conversations AS c SET behind = true
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (fan text, message text, at timestamptz)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
 WHERE c.workspace_id = :workspace AND c.subscriber_id = s.id AND NOT c.behind AND r.at > :since
   AND NOT EXISTS (SELECT FROM messages AS m WHERE m.workspace_id = :workspace AND m.conversation_id = c.id
                      AND m.platform_id = r.message)
"""
MESSAGES = """
INSERT INTO messages AS m (workspace_id, account_id, conversation_id, platform_id, direction, body, price_cents,
                           is_tip, media_count, is_opened, sent_at, changed_at)
SELECT :workspace, :account, c.id, r.id, r.direction, r.body, r.price, r.tip, r.media, r.opened, r.at, r.changed_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (fan text, id text, direction text, body text, price bigint,
       tip boolean, media bigint, opened boolean, at timestamptz, changed_at timestamptz)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
  JOIN conversations AS c ON c.workspace_id = :workspace AND c.subscriber_id = s.id
 ORDER BY r.at, r.id
    ON CONFLICT (workspace_id, conversation_id, platform_id) DO UPDATE
       SET body = excluded.body, price_cents = excluded.price_cents, media_count = excluded.media_count,
           is_opened = CASE WHEN m.is_opened OR excluded.is_opened THEN true
                            ELSE coalesce(excluded.is_opened, m.is_opened) END,
           changed_at = excluded.changed_at
     WHERE coalesce(excluded.changed_at, excluded.sent_at) >= coalesce(m.changed_at, m.sent_at)
       AND ((m.body, m.price_cents, m.media_count, m.changed_at) IS DISTINCT FROM
            (excluded.body, excluded.price_cents, excluded.media_count, excluded.changed_at)
            OR (excluded.is_opened IS NOT NULL AND m.is_opened IS NOT TRUE
                AND m.is_opened IS DISTINCT FROM excluded.is_opened))
"""
# What we sent and have no id of yet, because its answer was lost or is still to come, is not stored a second time:
# the first of ours takes the first of theirs that says the same and is no older. As the platform gives text back,
# white space is not compared.
ADOPT = """
WITH read AS (
    SELECT c.id AS chat, r.id, r.at, r.price, r.media, regexp_replace(r.body, '\\s+', '', 'g') AS said
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (fan text, id text, direction text, body text, price bigint,
           media bigint, at timestamptz)
      JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
      JOIN conversations AS c ON c.workspace_id = :workspace AND c.subscriber_id = s.id
     WHERE r.direction = 'outbound'
       AND NOT EXISTS (SELECT FROM messages AS k WHERE k.workspace_id = :workspace AND k.conversation_id = c.id
                          AND k.platform_id = r.id)
), ours AS (
    SELECT m.id, m.conversation_id AS chat, m.price_cents AS price, m.media_count AS media,
           regexp_replace(m.body, '\\s+', '', 'g') AS said, began.at,
           row_number() OVER (PARTITION BY m.conversation_id, regexp_replace(m.body, '\\s+', '', 'g'), m.price_cents,
                              m.media_count ORDER BY m.place, m.id) AS n
      FROM messages AS m
      JOIN LATERAL (SELECT min(a.started_at) AS at FROM attempts AS a
                     WHERE a.workspace_id = :workspace AND a.message_id = m.id) AS began ON true
     WHERE m.workspace_id = :workspace AND m.conversation_id IN (SELECT chat FROM read)
       AND m.key IS NOT NULL AND m.platform_id IS NULL AND m.state IN ('sending', 'sent', 'unknown')
), told AS (
    SELECT r.*, row_number() OVER (PARTITION BY chat, said, price, media ORDER BY r.at, r.id) AS n
      FROM read AS r
      JOIN (SELECT chat, said, price, media, min(at) - make_interval(secs => :slack) AS since FROM ours
             GROUP BY chat, said, price, media) AS first USING (chat, said, price, media)
     WHERE r.at >= first.since
)
UPDATE messages AS m SET platform_id = t.id, state = 'sent', failure = NULL, sent_at = t.at
  FROM told AS t JOIN ours AS o USING (chat, said, price, media, n)
 WHERE m.workspace_id = :workspace AND m.id = o.id AND m.platform_id IS NULL
   AND t.at >= o.at - make_interval(secs => :slack)
RETURNING m.conversation_id
"""
OPENED = """
UPDATE messages AS m SET is_opened = true FROM conversations AS c, subscribers AS s
 WHERE m.workspace_id = :workspace AND c.workspace_id = :workspace AND s.workspace_id = :workspace
   AND c.id = m.conversation_id AND s.id = c.subscriber_id AND s.account_id = :account
   AND s.platform_id = :chat AND m.platform_id = :message AND m.is_opened IS NOT TRUE
RETURNING c.id
"""
DELETED = """
UPDATE messages AS m SET deleted_at = now() FROM conversations AS c
 WHERE m.workspace_id = :workspace AND c.workspace_id = :workspace AND c.id = m.conversation_id
   AND c.account_id = :account AND m.platform_id = :message AND m.deleted_at IS NULL
RETURNING c.id
"""
# What the platform calls read is read here too: up to what was the chat's last message when it said so.
READ = """
UPDATE conversations AS c SET read_at = r.at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (fan text, at timestamptz)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
 WHERE c.workspace_id = :workspace AND c.subscriber_id = s.id AND (c.read_at IS NULL OR c.read_at < r.at)
RETURNING c.id
"""
SUMMARISE = "SELECT summarise_conversations(:workspace, :ids)"
OF_FANS = """
SELECT c.id FROM unnest(CAST(:fans AS text[])) AS told CROSS JOIN LATERAL (
       SELECT id, account_id FROM subscribers
        WHERE workspace_id = :workspace AND platform_id = told OFFSET 0) AS s
  JOIN conversations AS c ON c.workspace_id = :workspace AND c.subscriber_id = s.id
 WHERE s.account_id = :account
"""
CAUGHT_UP = """
UPDATE conversations AS c SET behind = false FROM subscribers AS s
 WHERE c.workspace_id = :workspace AND s.workspace_id = :workspace AND s.id = c.subscriber_id
   AND s.account_id = :account AND s.platform_id = :chat AND c.behind
"""


def store_chats(scope: Scope, chats: Sequence[Chat]) -> int:
    """Returns how many conversations or last messages were new or changed."""
    told = {chat.id: chat for chat in chats}
    named = set(scope.run(NAMED, ids=list(told)).scalars())
    platform_fans.store(scope, [_fan(chat, chat.id not in named) for chat in told.values()])
    rows = [{"fan": chat.id, "can_send": chat.can_send, "unread": chat.unread} for chat in told.values()]
    changed = scope.run(STORE, rows, told=True).rowcount
    last = [chat.last_message for chat in told.values() if chat.last_message]
    if last:
        ends = [{"fan": each.chat_id, "message": each.id, "at": each.at} for each in last]
        scope.run(BEHIND, ends, since=scope.connected_at - HISTORY)
        changed += _store(scope, last)
        _mark_read(scope, [{"fan": chat.id, "at": _at(chat)} for chat in told.values() if not chat.unread])
    return changed


def store_messages(scope: Scope, chat_id: str, messages: Sequence[Message]) -> int:
    """Returns how many were new or changed."""
    if not messages:
        return 0
    platform_fans.add_unknown(scope, {chat_id: min(each.at for each in messages)})
    scope.run(STORE, [{"fan": chat_id}], told=False)
    return _store(scope, messages)


def caught_up(scope: Scope, chat_id: str) -> None:
    scope.run(CAUGHT_UP, chat=chat_id)


def unlocked(scope: Scope, chat_id: str, message_id: str) -> int:
    chats = list(scope.run(OPENED, chat=chat_id, message=message_id).scalars())
    conversation_news.changed(scope.session, scope.workspace_id, chats)
    return len(chats)


def deleted(scope: Scope, message_id: str) -> int:
    chats = list(scope.run(DELETED, message=message_id).scalars())
    conversation_news.changed(scope.session, scope.workspace_id, chats)
    return len(chats)


def latest(messages: Iterable[Message]) -> list[Message]:
    """Each once, as it changed last."""
    told: dict[tuple[str, str], Message] = {}
    for each in messages:
        before = told.get((each.chat_id, each.id))
        if before is None or (each.changed_at or each.at) >= (before.changed_at or before.at):
            told[each.chat_id, each.id] = each
    return list(told.values())


def message_rows(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """As MESSAGES and ADOPT read them."""
    return [
        {
            "fan": each.chat_id,
            "id": each.id,
            "direction": Direction.OUTBOUND if each.mine else Direction.INBOUND,
            "body": clean(each.text),
            "price": each.price,
            "tip": each.tip,
            "media": each.media_count,
            "opened": each.opened,
            "at": each.at,
            "changed_at": each.changed_at,
        }
        for each in messages
    ]


def _mark_read(scope: Scope, read: Sequence[dict[str, Any]]) -> None:
    chats = list(scope.run(READ, [each for each in read if each["at"]]).scalars())
    if chats:
        scope.run(SUMMARISE, ids=chats)
        conversation_news.changed(scope.session, scope.workspace_id, chats)


def _at(chat: Chat) -> datetime | None:
    return chat.last_message.at if chat.last_message else None


def _store(scope: Scope, messages: Sequence[Message]) -> int:
    told = latest(messages)
    mine = message_rows(each for each in told if each.mine)
    adopted = scope.run(ADOPT, mine, slack=SLACK.total_seconds()).rowcount if mine else 0
    changed = adopted + scope.run(MESSAGES, message_rows(told)).rowcount
    if changed:
        chats = scope.run(OF_FANS, fans=list({each.chat_id for each in told})).scalars()
        conversation_news.changed(scope.session, scope.workspace_id, chats)
    heard = (each for each in told if not each.mine and not each.tip)
    scope.tell(News(EventKind.MESSAGE, each.chat_id, f"{each.chat_id}:{each.id}", each.at) for each in heard)
    return changed


def _fan(chat: Chat, unnamed: bool) -> Fan:
    """What a chat tells of its fan. Its name counts only where there is none: fans have nicknames, too."""
    return Fan(
        id=chat.id,
        username=chat.fan_username,
        name=chat.fan_name if unnamed else None,
        nickname=None,
        active=None,
        renews=None,
        subscribed_at=None,
        expires_at=None,
        price=None,
        spent=None,
        last_seen=None,
        lists=(),
    )
