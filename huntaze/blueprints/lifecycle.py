"""The life of a request: who asks, may they, and what becomes of it at the end."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.signals import Signals
from huntaze.blueprints import parked, web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.htmx import confirm_first, email_first, sign_in_first
from huntaze.blueprints.security import SAFE
from huntaze.extensions import db, login
from huntaze.models.sign_in import TokenScope
from huntaze.models.user import Role
from huntaze.services.activity import TOPICS
from huntaze.services.errors import Forbidden
from huntaze.services.parked_forms import ParkedFormService
from huntaze.services.sign_in import SignInService, Viewer
from huntaze.system import system_session

log = logging.getLogger(__name__)

NEVER_KEPT = {"password", "current", "key"}
"""Fields of a form that do not wait for a sign-in."""


def init_app(app: Flask) -> None:
    login.init_app(app, add_context_processor=False)  # it would ask for the user on a page about a lost database
    login.session_protection = None  # our own session rows, not Flask's cookie
    login.request_loader(_load_viewer)
    app.before_request(_gate)
    app.after_request(_finish)
    app.teardown_appcontext(_close)


class _Login:
    """What Flask-Login wants to hear of a signed-in user."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    def get_id(self) -> str:
        return str(self.viewer.user_id)


def _load_viewer(_request: object) -> _Login | None:
    authorization = request.authorization
    with system_session() as session:
        sign_ins = SignInService(session)
        if authorization is not None and authorization.type == "bearer" and request.blueprint == "api":
            found = sign_ins.token_viewer(authorization.token or "")
        elif token := SIGN_IN.read():
            found = sign_ins.viewer(token)
        else:
            return None
    g.viewer = found
    return _Login(found) if found else None


def _gate() -> ResponseReturnValue | None:
    """Every view but the public ones: a session, and the role that the view names."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return None
    request.max_content_length = getattr(view, "largest_body", request.max_content_length)  # before it is read
    if getattr(view, "is_public", False):
        return None
    found = web.viewer_or_none()
    if found is None:
        return sign_in_first(_park() if request.method == "POST" else request.full_path.rstrip("?"))
    tenancy.enter(db.session(), found.workspace_id)
    if not found.covers(getattr(view, "needed_role", Role.VIEWER)):
        raise Forbidden
    if found.scope is TokenScope.READ and request.method not in SAFE:
        raise Forbidden
    if getattr(view, "needs_confirmation", False) and not found.is_confirmed(datetime.now(UTC)):
        if found.sign_in_id is None:
            raise Forbidden
        return confirm_first(_park() if request.method == "POST" else request.full_path.rstrip("?"))
    if getattr(view, "needs_email", False) and web.awaits_email():
        return email_first()
    return None


def _park() -> str:
    """Keeps what was typed into a form that must wait for a sign-in; returns where it can be picked up again."""
    parked_id = None
    if request.mimetype == "multipart/form-data":
        return parked.where(None)  # a file does not wait: it is chosen again
    with system_session() as session:
        author = SignInService(session).former_user(SIGN_IN.read() or "")
        if author is not None:
            parked_forms = ParkedFormService(session, current_app.config["SECRET_KEY"])
            typed = {name: value for name, value in request.form.items() if name not in NEVER_KEPT}
            parked_id = parked_forms.park(author, typed)
    return parked.where(parked_id)


def _finish(response: Response) -> Response:
    """Commits what the request did, unless it was refused. Streams begin after this, in sessions of their own."""
    good = response.status_code < 400
    sessions: list[Session] = [g.system] if "system" in g else []
    if db.session.registry.has():
        sessions.append(db.session())
    for session in sessions:
        if good:
            session.commit()
        else:
            session.rollback()
    if good:
        _tell_who_looks(sessions)
        _enqueue_what_was_asked_for()
    return response


def _tell_who_looks(sessions: list[Session]) -> None:
    signals: Signals = current_app.extensions["huntaze.signals"]
    topics = {topic for session in sessions for topic in session.info.pop(TOPICS, ())}
    if topics:
        signals.publish_all(topics)


def _enqueue_what_was_asked_for() -> None:
    redis: Redis = current_app.extensions["redis"]
    try:
        for name, job, ids in g.pop("jobs", []):
            queue = Queue(name, connection=redis, serializer="json")
            if name != web.DELIVERY or not queue.count:  # one run is enough: it has all that is there
                queue.enqueue(job, *ids, result_ttl=0)
    except RedisError as error:
        log.warning("job not enqueued; the schedule will", extra={"error": type(error).__name__})


def _close(_error: BaseException | None) -> None:
    system = g.pop("system", None)
    if system is not None:
        system.close()
