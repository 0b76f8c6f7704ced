"""The API does what /api/openapi.json says, whatever is sent to it."""

from __future__ import annotations

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from huntaze.models.user import Role
from tests.conftest import Browser
from tests.factories import ApiTokenFactory, MemberFactory, SubscriberFactory
from tests.routes import ROUTES

DOCUMENT = "/api/openapi.json"
LIST = "/api/onlyfans/subscribers"
ONE = "/api/onlyfans/subscribers/{subscriber_id}"
PROFILE = "/api/management/profile"
SETTINGS = "/api/management/settings"
OVERVIEW = "/api/analytics/overview"
SEND, STATUS = "/api/onlyfans/messages/send", "/api/onlyfans/messages/status"
CHATS, SAID = "/api/chatbot/conversations", "/api/chatbot/conversations/{conversation_id}/messages"
EXAMPLES = 30
"""Of each operation, valid and invalid: enough to find what is wrong in seconds."""


@pytest.fixture(scope="module")
def schema(app: Flask) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi(DOCUMENT, app)


@pytest.fixture(scope="module")
def authorization(app: Flask) -> dict[str, str]:
    member = MemberFactory(role=Role.OWNER)
    ApiTokenFactory(member=member, token="the token of schemathesis")
    SubscriberFactory(workspace_id=member.workspace_id)
    return {"Authorization": "Bearer the token of schemathesis"}


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (LIST, "GET"),
        (LIST, "POST"),
        (ONE, "GET"),
        (ONE, "PATCH"),
        (ONE, "DELETE"),
        (PROFILE, "GET"),
        (PROFILE, "PUT"),
        (SETTINGS, "GET"),
        (SETTINGS, "PUT"),
        (OVERVIEW, "GET"),
        (SEND, "POST"),
        (STATUS, "GET"),
        (CHATS, "GET"),
        (CHATS, "POST"),
        (SAID, "GET"),
        (SAID, "POST"),
    ],
)
def test_it_keeps_its_word(
    schema: schemathesis.BaseSchema, authorization: dict[str, str], path: str, method: str, mode: GenerationMode
) -> None:
    # What a valid e-mail, user name or cursor is, a schema says only in part: such a 422 is no broken word.
    strict = CHECKS.get_by_names(["positive_data_acceptance"])

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def keeps_its_word(case: schemathesis.Case) -> None:
        plain = {**authorization, "Accept-Encoding": "identity"}  # over WSGI nothing unpacks an answer
        case.call_and_validate(headers=plain, excluded_checks=strict)

    keeps_its_word()


def test_every_operation_is_tried(schema: schemathesis.BaseSchema) -> None:
    tried = {f"{method} {path}" for path, methods in schema.raw_schema["paths"].items() for method in methods}
    fans = {f"get {LIST}", f"post {LIST}", f"get {ONE}", f"patch {ONE}", f"delete {ONE}"}
    management = {f"{method} {path}" for path in (PROFILE, SETTINGS) for method in ("get", "put")}
    talk = {f"{method} {path}" for path in (CHATS, SAID) for method in ("get", "post")}
    assert tried == fans | management | talk | {f"get {OVERVIEW}", f"post {SEND}", f"get {STATUS}"}


def test_what_changes_something_wants_a_token_that_writes(nobody: Browser) -> None:
    document = nobody.get(DOCUMENT).json
    assert document is not None
    for path in document["paths"].values():
        for method, operation in path.items():
            assert operation["security"] == [{"token": ["read" if method == "get" else "write"]}]


def test_every_route_of_the_api_is_described(nobody: Browser) -> None:
    document = nobody.get(DOCUMENT).json
    assert document is not None
    assert document["openapi"].startswith("3.1")
    described = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert described == {name.removeprefix("api.") for name in ROUTES if name.startswith("api.")} - {"openapi"}


def test_it_is_the_same_for_everybody(nobody: Browser, as_owner: Browser) -> None:
    assert nobody.get(DOCUMENT).json == as_owner.get(DOCUMENT).json
