"""Encryption of what is stored for one owner only (ASVS 11.3.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.services.vault import NONCE, Vault

KEY = "a secret of the tests, 32 characters or more"
VAULT = Vault(KEY, "notes")


@given(plain=st.binary(max_size=300), context=st.text(max_size=20))
def test_what_is_sealed_opens_again(plain: bytes, context: str) -> None:
    assert VAULT.open(VAULT.seal(plain, context), context) == plain


def test_a_moved_ciphertext_does_not_open() -> None:
    sealed = VAULT.seal(b"for ann", "parked_forms:1")
    assert VAULT.open(sealed, "parked_forms:2") is None
    assert VAULT.open(sealed, "notes:1") is None


def test_another_key_or_purpose_does_not_open_it() -> None:
    sealed = VAULT.seal(b"for ann", "1")
    assert Vault(KEY + ".", "notes").open(sealed, "1") is None
    assert Vault(KEY, "tokens").open(sealed, "1") is None
    assert Vault(KEY, "notes").open(sealed, "1") == b"for ann"


@given(place=st.integers(0, NONCE + 7 + 16 - 1), bit=st.integers(0, 7))
def test_a_changed_bit_does_not_open(place: int, bit: int) -> None:
    sealed = bytearray(VAULT.seal(b"for ann", "1"))
    sealed[place] ^= 1 << bit
    assert VAULT.open(bytes(sealed), "1") is None


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * NONCE, b"x" * (NONCE + 15)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    assert VAULT.open(sealed, "1") is None


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert VAULT.seal(b"for ann", "1") != VAULT.seal(b"for ann", "1")
    assert b"for ann" not in VAULT.seal(b"for ann", "1")
