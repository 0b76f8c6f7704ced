"""Passwords: what is accepted, and how they are kept (ASVS 6.2, 11.4.2)."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from huntaze.schemas.account import Credentials, NewUser
from huntaze.services.passwords import hash_password, is_common, needs_rehash, verify_password


@pytest.mark.parametrize(
    "password",
    [
        "12 chars ok!",
        "gr8 days",
        "x" * 128,
        "  blanks count  ",
        "no digits or capitals in here",
        "пароль из слов",
        "🦄🦄🦄🦄🦄🦄🦄🦄",
        "with\ttab and \0 nul",
        "<script>alert(1)</script>",
    ],
)
def test_accepted_as_it_is(password: str) -> None:
    user = NewUser(name="Ann", email="ann@huntaze.test", password=password)
    assert user.password == password
    assert Credentials(email="ann@huntaze.test", password=password).password == password
    assert not is_common(password)


@pytest.mark.parametrize("password", ["  blanks count  ", "пароль из слов", "with\ttab and \0 nul", "🦄" * 128])
def test_only_the_very_same_is_right(password: str) -> None:
    stored = hash_password(password)
    assert verify_password(stored, password)
    assert not verify_password(stored, password[1:])


@pytest.mark.parametrize("password", ["", "7 chars", "x" * 129, "x" * 10_000])
def test_too_short_or_too_long(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NewUser(name="Ann", email="ann@huntaze.test", password=password)
    assert {error["loc"] for error in caught.value.errors()} == {("password",)}


@pytest.mark.parametrize("password", ["password", "PASSWORD", "Password1", "iloveyou", "qwertyuiop", "12345678"])
def test_common(password: str) -> None:
    assert is_common(password)


def test_a_wrong_password_is_wrong() -> None:
    stored = hash_password("the right one")
    assert not verify_password(stored, "the wrong one")
    assert not verify_password(stored, "")
    assert not verify_password("not a hash", "the right one")
    assert not verify_password(None, "nobody has this password")


def test_two_people_with_one_password_have_two_hashes() -> None:
    assert hash_password("the same one") != hash_password("the same one")


def test_a_hash_of_weaker_settings_is_made_anew() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("the right one")
    assert verify_password(weaker, "the right one")
    assert needs_rehash(weaker)
    assert not needs_rehash(hash_password("the right one"))
