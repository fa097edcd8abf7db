"""What does a recipe reach on IMDB's test part, and on which reviews? One line a seed, then the mean and the spread.

    GATEWISE_DATA=... python benchmarks/recipes.py standard --seeds 1 2 3

Beside the accuracy: the network and the companion alone, the shortest and the longest tenth of the reviews, reviews
that contain a negation, calibration, and the seconds of training. Seeds measured earlier stay in the figures while the
recipe is the same, so that hours of runs can be spread over days. With --model FOLDER nothing is trained. Every reading
of the test part belongs into docs/experiments.md.
"""

import argparse
import json
import re
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

import gatewise
from gatewise.base.reliability import expected_calibration_error
from gatewise.runtime.classifier import Model, softmax
from gatewise.tasks.classify.fit import train_classifier
from gatewise.tasks.classify.measure import log_loss, reliability
from gatewise.tasks.classify.settings import RECIPES, Settings
from gatewise.training.session import resumable, unfinished
from tutorial import RESULTS, record

NEGATION = re.compile(r"\b(not|no|never|none|nothing|nobody|neither|nor|cannot|without)\b|n['’]t\b", re.IGNORECASE)


def measured(model: Model, texts: list[str], truth: np.ndarray) -> dict[str, Any]:
    """Give every figure of a model on labelled texts."""
    started = time.perf_counter()
    encoded = model.encode(texts)
    network, companion = model.parts(encoded)
    seconds = time.perf_counter() - started
    logits = network + companion
    right = logits.argmax(axis=1) == truth
    probabilities = softmax(logits / model.temperature)
    by_length = np.argsort(encoded.lengths, kind="stable")
    tenth = len(texts) // 10
    negated = np.array([bool(NEGATION.search(text)) for text in texts])
    return {
        "accuracy": float(right.mean()),
        "network": float((network.argmax(axis=1) == truth).mean()),
        "companion": float((companion.argmax(axis=1) == truth).mean()) if model.companion else None,
        "shortest_tenth": float(right[by_length[:tenth]].mean()),
        "longest_tenth": float(right[by_length[-tenth:]].mean()),
        "with_negation": float(right[negated].mean()),
        "without_negation": float(right[~negated].mean()),
        "share_with_negation": float(negated.mean()),
        "log_loss": log_loss(probabilities, truth),
        "ece": expected_calibration_error(reliability(probabilities, truth)),
        "reviews_per_second": round(len(texts) / seconds),
    }  # fmt: skip


def main() -> None:
    """Train and measure each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="standard", choices=RECIPES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--pretrained", help="another encoder than the recipe's")
    parser.add_argument("--model", type=Path, help="measure this model; train nothing")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dataset = gatewise.read("imdb")
    texts: list[str] = []
    labels: list[str] = []
    for batch in dataset.test.batches():
        texts += [example.text for example in batch]
        labels += [example.label for example in batch]
    path = options.json or RESULTS / f"recipe_{options.model.name if options.model else options.recipe}.json"
    settings = Settings().replace(**RECIPES[options.recipe]).replace(pretrained=options.pretrained)
    recipe = {} if options.model else json.loads(json.dumps(settings.flat()))
    found: dict[str, dict[str, Any]] = {}
    if path.is_file():
        earlier = json.loads(path.read_text())
        found = earlier["seeds"] if earlier.get("recipe") == recipe else {}
    for seed in [0] if options.model else options.seeds:
        place = options.model or options.out / f"{options.recipe}-{seed}"
        if not options.model:
            resume, own = resumable(unfinished(place)), settings.replace(seed=seed)
            train_classifier(dataset, place, settings=own, overwrite=not resume, resume=resume)
        model = gatewise.load(place)
        index = {str(label): number for number, label in enumerate(model.labels)}
        figures = measured(model, texts, np.array([index[label] for label in labels]))
        found[str(seed)] = figures | {name: model.facts.get(name) for name in ("trained_seconds", "dev")}
        print(seed, json.dumps(found[str(seed)]), flush=True)
        head = record("recipes", 0, ["torch", "gatewise"])
        path.write_text(json.dumps(head | {"recipe": recipe, "seeds": found}, indent=1) + "\n")
    accuracies = [figures["accuracy"] for figures in found.values()]
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    print(f"{options.recipe}: mean {statistics.mean(accuracies):.4f}, spread {spread:.4f}, {len(accuracies)} seed(s)")


if __name__ == "__main__":
    main()
