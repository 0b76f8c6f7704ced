"""What the bell shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.notification import Notification
from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from huntaze.services.keyset import PAGE
from huntaze.services.notifications import NotificationService
from tests.factories import MemberFactory, NotificationFactory

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def service(session: Session, workspace: Workspace) -> NotificationService:
    return NotificationService(session, WorkspaceId(workspace.id))


@pytest.fixture
def member(workspace: Workspace) -> Membership:
    return MemberFactory(workspace_id=workspace.id)


def test_each_member_has_their_own(service: NotificationService, member: Membership) -> None:
    colleague = MemberFactory(workspace_id=member.workspace_id)
    elsewhere = MemberFactory(user_id=member.user_id)
    for to, title in ((member, "Mine"), (colleague, "Theirs"), (elsewhere, "Of another workspace")):
        NotificationFactory(member=to, title=title)
    assert [row.title for row in service.page(UserId(member.user_id)).rows] == ["Mine"]


def test_pages_the_newest_first(service: NotificationService, member: Membership) -> None:
    for n in range(PAGE + 3):
        NotificationFactory(member=member, title=str(n), created_at=NOON + timedelta(hours=n // 10))
    first = service.page(UserId(member.user_id))
    second = service.page(UserId(member.user_id), first.next or "")
    assert [int(row.title) for row in (*first.rows, *second.rows)] == list(reversed(range(PAGE + 3)))
    assert second.next is None


def test_reading_the_list_marks_nothing_and_marking_marks_ones_own(
    service: NotificationService, member: Membership
) -> None:
    colleague = MemberFactory(workspace_id=member.workspace_id)
    early = NotificationFactory(member=member, read_at=NOON)
    NotificationFactory(member=member)
    NotificationFactory(member=colleague)

    def unread(to: Membership) -> int:
        service.session.commit()
        return sum(row.read_at is None for row in service.page(UserId(to.user_id)).rows)

    assert unread(member) == 1
    service.mark_read(UserId(member.user_id))
    assert (unread(member), unread(colleague)) == (0, 1)
    read = {row.id: row.read_at for row in service.page(UserId(member.user_id)).rows}
    assert read[early.id] == NOON, "what was read earlier stays so"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://evil.example", "//evil.example", "settings", ""])
def test_a_link_is_a_path_of_huntaze(session: Session, member: Membership, url: str) -> None:
    """ASVS 1.2.2."""
    whose = {"workspace_id": member.workspace_id, "user_id": member.user_id}
    session.add(Notification(**whose, title="Fine", url="/settings"))
    session.flush()
    session.add(Notification(**whose, title="Wrong", url=url))
    with pytest.raises(IntegrityError):
        session.flush()
