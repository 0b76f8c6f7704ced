"""What every template must keep to: no script in a page, a link beside each swap, every word translated.

Reads the source, so it needs no server. An expression is read as one character of its own, a statement as none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from jinja2 import meta, nodes

from huntaze import create_app
from huntaze.config import Config

FOLDER = Path(__file__).parent.parent / "huntaze" / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
FOR_BUILDERS = "dev/"  # sample words, not translated
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SPOKEN = ("placeholder", "aria-label", "title", "alt")
EXPRESSIONS = 0xE000  # from here on: a private area of Unicode, no letters
ATTRIBUTES = re.compile(r"\{% macro _state\(.*?endmacro %\}", re.S)  # this macro writes attributes, not text
SWAPS = {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"}


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]


class Part(NamedTuple):
    """An element with the open elements around it, or a text (then `tag` is "")."""

    element: Element
    around: tuple[Element, ...]
    text: str = ""


@pytest.fixture(scope="module")
def app() -> Flask:
    """Never connects to anything."""
    nowhere = "postgresql://huntaze@/nowhere"
    return create_app(Config(nowhere, nowhere, "unix:///nowhere", secret_key="-" * 32))


@pytest.mark.parametrize("name", NAMES)
def test_it_compiles_and_what_it_refers_to_exists(app: Flask, name: str) -> None:
    app.jinja_env.get_template(name)
    found = meta.find_referenced_templates(app.jinja_env.parse(_source(name)))
    assert {reference for reference in found if reference} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_trusted_and_nothing_runs(app: Flask, name: str) -> None:
    source = _source(name)
    tree = app.jinja_env.parse(source)
    assert "safe" not in {used.name for used in tree.find_all(nodes.Filter)}
    assert not list(tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier))), (
        "autoescape stays on"
    )
    assert "js:" not in source.replace("no-js", "")
    assert "javascript:" not in source
    assert "<style" not in source
    for part in _parts(name):
        attributes = part.element.attributes
        assert not [key for key in attributes if key.startswith("on")], part.element
        assert not [key for key in attributes if key.startswith(("hx-on", "hx-live")) or key == "style"], part.element
        assert not re.search(r"(^|,)\s*[\w:-]+\s*\[", attributes.get("hx-trigger", "")), "a filter is evaluated"
        if part.element.tag == "script":
            assert ord(attributes["src"]) >= EXPRESSIONS, "asset(...)"
        assert not any(element.tag == "script" for element in part.around), "no inline script"


@pytest.mark.parametrize("name", NAMES)
def test_each_swap_has_a_link_or_a_form_beside_it(name: str) -> None:
    for part in _parts(name):
        for swap in SWAPS & part.element.attributes.keys():
            here, target = part.element.attributes, part.element.attributes[swap]
            beside = here.get("href") or here.get("action")
            in_form = any(element.attributes.get("action") for element in part.around)
            assert beside == target or in_form or here.get("hx-include") == "closest form", part.element
            assert swap in ("hx-get", "hx-post"), "a form can't send another method"
            if swap == "hx-post":
                assert here.get("method") == "post", part.element


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(FOR_BUILDERS)])
def test_every_word_is_translated(app: Flask, name: str) -> None:
    for part in _parts(name):
        if not any(element.tag == "code" for element in part.around):
            assert not _words(part.text), "a word outside of _()"
        for key in SPOKEN:
            assert not _words(part.element.attributes.get(key, "")), f"{key} outside of _()"
    for text in _untranslated(app.jinja_env.parse(_source(name))):
        assert not re.match(r"[A-Z][a-z]", text), f"{text!r} outside of _()"


@pytest.mark.parametrize("name", NAMES)
def test_htmx_leaves_long_texts_of_people_alone(name: str) -> None:
    """Plain text in them is escaped anyway; hx-ignore keeps htmx out even if it were not."""
    source = re.sub(
        r"\{\{-?\s*\w+\.body\s*-?\}\}", "people's text", re.sub(r"\{#.*?#\}", "", _source(name), flags=re.S)
    )
    for part in _parse(source):
        if "people's text" in part.text:
            assert any("hx-ignore" in element.attributes for element in part.around)
        assert not [value for value in part.element.attributes.values() if "people's text" in value]


def test_the_reader_of_templates_sees_what_it_should() -> None:
    """It would be easy to check nothing."""
    parts = list(
        _parse('{# no #}<a {% if x %}href="{{ y("<b>") }}"{% endif %} hx-get="/z">{{ _("Yes") }}<br>Word</a>')
    )
    assert [part.element.tag for part in parts if not part.text] == ["a", "br"]
    assert parts[0].element.attributes == {"href": chr(EXPRESSIONS), "hx-get": "/z"}
    texts = [part for part in parts if part.text]
    assert "".join(part.text for part in texts) == chr(EXPRESSIONS + 1) + "Word"
    assert [element.tag for element in texts[-1].around] == ["a"]
    assert len(NAMES) > 20


def _source(name: str) -> str:
    return (FOLDER / name).read_text()


def _parts(name: str) -> Iterator[Part]:
    return _parse(_source(name))


def _parse(source: str) -> Iterator[Part]:
    source = re.sub(r"\{#.*?#\}", "", source, flags=re.S)
    source = re.sub(r"\{%.*?%\}", "", ATTRIBUTES.sub("", source), flags=re.S)
    for number, expression in enumerate(dict.fromkeys(re.findall(r"\{\{.*?\}\}", source, flags=re.S))):
        source = source.replace(expression, chr(EXPRESSIONS + number))
    reader = _Reader(convert_charrefs=True)
    reader.feed(source)
    reader.close()
    yield from reader.parts


class _Reader(HTMLParser):
    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.parts: list[Part] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.parts.append(Part(element, tuple(self.open)))
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        # Cells and rows are closed by what follows them.
        for place in range(len(self.open) - 1, -1, -1):
            if self.open[place].tag == tag:
                del self.open[place:]
                return

    def handle_data(self, data: str) -> None:
        self.parts.append(Part(Element("", {}), tuple(self.open), data))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text.replace("Huntaze", ""))


def _untranslated(node: nodes.Node) -> Iterator[str]:
    """The texts in expressions, but for those that are translated."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in ("_", "ngettext"):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _untranslated(child)
