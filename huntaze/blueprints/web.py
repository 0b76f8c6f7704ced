"""What a view asks of its request: who it is from, the services of their workspace, and what follows its commit.

The marks on views are obeyed in lifecycle.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Literal, Protocol, TypeVar

from flask import copy_current_request_context, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.mail import Letter
from huntaze.extensions import db
from huntaze.models.audit import Action
from huntaze.models.base import WorkspaceId
from huntaze.models.user import Role
from huntaze.services.account_links import AccountLinkService
from huntaze.services.accounts import AccountService
from huntaze.services.audit import AuditService
from huntaze.services.devices import DeviceService
from huntaze.services.erasure import ErasureService
from huntaze.services.invitations import JoinService
from huntaze.services.mails import MailService
from huntaze.services.parked_forms import ParkedFormService
from huntaze.services.platform_accounts import PlatformAccountService
from huntaze.services.platform_checks import PlatformCheckService
from huntaze.services.sign_in import SignInService, Viewer
from huntaze.services.tries import TryService, Whose
from huntaze.system import open_system_session, system_session

DELIVERY = "delivery"
"""The queue of the jobs that send messages."""

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class WorkspaceService(Protocol):
    """A service of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None: ...


class PeopleService(WorkspaceService, Protocol):
    """A service of one workspace that says itself that it needs the system door."""

    system_door: ClassVar[Literal[True]]


class PersonalService(Protocol):
    """A service of people, whatever their workspaces."""

    def __init__(self, session: Session, secret_key: str) -> None: ...


Result = TypeVar("Result")
Service = TypeVar("Service", bound=WorkspaceService)
People = TypeVar("People", bound=PeopleService)
Personal = TypeVar("Personal", bound=PersonalService)


def public(view: View) -> View:
    """A view that needs no session. All others do: what is forgotten is closed, not open."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def role(needed: Role) -> Callable[[View], View]:
    """A view for this role and those above it; without it, any member may call it."""

    def mark(view: View) -> View:
        view.needed_role = needed  # type: ignore[attr-defined]
        return view

    return mark


def confirmed(view: View) -> View:
    """A view that can do great harm: it wants the password again unless it was given within the last minutes.

    Not for API tokens: there is nobody to ask.
    """
    view.needs_confirmation = True  # type: ignore[attr-defined]
    return view


def uploads(most: int) -> Callable[[View], View]:
    """A view that takes files: `most` bytes of body instead of what a form may have."""

    def mark(view: View) -> View:
        view.largest_body = most  # type: ignore[attr-defined]
        return view

    return mark


def reachable(view: View) -> View:
    """A view that makes us write to others in the viewer's name. It waits until they confirmed their e-mail, where
    mails arrive at all."""
    view.needs_email = True  # type: ignore[attr-defined]
    return view


def viewer() -> Viewer:
    """Who asks. Only in views that are not public."""
    found = viewer_or_none()
    if found is None:
        raise RuntimeError(f"{request.endpoint} is public and has no viewer")
    return found


def viewer_or_none() -> Viewer | None:
    if "failing" in g:  # an error page must not ask the database that just failed
        return None
    return current_user.viewer if current_user.is_authenticated else None


def service(kind: type[Service]) -> Service:
    """A service of the viewer's workspace, in the request's transaction."""
    return kind(db.session(), viewer().workspace_id)


def people(kind: type[People]) -> People:
    """A service of the viewer's workspace with the system door, for what concerns people: they have no workspace.

    It writes the audit log itself: `audit` is another transaction, and the two could wait for each other.
    """
    return kind(_system(), viewer().workspace_id)


def joining() -> JoinService:
    """Who accepts an invitation is no member yet."""
    return JoinService(_system())


def erasures() -> ErasureService:
    """Who asked this workspace to be erased: compared under a key of ours."""
    return ErasureService(db.session(), viewer().workspace_id, current_app.config["SECRET_KEY"])


def secret_key() -> str:
    """For services that a stream builds by itself."""
    key: str = current_app.config["SECRET_KEY"]
    return key


def platform_accounts() -> PlatformAccountService:
    """Those of the viewer's workspace; what opens them is sealed under a key of ours."""
    return PlatformAccountService(db.session(), viewer().workspace_id, current_app.config["SECRET_KEY"])


def platform_checks() -> PlatformCheckService:
    return PlatformCheckService(db.session(), viewer().workspace_id, current_app.config["SECRET_KEY"])


def forget_typed(words: Collection[str]) -> None:
    """What members had typed about a person who was erased waits for them no more."""
    ParkedFormService(_system(), current_app.config["SECRET_KEY"]).forget(viewer().workspace_id, words)


def stream_sessions() -> Callable[[], AbstractContextManager[Session]]:
    """Opens transactions in the viewer's workspace for a streamed answer, which begins after the request's commit."""
    engine, workspace_id = db.engine, viewer().workspace_id

    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(engine) as session, session.begin():
            tenancy.enter(session, workspace_id)
            yield session

    return opened


@contextmanager
def own_session() -> Iterator[Session]:
    """One short transaction of the viewer's workspace, apart from the request's: for a stream and an upload.

    Those last as long as a phone takes, and must not hold a connection meanwhile.
    """
    with Session(db.engine) as session, session.begin():
        tenancy.enter(session, viewer().workspace_id)
        yield session


def later(step: Callable[[], Result]) -> Callable[[], Result | None]:
    """`step` for a response that goes on after its request: a stream, an export. It opens sessions of its own.

    Each call stands by itself: the viewer is looked up anew, and None is returned, at which the response ends,
    once they are signed out, in another workspace, or no longer have the view's role.
    """
    began = viewer().workspace_id
    needed = getattr(current_app.view_functions[request.endpoint or ""], "needed_role", Role.VIEWER)

    @copy_current_request_context
    def again() -> Result | None:
        found = viewer_or_none()
        if found is None or found.workspace_id != began or not found.covers(needed):
            return None
        return step()

    return again


def sign_ins() -> SignInService:
    """Sign-in works across workspaces: it has the system door, and the same commit as the rest."""
    return SignInService(_system())


def personal(kind: type[Personal]) -> Personal:
    """A service of people: it has the system door, and the same commit as the rest."""
    return kind(_system(), current_app.config["SECRET_KEY"])


@contextmanager
def apart(kind: type[Personal]) -> Iterator[Personal]:
    """The same in a transaction of its own: what is counted stays counted when the request is refused."""
    with system_session() as session:
        yield kind(session, current_app.config["SECRET_KEY"])


def accounts() -> AccountService:
    return AccountService(_system())


def account_links() -> AccountLinkService:
    return AccountLinkService(_system())


def devices() -> DeviceService:
    """The viewer's."""
    return DeviceService(_system(), viewer().user_id)


def take_a_try(*lanes: Whose) -> None:
    """Counts a try, whatever becomes of this request. Raises TooManyTries.

    It has a connection of its own, and so comes before all that a request does through the system door: one that
    held the last free connection would wait for another.
    """
    if "system" in g:
        raise RuntimeError("Take the try first.")
    with apart(TryService) as tries:
        tries.take(*lanes)


def mails_arrive() -> bool:
    """Whether there is a mail server: without one nobody's e-mail can be confirmed, and nothing waits for it."""
    return bool(current_app.extensions["huntaze.config"].mail_url)


def awaits_email() -> bool:
    """Whether the viewer has yet to open the link that was mailed to them."""
    return mails_arrive() and not viewer().email_confirmed


def audit(action: Action, subject_id: int | None = None, **detail: int | str) -> None:
    """Writes down that the viewer did this, in the request's transaction."""
    AuditService(db.session(), viewer().workspace_id).record(viewer().user_id, action, subject_id, **detail)


def enqueue(job: str, *ids: int, queue: str = "default") -> None:
    """Asks for a job, which begins after this request's commit. It takes ids, the workspace first.

    Valkey may be away: what has to happen is a row in PostgreSQL, and a periodic job finds it.
    """
    g.setdefault("jobs", []).append((queue, job, ids))


def deliver() -> None:
    """After this request's commit messages that wait are sent, if no worker is at it already."""
    enqueue("huntaze.jobs.delivery.deliver", queue=DELIVERY)


def mail(to: str, subject: str, body: str) -> None:
    """Sends a mail in plain text after this request's commit, again and again for a day while it can't be sent."""
    mail_id = MailService(_system(), current_app.config["SECRET_KEY"]).queue(Letter(to, subject, body))
    enqueue("huntaze.jobs.mails.send", mail_id)


def absolute(path: str) -> str:
    """The address of a path of ours, for mails."""
    return (current_app.config["PUBLIC_URL"] or request.host_url.rstrip("/")) + path


def typed_before(parked_id: int) -> dict[str, str]:
    """What the viewer had typed when their session was over; empty if it was someone else, or too long ago."""
    return ParkedFormService(_system(), current_app.config["SECRET_KEY"]).unpark(parked_id, viewer().user_id)


def _system() -> Session:
    if "system" not in g:
        g.system = open_system_session()
    session: Session = g.system
    return session
