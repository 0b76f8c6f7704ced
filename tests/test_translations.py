"""The French catalogue says all that the source says in English, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import checkers
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
FRENCH = ROOT / "huntaze" / "translations" / "fr" / "LC_MESSAGES" / "messages.po"
PLURALS = 2  # "il y a 0 fan", "2 fans"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make messages` finds in the source."""
    found = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml"]
    subprocess.run([*command, "--ignore-dirs=.*", "-o", str(found), "huntaze"], cwd=ROOT, check=True)
    with found.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def french() -> Catalog:
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def test_nothing_is_missing_and_nothing_left_over(source: Catalog, french: Catalog) -> None:
    wanted, given = ({_key(message) for message in _messages(catalogue)} for catalogue in (source, french))
    assert len(wanted) > 100, "the source was found"
    assert wanted - given == set(), "run `make messages`, then translate them"
    assert given - wanted == set(), "nobody says this any more"
    assert not french.obsolete


def test_everything_is_translated(french: Catalog) -> None:
    for message in _messages(french):
        assert not message.fuzzy, message.id
        texts = _texts(message)
        assert all(texts), message.id
        assert len(texts) == (PLURALS if message.pluralizable else 1), message.id
        if len(_key(message).split()) > 2:
            assert message.string != message.id, f"{message.id!r} is still in English"


def test_the_placeholders_agree(french: Catalog) -> None:
    for message in _messages(french):
        for check in checkers:
            check(french, message)
        for text in _texts(message):
            assert _placeholders(text) == _placeholders(_key(message)), message.id


def test_what_is_served_is_what_was_written(french: Catalog) -> None:
    """`make build` compiles it."""
    with FRENCH.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    served, written = ({_key(message): _texts(message) for message in _messages(c)} for c in (compiled, french))
    assert served == written


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)[sd]", text))
