"""Does gatewise hold on other text? AG News topics and Chinese reviews, against TF-IDF + logistic regression.

    GATEWISE_DATA=../shared/data python benchmarks/other_data.py

Same split and same run for all; three seeds of the default recipe and, on AG News, of training from the bundled
encoder, whose own text, film reviews, is unlike news. The linear model reads words for English and characters for
Chinese, unigrams and bigrams.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from gatewise.data.part import Part
from gatewise.data.reading import read
from gatewise.tasks.classify.fit import train_classifier
from gatewise.tasks.classify.settings import RECIPES, Settings

ENCODER: dict[str, Any] = RECIPES["fast"] | {"minutes": 0, "epochs": 4}


def columns(part: Part) -> tuple[list[str], list[str]]:
    """Read a part whole."""
    texts: list[str] = []
    labels: list[str] = []
    for batch in part.batches():
        texts += [example.text for example in batch]
        labels += [example.label for example in batch]
    return texts, labels


def linear(folder: Path, analyzer: str) -> dict[str, float]:
    """Train and test TF-IDF with logistic regression."""
    dataset = read(folder)
    train, test = columns(dataset.train), columns(dataset.test)
    started = time.perf_counter()
    features = TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    pipeline = make_pipeline(features, LogisticRegression(C=10, max_iter=1000)).fit(*train)
    return {"accuracy": pipeline.score(*test), "train_seconds": round(time.perf_counter() - started, 1)}


def ours(folder: Path, seeds: list[int], recipe: dict[str, Any]) -> dict[str, object]:
    """Train a recipe once per seed and measure each on the test part."""
    accuracies, seconds = [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as out:
            started, settings = time.perf_counter(), Settings().replace(**recipe).replace(seed=seed)
            trained = train_classifier(read(folder), Path(out) / "model", settings=settings)
            seconds.append(time.perf_counter() - started)
        accuracies.append(trained.test.accuracy)
        print(f"  seed {seed}: dev {trained.dev.accuracy:.4f}, test {trained.test.accuracy:.4f}", flush=True)
    return {
        "accuracy": statistics.mean(accuracies), "by_seed": dict(zip(seeds, accuracies, strict=True)),
        "train_seconds": round(statistics.mean(seconds), 1),
    }  # fmt: skip


def main() -> None:
    """Print both tables and write results/other_data.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "other_data.json")
    arguments = parser.parse_args()
    answers = {}
    for name, analyzer in (("agnews", "word"), ("chnsenticorp", "char")):
        folder = Path(os.environ["GATEWISE_DATA"]) / name
        answers[name] = {"linear": linear(folder, analyzer)}
        print(name, "linear", answers[name]["linear"], flush=True)
        for row, recipe in {"gatewise": {}, "gatewise, encoder": ENCODER}.items():
            if name == "agnews" or not recipe:
                answers[name][row] = ours(folder, arguments.seeds, recipe)
                print(name, row, answers[name][row], flush=True)
    content = {"command": "python benchmarks/other_data.py", "answers": answers}
    arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
