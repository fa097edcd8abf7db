"""Cut the pictures of "How an LSTM decides" from the page that explains its review; needs Chromium and playwright.

python docs/pictures/make.py
"""

import re
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

import gatewise
from gatewise.explanation.story import setting, story
from gatewise.pages.explain import explanation

HERE = Path(__file__).parent
PARTS = {  # of the page, each cut out without what is only to be clicked
    "verdict": ".reading",
    "running": "section:has(#running) figure",
    "cell": ".bench",
    "belt": "section:has(#belt) .belt",
}


def main() -> None:
    """Explain the review with the model in the box and photograph four parts of the page."""
    chapter = (HERE.parent / "how-an-lstm-decides.md").read_text(encoding="utf-8")
    command = re.search(r'gatewise explain sentiment-en "(.*)" --html', chapter)
    assert command, "the chapter does not say which text it explains"
    model = gatewise.load("sentiment-en")
    page = HERE / "review.html"
    page.write_text(explanation(setting(model), story(model, command[1]), "sentiment-en"), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": 900, "height": 900}, device_scale_factor=1.5, locale="en-GB")
            tab.goto(f"{page.as_uri()}#t=45&open=belt")
            tab.wait_for_selector("footer")
            tab.get_by_role("button", name="Hide").click()  # the tour stands before what is below it
            for name, selector in PARTS.items():
                tab.locator(selector).first.screenshot(path=HERE / f"explain-{name}.png")
            browser.close()
    finally:
        page.unlink()


if __name__ == "__main__":
    main()
