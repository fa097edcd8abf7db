"""The explanation in a real browser: every interaction done, and its numbers held to Python's."""

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.explanation import shares as attribution
from gatewise.explanation.story import setting, story
from gatewise.explanation.tracing import trace
from gatewise.pages.explain import FOLDED, explanation
from gatewise.runtime.cell import sigmoid
from gatewise.runtime.tokenizer import from_json
from gatewise.serving import explain as serve
from gatewise.serving.explain import server

OTHER = next(name for name in attribution.METHODS if name != attribution.DEFAULT)
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
TEXT = "The film was dull and the ending awful, but the cast was superb and the music lovely with a warm story."
HOSTILE = "<script>document.title = 'taken over'</script> **bold** [x](javascript:alert(1)) 😀 film שלום עולם &lt;b&gt;"
LONG = " ".join(f"{word} film" for word in ["dull", "good", "the", "superb", "awful"] * 500)  # 5,000 tokens


def asked(model: Any, question: str, **fields: Any) -> Any:
    """Answer as the server does; about TEXT where nothing else is said."""
    return serve.answer(model, {"ask": question, "text": TEXT, **fields})


@pytest.fixture(scope="module")
def model(tiny_model: Any) -> Any:
    """The tiny model, reading texts of any length."""
    return replace(tiny_model, tokenizer=from_json(tiny_model.tokenizer.to_json(), 10_000))


@pytest.fixture(scope="module")
def folder(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("explained")
    stories = {
        name: story(model, text)
        for name, text in {"usual": TEXT, "hostile": HOSTILE, "one": "dull", "unknown": "zzz qqq"}.items()
    }
    for name, text in {"long": LONG, "thousand": " ".join(LONG.split()[:1000])}.items():  # only what is drawn at first
        stories[name] = {"look": asked(model, "look", text=text), "gradients": asked(model, "gradients")}
    for name, told in stories.items():
        (target / f"{name}.html").write_text(explanation(setting(model), told, "tiny"), encoding="utf-8")
    return target


@pytest.fixture
def open_page(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Open a page by name (offline) or address; fail afterwards if it complained or asked for anything else."""
    complaints: list[str] = []
    contexts = []

    def opened(
        name: str,
        part: str = "",
        *,
        width: int = 1100,
        height: int = 900,
        locale: str = "en-GB",
        scheme: str = "light",
        ready: str = "footer",
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        tab = context.new_page()
        served = name.startswith("http")
        context.set_offline(not served)
        address = name if served else (folder / f"{name}.html").as_uri()
        tab.on("console", lambda message: complaints.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        tab.on(
            "request", lambda request: request.url.startswith(address) or complaints.append(f"request: {request.url}")
        )
        opened.processor = context.new_cdp_session(tab)  # type: ignore[attr-defined]
        opened.processor.send("Performance.enable")  # type: ignore[attr-defined]
        tab.goto(address + part, timeout=120_000)  # milliseconds; a busy machine is slow
        tab.wait_for_selector(ready, timeout=120_000)
        return tab

    opened.complaints = complaints  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def number(text: str) -> float:
    """Read the last number of a text as the page writes it."""
    found = re.findall(r"[-−+]?\d[\d,]*\.?\d*", text)
    return float(found[-1].replace("−", "-").replace(",", ""))


def until(tab: Any, condition: str, value: Any = None, seconds: float = 20) -> None:
    """Wait until a script's condition holds; Playwright's own waiting is a script that the policy forbids."""
    end = time.monotonic() + seconds
    while not tab.evaluate(condition, value):
        assert time.monotonic() < end, f"{condition} did not come true ({value})"
        time.sleep(0.02)


def unfold(tab: Any, *names: str) -> None:
    """Open folded sections with the mouse, and wait until they have drawn themselves."""
    for name in names:
        tab.locator(f"#{name}").click()
        until(tab, "name => /open=([^&]*)/.exec(location.hash)?.[1].split('%2C').includes(name)", name)


def unfold_all(tab: Any) -> None:
    tab.locator("#open-all").click()
    until(tab, f"/open=([^&]*)/.exec(location.hash)?.[1].split('%2C').length >= {len(FOLDED)}")


def go_to(tab: Any, t: int) -> None:
    tab.locator(f".reading:not(.after) [data-t='{t}']").click()
    until(tab, "t => document.querySelector('.where').textContent.includes(`oken ${t + 1} of`)", t)


@pytest.mark.parametrize("name", ["usual", "hostile", "one", "unknown", "thousand"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [360, 1100])
def test_explain_fits_and_is_silent(open_page: Any, name: str, locale: str, width: int) -> None:
    tab = open_page(name, width=width, locale=locale)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    unfold_all(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('svg text')].filter(text => {
        const [inner, outer] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
    }).map(text => text.textContent)"""
    assert tab.evaluate(outside) == []
    shown = tab.inner_text("body")
    assert not re.search(r"undefined|\bNaN\b|\[object|\{\w+\}", shown)
    assert tab.locator("main > section").count() == 11
    leads = tab.locator("main > section .lead").all_inner_texts()
    assert all(leads)
    assert len(leads) >= (8 if name == "thousand" else 11)  # of that nothing was prepared but what is drawn at first


def test_explain_verdict_and_tokens_are_pythons(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    found = attribution.explain(model, TEXT)
    assert tab.locator("h1").inner_text() == f"“{found.label}”, {100 * found.probability:.1f}% sure"
    tokens = tab.locator(".reading [data-t]")
    assert tokens.all_inner_texts() == found.tokens
    for t, share in enumerate(found.contributions):
        assert ("for" if share >= 0 else "against") in tokens.nth(t).get_attribute("class").split()


def test_explain_running_verdict_follows_slider_keys_and_play(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    probabilities = asked(model, "look", text=TEXT)["running"]
    slider = tab.locator(".player input")
    slider.focus()
    tab.keyboard.press("Home")
    for t in (0, 1, 2):
        readout = tab.locator("section:has(#running) .readout")
        expect = f"{100 * probabilities[t]:.1f}%"
        until(tab, "([t]) => document.querySelector('.player input').value === String(t)", [t])
        tab.wait_for_timeout(50)
        assert readout.inner_text().endswith(expect)
        assert slider.get_attribute("aria-valuetext").startswith(f"Token {t + 1} of {len(probabilities)}")
        tab.keyboard.press("ArrowRight")
    tab.locator("#play").click()
    until(tab, "Number(document.querySelector('.player input').value) >= 5")
    tab.locator("#play").click()


@pytest.mark.parametrize("side", [0, 1])
def test_explain_cell_shows_every_formula_filled_in(open_page: Any, model: Any, side: int) -> None:
    tab = open_page("usual", f"#t=3&side={side}&row=2")
    traced = trace(model, TEXT).layers[-1][side]
    unit = asked(model, "look", text=TEXT)["layers"][-1][side]["units"][2]
    values = {"f": traced.forget_gate, "i": traced.input_gate, "g": traced.candidate, "o": traced.output_gate,
              "c": traced.cell_states, "h": traced.states}  # fmt: skip
    for name, array in values.items():
        tab.locator(f".cell [data-name={name}]").click()
        rows = tab.locator(".formula code").all_inner_texts()
        assert number(rows[-1]) == pytest.approx(float(array[3, unit]), abs=6e-4)
        assert number(tab.locator(f".cell [data-name={name}] .number").text_content()) == number(rows[-1])
        terms = [float(term) for term in re.findall(r"-?\d+\.\d+", rows[1].replace("−", "-"))]
        if name in "fio":
            assert sigmoid(np.array(sum(terms))) == pytest.approx(number(rows[-1]), abs=2e-3)
        if name == "c":
            assert terms[0] * terms[1] + terms[2] * terms[3] == pytest.approx(number(rows[-1]), abs=4e-3)
        if name == "h":
            assert terms[0] * math.tanh(terms[1]) == pytest.approx(number(rows[-1]), abs=2e-3)
    tab.locator(".cell [data-name=f]").focus()
    tab.keyboard.press("Enter")
    assert tab.locator(".formula").inner_text().startswith("f = σ(")
    tab.keyboard.press("Escape")
    assert tab.locator(".formula").inner_text() == "Choose a number to see where it comes from."


def test_explain_heat_map_gives_the_value_under_pointer_and_keys(open_page: Any, model: Any) -> None:
    tab = open_page("usual", "#t=0&side=0&row=0&open=gates")
    packed = asked(model, "look", text=TEXT)["layers"][-1][0]
    traced = trace(model, TEXT).layers[-1][0]
    readout = tab.locator(".map .readout")
    tab.locator("section:has(#gates) select").select_option("forget_gate")
    tab.locator(".heat").evaluate("canvas => canvas.scrollIntoView({ block: 'center' })")
    box = tab.locator(".heat").bounding_box()
    count = len(traced.states)
    tab.mouse.click(box["x"] + box["width"] * 5.5 / count, box["y"] + box["height"] * 3.5 / 8)
    until(tab, "document.querySelector('.map .readout').textContent.includes(' 6 ')")
    assert number(readout.inner_text()) == pytest.approx(float(traced.forget_gate[5, packed["units"][3]]), abs=0.006)
    tab.locator(".frame").focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    until(tab, "document.querySelector('.map .readout').textContent.includes(' 7 ')")
    assert number(readout.inner_text()) == pytest.approx(float(traced.forget_gate[6, packed["units"][4]]), abs=0.006)
    score = packed["separation"][4]
    assert f"{100 * max(score, 1 - score):.0f}%" in tab.locator("section:has(#gates) .lead").last.inner_text()
    pixels = """() => { const canvas = document.querySelector('.heat');
        return [canvas.width, canvas.height,
            new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size]; }"""
    columns, rows, shades = tab.evaluate(pixels)
    assert (columns, rows) == (count, 8)
    assert shades > 20  # it is painted


def test_explain_belt_shows_what_is_left_of_each_write(open_page: Any, model: Any) -> None:
    tab = open_page("usual", "#t=5&side=0&open=belt")
    traced = trace(model, TEXT).layers[-1][0]
    tab.locator("#step-on").click()
    until(tab, "document.querySelectorAll('.belt li').length === 7")
    writes = traced.input_gate * traced.candidate
    left = [np.prod(traced.forget_gate[j + 1 : 7], axis=0) * writes[j] for j in range(7)]
    expected = [np.abs(now).sum() / np.abs(write).sum() for now, write in zip(left, writes, strict=False)]
    shown = tab.locator(".belt .share").all_inner_texts()
    assert [number(text) / 100 for text in shown] == pytest.approx(expected, abs=0.012)
    assert tab.locator(".belt .word").all_inner_texts() == trace(model, TEXT).tokens[:7]


def test_explain_sum_adds_up_for_every_method(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    unfold(tab, "shares")
    for method in attribution.METHODS:
        tab.locator("#method").select_option(method)
        until(tab, "method => location.hash.includes(`method=${method}`)", method)
        found = attribution.explain(model, TEXT, method=method)
        read = {
            name: number(tab.locator(f"#sum-{name}").inner_text()) for name in ("words", "bias", "residual", "logit")
        }
        assert read["words"] == pytest.approx(found.contributions.sum(), abs=6e-5)
        assert read["bias"] == pytest.approx(found.bias, abs=6e-5)
        assert read["logit"] == pytest.approx(found.logit, abs=6e-5)
        assert read["words"] + read["bias"] + read["residual"] == pytest.approx(read["logit"], abs=2e-4)
        assert tab.locator("#trust").inner_text().startswith("How faithful this method is was not measured")


def test_explain_shows_measured_faithfulness_beside_the_method(open_page: Any, model: Any, folder: Path) -> None:
    measured = {"frozen": {"comprehensiveness": 0.4321, "sufficiency": -0.02, "rank": 0.87}}
    known = setting(model) | {"faithfulness": measured}
    (folder / "measured.html").write_text(explanation(known, story(model, TEXT), "tiny"), encoding="utf-8")
    shown = open_page("measured", "#open=shares").locator("#trust").inner_text()
    assert "0.432" in shown
    assert "0.87" in shown


def test_explain_phrase_by_brush_and_keys(open_page: Any, model: Any) -> None:
    found = story(model, TEXT)
    span = found["phrases"][0]
    tab = open_page("usual", f"#t={span['start']}&open=phrase")
    strip = tab.locator("section:has(#phrase) .strip")
    first, last = (strip.locator(f"[data-t='{t}']") for t in (span["start"], span["stop"] - 1))
    first.scroll_into_view_if_needed()
    first.hover()
    tab.mouse.down()
    last.hover()
    tab.mouse.up()
    tab.wait_for_selector("#phrase-table")
    cells = [number(text) for text in tab.locator("#phrase-table td").all_inner_texts()]
    columns = [
        [*alone, sum(alone), together, together - sum(alone)]
        for alone, together in ((span["alone"], span["together"]), (span["effects"], span["effect"]))
    ]
    assert (cells[::2], cells[1::2]) == tuple(pytest.approx(column, abs=6e-4) for column in columns)
    strip.focus()
    tab.keyboard.press("Escape")
    until(tab, "!document.querySelector('#phrase-table')")
    for _ in range(span["stop"] - span["start"] - 1):
        tab.keyboard.press("Shift+ArrowRight")
    until(tab, "t => location.hash.includes(`to=${t}`)", span["stop"])
    tab.wait_for_selector("#phrase-table")


def test_explain_file_deletes_words_and_holds_gates_that_were_prepared(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    unfold(tab, "edit", "clamp")
    told = story(model, TEXT)
    label = told["look"]["labels"][told["look"]["target"]]
    before = told["look"]["probabilities"][told["look"]["target"]]
    for t in (3, 7, 18):
        go_to(tab, t)
        tab.locator("#drop").click()
        sentence = tab.locator("section:has(#edit) .result .lead").inner_text()
        assert (
            sentence == f"With this change “{label}” goes from {100 * before:.0f}% to {100 * told['without'][t]:.0f}%."
        )
    assert tab.locator("#twice").count() == 0
    for change in told["clamps"]:
        tab.locator("#held-gate").select_option(change["gate"])
        if change["unit"] is None:
            tab.locator("#held-value").select_option(f"{change['value']:g}")
        else:
            tab.locator("#held-unit").select_option(str(change["unit"]))
        sentence = tab.locator("section:has(#clamp) .result .lead").inner_text()
        assert sentence.endswith(f"from {100 * before:.0f}% to {100 * change['probability']:.0f}%.")


def test_explain_horizon_and_gradients_are_pythons(open_page: Any, model: Any) -> None:
    tab = open_page("usual")
    unfold(tab, "horizon", "gradients")
    found = asked(model, "horizon", target=asked(model, "look", text=TEXT)["target"])
    tab.locator("section:has(#horizon) summary").last.click()
    rows = [row.split("\t") for row in tab.locator("section:has(#horizon) tbody tr").all_inner_texts()]
    assert [number(row[0]) for row in rows] == found["added"]
    assert [number(row[1]) / 100 for row in rows] == pytest.approx(found["probabilities"], abs=6e-4)
    assert [number(row[2]) / 100 for row in rows] == pytest.approx(found["evidence"], abs=6e-3)
    tab.locator("#gradient-steps").select_option("50")
    norms = asked(model, "gradients")["50"]
    chart = tab.locator("section:has(#gradients) svg")
    chart.focus()
    tab.keyboard.press("Home")
    values = [float(value) for value in re.findall(r"\d\.\de[-+]\d+", chart.get_attribute("aria-valuetext"))]
    assert values == pytest.approx([norms[name][0] for name in ("rnn", "lstm", "chrono")], rel=0.06)


def test_explain_tour_ticks_itself_off(open_page: Any) -> None:
    tab = open_page("usual", "#t=6")
    assert tab.locator("#tour .card").inner_text().startswith("0 of 10 done.")
    tab.locator(".reading:not(.after) [data-t='4']").click()
    assert tab.locator("#tour .card").inner_text().startswith("1 of 10 done. Drag the slider")
    tab.locator(".player input").focus()
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    tab.locator(".cell [data-name=c]").click()
    unfold_all(tab)
    tab.locator(".frame").click(position={"x": 40, "y": 40})
    tab.locator("section:has(#gates) select").select_option("forget_gate")
    tab.locator("#step-on").click()
    tab.locator("#method").select_option(OTHER)
    tab.locator("section:has(#phrase) .strip").focus()
    tab.keyboard.press("Shift+ArrowRight")
    tab.locator("#drop").click()
    tab.locator("section:has(#shares) summary").last.click()
    tab.locator("#tour .card", has_text="All 10 done.").wait_for()  # the browser tells of the opening a moment later
    assert tab.locator(".marks .done").count() == 10
    tab.locator("#tour-hide").click()
    assert tab.locator("#tour").is_hidden()


def test_explain_link_restores_the_view(open_page: Any) -> None:
    tab = open_page("usual")
    go_to(tab, 7)
    unfold(tab, "gates", "shares", "edit", "clamp")
    tab.locator(".sides").select_option("1")
    tab.locator(".units").select_option("2")
    tab.locator("#method").select_option(OTHER)
    tab.locator("section:has(#gates) select").select_option("input_gate")
    tab.locator("#drop").click()
    tab.locator("#held-gate").select_option("forget_gate")
    tab.locator("button[lang=zh-CN]").click()
    tab.locator("#play").wait_for()
    tab.locator("#link").click()
    part = tab.evaluate("location.hash")
    again = open_page("usual", part)
    for view in (".where", "section:has(#cell) .lead", "section:has(#shares) .sum", "section:has(#edit) .result .lead",
                 "section:has(#clamp) .result .lead", ".map .readout", "h1"):  # fmt: skip
        assert again.locator(view).inner_text() == tab.locator(view).inner_text(), view
    assert again.evaluate("document.documentElement.lang") == "zh-CN"
    opened = "[...document.querySelectorAll('details.later[open] h2')].map(title => title.id)"
    assert again.evaluate(opened) == ["gates", "shares", "edit", "clamp"]
    damaged = open_page(
        "usual", "#t=999999&row=-4&side=9&method=magic&edits=d99999,q1&held=door,7,x&from=5&to=2&lang=%E0%A4%A"
    )
    assert damaged.locator(".where").inner_text().startswith("Token 23 of 23")


def test_explain_hostile_text_stays_text(open_page: Any, model: Any) -> None:
    tab = open_page("hostile")
    assert tab.locator(".reading").first.inner_text().strip() == HOSTILE
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.title() == "How the model decided: tiny"
    assert tab.locator("img, a, b, em").count() == 0
    assert tab.locator(".reading [data-t]").all_inner_texts() == model.tokenizer.encode(HOSTILE).tokens


def test_explain_policy_is_in_force(open_page: Any) -> None:
    tab = open_page("usual")
    tab.evaluate("""() => { window.ran = false; const added = document.createElement('script');
        document.addEventListener('securitypolicyviolation', event => { window.violation = event.effectiveDirective; });
        added.textContent = 'window.ran = true'; document.body.append(added); }""")
    until(tab, "window.violation !== undefined")
    assert tab.evaluate("[window.ran, window.violation]") == [False, "script-src-elem"]
    assert tab.evaluate("fetch('https://example.org').then(() => 'reached', () => 'blocked')") == "blocked"
    assert all("Content Security Policy" in complaint for complaint in open_page.complaints)
    open_page.complaints.clear()


def test_explain_language_follows_browser_and_switch(open_page: Any) -> None:
    tab = open_page("usual", locale="zh-CN")
    assert tab.locator("#shares").inner_text() == "决定结果的总和"
    tab.locator("button[lang=en]").click()
    assert tab.locator("#shares").inner_text() == "The sum that decides"
    assert tab.evaluate("[document.documentElement.lang, document.activeElement.textContent]") == ["en", "English"]


def processor_seconds(open_page: Any) -> float:
    """Give what the last page's main thread has computed: unlike a clock it does not run on when others compute."""
    metrics = open_page.processor.send("Performance.getMetrics")["metrics"]
    return next(float(item["value"]) for item in metrics if item["name"] == "ThreadTime")


def test_explain_long_texts_stay_fluid_and_are_windowed(open_page: Any) -> None:
    for name in ("thousand", "long"):
        tab = open_page(name)
        assert tab.locator(".reading [data-t]").count() == 1000
        opened = processor_seconds(open_page)
        unfold_all(tab)
        before = processor_seconds(open_page)
        tab.evaluate("""() => new Promise(done => { let steps = 0;
            const slider = document.querySelector('.player input');
            const next = () => { if ((steps += 1) > 20) return done();
                slider.value = 10 + steps; slider.dispatchEvent(new Event('input'));
                requestAnimationFrame(() => requestAnimationFrame(next)); }; next(); })""")
        moved = processor_seconds(open_page) - before
        print(f"{name}: {opened:.2f} s to open, {moved / 20:.3f} s a step")
        assert 0 < opened < 4
        assert 0 < moved / 20 < 0.1
    assert "1,000 tokens around your place" in tab.inner_text("main")
    told = tab.locator("section:has(#running)").inner_text()
    assert "beginnings were read" in told and "comes somewhere from" in told
    tab.locator(".player input").focus()
    tab.keyboard.press("End")
    tab.wait_for_selector("[data-t='4999']")


@pytest.fixture(scope="module")
def address(model: Any) -> Iterator[str]:
    running = server(model, "tiny", port=0, text=TEXT)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()
    thread.join(10)


def test_explain_live_answers_any_text(open_page: Any, address: str, model: Any) -> None:
    tab = open_page(address)
    assert tab.locator(".reading [data-t]").count() == len(model.tokenizer.encode(TEXT).tokens)
    text = "A superb and moving story, not dull at all."
    tab.locator("#any-text").fill(text)
    tab.locator("#send").click()
    until(tab, "document.querySelector('.reading').textContent.startsWith('A superb')")
    found = attribution.explain(model, text)
    assert tab.locator("h1").inner_text() == f"“{found.label}”, {100 * found.probability:.1f}% sure"
    tab.locator("#any-text").fill("  ")
    tab.locator("#send").click()
    tab.wait_for_selector(".asker .failed:not(:empty)")
    assert "empty" in tab.locator(".asker .failed").inner_text()
    assert all("400" in complaint for complaint in open_page.complaints)
    open_page.complaints.clear()


def test_explain_live_is_painted_before_its_answer(
    open_page: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, answer = threading.Event(), serve.answer

    def held(model: Any, question: Any) -> Any:
        assert released.wait(120)
        return answer(model, question)

    monkeypatch.setattr(serve, "answer", held)
    tab = open_page(address, ready="#report p")
    assert "Computing" in tab.inner_text("#report")
    assert tab.locator("main > section").count() == 0
    released.set()
    tab.wait_for_selector("footer")
    assert tab.locator("#any-text").input_value() == TEXT


def test_explain_live_edits_phrases_clamps_and_methods(open_page: Any, address: str, model: Any) -> None:
    tab = open_page(address)
    unfold(tab, "edit", "clamp", "shares", "phrase")
    found = attribution.explain(model, TEXT)
    words, before = found.tokens, found.probability

    def becomes(text: str) -> None:
        after = model.probabilities([text])[0][found.target]
        sentence = f"With this change “{found.label}” goes from {100 * before:.0f}% to {100 * after:.0f}%."
        until(tab, "text => document.querySelector('#edit').closest('section').innerText.includes(text)", sentence)

    go_to(tab, words.index("awful"))
    begun = time.perf_counter()
    tab.locator("#drop").click()
    becomes(TEXT.replace("awful", ""))
    assert time.perf_counter() - begun < 5  # on a busy machine; 0.2 s on a quiet one
    go_to(tab, words.index("superb"))
    tab.locator("#twice").click()
    becomes(TEXT.replace("awful", "").replace("superb", "superb superb"))
    go_to(tab, words.index("dull"))
    tab.locator("#swap-word").fill("great")
    tab.locator("#swap").click()
    becomes(TEXT.replace("awful", "").replace("superb", "superb superb").replace("dull", "great"))
    assert tab.locator(".chips li").all_inner_texts() == ["− awful", "superb twice", "dull → great"]
    tab.locator("#undo").click()
    becomes(TEXT.replace("awful", "").replace("superb", "superb superb"))

    tab.locator("#held-gate").select_option("forget_gate")
    tab.locator("#held-value").fill("0.9")
    change = asked(model, "clamp", target=found.target, gate="forget_gate", value=0.9, unit=None)
    sentence = f"to {100 * change['probability']:.0f}%."
    until(tab, "text => document.querySelector('#clamp').closest('section').innerText.includes(text)", sentence)

    method = next(name for name in attribution.METHODS if name != found.method)
    tab.locator("#method").select_option(method)
    total = attribution.explain(model, TEXT, method=method).contributions.sum()
    shown = "Number(document.querySelector('#sum-words').textContent.replace('−', '-'))"
    until(tab, f"total => Math.abs({shown} - total) < 1e-3", float(total))
    before_keys = tab.evaluate("location.hash")
    tab.locator("section:has(#phrase) .strip").focus()
    tab.keyboard.press("Shift+ArrowRight")
    until(tab, "hash => location.hash !== hash", before_keys)
    tab.wait_for_selector("section:has(#phrase) .result:not(.waiting) #phrase-table")
    start, stop = (int(re.search(rf"{name}=(\d+)", tab.evaluate("location.hash"))[1]) for name in ("from", "to"))
    expected = asked(model, "phrase", target=found.target, start=start, stop=stop)
    for place, name in ((-4, "together"), (-3, "effect")):
        assert number(tab.locator("#phrase-table td").nth(place).inner_text()) == pytest.approx(
            expected[name], abs=6e-4
        )


@pytest.mark.parametrize(
    ("name", "width", "locale", "scheme"),
    [("desktop", 1100, "en-GB", "light"), ("narrow", 375, "en-GB", "light"), ("dark", 1100, "en-GB", "dark"),
     ("chinese", 1100, "zh-CN", "light")],
)  # fmt: skip
def test_explain_screenshots_are_kept(open_page: Any, name: str, width: int, locale: str, scheme: str) -> None:
    tab = open_page("usual", "#t=7&from=6&to=8&open=" + ",".join(FOLDED), width=width, locale=locale, scheme=scheme)
    SHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SHOTS / f"explain-{name}.png", full_page=True)
    assert json.loads(json.dumps(tab.evaluate("getComputedStyle(document.body).backgroundColor"))) == (
        "rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)"
    )
