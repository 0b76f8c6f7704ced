"""What every template may use: who looks, in which language and theme, and where the links lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from flask import Flask, current_app, get_flashed_messages, request, url_for
from flask_babel import get_locale, get_translations
from flask_babel import gettext as _
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from huntaze.assets import asset
from huntaze.blueprints import web
from huntaze.blueprints.cookies import LANGUAGE, LOOK
from huntaze.blueprints.formats import reader
from huntaze.blueprints.htmx import saves_data
from huntaze.extensions import babel
from huntaze.models.user import Role

LOCALES = {"en": "English", "fr": "Français"}
LOOKS = {
    "theme": ("system", "light", "dark"),
    "sidebar": ("open", "closed"),
    "discreet": ("off", "on"),  # a neutral title and icon, for a phone that others see
}
"""What may be chosen; the first is what holds before a choice. The order is the cookie's."""


@dataclass(frozen=True)
class Look:
    """What the browser keeps in a cookie, so that the first byte has the right colours and name."""

    theme: str = "system"
    sidebar: str = "open"
    discreet: str = "off"

    @classmethod
    def read(cls) -> Look:
        return cls().changed(dict(zip(LOOKS, (LOOK.read() or "").split("."), strict=False)))

    def changed(self, wanted: Mapping[str, str]) -> Look:
        """With those of the wanted choices that there are."""
        return replace(self, **{name: wanted[name] for name, known in LOOKS.items() if wanted.get(name) in known})

    @property
    def app_name(self) -> str:
        return str(_("Notes")) if self.discreet == "on" else "Huntaze"

    @property
    def icon(self) -> str:
        """The stem of the icon's files."""
        return "notes" if self.discreet == "on" else "icon"

    def __str__(self) -> str:
        return ".".join(getattr(self, name) for name in LOOKS)


@dataclass(frozen=True)
class NavEntry:
    """counted: what the count is of."""

    endpoint: str
    label: str
    icon: str
    current: bool
    count: int = 0
    counted: str = ""


@dataclass(frozen=True)
class TemplateViewer:
    """The viewer as templates see them."""

    id: int
    name: str
    email: str
    email_confirmed: bool
    role: str
    workspace_name: str
    unread: int
    picture: str
    can_manage: bool
    can_write: bool
    is_owner: bool
    delete_at: datetime | None


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=_locale, timezone_selector=_time_zone)
    app.context_processor(_context)
    app.add_template_global(asset)
    app.add_template_global(url_with)
    app.add_template_global(saves_data)


def url_with(**changes: Any) -> str:
    """This page's path with its query changed; None takes a part out."""
    query = {name: value for name, value in request.args.items() if name not in changes}
    query |= {name: str(value) for name, value in changes.items() if value is not None}
    return f"{request.path}?{urlencode(query)}" if query else request.path


def _context() -> dict[str, Any]:
    viewer = web.viewer_or_none()
    return {
        "viewer": viewer
        and TemplateViewer(
            id=viewer.user_id,
            name=viewer.name,
            email=viewer.email,
            email_confirmed=viewer.email_confirmed,
            role=viewer.role.value,
            workspace_name=viewer.workspace_name,
            unread=viewer.unread,
            picture=url_for("settings.picture", user_id=viewer.user_id, v=viewer.picture) if viewer.picture else "",
            can_manage=viewer.covers(Role.MANAGER),
            can_write=viewer.covers(Role.CHATTER),
            is_owner=viewer.covers(Role.OWNER),
            delete_at=viewer.delete_at,
        ),
        "awaits_email": bool(viewer) and web.awaits_email(),
        "mails_arrive": web.mails_arrive(),
        "dev_mail": url_for("dev.mail") if "dev" in current_app.blueprints else None,
        "workspace_currency": viewer.currency if viewer else "USD",
        "look": Look.read(),
        "locale": str(get_locale()),
        "reader": reader(),
        "locales": LOCALES,
        "nav": _nav(),
        "nav_more": _more(),
        "toasts": lambda: get_flashed_messages(with_categories=True),
        **_words(),
    }


def _words() -> dict[str, Callable[..., str]]:
    """`_` and `ngettext` of templates. A page calls them a hundred times: its language is looked up once.

    Jinja's and Flask-Babel's own look it up each time, and copy all variables for a call within a loop (measured: a
    tenth of the list's time).
    """
    translations = get_translations()

    def said(eval_ctx: EvalContext, text: str, variables: dict[str, Any]) -> str:
        # What is put into a text is escaped where the template escapes. A text is a format, also without variables.
        return (Markup(text) if eval_ctx.autoescape else text) % variables  # noqa: S704  ours, from the catalogue

    @pass_eval_context
    def gettext(eval_ctx: EvalContext, text: str, **variables: Any) -> str:
        return said(eval_ctx, translations.gettext(text), variables)

    @pass_eval_context
    def ngettext(eval_ctx: EvalContext, one: str, many: str, num: int, **variables: Any) -> str:
        return said(eval_ctx, translations.ngettext(one, many, num), {"num": num, **variables})

    return {"_": gettext, "ngettext": ngettext}


def _nav() -> list[NavEntry]:
    here, viewer = request.blueprint, web.viewer_or_none()
    waiting = viewer.waiting if viewer else 0
    return [
        NavEntry("dashboard.index", _("Home"), "home", here == "dashboard"),
        NavEntry("chatbot.conversations", _("Inbox"), "inbox", here == "chatbot", waiting, _("unanswered")),
        NavEntry("onlyfans.subscribers", _("Fans"), "fans", here == "onlyfans" and not _in_queue()),
    ]


def _more() -> list[NavEntry]:
    """What has no room in the bar of a phone."""
    viewer = web.viewer_or_none()
    unsure = viewer.unsure if viewer else 0
    return [
        NavEntry("onlyfans.messages", _("Queue"), "send", _in_queue(), unsure, _("unsure")),
        NavEntry("settings.index", _("Settings"), "settings", request.path.startswith("/settings")),
    ]


def _in_queue() -> bool:
    return request.path.startswith("/onlyfans/messages")


def _locale() -> Locale:
    viewer = web.viewer_or_none()
    chosen = (viewer.locale if viewer else None) or LANGUAGE.read()
    if chosen in LOCALES:
        return _parsed(chosen)
    wanted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())  # fr-CA is French
    return _parsed(next((tag for tag in wanted if tag in LOCALES), "en"))


@cache
def _parsed(tag: str) -> Locale:
    # The same object each time: what is kept by locale is found without comparing.
    return Locale.parse(tag)


def _time_zone() -> str:
    viewer = web.viewer_or_none()
    return viewer.time_zone if viewer else "UTC"
