"""Words of the workspace's own for its fans."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import WorkspaceId
from huntaze.models.subscriber import SubscriberTag, Tag
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewTag
from huntaze.services import tags as module
from huntaze.services.errors import Invalid, NotFound
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService
from tests.factories import SubscriberFactory, TagFactory, TaggedFactory


@pytest.fixture
def service(session: Session, workspace: Workspace) -> TagService:
    return TagService(session, WorkspaceId(workspace.id))


@pytest.fixture
def fan(workspace: Workspace) -> int:
    return SubscriberFactory(workspace_id=workspace.id).id


def _of(service: TagService, fan: int) -> list[str]:
    service.session.commit()
    return [tag["name"] for tag in SubscriberService(service.session, service.workspace_id).get(fan).tags]


def test_a_new_word_becomes_a_tag(service: TagService, fan: int) -> None:
    service.add(fan, NewTag(name=" Whale "))
    assert [tag.name for tag in service.all()] == ["Whale"]
    assert _of(service, fan) == ["Whale"]


def test_twice_is_once_and_case_does_not_count(service: TagService, workspace: Workspace, fan: int) -> None:
    other = SubscriberFactory(workspace_id=workspace.id).id
    service.add(fan, NewTag(name="Été"))
    service.add(fan, NewTag(name="été"))
    service.add(other, NewTag(name="ÉTÉ"))
    assert [tag.name for tag in service.all()] == ["Été"], "shown as first typed"
    assert _of(service, fan) == _of(service, other) == ["Été"]


def test_all_are_listed_by_name(service: TagService, fan: int) -> None:
    for name in ("zebra", "Apple", "mango"):
        service.add(fan, NewTag(name=name))
    TagFactory(name="of another workspace")
    assert [tag.name for tag in service.all()] == ["Apple", "mango", "zebra"]


def test_a_tag_goes_with_its_last_fan(service: TagService, workspace: Workspace, fan: int) -> None:
    other = SubscriberFactory(workspace_id=workspace.id).id
    for one in (fan, other):
        service.add(one, NewTag(name="whale"))
    [tag] = service.all()
    service.remove(fan, tag.id)
    assert _of(service, fan) == []
    assert _of(service, other) == ["whale"]
    service.remove(other, tag.id)
    assert service.all() == []


def test_what_is_not_there_is_not_found(service: TagService, workspace: Workspace, fan: int) -> None:
    tag = TagFactory(workspace_id=workspace.id).id
    with pytest.raises(NotFound):
        service.add(2**62, NewTag(name="whale"))
    with pytest.raises(NotFound):
        service.remove(2**62, tag)
    with pytest.raises(NotFound):
        service.remove(fan, 2**62)
    service.session.commit()
    assert "whale" not in {found.name for found in service.all()}


def test_removing_a_tag_that_the_fan_does_not_have_leaves_it_to_others(
    service: TagService, workspace: Workspace, fan: int
) -> None:
    other = SubscriberFactory(workspace_id=workspace.id)
    tag = TagFactory(workspace_id=workspace.id, name="whale")
    TaggedFactory(subscriber=other, tag=tag)
    service.remove(fan, tag.id)
    assert _of(service, other.id) == ["whale"]


def test_there_are_not_too_many(service: TagService, owner: Session, workspace: Workspace, fan: int) -> None:
    owner.execute(
        text("INSERT INTO tags (workspace_id, name) SELECT :workspace, 'tag' || n FROM generate_series(1, :most) n"),
        {"workspace": workspace.id, "most": module.MOST},
    )
    with pytest.raises(Invalid) as caught:
        service.add(fan, NewTag(name="one more"))
    assert [problem.kind for problem in caught.value.errors["name"]] == ["too_many_tags"]
    service.add(fan, NewTag(name="TAG7"))
    assert _of(service, fan) == ["tag7"], "one that exists is fine"


def test_the_same_word_at_once_is_one_tag(app_engine: Engine, owner: Session, workspace: Workspace) -> None:
    fans = [SubscriberFactory(workspace_id=workspace.id).id for _ in range(10)]

    def add(fan: int) -> None:
        with Session(app_engine) as session, session.begin():
            tenancy.enter(session, WorkspaceId(workspace.id))
            TagService(session, WorkspaceId(workspace.id)).add(fan, NewTag(name="whale"))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add, fans))
    assert owner.scalar(select(func.count()).where(Tag.workspace_id == workspace.id)) == 1
    assert owner.scalar(select(func.count()).where(SubscriberTag.workspace_id == workspace.id)) == 10
