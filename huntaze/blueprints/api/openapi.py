"""The API's own description, OpenAPI 3.1, made of the routes and their schemas."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from flask import Response, current_app, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint
from huntaze.models.sign_in import TokenScope

ABOUT_TOKENS = "A token of Settings > API tokens. One that reads only has the scope `read`, others have both."
REFS = "#/components/schemas/{model}"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


@bp.get("/openapi.json")
@web.public
def openapi() -> Response:
    return jsonify(_document())


@cache
def _document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    models: set[tuple[type[BaseModel], str]] = set()
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        endpoint: Endpoint | None = getattr(view, "endpoint_description", None)
        if endpoint is None:
            continue
        if endpoint.body:
            models.add((endpoint.body, "validation"))
        if endpoint.answer:
            models.add((endpoint.answer, "serialization"))
        method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"})).lower()
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        scope = TokenScope.READ if method == "get" else TokenScope.WRITE
        paths.setdefault(path, {})[method] = _operation(rule, endpoint, scope)
    ordered = sorted(models, key=lambda item: item[0].__name__)
    _places, schemas = models_json_schema(ordered, ref_template=REFS)  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Huntaze", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": ABOUT_TOKENS},
            },
        },
    }


def _operation(rule: Rule, endpoint: Endpoint, scope: TokenScope) -> dict[str, Any]:
    path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
        }
        for name in sorted(rule.arguments)
    ]
    success: dict[str, Any] = {"description": "Done."}
    if endpoint.answer:
        success["content"] = _content("application/json", endpoint.answer.__name__)
    problem = {"description": "A problem.", "content": _content("application/problem+json", "Problem")}
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.removeprefix("api."),
        "summary": endpoint.summary,
        "security": [{"token": [scope.value]}],
        "parameters": path + _query(endpoint),
        "responses": {
            str(endpoint.status): success,
            **{str(status): problem for status in sorted({401, *endpoint.refusals})},
        },
    }
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": _content("application/json", endpoint.body.__name__),
        }
    return operation


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    defs = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(part, defs)}
        for name, part in schema["properties"].items()
    ]


def _inlined(part: Any, defs: dict[str, Any]) -> Any:
    """A query parameter's schema without references; there is no null in a URL, an empty text says "none"."""
    if part == {"type": "null"}:
        return {"type": "string", "maxLength": 0}
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined(defs[part["$ref"].rsplit("/", 1)[1]], defs)
        return {name: _inlined(value, defs) for name, value in part.items()}
    if isinstance(part, list):
        return [_inlined(value, defs) for value in part]
    return part


def _content(mimetype: str, name: str) -> dict[str, Any]:
    return {mimetype: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
