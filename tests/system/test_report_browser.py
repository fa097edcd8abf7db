"""The report in a real browser: nothing blocked, nothing loaded, hostile texts shown as texts, readable when narrow."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.base.reliability import ReliabilityBin
from gatewise.pages.report import report
from gatewise.tasks.classify.measure import (
    ConfidentError,
    Evaluation,
    LengthBin,
    label_figures,
    wilson_interval,
)

HOSTILE = (
    "</script><script>document.title = 'taken over'</script><img src=x onerror=alert(1)> "
    "<!-- &lt;b&gt; \x00\x07 \u202etxet desrever\u202c \u2028 שלום עולם \ud800 ${policy} $data"
)
REVIEWS = (
    "I wanted to love this film, and for an hour I did. The photography is superb, the two leads are charming, and the "
    "first act sets up a mystery that had the whole room leaning forward. Then the script forgets about it. Scenes "
    "follow one another without reason, a car chase arrives from another film, and the ending explains at length what "
    "nobody had asked. What a waste of a wonderful cast. I went home and watched the director's first film again, "
    "which cost a tenth of this one and has ten times the heart. Still, if you must see it, see it for the first hour.",
    "Not bad at all. Not good either, but I have paid more for less.",
    HOSTILE,
    "这部电影开头很精彩，演员也很努力，可惜后半段的剧情完全说不通。",
    "فيلم رائع من البداية إلى النهاية، لكن النهاية كانت طويلة جدا (about 20 minutes).",
    "   ",
    "Oh sure, another masterpiece from the man who gave us three sequels nobody wanted. Ten out of ten for the nap.",
)
TOPICS = ("politics", "economy", "science", "technology", "sport", "culture", "travel", "health", "education")
TOPICS += ("weather", "food", "letters to the editor")


def reliability(sure: list[tuple[float, bool]]) -> tuple[ReliabilityBin, ...]:
    """Fifteen bins of (confidence, right) pairs, empty ones left out."""
    bins = []
    for index in range(15):
        low, high = index / 15, (index + 1) / 15
        inside = [pair for pair in sure if low < pair[0] <= high]
        if inside:
            mean = [sum(values) / len(inside) for values in zip(*inside, strict=True)]
            bins.append(ReliabilityBin(low, high, len(inside), *mean))
    return tuple(bins)


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    return sum(item.n * abs(item.confidence - item.accuracy) for item in bins) / sum(item.n for item in bins)


def example(labels: tuple[str, ...] = ("negative", "positive"), n: int = 2000) -> Evaluation:
    """Made numbers that agree with each other, as of a slightly over-confident model."""
    draw = random.Random(7)
    confusion = [[0] * len(labels) for _ in labels]
    after, before, lengths = [], [], []
    for _ in range(n):
        length = min(900, int(draw.lognormvariate(5.0, 0.8)) + 1)
        p = 1 - (1 - 1 / len(labels)) * draw.betavariate(0.6, 2.4 if length > 60 else 1.6)
        right = draw.random() < p
        true = draw.randrange(len(labels))
        wrong = (true + min(len(labels) - 1, 1 + int(draw.expovariate(0.9)))) % len(labels)
        confusion[true][true if right else wrong] += 1
        after.append((p, right))
        before.append((1 / (1 + (1 / p - 1) ** 1.35), right))
        lengths.append((length, right))
    accuracy = sum(right for _, right in after) / n
    lengths.sort()
    by_length = []
    for group in range(10):
        inside = lengths[group * n // 10 : (group + 1) * n // 10]
        found = sum(right for _, right in inside)
        interval = wilson_interval(found, len(inside))
        by_length.append(LengthBin(inside[0][0], inside[-1][0], len(inside), found / len(inside), *interval))
    half = 1.96 * math.sqrt(accuracy * (1 - accuracy) / n)
    errors = tuple(
        ConfidentError(131 * place + 17, text, labels[place % 2], labels[1 - place % 2], 0.997 - 0.011 * place)
        for place, text in enumerate(REVIEWS)
    )
    bins, raw = reliability(after), reliability(before)
    return Evaluation(
        data="IMDB reviews, test part",
        n=n,
        labels=labels,
        accuracy=accuracy,
        accuracy_low=accuracy - half,
        accuracy_high=accuracy + half,
        macro_f1=accuracy - 0.002,
        log_loss=0.331,
        log_loss_uncalibrated=0.352,
        ece=calibration_error(bins),
        ece_uncalibrated=calibration_error(raw),
        temperature=1.35,
        confusion=tuple(map(tuple, confusion)),
        by_length=tuple(by_length),
        reliability=bins,
        reliability_uncalibrated=raw,
        errors=errors,
        empty_texts=1,
        seconds=6.4,
        by_label=label_figures(np.array(confusion), labels),
    )


def run(epochs: int = 5, steps: int = 390) -> list[dict[str, Any]]:
    """A metrics.jsonl as a run leaves it: steps every 10, a dev check after each epoch."""
    draw, events = random.Random(3), [{"kind": "start", "seconds": 0.0}]
    for step in range(10, epochs * steps + 1, 10):
        epoch = step / steps
        loss = 0.14 + 0.56 * math.exp(-0.75 * epoch) + draw.gauss(0, 0.018)
        events.append({"kind": "step", "seconds": step / 6, "step": step, "epoch": epoch, "loss": loss})
        if step % steps == 0:
            dev, score = 0.33 + 0.03 * (epoch - 3) ** 2 / 2, 0.872 - 0.008 * (epoch - 4) ** 2
            events.append(
                {"kind": "dev", "seconds": step / 6, "step": step, "epoch": epoch, "loss": dev, "score": score}
            )
    return [*events, {"kind": "end", "seconds": 400.0}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages under test: the usual case, twelve labels without a history, and more labels than a table can show."""
    target = tmp_path_factory.mktemp("report")
    many = tuple(f"intent {number:02d}" for number in range(30))
    pages = {
        "two": report(example().as_dict(), run(), "Film reviews, small LSTM"),
        "twelve": report(example(TOPICS).as_dict(), [], f"News topics {HOSTILE}"),
        "thirty": report(example(many).as_dict(), run(1), "Intents"),
    }
    for name, text in pages.items():
        (target / f"{name}.html").write_text(text, encoding="utf-8")
    return target


@pytest.fixture
def open_page(browser: Any, folder: Path) -> Iterator[Any]:
    """Open a page by name; fail afterwards if it wrote to the console, broke, or asked for anything but itself."""
    complaints: list[str] = []
    contexts = []

    def opened(name: str, *, width: int = 1100, locale: str = "en-GB", scheme: str = "light") -> Any:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, locale=locale, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()
        address = (folder / f"{name}.html").as_uri()
        tab.on("console", lambda message: complaints.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        tab.on("request", lambda request: request.url == address or complaints.append(f"request: {request.url}"))
        tab.goto(address)
        tab.wait_for_selector("footer")
        return tab

    opened.complaints = complaints
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("name", ["two", "twelve", "thirty"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [360, 1100])
def test_report_fits_and_is_silent(open_page: Any, name: str, locale: str, width: int) -> None:
    tab = open_page(name, width=width, locale=locale)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('svg text')].filter(text => {
        const [inner, outer] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
    }).map(text => text.textContent)"""
    assert tab.evaluate(outside) == []
    assert "undefined" not in tab.inner_text("body")
    assert "NaN" not in tab.inner_text("body")


def test_report_policy_is_in_force(open_page: Any) -> None:
    tab = open_page("two")
    assert open_page.complaints == []
    tab.evaluate(
        """() => { window.ran = false; const added = document.createElement('script');
        document.addEventListener('securitypolicyviolation', event => { window.violation = event.effectiveDirective; });
        added.textContent = 'window.ran = true'; document.body.append(added); }"""
    )
    tab.wait_for_function("window.violation !== undefined")
    assert tab.evaluate("[window.ran, window.violation]") == [False, "script-src-elem"]
    assert tab.evaluate("getComputedStyle(document.querySelector('.masthead')).display") == "flex"
    assert "Content Security Policy" in open_page.complaints.pop()


def test_report_shows_hostile_texts_as_texts(open_page: Any) -> None:
    tab = open_page("twelve")
    shown = HOSTILE.replace("\x00", "␀").replace("\x07", "␇").replace("\ud800", "\ufffd")
    assert tab.locator(".text").nth(2).text_content() == shown
    assert tab.locator("h1").text_content() == f"News topics {shown}"
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.locator("img").count() == 0
    assert tab.locator(".text").nth(4).evaluate("text => getComputedStyle(text).direction") == "rtl"
    assert tab.locator(".text").nth(0).evaluate("text => getComputedStyle(text).direction") == "ltr"


def test_report_language_follows_browser_and_switch(open_page: Any) -> None:
    tab = open_page("two", locale="zh-CN")
    assert tab.locator("#calibration").text_content() == "概率是否可信？"
    tab.get_by_role("button", name="English").click()
    assert tab.locator("#calibration").text_content() == "Can its probabilities be trusted?"
    assert tab.evaluate("[document.documentElement.lang, document.activeElement.textContent]") == ["en", "English"]
    assert tab.get_by_role("button", name="English").get_attribute("aria-pressed") == "true"


def test_report_follows_dark_mode(open_page: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert open_page("two").evaluate(colour) == "rgb(255, 255, 255)"
    assert open_page("two", scheme="dark").evaluate(colour) == "rgb(20, 23, 27)"


def test_report_charts_give_values_to_pointer_and_keys(open_page: Any) -> None:
    tab = open_page("two")
    readouts = tab.locator(".readout")
    for index, chart in enumerate(tab.get_by_role("slider").all()):
        assert chart.get_attribute("aria-label")
        chart.hover()
        hovered = readouts.nth(index).text_content()
        assert any(sign.isdigit() for sign in hovered)
        chart.focus()
        tab.keyboard.press("End")
        tab.keyboard.press("ArrowRight")
        assert readouts.nth(index).text_content() != hovered
        assert chart.get_attribute("aria-valuetext") == readouts.nth(index).text_content()
        assert chart.get_attribute("aria-valuenow") == chart.get_attribute("aria-valuemax")
    assert index == 4


def test_report_unfolds_long_texts_with_the_keyboard(open_page: Any) -> None:
    tab = open_page("two")
    button = tab.locator(".mistakes button")
    assert button.count() == 1
    assert tab.locator(".text").first.text_content().endswith("…")
    button.focus()
    tab.keyboard.press("Enter")
    assert tab.locator(".text").first.text_content() == REVIEWS[0]
    assert button.get_attribute("aria-expanded") == "true"


def test_report_says_when_no_curve_came(open_page: Any) -> None:
    assert "No learning curve came with this model." in open_page("twelve").inner_text("main")


def test_report_lists_confusions_when_there_are_many_labels(open_page: Any) -> None:
    tab = open_page("thirty")
    assert tab.locator(".matrix").count() == 0
    assert tab.locator("section[aria-labelledby=confusion] .scroll").first.locator("tbody tr").count() == 15


def test_report_shows_five_mistakes_and_folds_the_rest(open_page: Any) -> None:
    tab = open_page("two")
    shown = "items => items.map(item => item.checkVisibility())"
    assert tab.locator(".mistakes li").evaluate_all(shown) == [True] * 5 + [False] * 2
    more = tab.get_by_text("Show 2 more mistakes")
    more.click()
    assert tab.locator(".mistakes li").evaluate_all(shown) == [True] * 7
    assert "masterpiece" in tab.locator(".mistakes").last.inner_text()


@pytest.mark.parametrize("name", ["two", "twelve", "thirty"])
def test_report_puts_figures_of_each_label_above_the_mistakes(open_page: Any, name: str) -> None:
    tab = open_page(name)
    sections = tab.locator("main > section").evaluate_all("all => all.map(one => one.getAttribute('aria-labelledby'))")
    assert sections.index("byLabel") < sections.index("errors")
    rows = tab.locator("section[aria-labelledby=byLabel] tbody tr")
    assert rows.first.is_visible()
    texts = [int(cell.replace(",", "")) for cell in rows.locator("td:nth-child(2)").all_text_contents()]
    assert texts == sorted(texts)
    assert len(texts) == {"two": 2, "twelve": 12, "thirty": 30}[name]
    rarest = rows.first.locator("th").text_content()
    assert f"The rarest label, “{rarest}” ({texts[0]:,} texts)" in tab.inner_text("main")
    assert rows.evaluate_all("rows => rows.filter(row => row.checkVisibility()).length") == min(20, len(texts))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report_blue_is_right_and_orange_wrong(open_page: Any, scheme: str) -> None:
    """A colour with a hue stands on what counts right answers, or wrong ones, and on nothing else."""
    tab = open_page("two", scheme=scheme)
    for summary in tab.locator("summary").all():
        summary.click()
    hues = tab.evaluate("""() => {
        const found = new Set();
        for (const element of document.querySelectorAll("body, body *")) for (const pseudo of [null, "::before"]) {
            const own = getComputedStyle(element, pseudo);
            if (pseudo && own.content === "none") continue;
            for (const property of ["color", "backgroundColor", "borderTopColor", "stroke", "fill", "outlineColor"]) {
                const match = /(rgb|srgb)a?[( ]([^()]*)[)]/.exec(own[property]);
                if (!match) continue;
                const [red, green, blue, alpha = 1] = match[2].split(/[ ,/]+/).filter(part => part)
                    .map(part => Number(part) * (match[1] === "srgb" ? 255 : 1));
                if (alpha === 0 || Math.max(red, green, blue) - Math.min(red, green, blue) < 26) continue;  // greys
                found.add(`${blue > red ? "blue" : "orange"} ${element.getAttribute("class")}`);
            }
        }
        return [...found];
    }""")
    blue = {"fill", "bar", "point", "interval", "bound", "dot", "right"}
    assert set(hues) <= {f"blue {name}" for name in blue} | {"orange wrong"}
    assert {"blue bar", "blue point", "blue right"} <= set(hues)
    assert scheme == "dark" or "orange wrong" in hues  # a tenth of a dark row is nearly grey


def test_report_names_are_nobody_elses(open_page: Any) -> None:
    tab = open_page("two")
    assert (
        tab.evaluate("[typeof numbers, typeof draw, typeof page, typeof render, typeof evaluation]")
        == ["undefined"] * 5
    )


def test_report_in_chinese_says_so(open_page: Any) -> None:
    assert open_page("two", locale="zh-CN").evaluate("document.documentElement.lang") == "zh-CN"
