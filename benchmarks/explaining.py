"""How long does it take to look inside? A review of 300 tokens, a small network and the model in the box.

    python benchmarks/explaining.py --threads 2

Medians of repeats measured in turn. The network of 256 units in one direction has random weights: the time does not
depend on them. "page" is the file of `gatewise explain --html`; "edited word" is what the live page asks for new text.
"""

import argparse
import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

import gatewise
from gatewise import insight, page, serve
from gatewise.config import NetworkConfig
from gatewise.model import Model
from gatewise.network import TextLSTM
from gatewise.tracing import encoding
from tutorial import RESULTS, record

TOKENS = 300


def review(model: Model) -> str:
    """Give a bundled review cut to 300 tokens."""
    for batch in gatewise.read("reviews").test.batches():
        for text in batch.column("text").to_pylist():
            offsets = encoding(model, text).offsets
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
    asked["edited word"] = lambda: page.as_json(serve.answer(model, {"ask": "look", "text": edited}))
    asked["page"] = lambda: page.explanation(insight.setting(model), insight.story(model, text), "model")
    return asked


def main() -> None:
    """Time every question in turn, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS / "explaining.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bundled = gatewise.load("sentiment-en")
    config = NetworkConfig(embedding_dim=128, hidden_size=256, bidirectional=False, pooling=("max", "mean"))
    torch.manual_seed(1)
    small = dataclasses.replace(
        bundled, network=TextLSTM(config, bundled.tokenizer.vocab_size, len(bundled.labels)).eval(), companion=None
    )
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
        found[name] = {question: round(statistics.median(values), 4) for question, values in taken.items()}
        for question, seconds in found[name].items():
            print(f"{name:14} {question:32} {1000 * seconds:9.1f} ms", flush=True)
    head = record("explaining", options.threads, ["torch", "gatewise"])
    options.json.write_text(json.dumps(head | {"tokens": TOKENS, "seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
