"""That something changed, told to whoever listens: Valkey's pub/sub. What changed is in PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds in which Valkey must confirm that we listen."""


class SignalsAway(Exception):
    """Valkey can't be reached: worth another try later."""


class Signals:
    """Topics are names like `import:7:12` (workspace and id first): a signal says nothing but that."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def publish(self, topic: str) -> None:
        """Never fails: who listens to a Valkey that is away asks PostgreSQL now and then."""
        try:
            self._redis.publish(topic, b"")
        except RedisError as error:
            log.warning("signal not sent", extra={"error": type(error).__name__})

    def publish_all(self, topics: Collection[str]) -> None:
        """Many at once. Never fails."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for topic in topics:
                    pipeline.publish(topic, b"")
                pipeline.execute()
        except RedisError as error:
            log.warning("signals not sent", extra={"error": type(error).__name__})

    @contextmanager
    def listen(self, topic: str) -> Iterator[Listener]:
        """Hears what is published from now on. Raises SignalsAway."""
        pubsub: PubSub = self._redis.pubsub()  # type: ignore[no-untyped-call]
        try:
            listener = Listener(pubsub)
            listener.subscribe(topic)
            yield listener
        finally:
            pubsub.close()


class Listener:
    """One who listens to a topic, on a connection of its own."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub

    def subscribe(self, topic: str) -> None:
        """Raises SignalsAway. What is published after it returns is heard."""
        try:
            self._pubsub.subscribe(topic)
            if self._pubsub.get_message(timeout=PATIENCE) is None:
                raise SignalsAway
        except (RedisError, OSError) as error:
            raise SignalsAway from error

    def wait(self, seconds: float) -> bool:
        """Until the next signal, or so long; returns whether there was one. Raises SignalsAway."""
        until = time.monotonic() + seconds
        try:
            while True:
                left = max(until - time.monotonic(), 0.0)
                if self._pubsub.get_message(ignore_subscribe_messages=True, timeout=left):
                    return True
                if not left:
                    return False
        except (RedisError, OSError) as error:
            raise SignalsAway from error

    def drain(self) -> None:
        """Forgets the signals that came meanwhile: one look at PostgreSQL answers them all. Raises SignalsAway."""
        while self.wait(0):
            pass
