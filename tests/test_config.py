"""The environment is read strictly: what is wrong is named at boot."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from huntaze.config import Config, ConfigError

GOOD = {
    "DATABASE_URL": "postgresql://huntaze_owner@/huntaze?host=/run/huntaze",
    "DATABASE_APP_URL": "postgres://huntaze_app@db.example.test/huntaze",
    "REDIS_URL": "unix:///run/huntaze/valkey",
    "SECRET_KEY": "k" * 32,
}


def test_four_variables_are_enough() -> None:
    config = Config.from_env(GOOD)
    assert config == Config(
        database_url=GOOD["DATABASE_URL"],
        app_database_url=GOOD["DATABASE_APP_URL"],
        redis_url=GOOD["REDIS_URL"],
        secret_key=GOOD["SECRET_KEY"],
        data=Path("data"),
        host="127.0.0.1",
        port=8000,
        trusted_proxies=0,
        log_level="INFO",
    )


def test_all_of_them() -> None:
    given = {"DATA": "/srv/huntaze", "HOST": "0.0.0.0", "PORT": "80", "TRUSTED_PROXIES": "2", "LOG_LEVEL": "debug"}  # noqa: S104
    config = Config.from_env({**GOOD, **given})
    assert (config.data, config.host, config.port) == (Path("/srv/huntaze"), "0.0.0.0", 80)  # noqa: S104
    assert (config.trusted_proxies, config.log_level) == (2, "DEBUG")


def test_an_empty_variable_is_one_that_is_not_given() -> None:
    empty = dict.fromkeys(("DATA", "HOST", "PORT", "TRUSTED_PROXIES", "LOG_LEVEL"), "")
    assert Config.from_env({**GOOD, **empty}) == Config.from_env(GOOD)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [None, "", "wrong"])
def test_what_is_missing_or_wrong_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in {**GOOD, name: value}.items() if text is not None}
    with pytest.raises(ConfigError, match=f"^{name} must "):
        Config.from_env(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8000.0"),
        ("PORT", "eight"),
        ("PORT", "٨٠٠٠٠٠"),
        ("TRUSTED_PROXIES", "6"),
        ("TRUSTED_PROXIES", "yes"),
        ("LOG_LEVEL", "loud"),
        ("CALLS_PER_MINUTE", "-1"),
        ("CALLS_PER_MINUTE", "many"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("DATABASE_URL", "mysql://localhost/huntaze"),
        ("SECRET_KEY", "k" * 31),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must "):
        Config.from_env({**GOOD, name: value})


MAIL = {
    "MAIL_URL": "smtp://huntaze:p%40ss@mail.example.test:587",
    "MAIL_FROM": "Huntaze <hello@example.test>",
    "PUBLIC_URL": "https://app.example.test/",
}


def test_a_mail_server() -> None:
    config = Config.from_env({**GOOD, **MAIL})
    assert (config.mail_url, config.mail_from) == (MAIL["MAIL_URL"], MAIL["MAIL_FROM"])
    assert config.public_url == "https://app.example.test"
    assert Config.from_env({**GOOD, "PUBLIC_URL": "http://localhost:8000"}).mail_url == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "mail.example.test"),
        ("MAIL_URL", "http://mail.example.test"),
        ("MAIL_URL", "smtp://"),
        ("MAIL_URL", "smtp://mail.example.test:0"),
        ("MAIL_URL", "smtp://mail.example.test:70000"),
        ("MAIL_URL", "smtp://mail.example.test:smtp"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Huntaze"),
        ("MAIL_FROM", "a@b.test\nBcc: eve@evil.example"),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "app.example.test"),
        ("PUBLIC_URL", "https://app.example.test/path"),
        ("PUBLIC_URL", "https://[::1]"),
        ("PUBLIC_URL", "ftp://app.example.test"),
        ("PUBLIC_URL", "https://user@app.example.test"),
    ],
)
def test_mail_that_could_not_be_sent_or_lead_back_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must ") as caught:
        Config.from_env({**GOOD, **MAIL, name: value})
    assert "p%40ss" not in str(caught.value)


def test_a_wrong_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({**GOOD, "SECRET_KEY": "too short"})
    assert "too short" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "proxies", "local"),
    [
        ("127.0.0.1", "0", True),
        ("::1", "0", True),
        ("localhost", "", True),
        ("0.0.0.0", "0", False),  # noqa: S104
        ("192.0.2.1", "0", False),
        ("127.0.0.1", "1", False),
    ],
)
def test_local_is_what_only_this_machine_reaches(host: str, proxies: str, local: bool) -> None:
    assert Config.from_env({**GOOD, "HOST": host, "TRUSTED_PROXIES": proxies}).local is local


def test_it_does_not_change() -> None:
    config = Config.from_env(GOOD)
    with pytest.raises(FrozenInstanceError):
        config.port = 1  # type: ignore[misc]
