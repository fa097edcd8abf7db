"""How the explanation meets a reader: what to read first, examples, one meaning a colour, room on a phone."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.system.test_explain_browser import TEXT, address, folder, model, number, open_page, unfold, unfold_all, until

from gatewise.explanation.story import story
from gatewise.pages.explain import FIRST, FOLDED

__all__ = ["address", "folder", "model", "open_page"]
CARDS = [
    "verdict",
    "running",
    "cell",
    "gates",
    "gates",
    "belt",
    "shares",
    "phrase",
    "edit",
    "shares",
]  # where a card leads
MEANINGS = {
    "--for": ".for", "--against": ".against", "--forget-gate": ".forget_gate", "--input-gate": ".input_gate",
    "--candidate": ".candidate", "--output-gate": ".output_gate",
}  # fmt: skip
# Every colour with a hue on the page, as [red, green, blue], and whether what is drawn with it stands for its meaning.
HUED = """meanings => {
    const style = getComputedStyle(document.documentElement);
    const hex = name => style.getPropertyValue(name).trim().match(/\\w\\w/g).map(part => parseInt(part, 16));
    const wanted = Object.entries(meanings).map(([name, selector]) => [hex(name), selector]);
    const properties = ["color", "backgroundColor", "borderTopColor", "borderLeftColor", "borderBottomColor", "stroke",
        "fill", "outlineColor", "textDecorationColor", "accentColor", "boxShadow"];
    const strays = [], seen = new Set();
    const every = [...document.querySelectorAll("body, body *")];
    for (const element of every) for (const pseudo of [null, "::before", "::marker"]) {
        const own = getComputedStyle(element, pseudo);
        if (pseudo === "::before" && own.content === "none") continue;
        for (const property of properties) for (const [, scaled, parts] of (own[property] ?? "").matchAll(
            /(rgb|srgb)a?[( ]([^()]*)\\)/g)) {
            const [red, green, blue, alpha = 1] = parts.split(/[ ,/]+/).filter(part => part).map(Number);
            const colour = [red, green, blue].map(part => Math.round(scaled === "srgb" ? 255 * part : part));
            if (alpha < 0.01 || Math.max(...colour) - Math.min(...colour) < 40) continue;
            const own = wanted.find(([known]) => known.every((part, index) => Math.abs(part - colour[index]) <= 2));
            if (own && element.closest(own[1])) seen.add(own[1]);
            else strays.push(`${element.tagName} ${element.getAttribute("class")} ${property} ${colour}`);
        }
    }
    return [[...new Set(strays)], [...seen]];
}"""


def folds(tab: Any) -> dict[str, bool]:
    """Give for every section whether what is in it can be seen."""
    return tab.evaluate("""() => Object.fromEntries([...document.querySelectorAll('main > section')].map(section =>
        [section.getAttribute('aria-labelledby'),
         [...section.querySelectorAll('.lead, .note')].some(part => part.checkVisibility())]))""")  # type: ignore[no-any-return]


@pytest.mark.parametrize(("locale", "mark"), [("en-GB", "Read first"), ("zh-CN", "先读这里")])
def test_explain_three_sections_are_to_be_read_first(open_page: Any, locale: str, mark: str) -> None:
    tab = open_page("usual", locale=locale)
    assert folds(tab) == {name: name in FIRST for name in (*FIRST, *FOLDED)}
    marked = tab.locator("main > section", has=tab.get_by_text(mark, exact=True))
    assert [one.get_attribute("aria-labelledby") for one in marked.all()] == list(FIRST)
    said = """([name, wanted]) => wanted === [...document.querySelectorAll(`section:has(#${name}) .lead`)]
        .some(part => part.textContent && part.checkVisibility())"""
    for name in FOLDED:
        tab.locator(f"section:has(#{name}) summary").first.focus()
        tab.keyboard.press("Enter")
        until(tab, said, [name, True])
        tab.locator(f"#{name}").click()
        until(tab, said, [name, False])


def test_explain_tour_opens_what_it_leads_to(open_page: Any) -> None:
    tab = open_page("usual")
    for card, place in enumerate(CARDS):
        tab.locator(".marks button").nth(card).click()
        tab.locator("#tour-go").click()
        assert folds(tab)[place], place
        lit = tab.locator("section.lit")
        assert lit.get_attribute("aria-labelledby") == place
        until(
            tab,
            """place => { const box = document.getElementById(place).getBoundingClientRect();
            return box.top >= 0 && box.bottom <= innerHeight; }""",
            place,
        )
    assert all(folds(tab)[name] for name in CARDS)


def test_explain_charts_fill_the_width_when_a_section_is_opened(open_page: Any) -> None:
    tab = open_page("usual")
    unfold_all(tab)
    charts = tab.locator("main svg.chart, main svg.cell").evaluate_all(
        "charts => charts.map(chart => [chart.clientWidth, chart.parentNode.clientWidth, chart.childElementCount])"
    )
    assert len(charts) >= 8
    assert all(wide == room and parts > 3 for wide, room, parts in charts)


@pytest.mark.parametrize("name", ["usual", "hostile", "unknown"])
def test_explain_no_section_begins_empty(open_page: Any, model: Any, name: str) -> None:
    tab = open_page(name)
    unfold_all(tab)
    for section in FOLDED:
        shown = tab.locator(f"section:has(#{section})")
        assert shown.locator("figure, table, .belt li").count() > 0, section
    said = tab.inner_text("main")
    assert not re.search(r"No phrase chosen|Nothing is changed|No gate is held|not prepared", said)


def test_explain_examples_are_about_the_strongest_token(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    unfold(tab, "phrase", "edit", "clamp")
    told = story(model, TEXT)
    look, contributions = told["look"], told["look"]["shares"]["contributions"]
    top = max(range(len(contributions)), key=lambda t: abs(contributions[t]))
    label, before = look["labels"][look["target"]], look["probabilities"][look["target"]]
    around = [one for one in told["phrases"] if one["start"] <= top < one["stop"]]
    first = max(around, key=lambda one: abs(sum(contributions[one["start"] : one["stop"]])))
    assert 2 <= first["stop"] - first["start"] <= 4
    chosen = tab.locator("section:has(#phrase) .strip .chosen").evaluate_all(
        "spans => spans.map(span => span.dataset.t)"
    )
    assert [int(t) for t in chosen] == list(range(first["start"], first["stop"]))
    assert number(tab.locator("#phrase-table td").nth(-4).inner_text()) == pytest.approx(first["together"], abs=6e-4)
    assert tab.locator(".chips li").all_inner_texts() == [f"− {look['tokens'][top]}"]
    after = told["without"][top]
    sentence = tab.locator("section:has(#edit) .result .lead").inner_text()
    assert sentence == f"With this change “{label}” goes from {100 * before:.0f}% to {100 * after:.0f}%."
    held = next(one for one in told["clamps"] if (one["gate"], one["value"], one["unit"]) == ("forget_gate", 1, None))
    sentence = tab.locator("section:has(#clamp) .result .lead").inner_text()
    assert sentence.endswith(f"from {100 * before:.0f}% to {100 * held['probability']:.0f}%.")
    assert "edits" not in tab.evaluate("location.hash")  # an example is nobody's choice
    tab.locator("#undo").click()
    assert tab.locator("section:has(#edit) .result .lead").inner_text() == "Nothing is changed."
    tab.locator("#held-gate").select_option("")
    assert tab.locator("section:has(#clamp) .result .lead").inner_text() == "No gate is held."


def test_explain_a_text_of_one_token_says_that_it_has_no_phrase(open_page: Any) -> None:
    tab = open_page("one")
    unfold(tab, "phrase", "edit")
    assert "A phrase needs two tokens" in tab.locator("section:has(#phrase) .result").inner_text()
    assert "goes from" in tab.locator("section:has(#edit) .result").inner_text()


def test_explain_live_sections_ask_for_their_examples_when_they_are_opened(
    open_page: Any, address: str, model: Any
) -> None:
    tab = open_page(address)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.post_data_json["ask"]))
    for name, question in {"phrase": "phrase", "edit": "brief", "clamp": "clamp", "horizon": "horizon"}.items():
        assert question not in asked
        unfold(tab, name)
        until(tab, "name => document.querySelector(`section:has(#${name}) .result:not(.waiting) .lead`) !== null", name)
        assert asked.count(question) == 1
    tokens = model.tokenizer.encode(TEXT).tokens
    start, stop = (int(re.findall(rf"{name}=(\d+)", tab.evaluate("location.hash"))[0]) for name in ("from", "to"))
    assert tab.locator("#phrase-table tbody th").all_inner_texts()[: stop - start] == tokens[start:stop]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_explain_a_colour_means_one_thing(open_page: Any, scheme: str) -> None:
    tab = open_page("usual", scheme=scheme)
    unfold_all(tab)
    tab.locator("section:has(#gates) select").select_option("input_gate")
    tab.locator("#tour-next").click()
    strays, seen = tab.evaluate(HUED, MEANINGS)
    assert strays == []
    assert set(seen) == set(MEANINGS.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("quantity", ["forget_gate", "input_gate", "output_gate", "candidate", "cell_states", "states"])
def test_explain_map_has_the_gates_own_colour_or_none(open_page: Any, scheme: str, quantity: str) -> None:
    tab = open_page("usual", f"#open=gates&quantity={quantity}", scheme=scheme)
    pixels = tab.evaluate("""() => { const canvas = document.querySelector('.heat');
        return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]; }""")
    colours = {tuple(pixels[start : start + 3]) for start in range(0, len(pixels), 4)}
    assert len(colours) > 20
    variable = "--" + quantity.replace("_", "-")
    if quantity.endswith("_gate"):
        hexes = tab.evaluate(
            "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue(name))",
            ["--none", variable],
        )
        none, full = ([int(one.strip()[place : place + 2], 16) for place in (1, 3, 5)] for one in hexes)
        for colour in colours:
            shares = [
                (part - low) / (high - low)
                for part, low, high in zip(colour, none, full, strict=True)
                if abs(high - low) > 40
            ]
            assert max(shares) - min(shares) < 0.03
    else:
        assert max(max(colour) - min(colour) for colour in colours) < 12  # greys
        assert min(map(sum, colours)) < 3 * 0x80 < max(map(sum, colours))  # dark below 0, light above


@pytest.mark.parametrize(
    ("locale", "names"),
    [("en-GB", {"i": "input gate i", "f": "forget gate f", "g": "candidate g", "o": "output gate o"}),
     ("zh-CN", {"i": "输入门 i", "f": "遗忘门 f", "g": "候选值 g", "o": "输出门 o"})],
)  # fmt: skip
@pytest.mark.parametrize("width", [390, 1100])
def test_explain_gates_are_named_in_the_drawing(open_page: Any, locale: str, names: dict[str, str], width: int) -> None:
    tab = open_page("usual", locale=locale, width=width)
    for letter, name in names.items():
        box = tab.locator(f".cell [data-name={letter}]")
        assert " ".join(box.locator(".name").all_text_contents()) == name
        inside = """box => { const [frame, ...texts] = [...box.children].map(part => part.getBoundingClientRect());
            return texts.every(text => text.left > frame.left && text.right < frame.right &&
                text.top >= frame.top - 1 && text.bottom <= frame.bottom + 1); }"""
        assert box.evaluate(inside), name


@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 740), (375, 667), (412, 915)])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_explain_player_and_tour_leave_a_phone_nine_tenths(
    open_page: Any, width: int, height: int, locale: str
) -> None:
    tab = open_page("usual", width=width, height=height, locale=locale)
    tab.locator("#cell").scroll_into_view_if_needed()
    boxes = [tab.locator(selector).bounding_box() for selector in (".player", "#tour")]
    assert boxes[0]["y"] == pytest.approx(0, abs=1) and boxes[1]["y"] + boxes[1]["height"] == pytest.approx(
        height, abs=1
    )
    assert sum(box["height"] for box in boxes) <= height / 10
    for selector in ("#play", ".player input", ".where", "#tour-open", "#tour .card", "#tour-go"):
        part, [bar] = tab.locator(selector).bounding_box(), boxes[:1] if selector[1] != "t" else boxes[1:]
        assert part["y"] >= bar["y"] - 1 and part["y"] + part["height"] <= bar["y"] + bar["height"] + 1, selector
        assert part["x"] >= 0 and part["x"] + part["width"] <= width, selector
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.locator("#tour-open").click()
    for selector in (".marks", "#tour-next", "#tour-hide"):
        assert tab.locator(selector).is_visible()
    tab.locator("#tour-go").click()
    assert tab.locator("#tour").bounding_box()["height"] <= height / 20


def test_explain_names_are_nobody_elses(open_page: Any, browser: Any, folder: Path) -> None:
    (folder / "blank.html").write_text("<!doctype html>", encoding="utf-8")
    blank = browser.new_page()
    blank.goto((folder / "blank.html").as_uri())
    plain = set(blank.evaluate("Object.getOwnPropertyNames(window)"))
    blank.close()
    tab = open_page("usual")
    assert set(tab.evaluate("Object.getOwnPropertyNames(window)")) <= plain
    names = re.findall(r"^const (\w+) = \(\(", (folder / "usual.html").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"numbers", "draw", "state"} < set(names)
    for name in names:  # an element with an id is reachable by it
        assert tab.evaluate(f"typeof {name} === 'undefined' || {name} instanceof Element"), name


def test_explain_in_chinese_says_so(open_page: Any) -> None:
    assert open_page("usual", locale="zh-CN").evaluate("document.documentElement.lang") == "zh-CN"
    assert open_page("usual", locale="en-GB").evaluate("document.documentElement.lang") == "en"
