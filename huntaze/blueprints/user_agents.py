"""Browsers and systems in plain words, as far as their User-Agent tells.

Our own table: a library knows thousands, people know these.
"""

from __future__ import annotations

from flask_babel import gettext as _

# The first that is found: Edge says Chrome too, and Chrome says Safari.
BROWSERS = (
    ("SamsungBrowser/", "Samsung Internet"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("Edg/", "Edge"),
    ("OPR/", "Opera"), ("OPX/", "Opera"), ("YaBrowser/", "Yandex"), ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"), ("Ddg/", "DuckDuckGo"), ("Vivaldi/", "Vivaldi"), ("CriOS/", "Chrome"),
    ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Version/", "Safari"), ("curl/", "curl"),
)  # fmt: skip
# An iPad says Macintosh by default, and nothing that tells it from one.
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def describe(user_agent: str) -> str:
    """Like "Firefox on Android"."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or system or str(_("An unknown browser"))


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in names if mark in user_agent), "")
