"""What PostgreSQL's catalogue says of the second wall, against what the models and DESIGN §5 say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from huntaze.models.base import Base, Tenant
from huntaze.tenancy import PrivilegedRole, refuse_privileged_role
from tests.routes import TENANTS

APP, OWNER = "huntaze_app", "huntaze_owner"

EVERYTHING = {"SELECT", "INSERT", "UPDATE", "DELETE"}
GRANTS = {
    "subscribers": EVERYTHING,
    "tags": EVERYTHING,
    "subscriber_tags": EVERYTHING,
    "notes": EVERYTHING,
    "transactions": EVERYTHING,
    "notifications": EVERYTHING,
    "imports": EVERYTHING,
    "import_chunks": EVERYTHING,
    "import_rows": EVERYTHING,
    "audit_events": {"SELECT", "INSERT"},
    "tombstones": {"SELECT", "INSERT", "DELETE"},
    "daily_earnings": EVERYTHING - {"UPDATE"},
    "daily_subscribers": EVERYTHING - {"UPDATE"},
    "platform_accounts": EVERYTHING,
    "platform_checks": EVERYTHING,
    "sync_states": EVERYTHING,
    "webhook_deliveries": EVERYTHING,
    "webhook_refusals": {"SELECT", "DELETE"},
    "subscription_periods": EVERYTHING,
    "conversations": EVERYTHING,
    "messages": EVERYTHING,
    "drafts": EVERYTHING,
    "saved_replies": EVERYTHING,
    "payouts": EVERYTHING,
    "vault_items": EVERYTHING,
    "tracking_links": EVERYTHING,
    "domain_events": EVERYTHING,
    "lanes": EVERYTHING,
    "attempts": {"SELECT", "DELETE"},
    "memberships": {"SELECT"},
    "workspaces": {"SELECT"},
}
SEQUENCES = {"message_places": {"USAGE"}}
COLUMN_GRANTS = {("users", "id", "SELECT"), ("users", "name", "SELECT"), ("workspaces", "delete_at", "UPDATE")}
POLICIES = {
    **dict.fromkeys(TENANTS, "(workspace_id = current_workspace())"),
    "workspaces": "(id = current_workspace())",
    "users": "(EXISTS ( SELECT FROM memberships m"
    " WHERE ((m.workspace_id = current_workspace()) AND (m.user_id = users.id))))",
}
FUNCTIONS = {
    "current_workspace", "fold", "like_anywhere", "search_pattern", "search_subscribers",
    "earnings_by_day", "subscribers_by_day", "keep_days", "note_days", "rebuild_days",
    "summarise_conversations", "note_messages", "touch", "search_messages", "message_week",
    "message_words",
}  # fmt: skip
DEFINERS = {"search_subscribers", "search_messages"}

# Of no extension.
OURS = (
    "pronamespace = 'public'::regnamespace"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)


@pytest.mark.parametrize("table", TENANTS)
def test_a_tenant_table_begins_its_key_with_the_workspace(table: str) -> None:
    assert next(iter(Base.metadata.tables[table].primary_key)).name == "workspace_id"


def test_whatever_has_a_workspace_is_a_tenant() -> None:
    """Sign-ins are the exception: nobody has a workspace before they are found."""
    with_workspace = {name for name, table in Base.metadata.tables.items() if "workspace_id" in table.columns}
    assert with_workspace - set(TENANTS) == {"sign_ins"}
    assert all(issubclass(mapper.class_, Base) for mapper in Base.registry.mappers)
    assert len(TENANTS) == len(list(_subclasses(Tenant)))


def test_row_level_security_is_on_wherever_the_app_has_a_grant(owner: Session) -> None:
    tables = owner.execute(
        text(
            "SELECT relname, relrowsecurity FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
    )
    secured = dict(tables.all())
    assert all(secured[name] for name in POLICIES)
    granted = GRANTS.keys() | {table for table, _column, _privilege in COLUMN_GRANTS}
    assert all(secured[name] for name in granted)


def test_each_table_has_its_one_policy(owner: Session) -> None:
    """One: a second permissive policy would widen the first."""
    rows = owner.execute(
        text(
            "SELECT tablename, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
        )
    ).all()
    assert {row.tablename: re.sub(r"\s+", " ", row.qual) for row in rows} == POLICIES
    assert len(rows) == len(POLICIES)
    for row in rows:
        assert row.permissive == "PERMISSIVE"
        assert row.roles == ["public"]
        assert row.cmd == ("SELECT" if row.tablename == "users" else "ALL")
        assert row.with_check is None, "what may be written is what may be seen"


def test_the_app_may_do_exactly_this(owner: Session) -> None:
    rows = owner.execute(
        text(
            "SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a"
            " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = CAST(:role AS regrole)"
        ),
        {"role": APP},
    )
    found: dict[str, set[str]] = {}
    for table, privilege in rows:
        found.setdefault(table, set()).add(privilege)
    assert found == {**GRANTS, **SEQUENCES}

    columns = owner.execute(
        text(
            "SELECT c.relname, t.attname, a.privilege_type"
            " FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a"
            " WHERE c.relnamespace = 'public'::regnamespace"
        )
    )
    assert {tuple(row) for row in columns} == COLUMN_GRANTS


def test_nothing_is_granted_to_everybody(owner: Session) -> None:
    granted = owner.scalars(
        text(
            "SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a"
            " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0"
        )
    )
    assert granted.all() == []
    assert not owner.scalar(text("SELECT has_schema_privilege(:role, 'public', 'CREATE')"), {"role": APP})


def test_the_app_owns_nothing_and_is_nobody_special(owner: Session) -> None:
    role = owner.execute(text("SELECT * FROM pg_roles WHERE rolname = :role"), {"role": APP}).one()
    assert role.rolcanlogin
    special = (role.rolsuper, role.rolbypassrls, role.rolcreaterole, role.rolcreatedb, role.rolreplication)
    assert not any(special)
    owned = owner.scalar(
        text("SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = CAST(:role AS regrole)"),
        {"role": APP},
    )
    assert owned == 0
    groups = owner.scalar(
        text("SELECT count(*) FROM pg_auth_members WHERE member = CAST(:role AS regrole)"), {"role": APP}
    )
    assert groups == 0


def test_our_functions_are_those(owner: Session) -> None:
    names = owner.scalars(text(f"SELECT proname FROM pg_proc p WHERE {OURS}"))
    assert set(names) == FUNCTIONS


def test_what_runs_as_the_owner_is_fenced_in(owner: Session) -> None:
    rows = owner.execute(
        text(
            "SELECT proname, proconfig, pg_get_userbyid(proowner) AS owner, prosrc,"
            " ARRAY(SELECT a.grantee::regrole::text FROM aclexplode(p.proacl) a) AS grantees"
            f" FROM pg_proc p WHERE prosecdef AND {OURS}"
        )
    ).all()
    assert {row.proname for row in rows} == DEFINERS
    for row in rows:
        assert "search_path=public, pg_temp" in row.proconfig, "nobody's table may stand in for ours"
        assert row.owner == OWNER
        assert set(row.grantees) == {OWNER, APP}, "and not PUBLIC, which is '-'"
        assert "current_workspace()" in row.prosrc


def test_a_row_points_at_rows_of_its_own_workspace_only(owner: Session) -> None:
    rows = owner.execute(
        text(
            "SELECT con.conname, con.conrelid::regclass::text AS child, con.confrelid::regclass::text AS parent,"
            " ARRAY(SELECT attname::text FROM unnest(con.conkey) WITH ORDINALITY k(n, i)"
            "   JOIN pg_attribute ON attrelid = con.conrelid AND attnum = k.n ORDER BY k.i) AS columns,"
            " ARRAY(SELECT attname::text FROM unnest(con.confkey) WITH ORDINALITY k(n, i)"
            "   JOIN pg_attribute ON attrelid = con.confrelid AND attnum = k.n ORDER BY k.i) AS targets"
            " FROM pg_constraint con WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        )
    ).all()
    between = [row for row in rows if row.child in TENANTS and row.parent in TENANTS]
    assert len(between) >= 6
    for row in between:
        assert dict(zip(row.columns, row.targets, strict=True)).get("workspace_id") == "workspace_id", row.conname
    assert all(any(row.child == table and row.parent == "workspaces" for row in rows) for table in TENANTS), (
        "a workspace that goes takes its rows along"
    )


def test_the_apps_role_is_let_in(app_engine: Engine) -> None:
    refuse_privileged_role(app_engine)


def test_the_owner_is_refused(owner_engine: Engine) -> None:
    with pytest.raises(PrivilegedRole, match="huntaze_owner"):
        refuse_privileged_role(owner_engine)


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS", "IN ROLE huntaze_owner"])
def test_a_role_that_gets_around_the_wall_is_refused(superuser_url: str, attribute: str) -> None:
    with _role(superuser_url, attribute) as name:
        engine = create_engine(_sqlalchemy(superuser_url, name))
        with pytest.raises(PrivilegedRole, match=name):
            refuse_privileged_role(engine)
        engine.dispose()


@contextmanager
def _role(superuser_url: str, attribute: str) -> Iterator[str]:
    """A role that can log in, for the time of a `with`; its name is unique, since all databases share it."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        name = f"privileged_in_{connection.info.dbname}"
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN ").format(role) + sql.SQL(attribute))
        try:
            yield name
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def _sqlalchemy(url: str, user: str) -> str:
    return url.replace("postgresql://postgres@", f"postgresql+psycopg://{user}@")


def _subclasses(of: type) -> Iterator[type]:
    for subclass in of.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
