"""The talk of a measured workspace: conversations and their messages, made by PostgreSQL itself as services/crowd.py
makes the fans, for who is alone and a superuser."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, cast

import psycopg
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.services.crowd import DICE, batches, dice

MESSAGES = 60
"""On average, of each conversation."""
SHARE, MOST = 10, 50_000
"""One fan in so many talks, and so many at most."""
AT_ONCE = 1_000
"""Conversations that are summed up in one statement."""
ORDER_NUMBER = 100
"""One message in so many names an order: a word that is in no other."""
COMMON = "so"
"""In more than a third of all messages."""
# The most frequent words, so that what is read looks like talk. Those behind them are syllables.
SAID = """
so you i the and me to my are is it your do for love this how today with would have when can what that night
one miss new like see good more we just will send back know time video really want thank set photo come was
""".split()  # noqa: SIM905  a list would take a page


def talks(fans: int) -> int:
    """How many conversations a workspace with so many fans gets."""
    return min(fans // SHARE, MOST)


def create_talk(session: Session, workspace_id: WorkspaceId, fans: int) -> None:
    """Without triggers: `sum_up` does what those do, once the indexes are there."""
    connection = cast("psycopg.Connection", session.connection().connection.driver_connection)
    chats = talks(fans)
    given: dict[str, Any] = {
        "workspace": workspace_id,
        "chats": chats,
        "messages": chats * MESSAGES,
        "until": datetime.combine(datetime.now(UTC).date(), time(), UTC) - timedelta(hours=1),
        "seed": 1,
        "said": SAID,
    }
    with connection.cursor() as cursor:
        cursor.execute(DICE)
        for statement in (STORE_ACCOUNT, TELL_FANS, STORE_CHATS, PHRASES, STORE_PHRASES, "ANALYZE phrases"):
            cursor.execute(statement, given)
        for low, high in batches(chats * MESSAGES):
            cursor.execute(STORE_MESSAGES, {**given, "low": low, "high": high})
        cursor.execute("DROP TABLE phrases")


def sum_up(session: Session, workspace_id: WorkspaceId) -> None:
    """What the inbox shows of each conversation; it was touched when it was last said something in it."""
    connection = cast("psycopg.Connection", session.connection().connection.driver_connection)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations, messages")
        cursor.execute("SELECT id FROM conversations WHERE workspace_id = %s ORDER BY id", [workspace_id])
        ids = [row[0] for row in cursor]
        for low in range(0, len(ids), AT_ONCE):
            cursor.execute("SELECT summarise_conversations(%s, %s)", [workspace_id, ids[low : low + AT_ONCE]])
        cursor.execute(
            "UPDATE conversations SET touched_at = coalesce(last_message_at, created_at) WHERE workspace_id = %s",
            [workspace_id],
        )


def _zipf(word: str) -> str:
    """A number from 1 up to 30,000, each as often as it is small."""
    return f"floor(exp({dice(word, 21)} * ln(30000)))::int"


STORE_ACCOUNT = """
INSERT INTO platform_accounts (workspace_id, platform, external_id, username, key_sealed, webhook_hash,
                               webhook_secret_sealed, policy_version, policy_accepted_at)
VALUES (%(workspace)s, 'onlyfans', 'acct_1', 'measured', 'sealed', sha256(%(workspace)s::text::bytea), 'sealed',
        'onlyfans-1', now())
"""
TELL_FANS = f"""
UPDATE subscribers AS fan SET account_id = account.id, platform_id = fan.id::text
  FROM platform_accounts AS account
 WHERE account.workspace_id = %(workspace)s AND fan.workspace_id = %(workspace)s
   AND fan.id IN (SELECT id FROM subscribers WHERE workspace_id = %(workspace)s
                   ORDER BY {dice("id", 26)}, id LIMIT %(chats)s)
"""
# One in ten is somebody's, one in seven is closed, some are pinned, a page or more is put off; most were read.
STORE_CHATS = f"""
INSERT INTO conversations (workspace_id, account_id, subscriber_id, assignee_id, closed_at, pinned_at, snoozed_until,
                           read_at, created_at)
SELECT workspace_id, account_id, id,
       CASE WHEN number %% 10 = 3 THEN (SELECT user_id FROM memberships WHERE workspace_id = %(workspace)s) END,
       CASE WHEN {dice("number", 22)} < 0.14 THEN %(until)s END,
       CASE WHEN number %% (%(chats)s / 5) = 7 THEN %(until)s END,
       CASE WHEN {dice("number", 23)} < greatest(0.01, 60.0 / %(chats)s) THEN %(until)s + interval '3 days' END,
       CASE WHEN {dice("number", 24)} < 0.8 THEN %(until)s END,
       joined_at
  FROM (SELECT *, row_number() OVER (ORDER BY id) AS number FROM subscribers
         WHERE workspace_id = %(workspace)s AND account_id IS NOT NULL) AS fan
 ORDER BY number
"""
PHRASES = "CREATE TEMPORARY TABLE phrases (number int PRIMARY KEY, words text NOT NULL)"
# 200,000 of one to seven words. A word of which there are many is short, one of which there are few is made of
# syllables, and might be a name.
STORE_PHRASES = f"""
INSERT INTO phrases
SELECT number, string_agg(CASE WHEN rank <= cardinality(%(said)s::text[]) THEN (%(said)s::text[])[rank]
                               ELSE substr(syllables, 1 + 2 * (rank %% 40), 2)
                                 || substr(syllables, 1 + 2 * (rank / 40 %% 40), 2)
                                 || CASE WHEN rank < 1600 THEN '' ELSE substr(syllables, 1 + 2 * (rank / 1600), 2) END
                               END, ' ' ORDER BY word)
  FROM (SELECT number, word, {_zipf("number * 8 + word")} AS rank,
               'kalomiretasonubevidopagerufihazocumejilawystehokeinaronisudamopelitarobufeguwixo' AS syllables
          FROM (SELECT i AS number, 1 + floor({dice("i", 25)} * 7)::int AS words FROM generate_series(1, 200000) AS i)
               AS phrase, generate_series(1, words) AS word) AS said
 GROUP BY number
"""
# In the order of time, as they came, so that those of one conversation lie far apart; more and more as time goes by,
# and with some fans far more than with others. Of those that went out, half were written here. One in 25 has a price.
STORE_MESSAGES = f"""
INSERT INTO messages (workspace_id, account_id, conversation_id, platform_id, direction, body, price_cents, is_tip,
                      media_count, is_opened, sent_at, created_at, touched_at, key, author_id, queued_at)
SELECT %(workspace)s, chat.account_id, chat.id, 'm' || i, CASE WHEN ours THEN 'outbound' ELSE 'inbound' END,
       one.words || ' ' || two.words || CASE i %% {ORDER_NUMBER} WHEN 0 THEN ' order ' || i ELSE '' END,
       CASE WHEN priced THEN 500 + 500 * floor(kind * 100) ELSE 0 END::bigint, NOT ours AND kind > 0.99,
       CASE WHEN priced THEN 3 ELSE 0 END, CASE WHEN priced THEN kind > 0.01 END, at, at, at,
       CASE WHEN here THEN md5(%(workspace)s::text || '-' || i)::uuid END,
       CASE WHEN here THEN (SELECT user_id FROM memberships WHERE workspace_id = %(workspace)s) END,
       CASE WHEN here THEN at END
  FROM (SELECT *, ours AND kind < 0.04 AS priced, ours AND {dice("i", 31)} < 0.5 AS here
          FROM (SELECT i, {dice("i", 32)} < 0.4 AS ours, {dice("i", 33)} AS kind,
                       date_trunc('second', %(until)s
                         - interval '1 day' * 720 * (1 - power(i / %(messages)s::float8, 0.8))) AS at,
                       1 + floor(%(chats)s * power({dice("i", 34)}, 1.5)) AS number,
                       1 + floor(200000 * {dice("i", 35)}) AS one, 1 + floor(200000 * {dice("i", 36)}) AS two
                  FROM generate_series(%(low)s::bigint, %(high)s) AS i) AS a) AS said
       JOIN phrases AS one ON one.number = said.one
       JOIN phrases AS two ON two.number = said.two
       JOIN (SELECT id, account_id, row_number() OVER (ORDER BY id) AS number FROM conversations
              WHERE workspace_id = %(workspace)s) AS chat ON chat.number = said.number
 ORDER BY i
"""
