"""The page that explains a text's tags, in a real browser: what it says is Python's, and it can be walked by keys."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.explanation.test_tag_decision import tagger

from gatewise.explanation.tag_story import tag_story
from gatewise.explanation.tagging import explain_tags
from gatewise.pages.tag_explain import SCRIPTS, STYLES, explanation
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.words import words_of

HOSTILE = "<script>document.title = 'taken over'</script> Ada & &lt;b&gt; 😀 \x1b[31m \ud800 שלום עולם in Oslo"
TEXTS = {
    "usual": "Ada met Bob in Oslo .\nEve saw Rome.", "hostile": HOSTILE, "one": "Ada", "rtl": "שלום Ada עולם in Oslo",
    "empty": "", "long": " ".join(["Ada met Bob in Oslo ."] * 250),
}  # fmt: skip
PLAIN = ("ADJ", "ADP", "AUX", "DET", "NOUN", "NUM", "PRON", "<b>", "VERB")


def sentences(text: str, rule: str = "words") -> Any:
    found, start = [], 0
    for line in text.splitlines(keepends=True):
        offsets = [(start + first, start + last) for first, last in words_of(line, rule)]
        found.append(([text[first:last] for first, last in offsets], offsets))
        start += len(line)
    return found


@pytest.fixture(scope="module")
def models() -> dict[str, Tagger]:
    usual = tagger(2, temperature=3)
    return {
        **dict.fromkeys(TEXTS, usual), "plain": replace(tagger(3, plain=True), tags=PLAIN),
        "chinese": tagger(2, units="characters", temperature=3), "bare": tagger(4, layers=0),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(models: dict[str, Tagger], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("tagged")
    texts = {**TEXTS, "plain": TEXTS["usual"], "chinese": "王小明在北京大学。", "bare": TEXTS["usual"]}
    for name, text in texts.items():
        cut = sentences(text, "characters" if name == "chinese" else "words")
        page = explanation(tag_story(models[name], text, cut), f"<i>{name}</i>")
        (target / f"{name}.html").write_bytes(page.encode())
    return target


@pytest.fixture
def open_page(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Open a page offline; fail afterwards if it complained or asked for anything."""
    complaints: list[str] = []
    contexts = []

    def opened(name: str, part: str = "", *, width: int = 1280, locale: str = "en-GB", scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        tab = context.new_page()
        context.set_offline(True)
        address = (folder / f"{name}.html").as_uri()
        tab.on("console", lambda message: complaints.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        tab.on(
            "request", lambda request: request.url.startswith(address) or complaints.append(f"request: {request.url}")
        )
        tab.goto(address + part, timeout=120_000)
        tab.wait_for_selector("footer", timeout=120_000)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def numbers(text: str) -> list[float]:
    """Read all numbers as the page writes them."""
    return [float(one.replace("−", "-").replace(",", "")) for one in re.findall(r"[-−+]?\d[\d,]*\.?\d*", text)]


def amounts(tab: Any, selector: str) -> list[float]:
    return [numbers(one)[-1] for one in tab.locator(f"{selector} .amount").all_inner_texts()]


def place_of(tab: Any) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\w+)", tab.evaluate("location.hash")))


@pytest.mark.parametrize("name", ["usual", "hostile", "one", "rtl", "empty", "plain", "chinese", "bare", "long"])
@pytest.mark.parametrize(("locale", "width", "scheme"), [("en-GB", 1280, "light"), ("zh-CN", 390, "dark")])
def test_page_fits_and_is_silent(open_page: Any, name: str, locale: str, width: int, scheme: str) -> None:
    tab = open_page(name, width=width, locale=locale, scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    shown = tab.inner_text("body")
    assert not re.search(r"undefined|\bNaN\b|Infinity|\[object|\{\w+\}", shown)
    assert tab.locator("main > section").count() == (0 if name == "empty" else 5)
    assert tab.evaluate("document.documentElement.lang") == ("en" if locale == "en-GB" else "zh-CN")
    assert tab.locator("main script, main b, main i, main img").count() == 0
    assert "<i>" in tab.title()


def test_page_shows_hostile_words_as_they_are(open_page: Any) -> None:
    tab = open_page("hostile")
    words = tab.locator(".passage [data-t]").all_inner_texts()
    assert "script" in words and "document" in words and "שלום" in words and "😀" in words
    assert "taken over" not in tab.title()


def test_page_a_span_says_what_python_says(open_page: Any, models: dict[str, Tagger]) -> None:
    tab = open_page("usual")
    for s, (tokens, _) in enumerate(sentences(TEXTS["usual"])):
        seen = explain_tags(models["usual"], tokens)
        for span in seen.spans:
            tab.locator(f"[data-s='{s}'][data-t='{span.start}']").click()
            if place_of(tab)["whole"] == "0":  # it was chosen already: back to all of it
                tab.locator(f"[data-s='{s}'][data-t='{span.start}']").click()
            said = tab.locator("section:has(#answer) .lead").inner_text()
            assert f"is {span.label} with a probability of {100 * span.probability:.1f}%" in said
            found = seen.decisions[span.decision or 0]
            parts = [found.words, found.features, found.bias, found.transitions, found.log_odds]
            assert amounts(tab, "#parts") == pytest.approx(parts, abs=6e-4)
            shares = sorted(found.contributions.tolist(), key=lambda one: -abs(one))
            assert amounts(tab, "#words") == pytest.approx(shares[:8], abs=6e-3)
            assert amounts(tab, "#features") == pytest.approx([one.share for one in found.strongest], abs=6e-3)
            assert tab.locator(".passage .entity.here").count() == 1


def test_page_a_word_of_a_span_is_chosen_at_the_second_click_and_every_word_tells_its_tags(
    open_page: Any, models: dict[str, Tagger]
) -> None:
    tab = open_page("usual", "#s=0&t=0&whole=0&lang=en")
    tokens = sentences(TEXTS["usual"])[0][0]
    seen = explain_tags(models["usual"], tokens)
    for t, token in enumerate(seen.tokens):
        word = tab.locator(f"[data-s='0'][data-t='{t}']")
        for _ in range(2):
            if place_of(tab) != {"s": "0", "t": str(t), "whole": "0", "lang": "en"}:
                word.click()
        assert word.get_attribute("aria-pressed") == "true" and "here" in str(word.get_attribute("class"))
        said = tab.locator("section:has(#answer) .lead").inner_text()
        assert f"tagged {token.tag} with a probability of {100 * token.probability:.1f}%" in said
        own = tab.locator(".marginals .own")
        assert own.locator(".name").inner_text() == token.tag
        assert own.locator(".amount").inner_text() == f"{100 * token.probability:.1f}%"
        tab.locator("section:has(#answer) summary").click()
        row = tab.locator("section:has(#answer) tbody tr").inner_text()
        assert numbers(row)[-2:] == pytest.approx([token.emission, token.transition], abs=6e-3)
        assert token.alone in row


def test_page_is_walked_with_the_arrow_keys(open_page: Any) -> None:
    tab = open_page("usual", "#s=0&t=0&whole=0&lang=en")
    tab.locator("[data-s='0'][data-t='0']").focus()
    seen = []
    for _ in range(8):
        tab.keyboard.press("ArrowRight")
        seen.append((place_of(tab)["s"], place_of(tab)["t"]))
        assert tab.evaluate("document.activeElement.dataset.t") == seen[-1][1]
    assert seen == [("0", "1"), ("0", "2"), ("0", "3"), ("0", "4"), ("0", "5"), ("1", "0"), ("1", "1"), ("1", "2")]
    tab.keyboard.press("Home")
    whole = place_of(tab)["whole"]
    tab.keyboard.press("Enter")
    assert place_of(tab)["whole"] != whole or tab.locator(".passage .entity [data-t='0']").count() == 0
    assert tab.locator(".passage [tabindex='0']").count() == 1
    assert tab.locator(".lattice [tabindex='0']").count() == 1


def test_page_lattice_has_the_numbers_and_their_sum(open_page: Any, models: dict[str, Tagger]) -> None:
    tab = open_page("usual", "#s=0&t=0&whole=0&lang=en")
    story = tag_story(models["usual"], TEXTS["usual"], sentences(TEXTS["usual"]))
    own, tags = story["sentences"][0], story["tags"]
    nodes = tab.locator("[data-node]")
    assert nodes.count() == 6 * tab.locator(".lattice tbody tr").count()
    for t in range(6):
        for tag in own["drawn"]:
            node = tab.locator(f"[data-node='{t} {tag}']")
            if own["below"][t, tag] > 1000:
                assert node.inner_text() == "–" and "not allowed" in str(node.get_attribute("aria-label"))
                continue
            assert numbers(node.inner_text()) == pytest.approx(
                [own["running"][t, tag], own["emissions"][t, tag]], abs=6e-3
            )
            assert ("best" in str(node.get_attribute("class")).split()) == (tag == own["path"][t])
    assert tab.locator(".edges .edge.one").count() == 6  # five steps, and the end
    best = tab.locator(".node.end.best")
    assert "wins" in best.inner_text()
    ends = [numbers(one)[0] for one in tab.locator(".node.end").all_inner_texts() if one != "–"]
    assert max(ends) == numbers(best.inner_text())[0]
    tab.locator(f"[data-node='2 {own['path'][2]}']").click()
    said = tab.locator("#workings").inner_text()
    score, step, emission, reached = (
        numbers(said.split("comes from")[1].split("make")[0])[-3:] + numbers(said.split("make ")[1])[:1]
    )
    assert score + step + emission == pytest.approx(reached, abs=0.02)
    assert tags[own["path"][1]] in said
    tab.keyboard.press("ArrowDown")
    row = own["drawn"].index(own["path"][2])
    if row + 1 < len(own["drawn"]):
        assert tab.evaluate("document.activeElement.dataset.node") == f"2 {own['drawn'][row + 1]}"


def test_page_draws_a_reading_beside_the_best(open_page: Any, models: dict[str, Tagger]) -> None:
    tab = open_page("usual", "#s=0&t=0&whole=0&lang=en")
    readings = explain_tags(models["usual"], sentences(TEXTS["usual"])[0][0]).readings
    shown = tab.locator(".readings .amount").all_inner_texts()
    assert shown == [f"{100 * one.probability:.1f}%" for one in readings]
    before = tab.locator(".edges .edge.two").count()
    button = tab.locator(".readings button").nth(1)
    button.click()
    button = tab.locator(".readings button").nth(1)
    assert button.get_attribute("aria-pressed") == "true"
    pairs = [one.tags for one in readings]
    differ = sum(
        pairs[0][t - 1 : t + 1] != pairs[2][t - 1 : t + 1] for t in range(1, len(pairs[0]))
    ) + (pairs[0][-1] != pairs[2][-1])  # fmt: skip
    assert tab.locator(".edges .edge.two").count() == differ
    button.click()
    assert tab.locator(".edges .edge.two").count() == before


def test_page_of_a_long_sentence_draws_what_is_near(open_page: Any) -> None:
    tab = open_page("long", "#s=0&t=1400&whole=0&lang=en")
    assert tab.locator(".passage [data-t]").count() == 1000
    assert tab.locator(".passage [data-t='1400']").count() == 1
    assert tab.locator(".lattice thead th").count() == 40
    assert "1,000 words around your place" in tab.inner_text("main")
    box, frame = (tab.locator(one).bounding_box() for one in (".passage .here", ".passage"))
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"]


def test_page_speaks_the_other_language_at_the_same_place(open_page: Any) -> None:
    tab = open_page("usual", "#s=1&t=1&whole=0&lang=en")
    tab.locator("button[lang=zh-CN]").click()
    assert place_of(tab) == {"s": "1", "t": "1", "whole": "0", "lang": "zh"}
    assert tab.locator("h1").inner_text() == "这些词为什么这样标注"
    assert tab.evaluate("document.documentElement.lang") == "zh-CN"


def test_page_as_text_holds_its_policy_and_no_markup_of_the_text(models: dict[str, Tagger]) -> None:
    page = explanation(tag_story(models["hostile"], HOSTILE, sentences(HOSTILE)), "t")
    assert page.count("<script") == 2 and "default-src 'none'" in page and "taken over'</script>" not in page
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert data["words"]["en"].keys() == data["words"]["zh"].keys()
    page.encode("utf-8")


def test_page_uses_every_word_it_has(models: dict[str, Tagger]) -> None:
    page = explanation(tag_story(models["one"], "Ada", sentences("Ada")), "t")
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    code = page.rsplit("<script>", 1)[1]
    for key, english in data["words"]["en"].items():
        assert re.search(rf"\b{key}\b", code), key
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in (english, data["words"]["zh"][key])]
        assert places[0] == places[1], key
    assert SCRIPTS[-1] == "tags/page"


def test_page_has_no_colour_of_its_own() -> None:
    """What has a hue has it by its meaning, as on the page of a classifier."""
    page, explain, own = (
        resources.files("gatewise.pages").joinpath("css", f"{name}.css").read_text(encoding="utf-8") for name in STYLES
    )
    bare = re.sub(r"/\*.*?\*/", "", own, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(", bare) == []
    assert set(re.findall(r"var\((--[\w-]+)", bare)) <= {*re.findall(r"(--[\w-]+):", page + explain), "--share"}
