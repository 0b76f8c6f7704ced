"""What whoever watches over the server is told; services/test_health.py takes parts away."""

from __future__ import annotations

from dataclasses import replace

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from tests.conftest import Browser


def test_it_says_what_is_there(nobody: Browser) -> None:
    response = nobody.get("/healthz")
    assert response.status_code == 200
    assert response.json is not None
    assert response.json.keys() == {"healthy", "database", "valkey", "schedule_age", "queue_length", "queue_age"}
    assert response.json["healthy"] is True
    assert response.headers["Cache-Control"] == "no-store"


def test_without_valkey_pages_are_served_all_the_same(config: Config, as_owner: Browser) -> None:
    app = create_app(replace(config, redis_url="unix:///nowhere/valkey"))
    cookie = as_owner.get_cookie("huntaze")
    assert cookie is not None
    browser = app.test_client()
    browser.set_cookie("huntaze", cookie.value)
    assert browser.get("/onlyfans/subscribers").status_code == 200
    report = browser.get("/healthz")
    assert report.status_code == 503
    assert report.json is not None
    assert (report.json["database"], report.json["valkey"]) == (True, False)
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
