"""Server-sent events: how things are now, again after each signal, and an end in good order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.adapters.signals import Signals, SignalsAway
from huntaze.blueprints import streams
from huntaze.models.base import WorkspaceId
from huntaze.models.imports import Import, ImportState
from huntaze.models.sign_in import SignIn
from huntaze.models.user import Membership, Role
from huntaze.services.imports import topic
from tests.conftest import Browser
from tests.factories import ImportFactory

Open = Callable[[Browser], Iterator[str]]


@pytest.fixture
def running(as_manager: Browser) -> Import:
    return ImportFactory(workspace_id=as_manager.member.workspace_id, state=ImportState.RUNNING, total=100, done=1)


@pytest.fixture
def signal(app: Flask, running: Import) -> Callable[[], None]:
    signals: Signals = app.extensions["huntaze.signals"]
    return lambda: signals.publish(topic(WorkspaceId(running.workspace_id), running.id))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PACE", 0.0)


def _open(browser: Browser, running: Import) -> TestResponse:
    return browser.get(f"/onlyfans/subscribers/import/{running.id}/events", buffered=False)


def _done(owner: Session, running: Import, **values: object) -> None:
    owner.execute(update(Import).where(Import.id == running.id).values(**values))


@pytest.mark.usefixtures("quick")
def test_it_tells_how_things_are_and_what_changes(
    as_manager: Browser, running: Import, owner: Session, signal: Callable[[], None]
) -> None:
    with closing(_open(as_manager, running)) as response:
        assert response.mimetype == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "ETag" not in response.headers
        assert "Content-Encoding" not in response.headers
        events = response.iter_encoded()
        first = next(events).decode()
        assert first.startswith("retry: 1000\ndata: ")
        assert "1 %" in first
        _done(owner, running, done=50)
        signal()
        assert "50 %" in next(events).decode()
        _done(owner, running, state=ImportState.DONE, added=99)
        signal()
        last = next(events).decode()
        assert "<dd>99</dd>" in last
        assert last.endswith("\n\nevent: end\ndata:\n\n")
        assert list(events) == []


def test_what_is_over_is_told_and_ends(as_manager: Browser, running: Import, owner: Session) -> None:
    _done(owner, running, state=ImportState.UNDONE)
    assert _open(as_manager, running).text.count("event: end") == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("what", ["signed out", "a lower role", "another workspace"])
def test_it_ends_when_the_viewer_may_no_longer_look(
    as_manager: Browser, stranger: Browser, running: Import, owner: Session, signal: Callable[[], None], what: str
) -> None:
    mine = as_manager.member
    with closing(_open(as_manager, running)) as response:
        events = response.iter_encoded()
        next(events)
        if what == "signed out":
            owner.execute(update(SignIn).where(SignIn.user_id == mine.user_id).values(ended_at=func.now()))
        elif what == "a lower role":
            owner.execute(update(Membership).where(Membership.user_id == mine.user_id).values(role=Role.VIEWER))
        else:
            there = stranger.member.workspace_id
            owner.add(Membership(workspace_id=there, user_id=mine.user_id, role=Role.OWNER))
            owner.flush()
            owner.execute(update(SignIn).where(SignIn.user_id == mine.user_id).values(workspace_id=there))
        signal()
        assert list(events) == []


@pytest.mark.usefixtures("quick")
def test_silence_is_filled_and_ends_after_a_while(
    as_manager: Browser, running: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.2)
    monkeypatch.setattr(streams, "LIFE", 3.0)
    events = list(_open(as_manager, running).iter_encoded())
    assert 2 < len(events) < 17
    assert set(events[1:]) == {b":\n\n"}


def test_without_valkey_it_tells_once_and_asks_to_be_asked_again(
    app: Flask, as_manager: Browser, running: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Signals(Redis.from_url("unix:///nowhere"))
    monkeypatch.setitem(app.extensions, "huntaze.signals", away)
    away.publish("import:1:1")
    with pytest.raises(SignalsAway), away.listen("import:1:1"):
        pass
    (event,) = _open(as_manager, running).iter_encoded()
    assert event.startswith(b"retry: 30000\ndata: ")


def test_where_events_do_not_get_through_it_is_polled(as_manager: Browser, running: Import) -> None:
    path = f"/onlyfans/subscribers/import/{running.id}/events?once=1"
    (event,) = as_manager.get(path, buffered=False).iter_encoded()
    assert event.startswith(b"retry: 30000\ndata: ")


@pytest.mark.usefixtures("quick")
def test_it_holds_no_connection_to_the_database(
    as_manager: Browser, running: Import, owner: Session, signal: Callable[[], None]
) -> None:
    """With 40 streams open, of which the pools have 8 connections, each hears the signal."""
    opened = [_open(as_manager, running) for _ in range(40)]
    try:
        streams_ = [response.iter_encoded() for response in opened]
        for events in streams_:
            next(events)
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        idle += " AND datname = current_database()"
        assert owner.scalar(text(idle)) == 0
        _done(owner, running, done=77)
        signal()
        with ThreadPoolExecutor(8) as pool:
            assert all(b"77 %" in event for event in pool.map(next, streams_))
    finally:
        for response in opened:
            response.close()
    assert owner.scalar(select(func.count()).where(Import.id == running.id)) == 1
