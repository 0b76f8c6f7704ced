"""The platform accounts of the workspace: how they fare, their rules, and what to do with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, render_template, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial, secret
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.blueprints.streams import News, stream
from huntaze.models.platform_account import PlatformAccount, Resource
from huntaze.models.platform_check import CheckState, Question
from huntaze.models.user import Role
from huntaze.schemas.platforms import Disconnection, PolicyAccepted
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.platform_accounts import PlatformAccountService, topic
from huntaze.services.platform_checks import PlatformCheckService
from huntaze.services.platform_keys import Webhook
from huntaze.services.platform_policies import is_accepted, policy_of
from huntaze.services.webhooks import WebhookService

HERE = "settings/platforms/"
CHECK = "huntaze.jobs.platforms.check"
ERASE = "huntaze.jobs.platforms.erase"
SYNC = "huntaze.jobs.sync.run"


@bp.get("/platforms")
@web.role(Role.MANAGER)
def platforms() -> Response:
    return page(HERE + "index.html", accounts=web.platform_accounts().all())


@bp.get("/platforms/<int:account_id>")
@web.role(Role.MANAGER)
def platform(account_id: int) -> Response:
    return _account_page(account_id, Form())


@bp.get("/platforms/<int:account_id>/events")
@web.role(Role.MANAGER)
def platform_events(account_id: int) -> Response:
    web.platform_accounts().get(account_id)  # a stranger's 404
    here, key = web.viewer().workspace_id, web.secret_key()

    def news() -> News:
        with web.own_session() as session:
            try:
                seen = _seen(
                    PlatformAccountService(session, here, key), PlatformCheckService(session, here, key), account_id
                )
            except NotFound:  # erased
                return News(render_template(HERE + "_gone.html"), is_last=True)
            return News(render_template(HERE + "_state.html", **seen), is_last=not seen["busy"])

    return stream(topic(here, account_id), news)


@bp.post("/platforms/<int:account_id>/test")
@web.role(Role.OWNER)
@form_page("settings.platform")
def test_platform(account_id: int) -> Response:
    try:
        check_id = web.platform_checks().ask_test(account_id, web.viewer().user_id)
    except Conflict as refusal:
        return _account_page(account_id, Form().refused(refusal), 422)
    web.enqueue(CHECK, web.viewer().workspace_id, check_id)
    return go(_path(account_id))


@bp.post("/platforms/<int:account_id>/sync")
@web.role(Role.OWNER)
@form_page("settings.platform")
def sync_platform(account_id: int) -> Response:
    try:
        web.platform_accounts().sync_now(account_id)
    except Conflict as refusal:
        return _account_page(account_id, Form().refused(refusal), 422)
    web.enqueue(SYNC, web.viewer().workspace_id, account_id, queue="sync")
    return go(_path(account_id))


@bp.post("/platforms/<int:account_id>/policy")
@web.role(Role.OWNER)
@form_page("settings.platform")
def accept_platform_policy(account_id: int) -> Response:
    form = Form.typed()
    try:
        wanted = form.read(PolicyAccepted)
        web.platform_accounts().accept_policy(account_id, wanted.version, web.viewer().user_id)
    except Invalid as refusal:
        return _account_page(account_id, form.refused(refusal), 422)
    return go(_path(account_id), _("The rules are accepted."))


@bp.get("/platforms/<int:account_id>/webhook")
@web.role(Role.OWNER)
def platform_webhook(account_id: int) -> Response:
    return page(HERE + "webhook.html", account=web.platform_accounts().get(account_id), form=Form())


@bp.post("/platforms/<int:account_id>/webhook")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.platform_webhook")
def renew_platform_webhook(account_id: int) -> Response:
    accounts = web.platform_accounts()
    try:
        webhook = accounts.renew_webhook(account_id, web.viewer().user_id)
    except Conflict as refusal:
        form = Form().refused(refusal)
        return page(HERE + "webhook.html", 422, account=accounts.get(account_id), form=form)
    return webhook_page(accounts.get(account_id), webhook)


@bp.get("/platforms/<int:account_id>/disconnect")
@web.role(Role.OWNER)
def disconnecting_platform(account_id: int) -> Response:
    return page(HERE + "disconnect.html", account=web.platform_accounts().get(account_id), form=Form.empty())


@bp.post("/platforms/<int:account_id>/disconnect")
@web.role(Role.OWNER)
@web.confirmed
@form_page("settings.disconnecting_platform")
def disconnect_platform(account_id: int) -> Response:
    accounts, form = web.platform_accounts(), Form.typed()
    try:
        wanted = form.read(Disconnection)
        accounts.disconnect(account_id, web.viewer().user_id, erase=wanted.erase, typed_name=wanted.name)
    except Invalid as refusal:
        account = accounts.get(account_id)
        return page(HERE + "disconnect.html", 422, account=account, form=form.refused(refusal))
    if not wanted.erase:
        return go(_path(account_id), _("The account is disconnected; what was read of it stays."))
    web.enqueue(ERASE, web.viewer().workspace_id, account_id, queue="sync")
    return go(url_for("settings.platforms"), _("The account is disconnected, and its data is being erased."), "info")


def webhook_page(account: PlatformAccount, webhook: Webhook) -> Response:
    """The address and the secret, shown this once, in the answer to a POST."""
    address = web.absolute(f"/webhooks/{account.platform}/{webhook.token}")
    return secret(page(HERE + "webhook_shown.html", account=account, address=address, webhook=webhook))


def _account_page(account_id: int, form: Form, status: int = 200) -> Response:
    seen = _seen(web.platform_accounts(), web.platform_checks(), account_id)
    oddities = web.service(WebhookService).oddities(account_id)
    return page_or_partial(HERE + "show.html", HERE + "_state.html", status, form=form, oddities=oddities, **seen)


def _seen(accounts: PlatformAccountService, checks: PlatformCheckService, account_id: int) -> dict[str, Any]:
    """What the page of an account shows of it."""
    account = accounts.get(account_id)
    test = checks.latest(account_id, Question.TEST)
    states = {state.resource: state for state in accounts.progress(account_id)}
    steps = [(resource, states.get(resource)) for resource in Resource if resource != Resource.SWEEP]
    now = datetime.now(UTC)
    waits = account.retry_at is not None and account.retry_at > now
    wanted = account.sync_wanted_at is not None and account.may_be_called and not waits
    reading = wanted or (account.leased_until is not None and account.leased_until > now)
    testing = test is not None and test.state is CheckState.WAITING
    return {
        "account": account,
        "steps": steps,
        "sweep": states.get(Resource.SWEEP),
        "first": account.may_be_called and account.synced_at is None,
        "reading": reading,
        "testing": testing,
        "test": test,
        "waits": waits,
        "busy": reading or testing or account.erase_asked_at is not None,
        "policy": policy_of(account),
        "accepted": is_accepted(account),
    }


def _path(account_id: int) -> str:
    return url_for("settings.platform", account_id=account_id)
