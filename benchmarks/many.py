"""Does the default command win on text of every kind? Public sets against linear models, in one run.

    GATEWISE_DATA=../shared/data python benchmarks/many.py --held-out --seeds 1
    GATEWISE_DATA=../shared/data python benchmarks/many.py --seeds 1 2 3
    GATEWISE_DATA=../shared/data python benchmarks/many.py --held-out --few 100 --seeds 1 2 3 4 5

`--held-out` measures on a fifth of each training part, drawn with a fixed seed, and opens no test part: what is chosen
is chosen there. Linear are TF-IDF of words and of characters, and naive Bayes ratios of word n-grams, each under a
logistic regression whose penalty three-fold cross-validation chooses; of ten classes and more, one against the rest.
fastText (floret, if it is installed) reads words and pairs of words, Chinese by characters; a tenth of the texts, held
out, chooses passes and rate.
With `--few` a seed draws so many training texts. A test text that also stands in the training part is left there, for
all. Every reading is a row of the results; seconds are those of the CPU. `--picture` draws the readings of test parts.
"""

import argparse
import itertools
import json
import os
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from gatewise.data.part import Dataset, Part, from_lists
from gatewise.data.reading import read
from gatewise.lab.plots import STYLE, new_figure, save
from gatewise.tasks.classify.auto import choose
from gatewise.tasks.classify.fit import train_classifier
from gatewise.tasks.classify.settings import Settings
from tutorial import RESULTS, record

ENGLISH = ["trec", "mpqa", "custrev", "sst5", "longreviews", "ohsumed", "sms_spam", "airline", "tweet_emotion",
           "tweet_irony", "tweet_emoji", "clinc150"]  # fmt: skip
OTHER = ["germeval2018", "korean_hate", "thucnews_titles", "shopping_zh", "shopping_zh_categories"]
SHARE, MOST = 5, 2500  # a fifth of the training part is held out, so many texts at most
PENALTIES, FOLDS, MANY = [0.3, 1, 3, 10, 30], 3, 10
Texts = tuple[list[str], list[str]]


class NaiveBayesRatios(ClassifierMixin, BaseEstimator):
    """NB-SVM with logistic regressions: a class against the rest, features weighed by their log-count ratios."""

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(self, X: scipy.sparse.csr_array, y: np.ndarray) -> "NaiveBayesRatios":
        """Fit one model a class."""
        y = np.asarray(y)
        self.classes_, self.models_ = np.unique(y), []
        for label in self.classes_:
            inside, outside = (1 + X[np.flatnonzero(chosen)].sum(axis=0) for chosen in (y == label, y != label))
            ratio = np.asarray(np.log(inside / inside.sum()) - np.log(outside / outside.sum())).reshape(1, -1)
            model = LogisticRegression(C=self.C, solver="liblinear").fit(
                scipy.sparse.csr_array(X.multiply(ratio)), y == label
            )
            self.models_.append((ratio, model))
        return self

    def predict_proba(self, X: scipy.sparse.csr_array) -> np.ndarray:
        """Give each class's probability against the rest, as shares of their sum."""
        parts = [model.predict_proba(scipy.sparse.csr_array(X.multiply(ratio)))[:, 1] for ratio, model in self.models_]
        found = np.array(parts).T + 1e-9
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X: scipy.sparse.csr_array) -> np.ndarray:
        """Give the likeliest class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


WORDS = r"\w+|[^\w\s]"


def linear(name: str, classes: int) -> Any:
    """Give a linear model of one kind."""
    if name == "NB-SVM":
        return make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=WORDS), NaiveBayesRatios())
    kind = {"analyzer": "char", "ngram_range": (1, 5), "min_df": 2}
    if name == "TF-IDF of words":
        kind = {"token_pattern": WORDS, "ngram_range": (1, 2)}
    last: Any = LogisticRegression(max_iter=500)
    if classes >= MANY:  # softmax over many classes takes twenty minutes a set
        last = OneVsRestClassifier(LogisticRegression(solver="liblinear", max_iter=300))
    return make_pipeline(TfidfVectorizer(sublinear_tf=True, **kind), last)


PEERS = ["TF-IDF of words", "TF-IDF of characters", "NB-SVM"]
FASTTEXT, PASSES, RATES = "fastText", (5, 25), (0.1, 0.5)
TOKENS = r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+|[^\w\s]"  # words, Chinese by characters
OURS = ["auto", "labels"]
MARKS = {**dict(zip(PEERS, (("0.55", "o"), ("0.55", "^"), ("0.55", "x")), strict=True)), "auto": ("C0", "D")}


def columns(part: Part) -> Texts:
    """Read a part whole."""
    examples = [example for batch in part.batches() for example in batch]
    return [example.text for example in examples], [example.label or "" for example in examples]


def opened(folder: Path, *, held_out: bool) -> tuple[Texts, Texts]:
    """Give what is learnt from and what is measured on."""
    dataset = read(folder)
    texts, labels = columns(dataset.train)
    if not held_out:
        return (texts, labels), columns(dataset.test)
    order = random.Random(7).sample(range(len(texts)), len(texts))
    size = min(MOST, len(order) // SHARE)
    parts = [([texts[row] for row in rows], [labels[row] for row in rows]) for rows in (order[size:], order[:size])]
    return parts[0], parts[1]


def few(train: Texts, size: int, seed: int) -> Texts:
    """Draw so many texts, two of each class among them."""
    order, drawn = random.Random(seed).sample(range(len(train[0])), len(train[0])), list[int]()
    counts: dict[str, int] = {}
    for row in order:
        counts[train[1][row]] = counts.get(train[1][row], 0) + 1
        if counts[train[1][row]] <= 2:
            drawn.append(row)
    rest = [row for row in order if row not in set(drawn)]
    rows = (drawn + rest)[: max(size, len(drawn))]
    return [train[0][row] for row in rows], [train[1][row] for row in rows]


def measured(labels: list[str], classes: list[str], probabilities: np.ndarray) -> dict[str, float]:
    """Give the figures of some answers."""
    answers = [classes[best] for best in probabilities.argmax(axis=1)]
    right = np.array(answers) == np.array(labels)
    sure = probabilities.max(axis=1)
    edges = np.quantile(sure, np.linspace(0, 1, 11))
    bins = np.clip(np.searchsorted(edges, sure, "right") - 1, 0, 9)
    gaps = [abs(sure[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in set(bins)]
    return {
        "accuracy": round(float(right.mean()), 5),
        "macro_f1": round(float(f1_score(labels, answers, average="macro")), 5),
        "log_loss": round(float(log_loss(labels, np.clip(probabilities, 1e-9, 1), labels=classes)), 5),
        "calibration_error": round(float(sum(gaps)), 5),
    }


def peer(name: str, train: Texts, test: Texts) -> dict[str, Any]:
    """Train a linear model, its penalty chosen by cross-validation, and measure it."""
    started = time.process_time()
    steps = linear(name, len(set(train[1])))
    folds = min(FOLDS, min(train[1].count(label) for label in set(train[1])))
    last = steps.steps[-1][0]
    key = f"{last}__estimator__C" if last == "onevsrestclassifier" else f"{last}__C"
    grid = {key: PENALTIES}
    search = GridSearchCV(steps, grid, cv=max(2, folds), scoring="neg_log_loss" if folds > 1 else "accuracy")
    search.fit(train[0], train[1])
    seconds = time.process_time() - started
    classes = [str(label) for label in search.classes_]
    return measured(test[1], classes, search.predict_proba(test[0])) | {
        "seconds": round(seconds, 1), "chosen": search.best_params_[key],
    }  # fmt: skip


def fasttext(train: Texts, test: Texts) -> dict[str, Any]:
    """Train fastText with each passes and rate on nine tenths, and with the best ones on all; measure it."""
    import floret

    started, classes = time.process_time(), sorted(set(train[1]))
    number = {label: str(place) for place, label in enumerate(classes)}

    def lines(texts: list[str]) -> list[str]:
        return [" ".join(re.findall(TOKENS, text.lower())) for text in texts]

    def fitted(rows: range, passes: int, rate: float, folder: str) -> Any:
        file = Path(folder) / "train.txt"
        file.write_text("".join(f"__label__{number[train[1][row]]} {said[row]}\n" for row in rows), "utf-8")
        return floret.train_supervised(str(file), wordNgrams=2, epoch=passes, lr=rate, seed=1, thread=1, verbose=0)

    def answers(model: Any, texts: list[str]) -> np.ndarray:
        found = np.zeros((len(texts), len(classes)))
        for row, text in enumerate(texts):  # a list has the first label's share for all (findings/)
            for share, label in model.f.predict(f"{text}\n", len(classes), 0.0, "strict"):
                found[row, int(label.removeprefix("__label__"))] = share
        return np.clip(found, 1e-9, 1) / np.clip(found, 1e-9, 1).sum(axis=1, keepdims=True)

    order = random.Random(7).sample(range(len(train[0])), len(train[0]))
    train = [train[0][row] for row in order], [train[1][row] for row in order]
    said, size = lines(train[0]), len(order) // 10
    held = [int(number[label]) for label in train[1][:size]]
    with tempfile.TemporaryDirectory() as folder:
        losses = {}
        for passes, rate in itertools.product(PASSES, RATES):
            shares = answers(fitted(range(size, len(order)), passes, rate, folder), said[:size])
            losses[passes, rate] = log_loss(held, shares, labels=range(len(classes)))
        best = min(losses, key=lambda one: losses[one])
        found = answers(fitted(range(len(order)), *best, folder), lines(test[0]))
    seconds = time.process_time() - started
    return measured(test[1], classes, found) | {"seconds": round(seconds, 1), "chosen": list(best)}


def ours(recipe: str, train: Texts, test: Texts, seed: int, threads: int) -> dict[str, Any]:
    """Train gatewise as the command does, and measure it."""
    started = time.process_time()
    dataset = Dataset("many", from_lists(*train), None, None, None)
    choice = choose(dataset) if recipe == "auto" else None
    settings = Settings().replace(**(choice.changes if choice else {})).replace(seed=seed, threads=threads)
    with tempfile.TemporaryDirectory() as out:
        trained = train_classifier(dataset, Path(out) / "model", settings=settings)
    seconds = time.process_time() - started
    model = trained.model
    found = measured(test[1], [str(label) for label in model.labels], model.predict_proba(test[0]))
    return found | {
        "seconds": round(seconds, 1), "dev": round(trained.dev.accuracy, 5), "epochs": model.facts["epochs"],
        "chosen": choice.sentences[0] if choice else "",
    }  # fmt: skip


def draw(rows: list[dict[str, Any]], folder: Path) -> None:
    """Draw each set's test accuracies, `auto`'s and the linear models', the largest gain on top."""
    import matplotlib

    def of(name: str, system: str) -> list[float]:
        return [100 * row["accuracy"] for row in rows if (row["set"], row["system"]) == (name, system)]

    names = [name for name in ENGLISH + OTHER if of(name, "auto") and all(of(name, peer) for peer in PEERS)]
    gains = {name: np.mean(of(name, "auto")) - max(np.mean(of(name, peer)) for peer in PEERS) for name in names}
    names.sort(key=lambda name: gains[name])
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8, 1.2 + 0.32 * len(names))
        panel = figure.subplots()
        for system, (colour, mark) in MARKS.items():
            shown = [(accuracy, place) for place, name in enumerate(names) for accuracy in of(name, system)]
            label = "gatewise, auto" if system == "auto" else system
            panel.scatter(*zip(*shown, strict=True), color=colour, marker=mark, s=34, label=label, zorder=3)
        for place, name in enumerate(names):
            panel.annotate(f"{gains[name]:+.1f}", (101.5, place), va="center", fontsize=8, annotation_clip=False)
        panel.set_yticks(range(len(names)), names)
        panel.set(
            xlabel="test accuracy, %; on the right, points above the best linear model of the set", xlim=(None, 101)
        )
        panel.grid(axis="y", alpha=0.3)
        figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
        save(figure, folder, "many")


def main() -> None:
    """Measure every system on every set, print the table and keep each row as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=ENGLISH + OTHER)
    parser.add_argument("--systems", nargs="+", default=OURS + PEERS, choices=[*OURS, *PEERS, FASTTEXT])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--few", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="a folder, docs/pictures")
    options = parser.parse_args()
    name = "many" + f"_{options.few}" * (options.few > 0) + "_held_out" * options.held_out
    place = options.json or RESULTS / f"{name}.json"
    rows: list[dict[str, Any]] = json.loads(place.read_text())["rows"] if place.is_file() else []
    for name in options.only:
        train, test = opened(Path(os.environ["GATEWISE_DATA"]) / "many" / name, held_out=options.held_out)
        for system in options.systems:
            for seed in options.seeds if system in OURS or options.few else [0]:
                key = {"set": name, "system": system, "seed": seed}
                if any(key.items() <= row.items() for row in rows):
                    continue
                some = few(train, options.few, seed) if options.few else train
                if system in OURS:
                    row = key | ours(system, some, test, seed, options.threads)
                else:
                    row = key | (fasttext(some, test) if system == FASTTEXT else peer(system, some, test))
                rows.append(row)
                print(json.dumps(row), flush=True)
                report = record("many", options.threads, ["torch", "scikit-learn", "gatewise"])
                lines = ",\n  ".join(map(json.dumps, rows))
                place.write_text(f'{json.dumps(report, indent=1)[:-2]},\n "rows": [\n  {lines}\n ]\n}}\n')
    if options.picture:
        draw(rows, options.picture)
    print(f"{'set':24}" + "".join(f"{system:>22}" for system in options.systems))
    for name in options.only:
        cells = []
        for system in options.systems:
            found = [100 * row["accuracy"] for row in rows if (row["set"], row["system"]) == (name, system)]
            cells.append(f"{np.mean(found):22.2f}" if found else f"{'':22}")
        print(f"{name:24}" + "".join(cells))


if __name__ == "__main__":
    main()
