"""Whether each part is there and keeps up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from huntaze.models.tick import Tick

QUEUE = "default"


@dataclass(frozen=True)
class Health:
    """Ages are in seconds; None where there is nothing to be old, or the part does not answer."""

    database: bool
    valkey: bool
    schedule_age: int | None
    queue_length: int | None
    queue_age: int | None

    @property
    def healthy(self) -> bool:
        """What the web needs to serve. A late schedule or queue is for the operator to judge."""
        return self.database and self.valkey

    def as_dict(self) -> dict[str, object]:
        return {"healthy": self.healthy, **asdict(self)}


class HealthService:
    """Looks at PostgreSQL through the system door, and at Valkey."""

    def __init__(self, session: Session, redis: Redis) -> None:
        self.session = session
        self.redis = redis

    def report(self) -> Health:
        """Never raises: a part that does not answer is False or None."""
        database, schedule_age = self._database()
        valkey, queue_length, queue_age = self._valkey()
        return Health(database, valkey, schedule_age, queue_length, queue_age)

    def _database(self) -> tuple[bool, int | None]:
        try:
            last = self.session.scalar(select(func.max(Tick.tick)))
        except SQLAlchemyError:
            return False, None
        return True, _age(last) if last else None

    def _valkey(self) -> tuple[bool, int | None, int | None]:
        try:
            queue = Queue(QUEUE, connection=self.redis, serializer=JSONSerializer)
            jobs = queue.get_jobs(0, 1)
            oldest = jobs[0].enqueued_at if jobs else None
            return True, queue.count, _age(oldest) if oldest else None
        except RedisError:
            return False, None, None


def _age(since: datetime) -> int:
    aware = since if since.tzinfo else since.replace(tzinfo=UTC)
    return int((datetime.now(UTC) - aware).total_seconds())
