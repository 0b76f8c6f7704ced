"""An account of the simulator that is connected in a workspace, and whether what is stored is what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.platform import PlatformAdapter
from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts
from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import PlatformAccount, Resource, SyncState
from huntaze.models.workspace import Workspace
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.sync import SyncService
from tests.factories import PlatformAccountFactory
from tests.factories import session as rows
from tests.servers import SECRET_KEY
from tests.simulated import ACCOUNT, Simulated


class Syncing:
    """An account of the simulator's that is connected in a workspace."""

    def __init__(self, engine: Engine, owner: Session, workspace: Workspace, simulator: Simulated) -> None:
        self.engine, self.owner, self.simulator = engine, owner, simulator
        self.workspace_id = WorkspaceId(workspace.id)
        account = PlatformAccountFactory(workspace_id=workspace.id, external_id=ACCOUNT)
        account.key_sealed = PlatformKeys(SECRET_KEY).seal(account, "key_sealed", "sim-key")
        rows.commit()
        self.account_id = account.id

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with Session(self.engine) as session, session.begin():
            tenancy.enter(session, self.workspace_id)
            yield session

    def open_platform(self, _platform: str, key: str, account: str) -> PlatformAdapter:
        return OnlyFans(key, account, base_url=self.simulator.url, timeouts=Timeouts(connect=2, total=5))

    def service(self, transaction: Callable[[], AbstractContextManager[Session]] | None = None) -> SyncService:
        return SyncService(
            transaction or self.transaction,
            self.workspace_id,
            self.account_id,
            SECRET_KEY,
            self.open_platform,
            retries=(0.01, 0.01),
        )

    def run(self) -> None:
        while self.service().run():
            pass

    def account(self) -> PlatformAccount:
        self.owner.expire_all()
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == self.account_id
        return self.owner.scalars(select(PlatformAccount).where(*here)).one()

    def states(self) -> dict[Resource, SyncState]:
        self.owner.expire_all()
        here = SyncState.workspace_id == self.workspace_id
        return {state.resource: state for state in self.owner.scalars(select(SyncState).where(here))}

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.owner.execute(text(statement), {"id": self.workspace_id})]

    def change(self, **values: str) -> None:
        assigned = ", ".join(f"{name} = {value}" for name, value in values.items())
        self.query(f"UPDATE platform_accounts SET {assigned} WHERE workspace_id = :id RETURNING id")

    def later(self) -> None:
        """Ten minutes pass."""
        for table, column in (("platform_accounts", "synced_at"), ("sync_states", "finished_at")):
            self.query(
                f"UPDATE {table} SET {column} = {column} - interval '10 minutes' WHERE workspace_id = :id RETURNING 1"
            )

    def state(self, part: str) -> list[dict[str, Any]]:
        return self.simulator.lines(f"/_sim/state?account={ACCOUNT}&part={part}")

    def calls(self) -> int:
        """How many were answered and stored, in all passes that the states tell of."""
        return sum(state.calls for state in self.states().values())

    def assert_same(self) -> None:
        """What is stored is what there is, row by row."""
        fans = {row["id"]: row for row in self.state("fans")}  # it leaves nicknames out: some are "Mr" and the name
        stored = self.query(
            "SELECT platform_id, username, display_name, status, renews, joined_at, renews_at, monthly_price_cents"
            " FROM subscribers WHERE workspace_id = :id AND username NOT LIKE '~%'"
        )
        assert {row[0]: (row[1], row[2].removeprefix("Mr "), *row[3:]) for row in stored} == {
            id_: (
                fan["username"].lower(), fan["name"], "active" if fan["active"] else "expired", fan["renews"],
                at(fan["subscribed_at"]), at(fan["expires_at"]), fan["price"],
            )
            for id_, fan in fans.items()
        }  # fmt: skip
        assert len(stored) == len(fans)
        payments = self.query(
            "SELECT t.platform_id, s.platform_id, t.gross_cents, t.fee_cents, t.net_cents, t.vat_cents, t.occurred_at"
            " FROM transactions t JOIN subscribers s ON s.workspace_id = t.workspace_id AND s.id = t.subscriber_id"
            " WHERE t.workspace_id = :id AND t.type <> 'chargeback' ORDER BY t.platform_id"
        )
        truth = self.state("transactions")
        assert payments == sorted(
            (row["id"], row["fan"], row["gross"], row["fee"], row["net"], row["vat"], at(row["at"])) for row in truth
        )
        self.assert_added_up()
        chargebacks = self.query(
            "SELECT reverses, -gross_cents, occurred_at FROM transactions"
            " WHERE workspace_id = :id AND type = 'chargeback' ORDER BY reverses"
        )
        assert chargebacks == sorted(
            (row["transaction"], row["gross"], at(row["at"])) for row in self.state("chargebacks")
        )
        [[earned]] = self.query("SELECT coalesce(sum(net_cents), 0) FROM daily_earnings WHERE workspace_id = :id")
        pending = self.query("SELECT coalesce(sum(net_cents), 0) FROM transactions WHERE workspace_id = :id"
                             " AND status = 'pending'")  # fmt: skip
        reversed_net = sum(row["net"] for row in truth if row["reversed"])
        assert earned + pending[0][0] == sum(row["net"] for row in truth) - reversed_net
        said = {(row["chat"], row["id"]): row["text"] for row in self.state("messages")}
        known = self.query(
            "SELECT s.platform_id, m.platform_id, m.body FROM messages m"
            " JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id"
            " JOIN subscribers s ON s.workspace_id = c.workspace_id AND s.id = c.subscriber_id"
            " WHERE m.workspace_id = :id"
        )
        assert known
        assert all(said[chat, id_] == body for chat, id_, body in known)
        assert len({row[:2] for row in known}) == len(known)

    def assert_added_up(self) -> None:
        """What each fan spent is the sum of their payments."""
        wrong = self.query(
            "SELECT s.id, s.total_spent_cents, sum(t.gross_cents) FROM subscribers s LEFT JOIN transactions t"
            " ON t.workspace_id = s.workspace_id AND t.subscriber_id = s.id AND t.status = 'completed'"
            " WHERE s.workspace_id = :id GROUP BY s.workspace_id, s.id"
            " HAVING s.total_spent_cents <> coalesce(sum(t.gross_cents), 0)"
        )
        assert wrong == []


def at(said: str) -> datetime:
    return datetime.fromisoformat(said)
