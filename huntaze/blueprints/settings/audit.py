"""The audit log, for the owner to read."""

from __future__ import annotations

from flask import Response, request

from huntaze.blueprints import web
from huntaze.blueprints.audit_words import LINKS, WORDS
from huntaze.blueprints.forms import read
from huntaze.blueprints.htmx import page_or_partial
from huntaze.blueprints.settings import bp
from huntaze.models.user import Role
from huntaze.schemas.team import AuditFilter
from huntaze.services.audit import AuditService

HERE = "settings/audit/"


@bp.get("/audit")
@web.role(Role.OWNER)
def audit() -> Response:
    wanted = read(AuditFilter, request.args)
    log = web.people(AuditService)
    actions = sorted(((action.value, str(words)) for action, words in WORDS.items()), key=lambda pair: pair[1])
    return page_or_partial(
        HERE + "index.html",
        HERE + ("_rows.html" if wanted.after else "_list.html"),
        log=log.page(wanted),
        filter=wanted,
        actions=actions,
        words=dict(actions),
        links=LINKS,
        members=log.members(),
    )
