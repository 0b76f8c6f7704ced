"""/api/management: the viewer's profile and the workspace's settings."""

from __future__ import annotations

from flask import Response, url_for

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint, describe, read_json, write_json
from huntaze.models.user import Role, User
from huntaze.schemas.management import ProfileChange, ProfileOut, WorkspaceChange, WorkspaceOut
from huntaze.services.profiles import ProfileService
from huntaze.services.workspaces import WorkspaceService


@bp.get("/management/profile")
@describe(Endpoint("Whom the token or the session belongs to.", answer=ProfileOut))
def get_profile() -> Response:
    return _profile(web.people(ProfileService).get(web.viewer().user_id))


@bp.put("/management/profile")
@describe(Endpoint("Change the profile.", body=ProfileChange, answer=ProfileOut, refusals=(403, 415, 422)))
def put_profile() -> Response:
    return _profile(web.people(ProfileService).change(web.viewer().user_id, read_json(ProfileChange)))


@bp.get("/management/settings")
@describe(Endpoint("The workspace's name, currency and time zone.", answer=WorkspaceOut))
def get_settings() -> Response:
    return write_json(WorkspaceOut.model_validate(web.people(WorkspaceService).get()))


@bp.put("/management/settings")
@web.role(Role.OWNER)
@describe(
    Endpoint(
        "Change the workspace. The currency stays where there is money in it.",
        body=WorkspaceChange,
        answer=WorkspaceOut,
        refusals=(403, 409, 415, 422),
    )
)
def put_settings() -> Response:
    changed = web.people(WorkspaceService).change(web.viewer().user_id, read_json(WorkspaceChange))
    return write_json(WorkspaceOut.model_validate(changed))


def _profile(user: User) -> Response:
    picture = user.picture and url_for("settings.picture", user_id=user.id, v=user.picture)
    return write_json(
        ProfileOut(
            name=user.name,
            email=user.email,
            role=web.viewer().role,
            time_zone=user.time_zone,
            locale=user.locale,
            picture=picture,
        )
    )
