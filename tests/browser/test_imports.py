"""An import in a browser: with JavaScript it comes to its report by itself, without it by looking again."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from rq import Queue
from rq.serializers import JSONSerializer

from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, OpenAs
from worker import QueueWorker

IMPORT = "/onlyfans/subscribers/import"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fans.csv"
    path.write_text("username;name;joined\nann;Zoë;31/12/2025\nbad name;Bad;01/02/2025\n", encoding="cp1252")
    return path


@pytest.fixture
def queue(app: Flask) -> Queue:
    """Without what other tests left: each of those jobs would be a fork."""
    queue = Queue("default", connection=app.extensions["redis"], serializer=JSONSerializer)
    queue.empty()
    return queue


def _work(app: Flask, queue: Queue) -> None:
    # One that forks: this process has an event loop, the browser's, and jobs may bring their own.
    with app.app_context():
        QueueWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(
            burst=True, logging_level="ERROR"
        )


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_from_the_file_to_the_report(
    app: Flask, queue: Queue, open_as: OpenAs, member: Membership, file: Path, script: bool
) -> None:
    page = open_as(member, PHONE, java_script_enabled=script)
    page.goto(IMPORT)
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_text("Reading the file")).to_be_visible()
    _work(app, queue)
    expect(page.get_by_role("heading", name="1 row can be imported")).to_be_visible()  # by event, or meta refresh
    expect(page.get_by_label("What column A means")).to_have_value("username")
    expect(page.get_by_label("How column C is written")).to_have_value("day_first")
    _is_as_wide_as_the_screen(page, script)

    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_text("Importing")).to_be_visible()
    _work(app, queue)
    expect(page.get_by_role("link", name="Download the refused rows")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused rows").click()
    assert download.value.suggested_filename.endswith(".csv")


def _is_as_wide_as_the_screen(page: Page, script: bool) -> None:
    if script:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE.width
