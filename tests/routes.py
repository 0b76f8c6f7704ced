"""Every route: who may call it, and a body that it accepts. A route that is missing here fails test_routes.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.models.base import Base, Tenant
from huntaze.models.user import Membership, Role
from tests.factories import (
    ApiTokenFactory,
    NoteFactory,
    NotificationFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
    TransactionFactory,
)

ANYONE = None
MEMBER = Role.VIEWER


@dataclass(frozen=True)
class Route:
    """needed: the least role, or ANYONE."""

    method: str
    needed: Role | None
    body: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_safe(self) -> bool:
        return self.method == "GET"


_NEW_FAN = {"username": "new.fan"}
_LOGIN = {"email": "nobody@huntaze.test", "password": "a wrong password"}

ROUTES = {
    "auth.login": Route("GET", ANYONE),
    "auth.sign_in": Route("POST", ANYONE, _LOGIN),
    "auth.register": Route("GET", ANYONE),
    "auth.create_account": Route("POST", ANYONE, _LOGIN),
    "auth.logout": Route("POST", ANYONE),
    "dashboard.home": Route("GET", MEMBER),
    "onlyfans.subscribers": Route("GET", MEMBER),
    "onlyfans.new_subscriber": Route("GET", Role.MANAGER),
    "onlyfans.create_subscriber": Route("POST", Role.MANAGER, _NEW_FAN),
    "onlyfans.subscriber": Route("GET", MEMBER),
    "onlyfans.subscriber_transactions": Route("GET", MEMBER),
    "onlyfans.edit_subscriber": Route("GET", Role.MANAGER),
    "onlyfans.update_subscriber": Route("POST", Role.MANAGER, {"display_name": "New"}),
    "onlyfans.archive_subscriber": Route("POST", Role.MANAGER),
    "onlyfans.restore_subscriber": Route("POST", Role.MANAGER),
    "onlyfans.subscriber_notes": Route("GET", MEMBER),
    "onlyfans.add_note": Route("POST", Role.CHATTER, {"body": "Likes blue."}),
    "onlyfans.remove_note": Route("POST", Role.CHATTER),
    "onlyfans.add_tag": Route("POST", Role.CHATTER, {"name": "kind"}),
    "onlyfans.remove_tag": Route("POST", Role.CHATTER),
    "notifications.index": Route("GET", MEMBER),
    "notifications.mark_read": Route("POST", MEMBER),
    "settings.index": Route("GET", MEMBER),
    "settings.appearance": Route("POST", ANYONE, {"theme": "dark"}),
    "settings.language": Route("POST", ANYONE, {"locale": "fr"}),
    "settings.workspace": Route("POST", MEMBER, {"workspace_id": "1"}),
    "health.healthz": Route("GET", ANYONE),
    "install.manifest": Route("GET", ANYONE),
    "install.worker": Route("GET", ANYONE),
    "install.offline": Route("GET", ANYONE),
    "api.list_subscribers": Route("GET", MEMBER),
    "api.add_subscriber": Route("POST", Role.MANAGER, _NEW_FAN),
    "api.get_subscriber": Route("GET", MEMBER),
    "api.change_subscriber": Route("PATCH", Role.MANAGER, {"display_name": "New"}),
    "api.archive_subscriber": Route("DELETE", Role.MANAGER),
    "api.openapi": Route("GET", ANYONE),
    "dev.kit": Route("GET", ANYONE),
}

PUBLIC = {name for name, route in ROUTES.items() if route.needed is ANYONE}
TENANTS = sorted(mapper.class_.__tablename__ for mapper in Base.registry.mappers if issubclass(mapper.class_, Tenant))
"""The tables whose rows belong to a workspace."""

UNSAFE = {name for name, route in ROUTES.items() if not route.is_safe}


def call(
    app: Flask,
    browser: FlaskClient,
    endpoint: str,
    ids: Mapping[str, int],
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    """Calls a route with a body that it accepts, and with those of the ids that it takes."""
    route = ROUTES[endpoint]
    rule = next(app.url_map.iter_rules(endpoint))
    path = app.url_map.bind("localhost").build(endpoint, {name: ids[name] for name in rule.arguments})
    body = {"json" if endpoint.startswith("api.") else "data": route.body} if route.method != "GET" else {}
    return browser.open(path, method=route.method, headers=dict(headers or {}), **body)


def belongings(member: Membership) -> dict[str, int]:
    """A row of each kind in the member's workspace; returns their ids by the names that routes give them."""
    fan = SubscriberFactory(workspace_id=member.workspace_id)
    tag = TagFactory(workspace_id=member.workspace_id)
    TaggedFactory(subscriber=fan, tag=tag)
    note = NoteFactory(subscriber=fan, author_id=member.user_id)
    TransactionFactory(subscriber=fan)
    NotificationFactory(member=member)
    ApiTokenFactory(member=member)
    return {"subscriber_id": fan.id, "tag_id": tag.id, "note_id": note.id}


def digest(owner: Session, workspace_id: int) -> dict[str, str]:
    """A fingerprint of all rows of a workspace, by table."""
    keys = {**dict.fromkeys(TENANTS, "workspace_id"), "workspaces": "id"}
    all_rows = "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} t WHERE {} = :id"
    return {
        table: owner.scalar(text(all_rows.format(table, key)), {"id": workspace_id}) for table, key in keys.items()
    }
