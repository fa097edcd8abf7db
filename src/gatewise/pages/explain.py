"""All that was seen of one text to the page that explains it: a file, or a page that asks a server; knows no model."""

from collections.abc import Mapping
from typing import Any

from gatewise.pages import render
from gatewise.pages.figures import with_figures

STYLES = ("page", "explain")
FIRST = ("verdict", "running", "cell")  # the sections to read first; the others are folded
FOLDED = ("gates", "belt", "shares", "phrase", "edit", "clamp", "horizon", "gradients")


def scripts(*, live: bool = False) -> tuple[str, ...]:
    """Name the page's scripts, each after those it uses; only a live page has one that asks."""
    before = ("state", "live" if live else "prepared", "text", "player", "sections")
    return (*render.SHARED, *(f"explain/{name}" for name in (*before, *FIRST, *FOLDED, "tour", "page")))


def explanation(setting: Mapping[str, Any], story: Mapping[str, Any], title: str) -> str:
    """Give the page that explains one text, as text to be written as UTF-8, with a story's numbers."""
    data = {**setting, "title": title, "live": False, "story": with_figures(story)}
    return render.page("explain", render.style_and_script(STYLES, scripts()), data)[0]


def live_explanation(setting: Mapping[str, Any], title: str, text: str, longest: int) -> tuple[str, str]:
    """Give the page that asks a Python for its numbers, first for `text`, and the policy to send with it."""
    data = {**setting, "title": title, "live": True, "text": text, "longest": longest}
    return render.page("explain", render.style_and_script(STYLES, scripts(live=True)), data, connect="'self'")


def answer(found: Mapping[str, Any]) -> str:
    """Write what the page asked for as the JSON it reads."""
    return render.as_json(with_figures(found))
