"""Text typed into a form whose session had ended: where it is picked up after signing in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request, url_for

View = TypeVar("View", bound=Callable[..., Any])


def form_page(endpoint: str) -> Callable[[View], View]:
    """Names the page that shows the form which posts here; by default it is the same URL."""

    def mark(view: View) -> View:
        view.form_page = endpoint  # type: ignore[attr-defined]
        return view

    return mark


def where(parked_id: int | None) -> str:
    """The path of the form that this request posts, with the number of the text that waits for it."""
    view = current_app.view_functions[request.endpoint or ""]
    endpoint = getattr(view, "form_page", None)
    if endpoint is None:
        return "/"
    values: dict[str, Any] = request.view_args or {}
    return url_for(endpoint, **values, parked=parked_id)
