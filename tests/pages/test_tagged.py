"""Marked texts as a page: escaped, nothing loaded, every span at its place."""

import re
from html.parser import HTMLParser

import pytest

from gatewise.pages.tagged import end, head, paragraph

HOSTILE = ["<script>alert(1)</script>", "&lt;", "'\"><b>", "a\x00b\x1b[31m", "\ud800", "\u202eabc"]


class Read(HTMLParser):
    """A page's elements, its texts in order, and what each mark holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def test_page_marks_spans():
    text = "Ada met Bob."
    page = paragraph(text, [(0, 3, "PER", 0.98), (8, 11, "PER", 0.5)], ["LOC", "PER"])
    assert '<mark class="l1" title="0.9800"><bdi>Ada</bdi><small>PER</small></mark> met ' in page
    assert '<mark class="l1 unsure" title="0.5000"><bdi>Bob</bdi>' in page
    assert page.endswith(".</p>\n")


def test_page_without_labels_has_no_names():
    assert "<small>" not in paragraph("ab", [(0, 1, "", 1.0), (1, 2, "", 1.0)], [""])


@pytest.mark.parametrize("text", HOSTILE)
def test_page_escapes_texts_and_labels(text):
    page = head([text]) + paragraph(text, [(0, len(text), text, 0.9)], [text]) + end()
    page.encode("utf-8")
    read = Read(page)
    assert "script" not in read.tags and "b" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]
    shown = text.translate({0: "\ufffd", 0x1B: "\ufffd", 0xD800: "\ufffd"})
    assert read.texts.count(shown) == 3  # legend, span, label


def test_page_is_whole_and_allows_only_its_own_style():
    page = head(["PER"]) + end()
    allowed = re.search(r'content="([^"]*default-src[^"]*)"', page)
    assert allowed and "default-src &#x27;none&#x27;" in allowed[1] and "style-src &#x27;sha256-" in allowed[1]
    opened = re.findall(r"<(html|head|body|main|header|style|title)[ >]", page)
    assert all(f"</{name}>" in page for name in opened) and len(opened) == 7
