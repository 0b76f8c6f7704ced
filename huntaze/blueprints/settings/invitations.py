"""Inviting people to the workspace."""

from __future__ import annotations

from flask import Response, current_app, render_template, request, url_for
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.models.invitation import VALID
from huntaze.models.user import Role
from huntaze.schemas.team import NewInvitation
from huntaze.services.errors import Invalid
from huntaze.services.invitations import InvitationService, Sent

HERE = "settings/invitations/"


@bp.get("/team/invitations")
@web.role(Role.MANAGER)
def invitations() -> Response:
    return _list_page(Form())


@bp.get("/team/invitations/new")
@web.role(Role.OWNER)
@web.reachable
@web.confirmed
def new_invitation() -> Response:
    return page(HERE + "new.html", form=Form.empty(role=Role.CHATTER.value))


@bp.post("/team/invitations")
@web.role(Role.OWNER)
@web.reachable
@web.confirmed
@form_page("settings.new_invitation")
def invite() -> Response:
    form = Form.typed()
    try:
        sent = web.people(InvitationService).invite(web.viewer().user_id, form.read(NewInvitation))
    except Invalid as refusal:
        return page(HERE + "new.html", 422, form=form.refused(refusal))
    return _sent_page(sent)


@bp.post("/team/invitations/<int:invitation_id>/resend")
@web.role(Role.OWNER)
@web.reachable
@web.confirmed
@form_page("settings.invitations")
def resend_invitation(invitation_id: int) -> Response:
    try:
        sent = web.people(InvitationService).resend(web.viewer().user_id, invitation_id)
    except Invalid as refusal:
        return _list_page(Form().refused(refusal), 422)
    return _sent_page(sent)


@bp.post("/team/invitations/<int:invitation_id>/revoke")
@web.role(Role.OWNER)
@form_page("settings.invitations")
def revoke_invitation(invitation_id: int) -> Response:
    web.people(InvitationService).revoke(web.viewer().user_id, invitation_id)
    return go(url_for("settings.invitations"), _("The invitation is revoked; its links lead nowhere now."))


def _list_page(form: Form, status: int = 200) -> Response:
    found = web.people(InvitationService).page(request.args.get("after", ""))
    context = {"invitations": found, "form": form, "valid": VALID}
    return page_or_partial(HERE + "index.html", HERE + "_rows.html", status, **context)


def _sent_page(sent: Sent) -> Response:
    """The mail is on its way; the link for those whom no mail reaches is shown this once (POST: no-store)."""
    viewer = web.viewer()
    names = {"name": viewer.name, "workspace": viewer.workspace_name}
    # In the language that the invited person chose, else in the inviter's: they are likely to share it.
    with force_locale(sent.locale or str(get_locale())):
        subject = _("%(name)s invites you to %(workspace)s", **names)
        link = web.absolute(url_for("join.invitation", token=sent.mailed))
        body = render_template("mail/invitation.txt", link=link, days=VALID.days, **names)
    web.mail(sent.invitation.email, subject, body)
    link = web.absolute(url_for("join.invitation", token=sent.shown))
    mails = bool(current_app.extensions["huntaze.config"].mail_url)
    return page(HERE + "sent.html", invitation=sent.invitation, link=link, days=VALID.days, mails=mails)
