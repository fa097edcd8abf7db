"""Cut the pictures of the chapters from the pages that explain their texts; needs Chromium and playwright.

python docs/pictures/make.py
"""

import re
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import gatewise
from gatewise.data.tokens import tokens_of
from gatewise.explanation.story import setting, story
from gatewise.explanation.tag_story import tag_story
from gatewise.pages import tag_explain
from gatewise.pages.explain import explanation
from gatewise.runtime.tagger_folder import load_tagger

HERE = Path(__file__).parent
PARTS = {  # of the page, each cut out without what is only to be clicked
    "explain-verdict": ".reading",
    "explain-running": "section:has(#running) figure",
    "explain-cell": ".bench",
    "explain-belt": "section:has(#belt) .belt",
}


def photographed(
    browser: Any, html: str, part: str, pictures: dict[str, str], width: int, scale: float, hide: str = ""
) -> None:
    """Open a page at a place and photograph some of its elements."""
    page = HERE / "review.html"
    page.write_text(html, encoding="utf-8")
    try:
        tab = browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=scale, locale="en-GB")
        tab.goto(page.as_uri() + part)
        tab.wait_for_selector("footer")
        if hide:
            tab.get_by_role("button", name=hide).click()  # the tour stands before what is below it
        for name, selector in pictures.items():
            tab.locator(selector).first.screenshot(path=HERE / f"{name}.png")
    finally:
        page.unlink()


def main() -> None:
    """Explain each chapter's text with the model in the box and photograph parts of the pages."""
    chapter = (HERE.parent / "how-an-lstm-decides.md").read_text(encoding="utf-8")
    command = re.search(r'gatewise explain sentiment-en "(.*)" --html', chapter)
    tagged = re.search(
        r'gatewise tag explain entities-en "(.*)"', (HERE.parent / "how-an-lstm-crf-reads.md").read_text("utf-8")
    )
    assert command and tagged, "a chapter does not say which text it explains"
    model = gatewise.load("sentiment-en")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = explanation(setting(model), story(model, command[1]), "sentiment-en")
        photographed(browser, page, "#t=45&open=belt", PARTS, 900, 1.5, hide="Hide")
        text, sentences = tokens_of(tagged[1].replace(".", " ."))
        page = tag_explain.explanation(tag_story(load_tagger("entities-en"), text, sentences), "entities-en")
        photographed(browser, page, "#s=0&t=0&whole=1&lang=en", {"tag-lattice": ".lattice"}, 1280, 1)
        browser.close()


if __name__ == "__main__":
    main()
