"""A form as typed: its values, what is wrong with them, and the schema that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from huntaze.blueprints import web
from huntaze.blueprints.messages import say
from huntaze.services.errors import Invalid, Problem

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass
class Form:
    """What a template shows: `values` as typed, `errors` by field ("_" for the whole form)."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def empty(cls, **values: str | None) -> Form:
        """A form to begin with; what an expired session interrupted comes back into it."""
        form = cls({name: value or "" for name, value in values.items()})
        parked_id = request.args.get("parked", "")
        if parked_id.isdecimal() and len(parked_id) < 19:
            form.values |= web.typed_before(int(parked_id))
        return form

    @classmethod
    def typed(cls) -> Form:
        """The form that this request posts."""
        return cls(request.form.to_dict())

    def read(self, schema: type[Schema]) -> Schema:
        """Raises Invalid."""
        return read(schema, self.values)

    def refused(self, refusal: Invalid) -> Form:
        """The same form with what is wrong beside its fields."""
        for name, problems in refusal.errors.items():
            for problem in problems:
                # A field that the form doesn't have has no place on it.
                stranger = problem.kind == "extra_forbidden"
                place, text = ("_", f"{name}: {say(problem)}") if stranger else (name, say(problem))
                self.errors.setdefault(place, []).append(text)
        return self


def read(schema: type[Schema], values: Mapping[str, Any]) -> Schema:
    """The values as the schema sees them. Raises Invalid with every field that is wrong."""
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        errors: dict[str, list[Problem]] = {}
        for found in error.errors(include_url=False, include_input=False):
            place = ".".join(str(part) for part in found["loc"]) or "_"
            errors.setdefault(place, []).append(Problem(found["type"], found.get("ctx", {})))
        raise Invalid(errors) from None
