"""What an API view says of itself: the schemas it reads and answers. openapi.py writes them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, jsonify, request
from pydantic import BaseModel
from werkzeug.exceptions import UnsupportedMediaType

from huntaze.blueprints.forms import read
from huntaze.services.errors import Invalid, Problem

View = TypeVar("View", bound=Callable[..., Any])
Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Endpoint:
    """status: of success. query, body, answer: schemas. refusals: statuses beside 401 and 500."""

    summary: str
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    refusals: tuple[int, ...] = ()


def describe(endpoint: Endpoint) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.endpoint_description = endpoint  # type: ignore[attr-defined]
        return view

    return mark


def read_json(schema: type[Schema]) -> Schema:
    """The body as the schema sees it. Raises UnsupportedMediaType, Invalid."""
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        body = None
    if body is None:
        raise Invalid({"_": [Problem("json_invalid")]})
    if not isinstance(body, dict):
        raise Invalid({"_": [Problem("model_type")]})
    return read(schema, body)


def write_json(answer: BaseModel, status: int = 200) -> Response:
    response = jsonify(answer.model_dump(mode="json"))
    response.status_code = status
    return response
