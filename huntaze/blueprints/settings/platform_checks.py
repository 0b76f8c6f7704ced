"""A new API key: typed, checked by a worker, and made an account of ours, or another key of one."""

from __future__ import annotations

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.blueprints.settings.platforms import CHECK, HERE, SYNC, webhook_page
from huntaze.blueprints.streams import News, stream
from huntaze.models.platform_account import Platform
from huntaze.models.platform_check import CheckState, PlatformCheck, Question
from huntaze.models.user import Role
from huntaze.schemas.platforms import ChosenAccount, NewKey
from huntaze.services.errors import Invalid
from huntaze.services.platform_checks import PlatformCheckService, check_topic


@bp.get("/platforms/new")
@web.role(Role.OWNER)
def new_platform() -> Response:
    return page(HERE + "new.html", form=Form.empty())


@bp.post("/platforms")
@web.role(Role.OWNER)
@form_page("settings.new_platform")
def check_platform() -> Response:
    form = Form(request.form.to_dict())
    try:
        wanted = form.read(NewKey)
    except Invalid as refusal:
        return page(HERE + "new.html", 422, form=form.refused(refusal))
    check_id = web.platform_checks().ask_connect(Platform.ONLYFANS, wanted.key, web.viewer().user_id)
    return _ask(check_id)


@bp.get("/platforms/<int:account_id>/key")
@web.role(Role.OWNER)
def platform_key(account_id: int) -> Response:
    return page(HERE + "key.html", account=web.platform_accounts().get(account_id), form=Form.empty())


@bp.post("/platforms/<int:account_id>/key")
@web.role(Role.OWNER)
@form_page("settings.platform_key")
def replace_platform_key(account_id: int) -> Response:
    account, form = web.platform_accounts().get(account_id), Form.typed()
    try:
        wanted = form.read(NewKey)
        check_id = web.platform_checks().ask_replace(account_id, wanted.key, web.viewer().user_id)
    except Invalid as refusal:
        return page(HERE + "key.html", 422, account=account, form=form.refused(refusal))
    return _ask(check_id)


@bp.get("/platforms/checks/<int:check_id>")
@web.role(Role.OWNER)
def platform_check(check_id: int) -> Response:
    return _check_page(web.platform_checks(), check_id, Form())


@bp.get("/platforms/checks/<int:check_id>/events")
@web.role(Role.OWNER)
def platform_check_events(check_id: int) -> Response:
    web.platform_checks().get(check_id)  # a stranger's 404
    here, key = web.viewer().workspace_id, web.secret_key()

    def news() -> News:
        with web.own_session() as session:
            checks = PlatformCheckService(session, here, key)
            found = checks.get(check_id)
            html = render_template(HERE + "_check.html", form=Form(), **_seen(checks, found))
            return News(html, is_last=found.state is not CheckState.WAITING)

    return stream(check_topic(here, check_id), news)


@bp.post("/platforms/checks/<int:check_id>/connect")
@web.role(Role.OWNER)
@form_page("settings.platform_check")
def connect_platform(check_id: int) -> Response:
    form = Form.typed()
    try:
        wanted = form.read(ChosenAccount)
        connected = web.platform_accounts().connect(check_id, wanted.external_id, web.viewer().user_id)
    except Invalid as refusal:
        return _check_page(web.platform_checks(), check_id, form.refused(refusal), 422)
    web.enqueue(SYNC, web.viewer().workspace_id, connected.account_id, queue="sync")
    return webhook_page(web.platform_accounts().get(connected.account_id), connected.webhook)


def _ask(check_id: int) -> Response:
    web.enqueue(CHECK, web.viewer().workspace_id, check_id)
    return go(url_for("settings.platform_check", check_id=check_id))


def _check_page(checks: PlatformCheckService, check_id: int, form: Form, status: int = 200) -> Response:
    found = checks.get(check_id)
    if found.question is Question.REPLACE and found.state is CheckState.GOOD:
        path = url_for("settings.platform", account_id=found.account_id)
        return go(path, _("The key is replaced; the former one can be revoked at the gateway."))
    return page_or_partial(HERE + "check.html", HERE + "_check.html", status, form=form, **_seen(checks, found))


def _seen(checks: PlatformCheckService, found: PlatformCheck) -> dict[str, object]:
    return {"check": found, "connected": checks.connected_ids(found.platform)}
