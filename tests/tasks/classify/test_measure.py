"""Every figure equals a slow or independent reference; evaluate() counts, sorts and refuses as it says."""

import json
import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.base.reliability import expected_calibration_error
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime.classifier import softmax
from gatewise.tasks.classify.measure import (
    ERRORS_KEPT,
    by_length,
    evaluate,
    log_loss,
    reliability,
    summarise,
    wilson_interval,
)

sizes = st.tuples(st.integers(1, 60), st.integers(2, 5), st.integers(0, 2**32 - 1))


def guesses(size, scale=2.0):
    """Make logits [N, C] and targets that follow them, so that softmax(logits) is calibrated."""
    n, classes, seed = size
    random = np.random.default_rng(seed)
    logits = random.normal(0, scale, (n, classes))
    targets = (softmax(logits).cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(0, classes - 1)
    return logits, targets.astype(np.int64)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0), (0, 1, 0.0, 0.7935)],
)
def test_evaluation_wilson_hand_computed(right, n, low, high):
    assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 100_000), share=st.floats(0, 1))
def test_evaluation_wilson_solves_its_equation(n, share):
    """The bounds are the shares p at which the measured share lies 1.96 standard errors of p away."""
    right = round(share * n)
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n + 1e-12 and right / n - 1e-12 <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            distance = abs(right / n - bound)
            assert distance == pytest.approx(1.959964 * math.sqrt(bound * (1 - bound) / n), abs=1e-9)


@given(sizes)
def test_evaluation_log_loss_is_that_of_scikit_learn(size):
    logits, targets = guesses(size)
    probabilities = softmax(logits)
    expected = sklearn.metrics.log_loss(targets, probabilities, labels=range(size[1]))
    assert log_loss(probabilities, targets) == pytest.approx(expected, rel=1e-9)


def test_evaluation_log_loss_of_certain_answers_is_zero_without_a_sign():
    assert str(log_loss(np.array([[1.0, 0.0]]), np.array([0]))) == "0.0"


def test_evaluation_log_loss_of_a_certain_mistake_is_finite():
    assert 30 < log_loss(np.array([[1.0, 0.0]]), np.array([1])) < 40


@given(sizes, st.integers(1, 20))
def test_evaluation_ece_equals_a_loop(size, count):
    logits, targets = guesses(size)
    probabilities = softmax(logits)
    total = 0.0
    for b in range(count):
        confidences, hits = [], []
        for row, target in zip(probabilities, targets, strict=True):
            if b / count < row.max() <= (b + 1) / count:
                confidences.append(row.max())
                hits.append(row.argmax() == target)
        if hits:
            total += len(hits) / len(targets) * abs(np.mean(confidences) - np.mean(hits))
    bins = reliability(probabilities, targets, count)
    assert expected_calibration_error(bins) == pytest.approx(total, abs=1e-9)
    assert sum(b.n for b in bins) == len(targets)
    assert all(b.low < b.confidence + 1e-12 and b.confidence <= b.high + 1e-12 for b in bins)


def test_evaluation_reliability_edges():
    """Full certainty lies in the last bin, and a perfectly honest coin has no calibration error."""
    assert reliability(np.array([[0.0, 1.0]]), np.array([1]))[-1].high == 1
    coin = np.full((10, 2), 0.5)
    assert expected_calibration_error(reliability(coin, np.array([0, 1] * 5))) == 0
    assert expected_calibration_error(()) == 0


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_evaluation_by_length_covers_every_text_once(lengths, seed):
    right = np.random.default_rng(seed).random(len(lengths)) < 0.5
    groups = by_length(np.array(lengths), right)
    assert sum(group.n for group in groups) == len(lengths)
    assert max(group.n for group in groups) - min(group.n for group in groups) <= 1
    assert sum(group.n * group.accuracy for group in groups) == pytest.approx(right.sum())
    edges = [edge for group in groups for edge in (group.low, group.high)]
    assert edges == sorted(edges) and (edges[0], edges[-1]) == (min(lengths), max(lengths))
    for group in groups:
        interval = wilson_interval(round(group.accuracy * group.n), group.n)
        assert (group.accuracy_low, group.accuracy_high) == interval
        assert interval[0] <= group.accuracy <= interval[1]


@given(sizes)
def test_evaluation_summary_equals_scikit_learn(size):
    logits, targets = guesses(size)
    n, classes, _ = size
    labels = tuple(f"label {c}" for c in range(classes))
    found = summarise(logits, targets, np.ones(n, np.int64), temperature=1.7, labels=labels, data="here")
    predicted = logits.argmax(axis=1)
    assert found.accuracy == pytest.approx(sklearn.metrics.accuracy_score(targets, predicted))
    matrix = np.zeros((classes, classes), int)
    for target, guess in zip(targets, predicted, strict=True):
        matrix[target, guess] += 1
    assert np.array(found.confusion).tolist() == matrix.tolist()
    scores = []  # F1 by its definition; a class that neither stands nor is predicted counts as 0
    for c in range(classes):
        either = matrix[c].sum() + matrix[:, c].sum()
        scores.append(2 * matrix[c, c] / either if either else 0.0)
    assert found.macro_f1 == pytest.approx(np.mean(scores))
    assert found.log_loss == pytest.approx(log_loss(softmax(logits / 1.7), targets))
    assert found.log_loss_uncalibrated == pytest.approx(log_loss(softmax(logits), targets))
    assert found.ece == pytest.approx(expected_calibration_error(found.reliability))
    assert found.ece_uncalibrated == pytest.approx(expected_calibration_error(found.reliability_uncalibrated))
    assert (found.accuracy_low, found.accuracy_high) == wilson_interval(int((predicted == targets).sum()), n)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["n"] == n
    expected = sklearn.metrics.precision_recall_fscore_support(
        targets, predicted, labels=range(classes), zero_division=np.nan
    )
    for one, label, precision, recall, f1, count in zip(found.by_label, labels, *expected, strict=True):
        assert (one.label, one.n) == (label, count)
        for share, other in ((one.precision, precision), (one.recall, recall)):
            assert share is None if np.isnan(other) else share == pytest.approx(other)
        met = count or (predicted == labels.index(label)).any()
        assert one.f1 == pytest.approx(0.0 if np.isnan(f1) else f1) if met else one.f1 is None
    wrong = sorted(
        ((-matrix[true, said], true, said) for true in range(classes) for said in range(classes) if true != said),
    )
    assert [(one.n, one.label, one.predicted) for one in found.confusions] == [
        (-n, labels[true], labels[said]) for n, true, said in wrong[:10] if n
    ]


def test_evaluate_counts_sorts_and_finds_the_rows(tiny_model, english):
    """More than one record batch, wrong labels in known places: the surest errors, each with its own row and text."""
    texts = [f"{text} {'good' if number % 7 else 'film'}" for number, text in enumerate(english[0] * 6)][:1100]
    labels = (english[1] * 6)[:1100]
    texts[3], texts[1050] = "", " \t\n"
    told: list[int] = []
    found = evaluate(tiny_model, from_lists(texts, labels, name="mixed"), progress=told.append)
    assert (found.n, found.empty_texts, found.data, told) == (1100, 2, "mixed", [1024, 1100])
    assert sum(group.n for group in found.by_length) == 1100
    assert sum(map(sum, found.confusion)) == 1100
    assert [sum(row) for row in found.confusion] == [labels.count("neg"), labels.count("pos")]
    probabilities = tiny_model.probabilities(texts)
    best = probabilities.argmax(axis=1)
    wrong = [row for row in range(1100) if ("neg", "pos")[best[row]] != labels[row]]
    assert found.accuracy == pytest.approx(1 - len(wrong) / 1100)
    assert len(wrong) > ERRORS_KEPT, "the test needs more errors than are kept"
    sure = sorted((probabilities[row].max() for row in wrong), reverse=True)[:ERRORS_KEPT]
    assert [error.probability for error in found.errors] == pytest.approx(sure, abs=1e-6)
    for error in found.errors:
        assert error.row in wrong
        assert (error.text, error.label) == (texts[error.row], labels[error.row])
        assert error.predicted == ("neg", "pos")[best[error.row]] != error.label
        assert error.probability == pytest.approx(probabilities[error.row].max(), abs=1e-6)
    assert found.temperature == tiny_model.temperature
    assert found.log_loss == pytest.approx(log_loss(probabilities, (np.array(labels) == "pos").astype(int)), abs=1e-5)
    assert found.seconds > 0


def test_evaluate_measures_the_sum_and_its_parts_in_one_reading(tiny_pair, english):
    texts, labels = [*english[0], "good bad dull film"], [*english[1], "pos"]
    part = from_lists(texts, labels, name="mixed")
    targets = np.array([tiny_pair.labels.index(label) for label in labels])
    network, companion = tiny_pair.parts(tiny_pair.encode(texts))
    found = evaluate(tiny_pair, part)
    assert found.accuracy == ((network + companion).argmax(axis=1) == targets).mean()
    assert found.log_loss == pytest.approx(log_loss(tiny_pair.probabilities(texts), targets), abs=1e-6)
    assert found.accuracy_alone == {
        "network": (network.argmax(axis=1) == targets).mean(), "companion": (companion.argmax(axis=1) == targets).mean()
    }  # fmt: skip


def test_evaluate_equal_errors_come_in_order_of_rows(tiny_model):
    found = evaluate(tiny_model, from_lists(["a good film"] * 30, ["neg"] * 30))
    assert [error.row for error in found.errors] == list(range(ERRORS_KEPT))


def test_evaluate_a_single_text(tiny_model):
    found = evaluate(tiny_model, from_lists(["a good film"], ["pos"]))
    assert (found.n, found.accuracy, len(found.by_length), found.errors) == (1, 1.0, 1, ())


def test_evaluate_refuses_unknown_labels_and_lists_them_all(tiny_model, english):
    labels = [*english[1][:-3], "meh", "so so", "meh"]
    with pytest.raises(DataError, match=r"mine .*'meh' \(2 rows\), 'so so' \(1 rows\); it knows neg, pos\.$"):
        evaluate(tiny_model, from_lists(english[0], labels, name="mine"))


def test_evaluate_refuses_texts_without_labels(tiny_model):
    with pytest.raises(DataError, match="no labels to compare with"):
        evaluate(tiny_model, from_lists(["a film"]))


def test_evaluate_refuses_no_rows(tiny_model):
    with pytest.raises(DataError, match="holds no rows"):
        evaluate(tiny_model, from_lists([], []))


def test_evaluation_lines_tell_its_figures(tiny_model, english):
    found = evaluate(tiny_model, from_lists(english[0] + [""], [*english[1], "pos"], name="mine.csv"))
    shown = "\n".join(found.lines())
    assert shown.startswith(f"accuracy          {found.accuracy:.4f}   95 % interval {found.accuracy_low:.4f} to ")
    assert f"calibration error {found.ece:.4f}   {found.ece_uncalibrated:.4f} before calibration\n" in shown
    assert (
        "texts             201, 1 of them blank, " in shown
        and " a second   (mine.csv)\ndev split         40 texts" in shown
    )
    assert "alone" not in shown


def test_evaluation_lines_tell_what_each_part_reaches_alone(tiny_pair, english):
    found = evaluate(tiny_pair, from_lists(*english))
    network, companion = found.accuracy_alone.values()
    assert f"accuracy alone    network {network:.4f}, companion {companion:.4f}" in found.lines()


def by_counts(counts, labels):
    """Give the lines about classes of an evaluation with these counts, a row for each true class."""
    pairs = [(true, said) for true, row in enumerate(counts) for said, n in enumerate(row) for _ in range(n)]
    targets, said = np.array(pairs).T
    found = summarise(
        np.eye(len(labels))[said], targets, np.ones_like(targets), temperature=1.0, labels=labels, data="here"
    )
    lines = found.lines()
    return lines[next(place for place, line in enumerate(lines) if line.startswith("precision")) :]


def test_evaluation_lines_tell_each_class_and_what_is_confused():
    assert by_counts([[3, 1, 0], [2, 4, 0], [0, 0, 0]], ("a", "b\nc", "none")) == [
        "precision  recall  F1      texts   label",
        "0.6000     0.7500  0.6667  4       a",
        "0.8000     0.6667  0.7273  6       b c",
        "-          -       -       0       none",
        "confused          2 of b c taken for a",
        "                  1 of a taken for b c",
    ]


def test_evaluation_lines_of_many_classes_tell_the_ten_worst():
    counts = 20 * np.eye(15, dtype=int)
    for place in range(13):
        counts[place, place + 1] = place + 1  # ever worse
    counts[13, 13], counts[14, 14] = 500, 0  # well known; not met
    header, *lines = by_counts(counts.tolist(), tuple(f"class {place}" for place in range(15)))
    assert header.endswith("texts   label   (the worst of 15 by F1)")
    assert [line.rpartition("  ")[2].strip() for line in lines[:10]] == [f"class {place}" for place in range(12, 2, -1)]
    assert lines[10] == "confused          13 of class 12 taken for class 13" and len(lines) == 20


def test_evaluate_takes_a_part_a_data_set_or_a_file(tiny_model, english, tmp_path):
    texts, labels = english
    part = from_lists(texts, labels)
    file = tmp_path / "test.csv"
    file.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(*english, strict=True)))
    expected = evaluate(tiny_model, part).accuracy
    train = from_lists(["a film"], ["pos"])
    for data in (Dataset("d", part), Dataset("d", train, test=part), file, str(file)):
        assert (evaluate(tiny_model, data).n, evaluate(tiny_model, data).accuracy) == (200, expected)
    for data in (None, Dataset("d"), texts):
        with pytest.raises(DataError, match="nothing to measure on"):
            evaluate(tiny_model, data)
