"""What a service raises; blueprints/errors.py and blueprints/forms.py say what the web makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class NotFound(Exception):
    """There is no such thing in this workspace: 404, also for what exists in another one."""


class Forbidden(Exception):
    """The viewer's role does not cover this: 403."""


class CrossSite(Exception):
    """Another site's page sent this request: 403."""


class Problem(NamedTuple):
    """What is wrong with a field. `kind` is looked up in blueprints/messages.py, `detail` fills its gaps."""

    kind: str
    detail: Mapping[str, Any] = {}


class Invalid(Exception):
    """The input breaks a rule: 422. `errors` maps a field ("_" for the whole) to what is wrong with it."""

    def __init__(self, errors: Mapping[str, list[Problem]]) -> None:
        super().__init__(errors)
        self.errors = dict(errors)


class Conflict(Invalid):
    """The input is fine in itself, but something that exists is in its way: 409 in the API, 422 in a form."""


class TooManyTries(Exception):
    """Not before `until`: 429."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until
