"""Fans out of a CSV file: upload, what its columns mean, progress, report, undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.downloads import attachment, csv_line
from huntaze.blueprints.forms import Form, read
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.messages import say
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.streams import News, stream
from huntaze.blueprints.uploads import Broken, TooLarge, receive
from huntaze.models.audit import Action
from huntaze.models.imports import Import, ImportRow
from huntaze.models.user import Role
from huntaze.schemas.imports import Encoding, Field, ImportSettings, notations_of
from huntaze.services.csv_files import letters
from huntaze.services.errors import Conflict, Invalid, Problem
from huntaze.services.imports import KEPT, LARGEST_FILE, ImportService, is_undoable, topic

IMPORTS = "onlyfans/imports/"
JOB = "huntaze.jobs.imports.work"


@bp.get("/subscribers/import")
@web.role(Role.MANAGER)
def imports() -> Response:
    return _index(Form())


@bp.post("/subscribers/import")
@web.role(Role.MANAGER)
@form_page("onlyfans.imports")
def upload_import() -> Response:
    import_id: int | None = None

    def keep(name: str, number: int, part: bytes) -> None:
        nonlocal import_id
        with web.own_session() as session:
            service = ImportService(session, web.viewer().workspace_id)
            if import_id is None:
                import_id = service.open(web.viewer().user_id, _file_name(name), str(get_locale()))
            service.add_chunk(import_id, number, part)

    try:
        size = receive(LARGEST_FILE, keep)
    except TooLarge:
        return _index(Form(errors={"file": [say(Problem("file_too_large", {"most": LARGEST_FILE >> 20}))]}), 413)
    except Broken:
        return _index(Form(errors={"file": [say(Problem("file_not_whole"))]}), 422)
    if import_id is None:
        return _index(Form(errors={"file": [say(Problem("file_missing"))]}), 422)
    return _work_on(web.service(ImportService).uploaded(import_id, size))


@bp.get("/subscribers/import/<int:import_id>")
@web.role(Role.MANAGER)
def subscriber_import(import_id: int) -> Response:
    found = web.service(ImportService).get(import_id)
    return page_or_partial(IMPORTS + "show.html", IMPORTS + "_state.html", **_seen(found))


@bp.get("/subscribers/import/<int:import_id>/events")
@web.role(Role.MANAGER)
def import_events(import_id: int) -> Response:
    web.service(ImportService).get(import_id)  # a stranger's 404

    def news() -> News:
        with web.own_session() as session:
            found = ImportService(session, web.viewer().workspace_id).get(import_id)
            return News(render_template(IMPORTS + "_state.html", **_seen(found)), is_last=not found.is_at_work)

    return stream(topic(web.viewer().workspace_id, import_id), news)


@bp.post("/subscribers/import/<int:import_id>/mapping")
@web.role(Role.MANAGER)
@form_page("onlyfans.subscriber_import")
def map_import(import_id: int) -> Response:
    found = web.service(ImportService).get(import_id)
    form = Form.typed()
    try:
        web.service(ImportService).remap(import_id, _settings(form, found))
    except Conflict:
        return go(_path(import_id))
    except Invalid as refusal:
        return page(IMPORTS + "show.html", 422, **_seen(found, form.refused(refusal)))
    return _work_on(import_id)


@bp.post("/subscribers/import/<int:import_id>/run")
@web.role(Role.MANAGER)
@form_page("onlyfans.subscriber_import")
def run_import(import_id: int) -> Response:
    imports = web.service(ImportService)
    found = imports.get(import_id)
    form = Form.typed()
    try:
        if form.values and _settings(form, found) != ImportSettings.model_validate(found.settings):
            return map_import(import_id)  # what was changed on the page is checked first
        imports.run(import_id)
    except Conflict:
        return go(_path(import_id))
    except Invalid as refusal:
        return page(IMPORTS + "show.html", 422, **_seen(found, form.refused(refusal)))
    web.audit(Action.SUBSCRIBERS_IMPORTED, import_id, rows=found.head.get("rows", 0))
    return _work_on(import_id)


@bp.post("/subscribers/import/<int:import_id>/remove")
@web.role(Role.MANAGER)
@form_page("onlyfans.subscriber_import")
def remove_import(import_id: int) -> Response:
    try:
        web.service(ImportService).remove(import_id)
    except Conflict:
        return go(_path(import_id))
    return go(url_for("onlyfans.imports"), _("The file is gone."))


@bp.get("/subscribers/import/<int:import_id>/undo")
@web.role(Role.MANAGER)
def import_undo(import_id: int) -> Response:
    imports = web.service(ImportService)
    found = imports.get(import_id)
    blocked = imports.blocked(import_id)
    return page(IMPORTS + "undo.html", found=found, undoable=is_undoable(found), blocked=blocked, days=KEPT.days)


@bp.post("/subscribers/import/<int:import_id>/undo")
@web.role(Role.MANAGER)
@form_page("onlyfans.import_undo")
def undo_import(import_id: int) -> Response:
    try:
        web.service(ImportService).undo(import_id)
    except Conflict:
        return go(url_for("onlyfans.import_undo", import_id=import_id))
    web.audit(Action.IMPORT_UNDONE, import_id)
    return _work_on(import_id)


@bp.get("/subscribers/import/<int:import_id>/refused")
@web.role(Role.MANAGER)
def refused_rows(import_id: int) -> Response:
    """The refused rows as they came, with the reason at the end: corrected, the file can be imported."""
    found = web.service(ImportService).get(import_id)
    settings = ImportSettings.model_validate(found.settings)
    delimiter = settings.delimiter.char if settings.delimiter else ","
    header = [*settings.names, _("Refused because")]

    after = 0

    def some() -> str:
        nonlocal after
        with web.own_session() as session:
            refused = ImportService(session, web.viewer().workspace_id).refused(import_id, after)
            after = refused[-1].row if refused else after
            return "".join(csv_line(_refused(row, settings.names), delimiter) for row in refused)

    return attachment(csv_line(header, delimiter), web.later(some), _("refused rows %(number)s", number=import_id))


def _refused(row: ImportRow, names: Sequence[str]) -> list[str]:
    """Its cells, as many as the header has, and why it was refused."""
    cells = (row.cells or [])[: len(names)]
    why = " ".join(_say(problem, names) for problem in row.problems or ())
    return [*cells, *[""] * (len(names) - len(cells)), why]


def _index(form: Form, status: int = 200) -> Response:
    found = web.service(ImportService).page(request.args.get("after", ""))
    if wants_partial() and status == 200:
        return page(IMPORTS + "_rows.html", imports=found)
    return page(IMPORTS + "index.html", status, imports=found, form=form, most=LARGEST_FILE >> 20)


def _work_on(import_id: int) -> Response:
    web.enqueue(JOB, web.viewer().workspace_id, import_id)
    return go(_path(import_id))


def _path(import_id: int) -> str:
    return url_for("onlyfans.subscriber_import", import_id=import_id)


def _file_name(name: str) -> str:
    """What the browser calls the file, without folders and without what can't be seen."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in bare if char.isprintable())[:200] or _("No name")


def _settings(form: Form, found: Import) -> ImportSettings:
    """What the mapping form says. Raises Invalid."""
    names = ImportSettings.model_validate(found.settings).names
    columns = [
        {name: form.values.get(f"{name}-{place}") or None for name in ("field", "notation")}
        for place in range(len(names))
    ]
    chosen = {name: form.values.get(name) or None for name in ("encoding", "delimiter")}
    return read(ImportSettings, {**chosen, "columns": columns or None, "names": names})


def _seen(found: Import, form: Form | None = None) -> dict[str, Any]:
    """What the page of an import shows of it."""
    settings = ImportSettings.model_validate(found.settings)
    values = dict(form.values) if form and form.values else _values(settings)
    shown = found.head.get("shown", [])
    columns = [
        {
            "letter": letters(place),
            "name": name,
            "samples": [cell for row in shown for cell in row["cells"][place : place + 1] if cell][:2],
            "notations": notations_of(column.field),
        }
        for place, (name, column) in enumerate(zip(settings.names, settings.columns or (), strict=False))
    ]
    for row in shown:
        row["whole"] = [say_plain(each) for each in row["problems"] if each["column"] is None]
        row["by_column"] = {each["column"]: say_plain(each) for each in row["problems"]}
    return {
        "found": found,
        "form": Form(values, form.errors if form else {}),
        "columns": columns,
        "shown": shown,
        "problems": [{**each, "text": _say(each, settings.names)} for each in found.problems],
        "failure": say_plain(found.failure) if found.failure else "",
        "undoable": is_undoable(found),
        "fields": list(Field),
        "encodings": list(Encoding),
        "letters": letters,
    }


def _values(settings: ImportSettings) -> dict[str, str]:
    values = {"encoding": settings.encoding or "", "delimiter": settings.delimiter or ""}
    for place, column in enumerate(settings.columns or ()):
        values[f"field-{place}"] = column.field or ""
        values[f"notation-{place}"] = column.notation or ""
    return values


def say_plain(problem: dict[str, Any]) -> str:
    return say(Problem(problem["kind"], problem.get("detail", {})))


def _say(problem: dict[str, Any], names: Sequence[str]) -> str:
    """With the column that it is about."""
    place = problem["column"]
    text = say_plain(problem)
    if place is None or place >= len(names):
        return text
    return str(_("Column %(letter)s (%(name)s): %(text)s", letter=letters(place), name=names[place], text=text))
