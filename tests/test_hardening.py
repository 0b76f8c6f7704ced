"""What holds for every route, by walking through them: a later route is caught here before anyone thinks of it."""

from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from huntaze.models.base import Base
from huntaze.models.user import Membership, Role
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import MemberFactory
from tests.routes import PUBLIC, ROUTES, TENANTS, UNSAFE, belongings, call, digest

SUBMITS = 50
SENTINEL = 987_654_321_012
SQL = (
    "'", "''", '"', "\\", ";", "--", "/*", "%", "_", "%%%", "' OR '1'='1", "' OR 1=1 --", '" OR ""="',
    "') OR ('a'='a",
    "1; DROP TABLE subscribers", "'; SELECT pg_sleep(9) --", "1 UNION SELECT password_hash FROM users",
    "' UNION SELECT NULL, email FROM users --", "(SELECT 1)", "1)) OR 1=1", "0x31", "1e309", "-1", "NaN", "Infinity",
    "NULL", "null", "true", "$1", ":id", "%(id)s", "%s", "{0}", "{{config}}", "{{7*7}}", "${7*7}", "#{7*7}",
    "id desc", "id; --", "CASE WHEN 1=1 THEN id END", "pg_catalog.version()", "\x00", "\u0000x", "\ud7ff", "\uffff",
    "\u202e", "\u0130", "ß", "x" * 5000, "[]", "{}", "[1,2]", '{"$ne": null}', "../../etc/passwd", "file:///etc/passwd",
    "javascript:alert(1)", "<script>", "\r\nSet-Cookie: a=b", "%0d%0aX: y", "9" * 400, "1/0", "0b1", "\t", " ", "",
)  # fmt: skip
QUERIES = (
    "q", "tier", "status", "tag", "spent_min", "spent_max", "archived", "sort", "after", "next", "parked", "range",
    "page", "action", "member", "token", "id", "code", "state", "before", "since",
)  # fmt: skip


def test_a_query_is_data(app: Flask, as_owner: Browser, owner: Session) -> None:
    """Whatever a URL says: an answer, never a failure, and nothing changes (ASVS 1.2.4, 1.3.7)."""
    assert len(SQL) >= 60
    ids = belongings(as_owner.member)
    adapter = app.url_map.bind("localhost")
    before = digest(owner, as_owner.member.workspace_id)
    for endpoint, route in ROUTES.items():
        if not route.is_safe:
            continue
        rule = next(app.url_map.iter_rules(endpoint))
        path = adapter.build(endpoint, {name: ids[name] for name in rule.arguments})
        for payload in SQL:
            response = as_owner.get(path, query_string=dict.fromkeys(QUERIES, payload))
            assert response.status_code < 500, (endpoint, payload)
            assert not any(cookie.startswith("a=b") for cookie in response.headers.getlist("Set-Cookie")), endpoint
            response.close()
    assert digest(owner, as_owner.member.workspace_id) == before


COLUMNS = sorted({column.name for table in Base.metadata.tables.values() for column in table.columns})


@pytest.mark.parametrize("endpoint", sorted(UNSAFE - PUBLIC))
def test_nothing_is_assigned_by_accident(app: Flask, sign_in: SignIn, owner: Session, endpoint: str) -> None:
    """Every column of every table beside what the route accepts: refused, or left alone (ASVS 15.3.3)."""
    victim = MemberFactory()
    member = MemberFactory(role=Role.OWNER)
    ids = belongings(member)
    before = digest(owner, victim.workspace_id)
    own = ROUTES[endpoint].body
    extra = {name: str(SENTINEL) for name in COLUMNS if name not in own}
    extra |= {"workspace_id": str(victim.workspace_id), "role": "owner", "is_admin": "1", "__class__": "x"}
    response = call(app, sign_in(member), endpoint, ids, more=extra)
    assert response.status_code < 500
    assert digest(owner, victim.workspace_id) == before
    for table in TENANTS:
        rows = owner.scalars(
            text(f"SELECT t::text FROM {table} t WHERE workspace_id = :id"), {"id": member.workspace_id}
        )
        assert not [row for row in rows if str(SENTINEL) in row], table


ONE_EACH = frozenset({"api.send_message"})
"""Routes of which each call is to have an effect of its own: a program that says nothing twice names a key."""


@pytest.mark.parametrize("endpoint", sorted(UNSAFE - PUBLIC - ONE_EACH))
def test_fifty_submits_at_once_make_one_effect(app: Flask, sign_in: SignIn, owner: Session, endpoint: str) -> None:
    """A thumb that taps twice, a browser that repeats, a queue that delivers twice (ASVS 2.3.4, 15.4.2)."""
    alone, crowded = MemberFactory(), MemberFactory()
    browser = sign_in(alone)
    ids = belongings(alone)
    start = _rows(owner, alone)
    call(app, browser, endpoint, ids)
    wanted = {table: count - start[table] for table, count in _rows(owner, alone).items()}

    ids = belongings(crowded)
    cookie = sign_in(crowded).get_cookie("huntaze")
    assert cookie is not None
    start = _rows(owner, crowded)

    def submit(number: int) -> int:
        browser = app.test_client()
        browser.set_cookie("huntaze", cookie.value)
        return call(app, browser, endpoint, ids, SWAP if number % 2 else None).status_code

    with ThreadPoolExecutor(SUBMITS) as pool:
        statuses = list(pool.map(submit, range(SUBMITS)))
    assert max(statuses) < 500, statuses
    assert {table: count - start[table] for table, count in _rows(owner, crowded).items()} == wanted


def _rows(owner: Session, member: Membership) -> dict[str, int]:
    """How many rows each table has of the member's workspace, or of the person."""
    found = {}
    for name, table in Base.metadata.tables.items():
        if name in ("audit_events", "sign_ins") or not {"workspace_id", "user_id"} & set(table.columns.keys()):
            continue  # what was tried may be written down each time
        key = "workspace_id" if "workspace_id" in table.columns else "user_id"
        query = text(f"SELECT count(*) FROM {name} WHERE {key} = :id")
        found[name] = owner.scalar(query, {"id": getattr(member, key)}) or 0
    return found


def test_the_payloads_are_what_they_should_be() -> None:
    assert len(set(SQL)) == len(SQL)
    assert any(set(payload) <= set(string.punctuation) for payload in SQL)
