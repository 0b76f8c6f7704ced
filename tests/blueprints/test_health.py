"""What whoever watches over the server is told; services/test_health.py takes parts away."""

from __future__ import annotations

from dataclasses import replace

import psycopg

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


def test_a_restarted_postgresql_costs_a_reconnection_and_not_an_error_page(
    as_owner: Browser, superuser_url: str
) -> None:
    assert as_owner.get("/onlyfans/subscribers").status_code == 200
    with psycopg.connect(superuser_url) as connection:
        ended = connection.execute(
            "SELECT usename, pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename <> 'postgres'"
        ).fetchall()
    assert {"huntaze_app", "huntaze_owner"} == {role for role, is_over in ended if is_over}
    assert as_owner.get("/onlyfans/subscribers").status_code == 200
