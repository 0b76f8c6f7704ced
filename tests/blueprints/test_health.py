"""What whoever watches over the server is told; services/test_health.py takes parts away."""

from __future__ import annotations

from tests.conftest import Browser


def test_it_says_what_is_there(nobody: Browser) -> None:
    response = nobody.get("/healthz")
    assert response.status_code == 200
    assert response.json is not None
    assert response.json.keys() == {"healthy", "database", "valkey", "schedule_age", "queue_length", "queue_age"}
    assert response.json["healthy"] is True
    assert response.headers["Cache-Control"] == "no-store"
