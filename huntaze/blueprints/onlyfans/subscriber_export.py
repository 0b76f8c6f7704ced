"""The fans of a filter as a CSV file, which a spreadsheet opens as it is, and which an import takes back."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Response, request
from flask_babel import get_locale
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.downloads import attachment, csv_line
from huntaze.blueprints.forms import read
from huntaze.blueprints.htmx import page
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.parked import form_page
from huntaze.models.audit import Action
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Role
from huntaze.schemas.subscriber import SubscriberFilter
from huntaze.services.subscribers import SubscriberService

BATCH = 1_000
"""Fans in memory at a time."""
DECIMAL_COMMA = ("fr",)
"""Languages whose spreadsheets write 12,50: there the columns are separated by semicolons."""


@bp.get("/subscribers/export")
@web.role(Role.MANAGER)
@web.confirmed
def export_subscribers() -> Response:
    wanted = read(SubscriberFilter, {name: value for name, value in request.args.items() if name != "after"})
    return page("onlyfans/subscribers/export.html", filter=wanted, page=web.service(SubscriberService).page(wanted))


@bp.post("/subscribers/export")
@web.role(Role.MANAGER)
@web.confirmed
@form_page("onlyfans.export_subscribers")
def download_subscribers() -> Response:
    """Batch by batch, each in a short transaction: a slow phone holds no connection to the database."""
    wanted = read(SubscriberFilter, request.form)
    web.audit(Action.SUBSCRIBERS_EXPORTED, filters=wanted.active, searched=int(bool(wanted.q)))
    zone = ZoneInfo(web.viewer().time_zone)
    comma = str(get_locale()) in DECIMAL_COMMA
    delimiter, point = (";", ",") if comma else (",", ".")

    after = 0

    def some() -> str:
        nonlocal after
        with web.own_session() as session:
            fans = SubscriberService(session, web.viewer().workspace_id).batch(wanted, after, BATCH)
            after = fans[-1].id if fans else after
            return "".join(csv_line(_cells(fan, zone, point), delimiter) for fan in fans)

    day = datetime.now(zone).date()
    return attachment(csv_line(_header(), delimiter), web.later(some), _("fans %(day)s", day=day.isoformat()))


def _header() -> list[str]:
    """In the order of `_cells`. An import knows each of them."""
    return [
        _("Username"), _("Platform id"), _("Display name"), _("E-mail"), _("Tier"), _("Status"), _("Monthly price"),
        _("Total spent"), _("Country"), _("Joined"), _("Last seen"), _("Renewal date"), _("Tags"),
    ]  # fmt: skip


def _cells(fan: Subscriber, zone: ZoneInfo, point: str) -> list[str]:
    return [
        fan.username,
        fan.platform_id or "",
        fan.display_name,
        fan.email or "",
        fan.tier.value,
        fan.status.value,
        _amount(fan.monthly_price_cents, point),
        _amount(fan.total_spent_cents, point),
        fan.country,
        _time(fan.joined_at, zone),
        _time(fan.last_active_at, zone),
        _time(fan.renews_at, zone),
        ", ".join(tag["name"] for tag in fan.tags),
    ]


def _amount(cents: int, point: str) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}{point}{abs(cents) % 100:02}"


def _time(when: datetime | None, zone: ZoneInfo) -> str:
    """As spreadsheets know it, in the workspace's zone; the hour that comes twice in autumn names its offset."""
    if when is None:
        return ""
    local = when.astimezone(zone)
    plain = f"{local:%Y-%m-%d %H:%M:%S}"
    return plain + local.isoformat()[-6:] if local.fold else plain
