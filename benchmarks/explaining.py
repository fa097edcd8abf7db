"""How long does it take to look inside? A review of 300 tokens, a small network and the model in the box.

    python benchmarks/explaining.py --threads 2

Medians of repeats measured in turn. The network of 256 units in one direction has random weights: the time does not
depend on them. "page" is the file of `gatewise explain --html`; "edited word" is what the live page asks for new text.
With Chromium and playwright (`pip install '.[dev]'`) the browser's part is timed too: until the live page is first
painted, until all of it stands, and until it shows what taking a word out does.
"""

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import gatewise
from gatewise.base.settings import NetworkConfig
from gatewise.explanation.story import setting, story
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.pages import explain as page
from gatewise.runtime.classifier import Model
from gatewise.serving import explain as serve
from tutorial import RESULTS, record

TOKENS = 300


def review(model: Model) -> str:
    """Give a bundled review cut to 300 tokens."""
    for batch in gatewise.read("reviews").test.batches():
        for text, _, _ in batch:
            offsets = model.tokenizer.limited(100 * TOKENS).encode(text).offsets
            if len(offsets) > TOKENS:
                return text[: offsets[TOKENS - 1][1]]
    raise ValueError("no bundled review is long enough")


def questions(model: Model, text: str) -> dict[str, Callable[[], object]]:
    """Give what is timed, by name."""
    words = text.split(" ")
    edited = " ".join([*words[:50], "dull", *words[51:]])
    asked: dict[str, Callable[[], object]] = {
        "trace": lambda: gatewise.trace(model, text),
        "trace and exact contributions": lambda: (gatewise.trace(model, text), gatewise.explain(model, text)),
        "contributions": lambda: gatewise.explain(model, text),
        "integrated gradients, 50 steps": lambda: gatewise.explain(model, text, method="integrated-gradients"),
        "leave-one-out": lambda: gatewise.explain(model, text, method="leave-one-out"),
    }
    asked["edited word"] = lambda: page.answer(serve.answer(model, {"ask": "look", "text": edited}))
    asked["page"] = lambda: page.explanation(setting(model), story(model, text), "model")
    return asked


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser, or give None where there is none."""
    found = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        found = None
    if not found:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--headless", "--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(model: Model, text: str) -> Iterator[str]:
    """Serve the live page of a text; give its address."""
    running = serve.server(model, "model", port=0, text=text)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()
    thread.join()


def in_browser(browser: Any, address: str, word: int) -> dict[str, float]:
    """Open the live page in a fresh context, take a word out; give the seconds until each is on the screen."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    tab = context.new_page()
    painted = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    started = time.perf_counter()
    tab.goto(address)
    tab.wait_for_selector("footer")
    tab.evaluate(painted)
    opened = time.perf_counter() - started
    first = tab.evaluate("performance.getEntriesByType('paint')[0].startTime") / 1000
    tab.locator("#edit").click()  # unfolds, and asks for its example
    tab.wait_for_selector("section:has(#drop) .reading.after")
    tab.locator("#undo").click()
    tab.locator(f".reading [data-t='{word}']").click()
    started = time.perf_counter()
    tab.locator("#drop").click()
    tab.wait_for_selector("section:has(#drop) .reading.after")
    tab.evaluate(painted)
    edited = time.perf_counter() - started
    context.close()
    return {"browser: first paint": first, "browser: page stands": opened, "browser: word taken out": edited}


def main() -> None:
    """Time every question in turn, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS / "explaining.json")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # which is asked whenever work is shared out
    bundled = gatewise.load("sentiment-en")
    config = NetworkConfig(embedding_dim=128, hidden_size=256, bidirectional=False, pooling=("max", "mean"))
    torch.manual_seed(1)
    network = arrays_of(TextLSTM(config, bundled.tokenizer.vocab_size, len(bundled.labels)))
    small = dataclasses.replace(bundled, network=network, companion=None)
    text = review(bundled)
    found: dict[str, dict[str, float]] = {}
    for name, model in {"hidden 256": small, "sentiment-en": bundled}.items():
        asked = questions(model, text)
        taken: dict[str, list[float]] = {question: [] for question in asked}
        for repeat in range(options.repeats + 1):
            for question, ask in asked.items():
                if question == "page" and repeat > 1:
                    continue
                started = time.perf_counter()
                ask()
                if repeat or question == "page":  # the first round warms up
                    taken[question].append(time.perf_counter() - started)
        with chromium() as browser, served(model, text) as address:
            for repeat in range(options.repeats + 1 if browser else 0):
                for question, seconds in in_browser(browser, address, word=50).items():
                    if repeat:
                        taken.setdefault(question, []).append(seconds)
        found[name] = {question: round(statistics.median(values), 4) for question, values in taken.items()}
        for question, seconds in found[name].items():
            print(f"{name:14} {question:32} {1000 * seconds:9.1f} ms", flush=True)
    head = record("explaining", options.threads, ["torch", "gatewise"])
    options.json.write_text(json.dumps(head | {"tokens": TOKENS, "seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
