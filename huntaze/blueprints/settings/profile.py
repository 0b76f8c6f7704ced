"""Who the viewer is to others, and in which language and time zone they live."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.schemas.management import ProfileChange, time_zones
from huntaze.services.errors import Invalid, Problem
from huntaze.services.pictures import LARGEST
from huntaze.services.profiles import ProfileService

MOST_READ = 32 * 1024 * 1024
"""Bytes that are read of an upload, so that a photo straight from the camera gets an answer and not a broken line."""


@bp.get("/profile")
def profile() -> Response:
    user = web.people(ProfileService).get(web.viewer().user_id)
    return _profile_page(Form.empty(name=user.name, time_zone=user.time_zone, locale=user.locale))


@bp.post("/profile")
@form_page("settings.profile")
def change_profile() -> Response:
    form = Form.typed()
    try:
        web.people(ProfileService).change(web.viewer().user_id, form.read(ProfileChange))
    except Invalid as refusal:
        return _profile_page(form.refused(refusal), 422)
    return go(url_for("settings.profile"), _("Saved."))


@bp.post("/profile/picture")
@web.uploads(MOST_READ)
@form_page("settings.profile")
def change_picture() -> Response:
    try:
        web.people(ProfileService).show(web.viewer().user_id, _file())
    except Invalid as refusal:
        user = web.people(ProfileService).get(web.viewer().user_id)
        form = Form({"name": user.name, "time_zone": user.time_zone or "", "locale": user.locale or ""})
        return _profile_page(form.refused(refusal), 422)
    return go(url_for("settings.profile"), _("Saved."))


@bp.post("/profile/picture/remove")
@form_page("settings.profile")
def remove_picture() -> Response:
    web.people(ProfileService).hide(web.viewer().user_id)
    return go(url_for("settings.profile"), _("The picture is removed."))


def _file() -> bytes:
    """The uploaded file, up to a byte more than it may have: the service says what is wrong with it."""
    try:
        file = request.files.get("picture")
    except RequestEntityTooLarge:
        raise Invalid({"picture": [Problem("picture_too_large", {"most": LARGEST // 1024**2})]}) from None
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read(LARGEST + 1)


def _profile_page(form: Form, status: int = 200) -> Response:
    return page("settings/profile.html", status, form=form, zones=time_zones())
