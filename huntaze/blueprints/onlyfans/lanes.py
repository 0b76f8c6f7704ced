"""What is done to all that an account sends: pause, resume, stop at a time, cancel what waits. For managers and those
above: it concerns what others wrote. Whoever may write decides about single messages (messages.py)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Response, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from huntaze.blueprints import web
from huntaze.blueprints.formats import clock, number
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page_or_partial
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.onlyfans.messages import HERE, answer
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.delivery import CancelWaiting, Stop, Which
from huntaze.services.delivery_control import LaneService
from huntaze.services.delivery_status import DeliveryStatusService
from huntaze.services.errors import Invalid


@bp.get("/messages/lanes/<int:account_id>")
@web.role(Role.MANAGER)
def lane(account_id: int) -> Response:
    """What can be done to it; who may do nothing of that has no use for it."""
    return _page(account_id, Form())


@bp.post("/messages/lanes/<int:account_id>/pause")
@web.role(Role.MANAGER)
@form_page("onlyfans.lane")
def pause_lane(account_id: int) -> Response:
    """For managers and above: nobody's messages go out any more."""
    web.service(LaneService).pause(account_id, web.viewer().user_id)
    return answer(_("Paused. At most one message is still on its way."))


@bp.post("/messages/lanes/<int:account_id>/resume")
@web.role(Role.MANAGER)
@form_page("onlyfans.lane")
def resume_lane(account_id: int) -> Response:
    """For managers and above: who paused it, or what is wrong, is theirs to know."""
    web.service(LaneService).resume(account_id)
    web.deliver()
    return answer(_("It goes on."))


@bp.post("/messages/lanes/<int:account_id>/cancel")
@web.role(Role.MANAGER)
@form_page("onlyfans.lane")
def cancel_lane(account_id: int) -> Response:
    """For managers and above: it takes back what others wrote."""
    form = Form.typed()
    try:
        wanted = form.read(CancelWaiting)
    except Invalid as refusal:
        return _page(account_id, form.refused(refusal), 422)
    done = web.service(LaneService).cancel_all(account_id, bulk_only=wanted.which is Which.BULK)
    count = number(done.cancelled)
    told = ngettext(
        "%(count)s message is cancelled.", "%(count)s messages are cancelled.", done.cancelled, count=count
    )
    if done.sending:
        more = ngettext("%(num)s is on its way already.", "%(num)s are on their way already.", done.sending)
        told = f"{told} {more}"
    return go(url_for("onlyfans.messages"), told)


@bp.post("/messages/lanes/<int:account_id>/stop-at")
@web.role(Role.MANAGER)
@form_page("onlyfans.lane")
def stop_lane(account_id: int) -> Response:
    """For managers and above, as pausing is. An empty field takes the time back."""
    form = Form.typed()
    try:
        at = form.read(Stop).at
    except Invalid as refusal:
        return _page(account_id, form.refused(refusal), 422)
    when = None if at is None else _next(at, datetime.now(UTC))
    web.service(LaneService).stop_at(account_id, when)
    told = _("It stops at %(time)s.", time=clock(when)) if when else _("It goes on as long as something waits.")
    return go(url_for("onlyfans.messages"), told)


def _page(account_id: int, form: Form, status: int = 200) -> Response:
    lanes = web.service(DeliveryStatusService)
    found = lanes.lane(account_id)
    if found.stop_at and "at" not in form.values:
        at = found.stop_at.astimezone(_zone())
        form.values["at"] = f"{at:%H:%M}"
    bulk = lanes.waiting_for_all(account_id)
    waiting = found.scheduled + found.held + found.queued
    return page_or_partial(
        HERE + "lane.html", HERE + "_lane.html", status, lane=found, form=form, bulk=bulk, waiting=waiting
    )


def _next(at: time, now: datetime) -> datetime:
    """When the viewer's clock says so next, in UTC."""
    zone = _zone()
    today = now.astimezone(zone).date()
    wanted = (datetime.combine(day, at.replace(tzinfo=None), zone) for day in (today, today + timedelta(days=1)))
    return next(when for each in wanted if (when := each.astimezone(UTC)) > now)


def _zone() -> ZoneInfo:
    return ZoneInfo(web.viewer().time_zone)
