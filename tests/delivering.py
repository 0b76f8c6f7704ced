"""Accounts of the simulator's that send, with messages in their lines; and the ledger against the database."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text

import huntaze.adapters.platform.onlyfans.calls  # noqa: F401  takes seconds, in which no heart beats
from huntaze.adapters.platform import Limits, Message, MessageDraft, Page, PlatformAdapter, SendResult
from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts, open_http_client
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.platform_policies import POLICIES
from tests.factories import SECRET_KEY, PlatformAccountFactory, WorkspaceFactory
from tests.factories import session as rows
from tests.simulated import Simulated

KEYS, ASKED, BLIND = "a", "b", "c"


class Forgetful(OnlyFans):
    """As a gateway that keeps no keys, but can be asked."""

    caps = replace(OnlyFans.caps, idempotent_send=False)

    async def send_message(
        self, chat_id: str, draft: MessageDraft, key: str, *, not_after: float | None = None
    ) -> SendResult:
        return await super().send_message(chat_id, draft, str(uuid4()), not_after=not_after)


class Blind(Forgetful):
    """As one that can't be asked either."""

    caps = replace(OnlyFans.caps, idempotent_send=False, read_back=False)


class Rash(Forgetful):
    """A control: it says that nothing of ours is ever in a chat, so that all is sent again."""

    async def list_messages(self, chat_id: str, cursor: str | None = None) -> Page[Message]:
        return Page((), None, Limits())


Open = Callable[[str, str, str], PlatformAdapter]


def platforms(url: str, kind: Callable[[str], type[OnlyFans]]) -> Callable[[int, float], Any]:
    """kind: which adapter an account has, by the platform's id of it."""

    @asynccontextmanager
    async def pool(connections: int, seconds: float) -> AsyncIterator[Open]:
        timeouts = Timeouts(connect=2, total=seconds)
        async with open_http_client(timeouts, connections) as client:
            yield lambda _platform, key, account: kind(account)(
                key, account, base_url=url, timeouts=timeouts, http_client=client
            )

    return pool


def gateway_of(account: str) -> str:
    """A third of the accounts each, by their number. (Of the empty account, which only loads the client, any.)"""
    return (KEYS, ASKED, BLIND)[int(account.rpartition("_")[2] or 0) % 3]


def adapter_of(account: str) -> type[OnlyFans]:
    return {KEYS: OnlyFans, ASKED: Forgetful, BLIND: Blind}[gateway_of(account)]


@dataclass
class Sender:
    """A connected account: (workspace, account), the platform's id of it, and the chats in which it may write."""

    key: tuple[int, int]
    external_id: str
    chats: dict[str, int]
    """Fan at the platform -> conversation."""


def sender(engine: Engine, fans: Iterable[str], external_id: str, workspace_id: int | None = None) -> Sender:
    account: PlatformAccount = PlatformAccountFactory(
        workspace_id=workspace_id or WorkspaceFactory().id,
        external_id=external_id,
        policy_version=POLICIES[Platform.ONLYFANS].version,
        policy_accepted_at=datetime.now(UTC),
    )
    account.key_sealed = PlatformKeys(SECRET_KEY).seal(account, "key_sealed", "sim-key")
    rows.commit()
    here = {"workspace": account.workspace_id, "account": account.id}
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO lanes (workspace_id, account_id) VALUES (:workspace, :account)"), here)
        found = connection.execute(
            text(
                "WITH fans AS (INSERT INTO subscribers (workspace_id, account_id, platform_id, username)"
                " SELECT :workspace, :account, fan, 'fan.' || fan FROM unnest(CAST(:fans AS text[])) AS fan"
                " RETURNING id, platform_id), chats AS (INSERT INTO conversations (workspace_id, account_id,"
                " subscriber_id) SELECT :workspace, :account, id FROM fans RETURNING id, subscriber_id)"
                " SELECT f.platform_id, c.id FROM fans f JOIN chats c ON c.subscriber_id = f.id"
            ),
            {**here, "fans": list(fans)},
        )
        chats = {row.platform_id: row.id for row in found}
    return Sender((account.workspace_id, account.id), external_id, chats)


def queue(engine: Engine, sender: Sender, count: int, *, bulk: bool = True, prefix: str = "") -> None:
    """Puts messages into the line, from chat to chat; each has a text of its own."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO messages (workspace_id, account_id, conversation_id, direction, state, body, key, bulk,"
                " place, queued_at, sent_at)"
                " SELECT :workspace, :account, (CAST(:chats AS bigint[]))[1 + n % :of], 'outbound', 'queued',"
                "        CAST(:prefix AS text) || CAST(:account AS bigint) || '-' || n, gen_random_uuid(), :bulk,"
                "        nextval('message_places'), now(), now() FROM generate_series(0, :count - 1) AS n"
            ),
            {
                "workspace": sender.key[0], "account": sender.key[1], "chats": list(sender.chats.values()),
                "of": len(sender.chats), "prefix": prefix, "bulk": bulk, "count": count,
            },
        )  # fmt: skip
        if not bulk:  # as DeliveryService does: what waits in the chat of a reply comes along
            connection.execute(
                text(
                    "UPDATE messages AS m SET bulk = false FROM messages AS r WHERE r.account_id = :account"
                    " AND r.state = 'queued' AND NOT r.bulk AND m.account_id = :account"
                    " AND m.state IN ('queued', 'sending') AND m.bulk AND m.conversation_id = r.conversation_id"
                ),
                {"account": sender.key[1]},
            )
        connection.execute(text("SELECT pg_notify('delivery', :who)"), {"who": f"{sender.key[0]}:{sender.key[1]}"})


def states(engine: Engine, senders: Iterable[Sender]) -> Counter[str]:
    accounts = [sender.key[1] for sender in senders]
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT state, count(*) AS count FROM messages"
                " WHERE account_id = ANY(:accounts) AND key IS NOT NULL GROUP BY 1"
            ),
            {"accounts": accounts},
        )
        return Counter({row.state: row.count for row in found})


@dataclass
class Findings:
    """What the ledger says against the database. Each list has the texts that it is about."""

    total: int = 0
    accepted: int = 0
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    """Said to be sent, and never arrived."""
    stray: list[str] = field(default_factory=list)
    """Arrived, and is said not to have been sent."""
    doubled: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    hurried: list[str] = field(default_factory=list)
    """The third within a second of its account."""
    unsettled: list[str] = field(default_factory=list)
    """In doubt, where the gateway can be asked; or still on its way."""

    @property
    def faults(self) -> dict[str, int]:
        names = ("lost", "stray", "doubled", "inverted", "hurried", "unsettled")
        return {name: len(getattr(self, name)) for name in names if getattr(self, name)}


def check(
    engine: Engine, senders: Iterable[Sender], ledger: Iterable[Mapping[str, Any]], *, at_once: int = 2
) -> Findings:
    """Compares each message with what arrived of it."""
    found = Findings()
    accounts = {sender.key[1]: sender.external_id for sender in senders}
    with engine.connect() as connection:
        messages = connection.execute(
            text(
                "SELECT body, account_id, conversation_id, state, place FROM messages"
                " WHERE account_id = ANY(:accounts) AND key IS NOT NULL ORDER BY place"
            ),
            {"accounts": list(accounts)},
        ).all()
    arrived: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    by_account: dict[str, list[float]] = defaultdict(list)
    for entry in ledger:
        if entry["account"] in accounts.values():
            arrived[entry["text"]].append(entry)
            by_account[entry["account"]].append(entry["monotonic"])
            found.accepted += 1
    last: dict[int, float] = {}
    for message in messages:
        found.total += 1
        found.states[message.state] += 1
        times = arrived.pop(message.body, [])
        in_doubt = message.state == "unknown"
        if message.state == "sent" and not times:
            found.lost.append(message.body)
        if times and not in_doubt and message.state != "sent":
            found.stray.append(message.body)
        if len(times) > 1:
            found.doubled.append(message.body)
        if message.state in ("queued", "sending", "scheduled", "held"):
            found.unsettled.append(message.body)
        if in_doubt and gateway_of(accounts[message.account_id]) != BLIND:
            found.unsettled.append(message.body)
        if times:
            if times[0]["monotonic"] < last.get(message.conversation_id, 0.0):
                found.inverted.append(message.body)
            last[message.conversation_id] = times[0]["monotonic"]
    found.stray += list(arrived)
    for account, times in by_account.items():
        times.sort()
        for first, third in zip(times, times[at_once:], strict=False):
            if third - first < 1.0:
                found.hurried.append(f"{account}: {third - first:.4f} s")
    return found


def ledger(simulator: Simulated) -> list[dict[str, Any]]:
    return [json.loads(line) for line in simulator.ask("GET", "/_sim/ledger")[2].splitlines()]
