"""The second wall: every transaction of the app's role names its workspace, PostgreSQL does the rest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId


class PrivilegedRole(RuntimeError):
    """The app's database role could get around row-level security."""


def enter(session: Session, workspace_id: WorkspaceId) -> None:
    """From here on each transaction of this session sees that workspace's rows, and no others.

    Call it before the session's first query: the setting is local to a transaction.
    """
    session.info["workspace_id"] = workspace_id


@event.listens_for(Session, "after_begin")
def _name_the_workspace(session: Session, _transaction: Any, connection: Connection) -> None:
    workspace_id = session.info.get("workspace_id")
    if workspace_id is not None:
        connection.exec_driver_sql("SELECT set_config('huntaze.workspace_id', %s, true)", (str(workspace_id),))


def refuse_privileged_role(engine: Engine) -> None:
    """Raise PrivilegedRole if `engine` logs in as a superuser, with BYPASSRLS, or as the owner of a table."""
    with engine.connect() as connection:
        role, superuser, bypass, owned = connection.execute(
            text(
                "SELECT rolname, rolsuper, rolbypassrls, (SELECT count(*) FROM pg_class c"
                "  WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
                "  AND pg_has_role(r.oid, c.relowner, 'USAGE'))"
                " FROM pg_roles r WHERE rolname = current_user"
            )
        ).one()
    if superuser or bypass or owned:
        raise PrivilegedRole(
            f"DATABASE_APP_URL logs in as {role!r}, which row-level security does not hold"
            f" (superuser: {superuser}, BYPASSRLS: {bypass}, tables owned: {owned})."
            " Use a role that owns nothing; `huntaze migrate` creates huntaze_app."
        )
