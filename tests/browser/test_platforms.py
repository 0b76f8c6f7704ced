"""Connecting an account on a phone, from the key to its page, with the real client against the simulator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, OpenAs
from tests.browser.test_axe import violations
from tests.simulated import Simulated

LIST = "/settings/platforms"


class Worker:
    """Runs the jobs that wait, as a worker would, with the platform at the simulator."""

    def __init__(self, config: Config, simulator: Simulated) -> None:
        self.app = create_app(replace(config, platform_url=simulator.url))
        redis: Redis = self.app.extensions["redis"]
        self.queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in ("default", "sync")]
        for queue in self.queues:
            queue.empty()

    def run(self) -> None:
        thread = threading.Thread(target=self._work)  # the browser's event loop runs in this one
        thread.start()
        thread.join()

    def _work(self) -> None:
        with self.app.app_context():
            for job in (job for queue in self.queues for job in queue.jobs):
                if job.func_name.startswith("huntaze.jobs.platforms."):  # a sync is not this test's
                    job.func(*job.args)
                job.delete()


@pytest.fixture
def worker(config: Config, simulator: Simulated, app: Flask) -> Iterator[Worker]:
    worker = Worker(config, simulator)
    yield worker
    with worker.app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    worker.app.extensions["redis"].close()


def is_narrow(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def test_an_account_is_connected(open_as: OpenAs, member: Membership, worker: Worker) -> None:
    page = open_as(member, PHONE)
    page.goto(LIST)
    is_narrow(page)
    page.get_by_role("link", name="Connect an account").click()
    is_narrow(page)

    page.get_by_label("API key of the gateway").fill("wrong")
    page.get_by_role("button", name="Check the key").click()
    expect(page.get_by_text("We are asking the gateway.")).to_be_visible()
    worker.run()
    expect(page.get_by_role("alert")).to_contain_text("The key is refused")  # by the stream: nobody reloaded
    is_narrow(page)

    page.get_by_role("link", name="Enter a key").click()
    page.get_by_label("API key of the gateway").fill("sim-key")
    page.get_by_role("button", name="Check the key").click()
    expect(page.get_by_text("We are asking the gateway.")).to_be_visible()
    worker.run()
    page.get_by_role("button", name="Connect creator1").click()
    expect(page.get_by_label("Signing secret")).to_be_visible()
    is_narrow(page)

    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="Creator1")).to_be_visible()
    is_narrow(page)
    page.get_by_role("button", name="Test the key").click()
    expect(page.get_by_text("Testing …")).to_be_visible()
    worker.run()
    expect(page.get_by_text("the key works")).to_be_visible()
    page.get_by_role("button", name="I have read this and accept it").click()
    expect(page.get_by_text("Accepted on")).to_be_visible()


def test_without_javascript(open_as: OpenAs, member: Membership, worker: Worker) -> None:
    page = open_as(member, PHONE, java_script_enabled=False)
    page.goto(f"{LIST}/new")
    page.get_by_label("API key of the gateway").fill("sim-key")
    page.get_by_role("button", name="Check the key").click()
    worker.run()
    page.get_by_role("link", name="Look again").click()
    page.get_by_role("button", name="Connect creator1").click()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_label("to confirm").fill("creator1")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("its data is being erased")).to_be_visible()
    worker.run()
    page.goto(LIST)
    expect(page.get_by_text("No account yet")).to_be_visible()
