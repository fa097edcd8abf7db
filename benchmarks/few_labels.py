"""How far do few labels go? IMDB with 100 to 10,000 labels, with and without an encoder, against linear models.

    GATEWISE_DATA=... python benchmarks/few_labels.py --encoder reviews-en

Every draw takes the same number of reviews of each class from the training part, without texts equal to a test text,
and every system learns from the same draws. Accuracy is measured on a fixed sample of the test part (5,000 reviews, one
standard error 0.4 points); the seconds hold training and prediction. No setting was chosen on it: the linear models
have their usual settings, ours are below.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import gatewise
from gatewise.lab.plots import STYLE, new_figure, save
from gatewise.tasks.classify.prepare import text_key
from gatewise.tasks.classify.settings import RECIPES
from tutorial import RESULTS, record

TFIDF, NB_SVM = "TF-IDF + logistic regression", "NB-SVM"
LABELS, ENCODER = "gatewise, labels alone", "gatewise, encoder"
SIZES, DRAWS = (100, 500, 2000, 10_000), 5
EPOCHS = {100: 20, 500: 12, 2000: 6, 10_000: 3}  # passes over the labels


def parts(test_texts: int) -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Give training texts without copies of test texts, their labels, and a fixed sample of the test part."""
    dataset = gatewise.read("imdb")
    columns = []
    for part in (dataset.train, dataset.test):
        texts, labels = [], []
        for batch in part.batches():
            texts += [example.text for example in batch]
            labels += [example.label for example in batch]
        columns.append((texts, np.array([label == "positive" for label in labels], dtype=int)))
    (texts, labels), (tests, truth) = columns
    tested = {text_key(text) for text in tests}
    kept = [row for row, text in enumerate(texts) if text_key(text) not in tested]
    sample = np.random.default_rng(0).permutation(len(tests))[:test_texts]
    return [texts[row] for row in kept], labels[kept], [tests[row] for row in sample], truth[sample]


def draw(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Draw as many rows of each class, in random order."""
    random = np.random.default_rng((size, seed))
    rows = np.concatenate([random.permutation(np.flatnonzero(labels == label))[: size // 2] for label in (0, 1)])
    return random.permutation(rows)


def tfidf(texts, labels, tests, seed):
    """TF-IDF of words and word pairs, logistic regression."""
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1 if len(texts) < 2000 else 2)
    model = LogisticRegression(C=10, max_iter=1000).fit(features.fit_transform(texts), labels)
    return {TFIDF: model.predict(features.transform(tests))}


def nb_svm(texts, labels, tests, seed):
    """Binary n-grams to trigrams times naive-Bayes log-count ratios, logistic regression."""
    features = CountVectorizer(ngram_range=(1, 3), binary=True, min_df=1 if len(texts) < 2000 else 2)
    counts = features.fit_transform(texts)
    sums = [np.asarray(counts[labels == label].sum(axis=0)).ravel() + 1 for label in (0, 1)]
    ratio = np.log((sums[1] / sums[1].sum()) / (sums[0] / sums[0].sum()))
    model = LogisticRegression(C=1, max_iter=1000).fit(csr_matrix(counts.multiply(ratio)), labels)
    return {NB_SVM: model.predict(csr_matrix(features.transform(tests).multiply(ratio)))}


def lstm(name: str, encoder: str):
    """Make a row of ours, from an encoder or from labels alone: with the companion, and its network alone."""

    def run(texts, labels, tests, seed):
        recipe = RECIPES["fast"] | {"minutes": None, "pretrained": encoder} if encoder else {}
        classifier = gatewise.LSTMClassifier(**recipe | {
            "random_state": seed, "epochs": EPOCHS[len(texts)] * (1 if encoder else 2),
            "dev_share": 0.2 if len(texts) < 1000 else 0.1, "averaging": 0.99 if len(texts) < 10_000 else 0.998,
        })  # fmt: skip
        model = classifier.fit(texts, labels).model_
        network, companion = model.parts(model.encode(tests))
        return {name: (network + companion).argmax(axis=1), f"{name}, network alone": network.argmax(axis=1)}

    return run


def draw_picture(found: dict[str, dict[str, dict[str, list[float]]]], folder: Path) -> None:
    """Draw accuracy against labels, with the spread over the draws."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = new_figure(7.5, 4.4)
        panel = figure.subplots()
        styles = {
            ENCODER: ("#0072B2", "o", "-"), f"{ENCODER}, network alone": ("#56B4E9", "o", "--"),
            LABELS: ("#009E73", "s", "-."), NB_SVM: ("#D55E00", "v", ":"), TFIDF: ("#E69F00", "^", ":"),
        }  # fmt: skip
        for name, (colour, mark, dash) in styles.items():
            sizes = sorted(map(int, found.get(name, {})))
            values = [[100 * value for value in found[name][str(size)]["accuracies"]] for size in sizes]
            spreads = [statistics.stdev(own) if len(own) > 1 else 0.0 for own in values]
            means = [statistics.mean(own) for own in values]
            panel.errorbar(sizes, means, spreads, color=colour, marker=mark, linestyle=dash, capsize=3, label=name)
        panel.set(xscale="log", xlabel="labelled reviews", ylabel="IMDB test accuracy, %")
        panel.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
        panel.set_xticks([], minor=True)
        panel.legend(frameon=False, loc="lower right")
        save(figure, folder, "few-labels")


def main() -> None:
    """Run every system on every draw and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="reviews-en")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--test-texts", type=int, default=5000)
    parser.add_argument("--only", nargs="+", default=[], choices=[TFIDF, NB_SVM, LABELS, ENCODER], metavar="SYSTEM")
    parser.add_argument("--json", type=Path, default=RESULTS / "few_labels.json")
    options = parser.parse_args()
    systems = {
        TFIDF: tfidf, NB_SVM: nb_svm, LABELS: lstm(LABELS, ""), ENCODER: lstm(ENCODER, options.encoder)
    }  # fmt: skip
    texts, labels, tests, truth = parts(options.test_texts)
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    if options.json.is_file():  # other sizes and systems stay
        found = json.loads(options.json.read_text())["systems"]
    for size in options.sizes:
        for name in options.only or systems:
            rows_of: dict[str, dict[str, list[float]]] = {}
            for seed in range(1, options.draws + 1):
                rows = draw(labels, size, seed)
                started = time.perf_counter()
                predicted = systems[name]([texts[row] for row in rows], labels[rows], tests, seed)
                seconds = round(time.perf_counter() - started, 1)
                for line, answers in predicted.items():
                    row = rows_of.setdefault(line, {"accuracies": [], "seconds": []})
                    row["accuracies"].append(float((answers == truth).mean()))
                    row["seconds"].append(seconds)
            for line, row in rows_of.items():
                found.setdefault(line, {})[str(size)] = row
                mean, values = statistics.mean(row["accuracies"]), row["accuracies"]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                print(f"{size:6} {line:36} {mean:.4f} ± {spread:.4f}   {row['seconds']}", flush=True)
            head = record("few_labels", 0, ["torch", "scikit-learn", "gatewise"])
            options.json.write_text(json.dumps(head | {"test_texts": options.test_texts, "systems": found}, indent=1))
    draw_picture(found, Path(__file__).parent.parent / "docs" / "pictures")


if __name__ == "__main__":
    main()
