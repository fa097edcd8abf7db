"""All that was seen of a text's tags to the page that explains them, a file; knows no model."""

from collections.abc import Mapping
from typing import Any

from gatewise.pages import render

STYLES = ("page", "explain", "tag_explain")
SCRIPTS = (
    *render.SHARED,
    *(f"tags/{name}" for name in ("place", "pieces", "passage", "answer", "decision", "lattice", "readings", "page")),
)


def explanation(story: Mapping[str, Any], title: str) -> str:
    """Give the page that explains a text's tags, as text to be written as UTF-8."""
    data = {**story, "title": title}
    return render.page("tags", render.style_and_script(STYLES, SCRIPTS), data)[0]
