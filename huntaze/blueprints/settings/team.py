"""Who belongs to the workspace, in which role."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.models.user import Role
from huntaze.schemas.team import RoleChange
from huntaze.services.errors import Invalid
from huntaze.services.members import MemberService
from huntaze.services.profiles import ProfileService

TEAM = "settings/team/"
A_YEAR = 365 * 24 * 3600


@bp.get("/team")
@web.role(Role.MANAGER)
def team() -> Response:
    members = web.people(MemberService).page(request.args.get("after", ""))
    return page_or_partial(TEAM + "index.html", TEAM + "_rows.html", members=members, me=web.viewer().user_id)


@bp.get("/team/<int:user_id>")
@web.role(Role.MANAGER)
def member(user_id: int) -> Response:
    return _member_page(user_id, Form())


@bp.post("/team/<int:user_id>/role")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.member")
def change_role(user_id: int) -> Response:
    form = Form.typed()
    try:
        web.people(MemberService).change_role(web.viewer().user_id, user_id, form.read(RoleChange).role)
    except Invalid as refusal:
        return _member_page(user_id, form.refused(refusal), 422)
    return go(url_for("settings.index" if user_id == web.viewer().user_id else "settings.team"), _("Saved."))


@bp.post("/team/<int:user_id>/remove")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.member")
def remove_member(user_id: int) -> Response:
    members = web.people(MemberService)
    found = members.get(user_id)
    try:
        members.remove(web.viewer().user_id, user_id)
    except Invalid as refusal:
        return _member_page(user_id, Form().refused(refusal), 422)
    return go(url_for("settings.team"), _("%(name)s is no member any more.", name=found.name))


@bp.get("/team/leave")
def leaving() -> Response:
    return _leave_page(Form())


@bp.post("/team/leave")
@form_page("settings.leaving")
def leave() -> Response:
    """Those who are members elsewhere go on there."""
    viewer = web.viewer()
    elsewhere = [id_ for id_, _name in web.sign_ins().workspaces(viewer.user_id) if id_ != viewer.workspace_id]
    if elsewhere:
        web.sign_ins().switch(viewer, elsewhere[0])
    try:
        web.people(MemberService).remove(viewer.user_id, viewer.user_id)
    except Invalid as refusal:
        return _leave_page(Form().refused(refusal), 422)
    left = _("You have left %(workspace)s.", workspace=viewer.workspace_name)
    return go(url_for("settings.index" if elsewhere else "auth.login"), left)


@bp.get("/team/<int:user_id>/picture")
def picture(user_id: int) -> Response:
    """A member's picture. Its address names its digest, so that a browser keeps it until there is another."""
    response = Response(web.people(ProfileService).picture(user_id), mimetype="image/webp")
    response.headers["Cache-Control"] = f"private, max-age={A_YEAR}, immutable"
    return response


def _member_page(user_id: int, form: Form, status: int = 200) -> Response:
    found = web.people(MemberService).get(user_id)
    form.values.setdefault("role", found.role.value)
    return page(TEAM + "show.html", status, m=found, form=form, me=web.viewer().user_id)


def _leave_page(form: Form, status: int = 200) -> Response:
    return page(TEAM + "leave.html", status, form=form)
