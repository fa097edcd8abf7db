"""How does gatewise compare with what else one would reach for? One table, one run, one split (`make bench`).

Every row trains on the same training texts, scores the same test texts and runs in its own process, one after the
other. Training texts that equal a test text are removed first. No setting of a peer was chosen on the test part.
The data is IMDB (25,000 + 25,000 reviews) in `$GATEWISE_DATA/imdb`; without it, or with --quick, the reviews that
come with gatewise.

    GATEWISE_DATA=... python benchmarks/peers.py --threads 2
"""

import argparse
import importlib.metadata
import json
import os
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tutorial import BATCH, LENGTH, RESULTS, Network, build_vocabulary, encode, imdb_folder, pad, record, words

SEED = 1
PACKAGES = ["torch", "scikit-learn", "floret", "vaderSentiment", "gatewise"]


@dataclass(frozen=True, slots=True)
class Data:
    """The split all rows share; targets are 0 (negative) and 1 (positive)."""

    name: str
    train_texts: list[str]
    train_targets: np.ndarray
    test_texts: list[str]
    test_targets: np.ndarray
    removed: int


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained peer: texts to targets, how to write it into a folder, and a word about it."""

    predict: Callable[[list[str]], np.ndarray]
    save: Callable[[Path], object]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    test_accuracy: float
    train_seconds: float
    predicted_per_second: float
    megabytes: float
    note: str
    threads: int = 0
    date: str = ""


# -- data --


def normalise(text: str) -> str:
    """Return what two copies of one review have in common: its words, whatever the spaces and line breaks."""
    return " ".join(text.replace("<br />", " ").split())


def load(name: str) -> Data:
    """Read both parts of a data set and remove training texts that equal a test text."""
    if name == "imdb":
        folder = imdb_folder()
    else:
        import gatewise

        folder = Path(gatewise.__file__).parent / "samples" / name
    parts = {part: pq.read_table(folder / f"{part}.parquet").to_pydict() for part in ("train", "test")}
    tested = {normalise(text) for text in parts["test"]["text"]}
    kept = [row for row, text in enumerate(parts["train"]["text"]) if normalise(text) not in tested]
    random.Random(SEED).shuffle(kept)  # the files are sorted by label
    targets = {part: np.array([label in (1, "positive") for label in parts[part]["label"]], int) for part in parts}
    return Data(
        name,
        [parts["train"]["text"][row] for row in kept],
        targets["train"][kept],
        parts["test"]["text"],
        targets["test"],
        removed=len(parts["train"]["text"]) - len(kept),
    )


# -- one short function per peer: texts and targets in, Trained out --


def tutorial_network(data: Data, options: argparse.Namespace) -> Trained:
    """Train the tutorial's LSTM as it was meant: embedding, state of the last word, BCE on a logit, 10 epochs."""
    import torch

    torch.manual_seed(SEED)
    texts = [words(text) for text in data.train_texts]
    vocabulary = build_vocabulary(texts, 10_000)
    ids, lengths = pad([encode(text, vocabulary, LENGTH) for text in texts], LENGTH)
    targets = torch.from_numpy(data.train_targets).float()
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    started = time.perf_counter()
    for epoch in range(options.tutorial_epochs):
        for rows in torch.randperm(len(ids)).split(BATCH):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network(ids[rows], lengths[rows]), targets[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        minutes = (time.perf_counter() - started) / 60
        print(f"  epoch {epoch + 1}: last loss {loss.item():.4f}, {minutes:.1f} minutes", file=sys.stderr)

    @torch.inference_mode()
    def predict(texts: list[str]) -> np.ndarray:
        logits = []
        for start in range(0, len(texts), BATCH):
            cut = [encode(words(text), vocabulary, LENGTH) for text in texts[start : start + BATCH]]
            logits.append(network(*pad(cut, LENGTH)))
        return (torch.cat(logits) > 0).numpy().astype(int)

    def save(folder: Path) -> None:
        torch.save(network.state_dict(), folder / "network.pt")
        (folder / "vocabulary.json").write_text(json.dumps(vocabulary), encoding="utf-8")

    return Trained(predict, save, f"epochs: {options.tutorial_epochs}")


def pickled(*objects: object) -> Callable[[Path], object]:
    """Return a save that pickles the objects, only to measure their size."""
    return lambda folder: (folder / "model.pkl").write_bytes(pickle.dumps(objects))


def logistic_regression(data: Data, options: argparse.Namespace) -> Trained:
    """TF-IDF of words and word pairs, and scikit-learn's logistic regression; C from 1 to 30 is level on a dev part."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(tokenizer=words, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(vectorizer.fit_transform(data.train_texts), data.train_targets)
    return Trained(
        lambda texts: classifier.predict(vectorizer.transform(texts)),
        pickled(vectorizer, classifier),
        f"{len(vectorizer.vocabulary_):,} features",
    )


def nb_svm(data: Data, options: argparse.Namespace) -> Trained:
    """NB-SVM (Wang & Manning 2012): binary 1-3 grams scaled by naive Bayes log-count ratios, C 1, beta 0.25."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.svm import LinearSVC

    vectorizer = CountVectorizer(
        tokenizer=words, token_pattern=None, ngram_range=(1, 3), binary=True, min_df=2, dtype=np.float32
    )
    features = vectorizer.fit_transform(data.train_texts)
    p, q = (1 + features[data.train_targets == target].sum(axis=0).A1 for target in (1, 0))
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    svm = LinearSVC(C=1.0, random_state=SEED).fit(features.multiply(ratio).tocsr(), data.train_targets)
    weights, beta = svm.coef_[0], 0.25
    weights = ratio * ((1 - beta) * np.abs(weights).mean() + beta * weights)  # interpolation between NB and SVM
    bias = svm.intercept_[0]
    return Trained(
        lambda texts: (vectorizer.transform(texts) @ weights + bias > 0).astype(int),
        pickled(vectorizer, weights, bias),
        f"{len(weights):,} features",
    )


def fasttext(data: Data, options: argparse.Namespace) -> Trained:
    """Train fastText's classifier, through floret, on words and word pairs; the rows are shuffled by `load`."""
    import floret

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = zip(data.train_targets, data.train_texts, strict=True)
        file.write_text("".join(f"__label__{target} {' '.join(words(text))}\n" for target, text in lines), "utf-8")
        model = floret.train_supervised(
            str(file), wordNgrams=2, dim=10, epoch=10, lr=0.5, minCount=2, seed=SEED, thread=options.threads, verbose=0
        )

    def predict(texts: list[str]) -> np.ndarray:
        answers, _ = model.predict([" ".join(words(text)) for text in texts])  # a list: one string fails on NumPy 2
        return np.array([int(answer[0].removeprefix("__label__")) for answer in answers])

    return Trained(predict, lambda folder: model.save_model(str(folder / "model.bin")), "10 dimensions, 10 epochs")


def vader(data: Data, options: argparse.Namespace) -> Trained:
    """VADER's rules and lexicon; it learns nothing. A compound score above 0 counts as positive."""
    import vaderSentiment
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()

    def predict(texts: list[str]) -> np.ndarray:
        return np.array([analyzer.polarity_scores(normalise(text))["compound"] > 0 for text in texts], int)

    def save(folder: Path) -> None:
        for file in Path(vaderSentiment.__file__).parent.glob("*.txt"):
            (folder / file.name).write_bytes(file.read_bytes())

    return Trained(predict, save, "no training")


def gatewise_row(data: Data, options: argparse.Namespace) -> Row:
    """Train and evaluate gatewise with its recipe `labels`, through its command line.

    Its training seconds are those of the whole command: start, reading, training and its own figures at the end.
    """
    command = [sys.executable, "-m", "gatewise"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        started = time.perf_counter()
        training = ["train", data.name, "--recipe", "labels", "--out", str(folder)]
        subprocess.run([*command, *training], check=True, stdout=sys.stderr)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # kilobytes; the one child so far
        answer = subprocess.run(
            [*command, "evaluate", str(folder), data.name, "--json"], check=True, stdout=subprocess.PIPE, text=True
        )
        megabytes = size(folder)
    found = json.loads(answer.stdout)
    if found["n"] != len(data.test_texts):
        raise ValueError(f"gatewise was scored on {found['n']} texts, the peers on {len(data.test_texts)}")
    note = (
        f"default recipe; log loss {found['log_loss']:.3f}, calibration error {found['ece']:.3f}, "
        f"training's peak memory {peak:.1f} GB"
    )
    return Row("gatewise", found["accuracy"], seconds, found["n"] / found["seconds"], megabytes, note)


PEERS: dict[str, Callable[[Data, argparse.Namespace], Trained]] = {
    "tutorial network, repaired": tutorial_network,
    "TF-IDF + logistic regression": logistic_regression,
    "NB-SVM": nb_svm,
    "fastText (floret)": fasttext,
    "VADER": vader,
}
NAMES = [*PEERS, "gatewise"]


# -- measuring: one process per row --


def size(folder: Path) -> float:
    """Return the size of all files in a folder in megabytes (10^6 bytes)."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def measure(name: str, options: argparse.Namespace) -> Row:
    """Train, score and weigh one peer in this process."""
    import torch

    torch.set_num_threads(options.threads)
    data = load(options.data)
    if name == "gatewise":
        row = gatewise_row(data, options)
    else:
        started = time.perf_counter()
        trained = PEERS[name](data, options)
        seconds = 0.0 if name == "VADER" else time.perf_counter() - started
        started = time.perf_counter()
        answers = trained.predict(data.test_texts)
        rate = len(answers) / (time.perf_counter() - started)
        with tempfile.TemporaryDirectory() as folder:
            trained.save(Path(folder))
            megabytes = size(Path(folder))
        row = Row(name, float((answers == data.test_targets).mean()), seconds, rate, megabytes, trained.note)
    return replace(row, threads=options.threads, date=record("peers", options.threads, [])["date"])


def measure_apart(name: str, options: argparse.Namespace) -> Row | None:
    """Measure one peer in a fresh process; None where it failed, its error then stands on the screen."""
    command = [sys.executable, __file__, "--row", name, "--data", options.data, "--threads", str(options.threads)]
    command += ["--tutorial-epochs", str(options.tutorial_epochs)]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"{name}: failed", file=sys.stderr)
        return None
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def print_table(rows: list[Row]) -> None:
    """Print the rows as one Markdown table."""
    print("| | test accuracy | training seconds | reviews/s predicting | MB on disk | note |")
    print("|---|--:|--:|--:|--:|---|")
    for row in rows:
        note = row.note + (f", {row.train_seconds / 60:.0f} minutes" if row.train_seconds > 120 else "")
        print(
            f"| {row.name} | {row.test_accuracy:.2%} | {row.train_seconds:,.0f} | {row.predicted_per_second:,.0f}"
            f" | {row.megabytes:,.1f} | {note} |"
        )


def parse() -> argparse.Namespace:
    """Read the command line; without IMDB on this machine the bundled reviews stand in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="the bundled reviews instead of IMDB")
    parser.add_argument("--tutorial-epochs", type=int, default=10, help="fewer epochs for the tutorial network")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads for every row")
    parser.add_argument("--json", type=Path, help="default: results/peers.json, with --quick peers-quick.json")
    parser.add_argument("--data", default="", help=argparse.SUPPRESS)
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.data:
        if not options.quick and "GATEWISE_DATA" not in os.environ:
            print("GATEWISE_DATA is not set: comparing on the bundled reviews", file=sys.stderr)
            options.quick = True
        options.data = "reviews" if options.quick else "imdb"
    options.json = options.json or RESULTS / ("peers-quick.json" if options.quick else "peers.json")
    return options


def main() -> None:
    options = parse()
    if options.row:
        print(json.dumps(asdict(measure(options.row, options))))
        return
    data = load(options.data)
    print(f"{options.data}: {len(data.train_texts):,} training texts, {len(data.test_texts):,} test texts", end="; ")
    print(f"{data.removed} training texts equal to a test text removed\n", flush=True)
    report: dict[str, Any] = record("peers", options.threads, [])
    installed = {found.metadata["Name"].lower() for found in importlib.metadata.distributions()}
    report["versions"] |= {name: importlib.metadata.version(name) for name in PACKAGES if name.lower() in installed}
    report["data"] = {"name": data.name, "train": len(data.train_texts), "test": len(data.test_texts)}
    report["data"]["removed"] = data.removed
    rows: dict[str, Row] = {}
    if options.only and options.json.is_file():  # some rows measured anew: the others stay, each with its date
        old = json.loads(options.json.read_text(encoding="utf-8"))
        rows = {row["name"]: Row(**row) for row in old["rows"] if old["data"] == report["data"]}
    failed: list[str] = []
    for name in options.only or NAMES:
        print(name, file=sys.stderr, flush=True)
        row = measure_apart(name, options)
        if row:
            rows[name] = row
        else:
            failed.append(name)
        report["rows"] = [asdict(rows[name]) for name in NAMES if name in rows]
        report["failed"] = failed
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_table([rows[name] for name in NAMES if name in rows])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
