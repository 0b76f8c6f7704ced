"""What a delivery worker does in PostgreSQL, in threads: one transaction carries what came up in all of its lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from psycopg.errors import DeadlockDetected
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.services.delivery_adoption import ReadBack, adopt
from huntaze.services.delivery_news import topics
from huntaze.services.delivery_rules import Rules
from huntaze.services.delivery_store import Claim, DeliveryStore, Doubt, Key, Outcome, Taken

Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a transaction of the system door's: committed at the end."""
LET_GO = text("SELECT set_config('idle_in_transaction_session_timeout', :milliseconds, true)")
"""For one transaction, and ours only: in a request a slow upload may come in the middle of one."""


class TakenForDead(Exception):
    """Our heart did not beat in time, or we hung in a transaction: others may have our lanes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction is to do. release, ready: lanes with their fences. room: how many lanes may be taken.

    claim_taken: what was taken may send at once.
    """

    outcomes: Sequence[Outcome]
    read_back: Sequence[ReadBack]
    release: dict[Key, int]
    ready: dict[Key, int]
    scan: bool
    room: int
    claim_taken: bool

    @property
    def is_empty(self) -> bool:
        return not (self.outcomes or self.read_back or self.release or self.ready or self.scan)


@dataclass(slots=True)
class Done:
    """What came of it. sent: whether each message that was read back is (those that are missing are asked again);
    changed: (workspace, conversation)."""

    claims: list[Claim] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    sent: dict[int, bool] = field(default_factory=dict)
    changed: list[tuple[WorkspaceId, int]] = field(default_factory=list)


class Transactions:
    """Of one worker, which `register` makes known. Each method is one transaction, or raises what it failed of."""

    def __init__(self, sessions: Sessions, rules: Rules, tell: Callable[[set[str]], object]) -> None:
        self.sessions = sessions
        self.rules = rules
        self.tell = tell
        self._worker_id = 0

    def register(self) -> bool:
        """Returns whether there is or may soon be something to send."""
        with self.open() as session:
            store = DeliveryStore(session, self.rules)
            self._worker_id = store.register()
            return store.is_due()

    def beat(self) -> bool:
        with self.open() as session:
            return DeliveryStore(session, self.rules, self._worker_id).beat()

    def leave(self) -> None:
        with self.open() as session:
            DeliveryStore(session, self.rules, self._worker_id).leave()

    def do(self, batch: Batch) -> Done:
        try:
            done = self._write(batch)
        except IntegrityError:  # a webhook told of a message before its answer came, and in other words
            done = self._write(batch, twins=True)
        except OperationalError as error:
            # Who replies in a chat locks it before its messages. It is for sure that nothing was committed.
            if not isinstance(error.orig, DeadlockDetected):
                raise
            done = self._write(batch)
        heard: set[str] = set()
        for workspace_id, conversation_id in done.changed:
            heard |= topics(workspace_id, [conversation_id])
        if heard:
            self.tell(heard)
        return done

    @contextmanager
    def open(self) -> Iterator[Session]:
        """PostgreSQL ends it if we hang in it for as long as our lease.

        What it has locked could not be taken over by others else, and who adds to it would wait for us.
        """
        try:
            with self.sessions() as session:
                session.execute(LET_GO, {"milliseconds": str(int(self.rules.lease * 1000))})
                yield session
        except InternalError as error:
            if error.connection_invalidated:
                raise TakenForDead from None
            raise

    def _write(self, batch: Batch, *, twins: bool = False) -> Done:
        done = Done()
        with self.open() as session:
            store = DeliveryStore(session, self.rules, self._worker_id)
            if twins:
                store.drop_twins(batch.outcomes)
            if batch.outcomes:
                done.changed += store.finish(batch.outcomes)
            if batch.read_back:
                adopted = adopt(session, batch.read_back)
                done.sent = adopted.sent
                done.changed += adopted.changed
            if batch.release:
                store.release(batch.release)
            if batch.scan:
                done.changed += [(workspace, chat) for workspace, _account, chat in store.queue_scheduled()]
            if batch.scan and batch.room:
                done.taken = store.take(batch.room)
                done.doubts = store.doubts([each.key for each in done.taken]) if done.taken else []
            fences = dict(batch.ready)
            if batch.claim_taken:
                fences |= {each.key: each.fence for each in done.taken if not each.wait or each.wait < 0}
            if fences:
                done.claims = store.claim(fences)
                done.changed += [(WorkspaceId(each.key[0]), each.conversation_id) for each in done.claims]
        return done
