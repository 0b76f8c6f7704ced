"""The creator's fans: found, added, changed, archived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    case,
    false,
    func,
    literal,
    null,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, with_expression
from sqlalchemy.orm.exc import StaleDataError

from huntaze.models.base import WorkspaceId
from huntaze.models.subscriber import Subscriber, SubscriberTag, Tag
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewSubscriber, Sort, SubscriberChange, SubscriberFilter
from huntaze.services.errors import Conflict, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_cents, read_text, read_time

COUNTED = 1_000
"""Up to here matches are counted exactly: a count has no index, and "1,000+" answers the question.

A search term that more fans match is common: reading the list in its order finds a page of them sooner than
looking all of them up (measured with 1,000,000 fans: docs/measured.md).
"""
DOUBLE_TAP = timedelta(minutes=1)
"""The same form again within this time is a double tap, not a second fan."""

ORDERS = {
    Sort.JOINED: Order("joined", Subscriber.joined_at, Subscriber.id, lambda row: row.joined_at, read_time),
    Sort.SPENT: Order(
        "spent", Subscriber.total_spent_cents, Subscriber.id, lambda row: row.total_spent_cents, read_cents
    ),
    Sort.SEEN: Order("seen", Subscriber.seen_at, Subscriber.id, lambda row: row.seen_at, read_time),
    Sort.USERNAME: Order(
        "username", Subscriber.username, Subscriber.id, lambda row: row.username, read_text, descending=False
    ),
}

_TAGGED = (SubscriberTag.workspace_id == Tag.workspace_id) & (SubscriberTag.tag_id == Tag.id)


@dataclass(frozen=True)
class SubscriberPage(Page[Subscriber]):
    """`count` is how many fans the filter finds, on its first page; if `count_capped`, at least so many."""

    count: int | None
    count_capped: bool


class SubscriberService:
    """The subscribers of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, wanted: SubscriberFilter) -> SubscriberPage:
        """The page after the filter's cursor, with tags; and on the first page how many there are.

        One query, one more with a search term, and one with a day. Raises Invalid for a cursor of another list.
        """
        common = False
        if wanted == SubscriberFilter(sort=wanted.sort):
            found = self.session.execute(_opened(wanted.sort), {"workspace_id": self.workspace_id}).all()
        else:
            conditions, common = self._found(wanted)
            counting = not wanted.after and not common
            found = self.session.execute(_listed(wanted.sort, conditions, wanted.after, counting=counting)).all()
        page = ORDERS[wanted.sort].split([row[0] for row in found])
        if wanted.after:
            return SubscriberPage(page.rows, page.next, count=None, count_capped=False)
        if page.next is None:
            return SubscriberPage(page.rows, page.next, len(page.rows), count_capped=False)
        at_least = found[0][1] or (len(page.rows) if wanted.active else COUNTED + 1)
        return SubscriberPage(page.rows, page.next, min(at_least, COUNTED), common or at_least > COUNTED)

    def batch(self, wanted: SubscriberFilter, after_id: int, size: int) -> list[Subscriber]:
        """The next fans of the filter behind that id, by id, with tags: whole exports are read like this.

        By id, as nothing moves a fan there: in the list's order one could come twice, or be missed.
        """
        conditions, _common = self._found(wanted)
        query = _with_tags().where(*conditions, Subscriber.id > after_id).order_by(Subscriber.id).limit(size)
        return list(self.session.scalars(query))

    def get(self, subscriber_id: int) -> Subscriber:
        """With tags. Raises NotFound."""
        wanted = {"workspace_id": self.workspace_id, "id": subscriber_id}
        subscriber: Subscriber | None = self.session.scalar(_one(), wanted)
        if subscriber is None:
            raise NotFound(subscriber_id)
        return subscriber

    def add(self, new: NewSubscriber) -> Subscriber:
        """Raises Conflict for a user name that the workspace has; the same form twice at once is one fan."""
        known = _with_tags().where(self._here, Subscriber.username == new.username).order_by(Subscriber.id)
        existing: Subscriber | None = self.session.scalars(known).first()
        if existing is None:
            added = self.session.scalar(
                insert(Subscriber)
                .values(workspace_id=self.workspace_id, **new.model_dump())
                .on_conflict_do_nothing()
                .returning(Subscriber.id)
            )
            if added is not None:
                return self.get(added)
            existing = self.session.scalars(known).one()
        if _is_double_tap(existing, new):
            return existing
        raise _taken(existing)

    def change(self, subscriber_id: int, change: SubscriberChange) -> Subscriber:
        """Sets what the change names. Raises NotFound, and Conflict for another fan's user name."""
        subscriber = self.get(subscriber_id)
        try:
            with self.session.begin_nested():
                for field, value in change.model_dump(exclude_unset=True).items():
                    setattr(subscriber, field, value)
        except StaleDataError:  # erased in this moment
            raise NotFound(subscriber_id) from None
        except IntegrityError:
            raise Conflict({"username": [Problem("username_taken", {"username": change.username})]}) from None
        return self.get(subscriber_id)

    def archive(self, subscriber_id: int) -> None:
        """Takes the fan out of the list; nothing is deleted. Twice is once. Raises NotFound."""
        self._set_archived(subscriber_id, func.coalesce(Subscriber.archived_at, func.now()))

    def restore(self, subscriber_id: int) -> None:
        """Raises NotFound."""
        self._set_archived(subscriber_id, null())

    @property
    def _here(self) -> ColumnElement[bool]:
        return Subscriber.workspace_id == self.workspace_id

    def _found(self, wanted: SubscriberFilter) -> tuple[list[ColumnElement[bool]], bool]:
        """The conditions of filter and search; and whether so many match the search that it is one itself."""
        conditions, common = self._conditions(wanted), False
        if wanted.q:
            ids = list(self.session.scalars(select(func.search_subscribers(wanted.q, COUNTED + 1))))
            common = len(ids) > COUNTED
            conditions.append(_contains(wanted.q) if common else _among(ids))
        return conditions, common

    def _conditions(self, wanted: SubscriberFilter) -> list[ColumnElement[bool]]:
        archived = Subscriber.archived_at
        conditions = [self._here, archived.is_not(None) if wanted.archived else archived.is_(None)]
        if wanted.tier is not None:
            conditions.append(Subscriber.tier == wanted.tier)
        if wanted.status is not None:
            conditions.append(Subscriber.status == wanted.status)
        if wanted.spent_min is not None:
            conditions.append(Subscriber.total_spent_cents >= int(wanted.spent_min * 100))
        if wanted.spent_max is not None:
            conditions.append(Subscriber.total_spent_cents <= int(wanted.spent_max * 100))
        if wanted.joined_since is not None or wanted.renews_before is not None:
            conditions += self._dated(wanted.joined_since, wanted.renews_before)
        if wanted.tag is not None:
            conditions.append(Subscriber.id.in_(self._tagged(wanted.tag)))
        return conditions

    def _dated(self, joined_since: date | None, renews_before: date | None) -> list[ColumnElement[bool]]:
        zone = ZoneInfo(
            self.session.scalars(select(Workspace.time_zone).where(Workspace.id == self.workspace_id)).one()
        )
        conditions = []
        if joined_since is not None:
            conditions.append(Subscriber.joined_at >= datetime.combine(joined_since, time(), zone))
        if renews_before is not None:
            today = datetime.combine(datetime.now(zone), time(), zone)
            conditions.append(Subscriber.renews_at >= today)
            conditions.append(Subscriber.renews_at < datetime.combine(renews_before, time(), zone))
        return conditions

    def _tagged(self, name: str) -> Select[int]:
        # The tag's id apart: PostgreSQL then knows that no fan comes twice, and need not collect all of them first.
        tag = select(Tag.id).where(Tag.workspace_id == self.workspace_id, func.lower(Tag.name) == func.lower(name))
        return select(SubscriberTag.subscriber_id).where(
            SubscriberTag.workspace_id == self.workspace_id, SubscriberTag.tag_id == tag.scalar_subquery()
        )

    def _set_archived(self, subscriber_id: int, when: ColumnElement[Any]) -> None:
        changed = self.session.scalar(
            update(Subscriber)
            .where(Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id)
            .values(archived_at=when)
            .returning(Subscriber.id)
        )
        if changed is None:
            raise NotFound(subscriber_id)


@cache  # building it took 0.4 ms of each page
def _with_tags() -> Select[Any]:
    tags = (
        select(Tag.id, Tag.name)
        .join(SubscriberTag, _TAGGED)
        .where(SubscriberTag.workspace_id == Subscriber.workspace_id)
        .where(SubscriberTag.subscriber_id == Subscriber.id)
        .order_by(func.lower(Tag.name))
        .correlate(Subscriber)
        .subquery()
    )
    # An aggregate of the whole row: [{"id": 1, "name": "whale"}]
    as_json = func.coalesce(select(func.json_agg(tags.table_valued())).scalar_subquery(), text("'[]'"))
    return select(Subscriber).options(with_expression(Subscriber.tags, as_json))


def _listed(sort: Sort, conditions: list[ColumnElement[bool]], after: str, *, counting: bool) -> Select[Any]:
    """A page of fans; `counting` beside each row how many there are, up to one more than COUNTED."""
    counted = select(Subscriber.id).where(*conditions).limit(COUNTED + 1).subquery()
    count = select(func.count()).select_from(counted).scalar_subquery()
    return ORDERS[sort].page(_with_tags().add_columns(count if counting else null()).where(*conditions), after)


@cache
def _opened(sort: Sort) -> Select[Any]:
    """The list as it is opened, without search and filters; this and a fan are built once, for any workspace."""
    here = Subscriber.workspace_id == bindparam("workspace_id")
    return _listed(sort, [here, Subscriber.archived_at.is_(None)], "", counting=True)


@cache
def _one() -> Select[Any]:
    return _with_tags().where(Subscriber.workspace_id == bindparam("workspace_id"), Subscriber.id == bindparam("id"))


def _among(ids: list[int]) -> ColumnElement[bool]:
    return Subscriber.id == any_(literal(ids, ARRAY(BigInteger)))


def _contains(term: str) -> ColumnElement[bool]:
    """The search as a mere condition, for a common term: reading the list in its order soon has a page.

    The planner may not look at its statistics of LIKE under row-level security, and would guess that two
    rows match. Within CASE it expects half of them, and reads in order.
    """
    return case((Subscriber.search_text.like(func.search_pattern(term)), true()), else_=false())


def _is_double_tap(existing: Subscriber, new: NewSubscriber) -> bool:
    same = existing.archived_at is None and all(
        getattr(existing, field) == value for field, value in new.model_dump().items()
    )
    return same and datetime.now(UTC) - existing.created_at < DOUBLE_TAP


def _taken(existing: Subscriber) -> Conflict:
    kind = "username_archived" if existing.archived_at else "username_taken"
    return Conflict({"username": [Problem(kind, {"username": existing.username})]})
