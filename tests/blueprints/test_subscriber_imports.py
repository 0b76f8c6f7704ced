"""The pages of an import: upload, what the columns mean, progress, report."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.blueprints.uploads import PART
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.imports import Import, ImportChunk, ImportState
from huntaze.models.subscriber import Subscriber
from huntaze.services.imports import LARGEST_FILE
from tests.conftest import Browser

HERE = "/onlyfans/subscribers/import"
FILE = "username,name,joined\nann,Ann,2025-01-31\nbad name,Bad,2025-13-01\n=1,=2,\n"


@pytest.fixture
def worker(app: Flask) -> Iterator[SimpleWorker]:
    """A real one; `burst` does what is queued."""
    redis: Redis = app.extensions["redis"]
    redis.flushdb()
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    with app.app_context():
        yield SimpleWorker([queue], connection=redis, serializer=JSONSerializer)


def _send(browser: Browser, content: str | bytes, name: str = "fans.csv") -> TestResponse:
    content = content.encode() if isinstance(content, str) else content
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + content + b"\r\n--x--\r\n"  # the client would put a large one into a file, and leave that open
    return browser.post(HERE, data=body, content_type="multipart/form-data; boundary=x")


def _uploaded(browser: Browser, worker: SimpleWorker, content: str | bytes = FILE) -> str:
    """The page of an import that was checked."""
    response = _send(browser, content)
    assert response.status_code == 303
    worker.work(burst=True, logging_level="ERROR")
    return response.headers["Location"]


def test_a_file_from_the_upload_to_the_report(as_manager: Browser, worker: SimpleWorker, owner: Session) -> None:
    response = _send(as_manager, FILE)
    page = response.headers["Location"]
    assert "Reading the file" in as_manager.get(page).text
    assert 'http-equiv="refresh"' in as_manager.get(page).text, "for a browser without JavaScript"
    worker.work(burst=True, logging_level="ERROR")

    text = as_manager.get(page).text
    assert "1 row can be imported" in text
    assert "2 rows would be refused" in text
    assert "Column C (joined): Write a date like 2025-12-31" in text
    assert 'http-equiv="refresh"' not in text

    assert as_manager.post(f"{page}/run").headers["Location"] == page
    assert as_manager.post(f"{page}/run").status_code == 303, "twice is once"
    worker.work(burst=True, logging_level="ERROR")
    text = as_manager.get(page).text
    assert re.search(r"<dt>Added</dt><dd>1</dd>", text)
    assert re.search(r"<dt>Refused</dt><dd>2</dd>", text)
    audited = owner.scalars(select(AuditEvent).where(AuditEvent.workspace_id == as_manager.member.workspace_id)).all()
    assert {event.action for event in audited} == {Action.SUBSCRIBERS_IMPORTED}
    assert "fans.csv" in as_manager.get(HERE).text, "a link to come back"


def test_the_refused_rows_as_a_file_that_can_be_imported(as_manager: Browser, worker: SimpleWorker) -> None:
    page = _uploaded(as_manager, worker)
    as_manager.post(f"{page}/run")
    worker.work(burst=True, logging_level="ERROR")
    response = as_manager.get(f"{page}/refused")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert rows[0] == ["username", "name", "joined", "Refused because"]
    assert rows[1][:3] == ["bad name", "Bad", "2025-13-01"]
    assert rows[1][3].startswith("Column A (username): Use only letters")
    assert rows[2][:3] == ["'=1", "'=2", ""], "no formula"
    corrected = response.data.decode("utf-8-sig").replace("bad name", "good.name").replace("2025-13-01", "2025-12-01")
    again = _uploaded(as_manager, worker, corrected)
    assert "1 row can be imported" in as_manager.get(again).text


def test_what_was_changed_on_the_page_is_checked_before_it_is_imported(
    as_manager: Browser, worker: SimpleWorker, owner: Session
) -> None:
    page = _uploaded(as_manager, worker, "who,what\nann,Ann\n")
    assert "0 rows can be imported" in as_manager.get(page).text
    mapping = {"encoding": "utf-8", "delimiter": "comma", "field-0": "username", "field-1": "display_name"}
    as_manager.post(f"{page}/run", data=mapping)
    worker.work(burst=True, logging_level="ERROR")
    assert "1 row can be imported" in as_manager.get(page).text
    as_manager.post(f"{page}/run", data=mapping)
    worker.work(burst=True, logging_level="ERROR")
    here = Subscriber.workspace_id == as_manager.member.workspace_id
    assert owner.scalars(select(Subscriber.display_name).where(here)).all() == ["Ann"]


def test_a_mapping_that_can_not_be(as_manager: Browser, worker: SimpleWorker) -> None:
    page = _uploaded(as_manager, worker)
    response = as_manager.post(f"{page}/mapping", data={"field-0": "username", "field-1": "username"})
    assert response.status_code == 422
    assert "Another column has this meaning already" in response.text
    response = as_manager.post(f"{page}/mapping", data={"field-0": "password"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "Choose a file that is not empty."), (b"x" * (LARGEST_FILE + 1), "The file is larger than 50 MB")],
    ids=["empty", "too large"],
)
def test_what_is_no_file(as_manager: Browser, owner: Session, content: bytes, said: str) -> None:
    response = _send(as_manager, content)
    assert response.status_code == (413 if content else 422)
    assert said in response.text
    here = Import.workspace_id == as_manager.member.workspace_id
    assert owner.scalar(select(func.count()).where(here, Import.state != ImportState.UPLOADING)) == 0


def test_a_form_that_ends_too_early(as_manager: Browser, owner: Session) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nusername\nann'
    response = as_manager.post(HERE, data=body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 422
    assert "did not arrive whole" in response.text
    for content_type in ("multipart/form-data", "application/x-www-form-urlencoded", "text/csv"):
        assert as_manager.post(HERE, data=b"username", content_type=content_type).status_code == 422


def test_other_forms_are_as_small_as_ever(as_manager: Browser) -> None:
    body = {"username": "a", "display_name": "x" * (1024 * 1024 + 1)}
    assert as_manager.post("/onlyfans/subscribers", data=body).status_code == 413


def test_a_file_is_kept_in_parts(as_manager: Browser, owner: Session) -> None:
    content = b"username\n" + b"".join(b"fan%d,\r\n" % number for number in range(200_000))
    response = _send(as_manager, content, "/folder/../my <b>.csv")
    import_id = int(response.headers["Location"].rpartition("/")[2])
    parts = owner.scalars(
        select(ImportChunk.content).where(ImportChunk.import_id == import_id).order_by(ImportChunk.number)
    ).all()
    assert len(parts) == len(content) // PART + 1
    assert b"".join(parts) == content
    name, size = owner.execute(select(Import.file_name, Import.size).where(Import.id == import_id)).one()
    assert (name, size) == ("my <b>.csv", len(content))


def test_an_unreadable_file_says_why(as_manager: Browser, worker: SimpleWorker) -> None:
    page = _uploaded(as_manager, worker, b"PK\x03\x04 a workbook")
    text = as_manager.get(page).text
    assert "This is a workbook or an archive, and no CSV." in text
    assert "Nothing was stored." in text
    assert as_manager.post(f"{page}/remove").headers["Location"] == HERE
    assert as_manager.get(page).status_code == 404


def test_an_import_and_its_undoing(as_manager: Browser, worker: SimpleWorker) -> None:
    page = _uploaded(as_manager, worker)
    as_manager.post(f"{page}/run")
    worker.work(burst=True, logging_level="ERROR")
    assert "1 fan that it added is deleted." in as_manager.get(f"{page}/undo").text
    assert as_manager.post(f"{page}/undo").headers["Location"] == page
    worker.work(burst=True, logging_level="ERROR")
    assert "This import was undone" in as_manager.get(page).text
    assert "There is nothing to undo here" in as_manager.get(f"{page}/undo").text


def test_the_poll_is_answered_with_304(as_manager: Browser) -> None:
    page = _send(as_manager, FILE).headers["Location"]
    first = as_manager.swap(page)
    assert "<html" not in first.text
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "If-None-Match": first.headers["ETag"]}
    assert as_manager.get(page, headers=headers).status_code == 304


def test_the_list_of_imports_has_pages(as_manager: Browser) -> None:
    for number in range(52):
        _send(as_manager, f"username\nann{number}\n")
    text = as_manager.get(HERE).text
    assert text.count("fans.csv") == 50
    more = re.search(r'href="([^"]+after=[^"]+)"', text)
    assert more
    assert as_manager.swap(more[1].replace("&amp;", "&")).text.count("fans.csv") == 2


def test_the_empty_list_of_fans_offers_it(as_manager: Browser, as_viewer: Browser) -> None:
    assert HERE in as_manager.get("/onlyfans/subscribers").text
    assert HERE not in as_viewer.get("/onlyfans/subscribers").text
