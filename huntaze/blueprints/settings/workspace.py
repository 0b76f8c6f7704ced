"""The workspace's name, its currency and its time zone."""

from __future__ import annotations

from babel.numbers import get_currency_name
from flask import Response, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.models.user import Role
from huntaze.schemas.management import WorkspaceChange, time_zones
from huntaze.services.errors import Invalid
from huntaze.services.workspaces import CURRENCIES, WorkspaceService


@bp.get("/workspace")
@web.role(Role.OWNER)
def workspace() -> Response:
    found = web.people(WorkspaceService).get()
    return _page(Form.empty(name=found.name, currency=found.currency, time_zone=found.time_zone))


@bp.post("/workspace")
@web.role(Role.OWNER)
@form_page("settings.workspace")
def change_workspace() -> Response:
    form = Form.typed()
    try:
        web.people(WorkspaceService).change(web.viewer().user_id, form.read(WorkspaceChange))
    except Invalid as refusal:
        return _page(form.refused(refusal), 422)
    return go(url_for("settings.workspace"), _("Saved."))


def _page(form: Form, status: int = 200) -> Response:
    fixed = web.people(WorkspaceService).has_money()
    codes = [web.viewer().currency] if fixed else sorted({*CURRENCIES, web.viewer().currency})
    currencies = [(code, f"{code} · {get_currency_name(code, locale=get_locale())}") for code in codes]
    return page("settings/workspace.html", status, form=form, currencies=currencies, fixed=fixed, zones=time_zones())
