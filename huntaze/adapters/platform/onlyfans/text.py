"""Messages come back as HTML; we keep plain text."""

from __future__ import annotations

from html.parser import HTMLParser

BLOCKS = {"p", "div", "li", "blockquote", "h1", "h2", "h3"}
SILENT = {"script", "style"}


def plain(html: str) -> str:
    """The text of a message: a line for each `<br>` and block, entities decoded, other tags dropped."""
    if "<" not in html and "&" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._after_break = False
        self._block_ended = False
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS and self._block_ended:
            self._write("\n")
        if tag == "br":
            self._write("\n")
            self._after_break = True
        elif tag == "img":  # emoji are pictures that are named by themselves
            self._write(dict(attrs).get("alt") or "")
        elif tag in SILENT:
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS and self.parts:
            self._block_ended = True
        elif tag in SILENT:
            self._silent = max(0, self._silent - 1)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._after_break:  # "<br />\n" is one line's end
            data = data.removeprefix("\r").removeprefix("\n")
        if self._block_ended and not data.strip():
            return
        if self._block_ended and data:
            self._write("\n")
        self._write(data)

    def _write(self, text: str) -> None:
        self._after_break = self._block_ended = False
        if text:
            self.parts.append(text)
