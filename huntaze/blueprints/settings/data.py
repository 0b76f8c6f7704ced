"""The workspace's data: everything taken along, or deleted after a week. For its owners."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, render_template, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.models.audit import Action
from huntaze.models.user import Role
from huntaze.schemas.account import TypedWorkspaceName
from huntaze.services.errors import Invalid
from huntaze.services.members import MemberService
from huntaze.services.workspace_closing import WorkspaceClosingService
from huntaze.services.workspace_export import WorkspaceExport


@bp.get("/data")
@web.role(Role.OWNER)
def data() -> Response:
    return _page(Form.empty())


@bp.post("/data/export")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.data")
def export_workspace() -> Response:
    viewer, now = web.viewer(), datetime.now(UTC)
    readme = render_template("settings/export_readme.txt", now=now)
    export = WorkspaceExport(web.stream_sessions(), viewer, readme, now)
    web.audit(Action.WORKSPACE_EXPORTED)
    response = Response(export.chunks(), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="huntaze-{now:%Y-%m-%d}.zip"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy that collects it first would seem to hang
    return response


@bp.post("/data/delete")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.data")
def delete_workspace() -> Response:
    form = Form.typed()
    try:
        delete_at = web.service(WorkspaceClosingService).ask_deletion(form.read(TypedWorkspaceName).name)
    except Invalid as refusal:
        return _page(form.refused(refusal), 422)
    if delete_at is not None:
        web.audit(Action.WORKSPACE_DELETION_ASKED)
        _tell_owners(delete_at)
    return go(url_for("settings.data"), _("The workspace will be deleted in 7 days."), "info")


@bp.post("/data/keep")
@web.role(Role.OWNER)
@form_page("settings.data")
def keep_workspace() -> Response:
    if web.service(WorkspaceClosingService).keep():
        web.audit(Action.WORKSPACE_KEPT)
    return go(url_for("settings.data"), _("The workspace stays."))


def _tell_owners(delete_at: datetime) -> None:
    link = web.absolute(url_for("settings.data"))
    for email, locale in web.people(MemberService).owners():
        with force_locale(locale or "en"):
            subject = _("%(workspace)s will be deleted", workspace=web.viewer().workspace_name)
            web.mail(email, subject, render_template("settings/deletion_mail.txt", delete_at=delete_at, link=link))


def _page(form: Form, status: int = 200) -> Response:
    return page("settings/data.html", status, form=form)
