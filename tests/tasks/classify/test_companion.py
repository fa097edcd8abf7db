"""Training the companion: which n-grams count, what it learns from them, and that it stays small."""

import dataclasses
import warnings
from collections import defaultdict

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.test_companion import occurrences, sequences

from gatewise.base.settings import TokenizerConfig
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.batches import Sequences, encoded, gather
from gatewise.runtime.companion import contributions, logits, words_of
from gatewise.runtime.spelling import spelling_of, written
from gatewise.tasks.classify import companion as module
from gatewise.tasks.classify.companion import fitted, quantised, train_companion


def test_companion_features_equal_a_dictionary():
    random = np.random.default_rng(1)
    texts = [random.integers(1, 9, random.integers(0, 9)).tolist() for _ in range(30)]
    matrix, used = module._matrix(sequences(texts), 256)
    texts_with = defaultdict(set)
    for row, text in enumerate(texts):
        for _, _, bucket in occurrences(text, 256):
            texts_with[bucket].add(row)
    kept = {bucket: rows for bucket, rows in texts_with.items() if len(rows) >= 2}
    assert used.tolist() == sorted(kept)
    dense = matrix.toarray()
    assert {bucket: set(np.flatnonzero(dense[:, place])) for place, bucket in enumerate(used.tolist())} == kept
    assert set(np.unique(dense)) <= {0, 1}


def opinions(count: int, classes: int, seed: int = 0) -> Sequences:
    """Make texts whose class shows in the pair of words (class + 1, 9) alone: each word by itself says nothing."""
    random = np.random.default_rng(seed)
    texts, targets = [], []
    for row in range(count):
        target = row % classes
        rest = [word for other in range(classes) if other != target for word in (9, other + 1)]
        texts.append([target + 1, 9, *random.integers(5, 8, 3).tolist(), *rest])
        targets.append(target)
    return sequences(texts, targets)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_companion_learn_what_only_pairs_of_words_say(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        companion = train_companion(opinions(300, classes), classes)
    held = opinions(60, classes, seed=1)
    found = logits(companion, held)
    assert found.shape == (60, classes) and (found.argmax(axis=1) == held.targets).all()
    assert classes != 2 or (found[:, 0] == -found[:, 1]).all()


def test_companion_training_is_reproducible():
    first, again = (train_companion(opinions(100, 2), 2) for _ in range(2))
    assert first.table.tobytes() == again.table.tobytes()
    assert (first.scale.tobytes(), first.bias.tobytes()) == (again.scale.tobytes(), again.bias.tobytes())


def test_companion_ignore_what_a_single_text_holds():
    companion = train_companion(sequences([[2, 3], [2, 4], [3, 5], [3, 6]], [0, 0, 1, 1]), 2)
    weights = companion.table[words_of(np.arange(2, 7), 1, len(companion.table))[0], 0]
    assert weights[0] < 0 and (weights[2:] == 0).all()


def test_companion_balanced_training_lifts_the_rare_class():
    texts = [[2, 3, 4]] * 20 + [[2, 3, 4]] * 5
    data = sequences(texts, [0] * 20 + [1] * 5)
    plain, balanced = (logits(train_companion(data, 2, balanced=flag), data)[0, 1] for flag in (False, True))
    assert plain < -0.5 and balanced == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("texts", "targets", "classes"), [([], [], 2), ([[]], [1], 2), ([[2], [2]], [1, 1], 3)])
def test_companion_of_next_to_nothing_are_still_numbers(texts, targets, classes):
    companion = train_companion(sequences(texts, targets), classes)
    found = logits(companion, sequences([[1, 2, 3], []]))
    assert found.shape == (2, classes) and np.isfinite(found).all()
    assert logits(companion, sequences([])).shape == (0, classes)
    assert contributions(companion, np.empty(0, np.int32)).shape == (0, classes)


def test_companion_thin_out_too_much_text_evenly(monkeypatch):
    seen, matrix = [], module._matrix
    monkeypatch.setattr(module, "_matrix", lambda texts, *rest: seen.append(texts) or matrix(texts, *rest))
    monkeypatch.setattr(module, "MOST_TOKENS", 900)
    train_companion(opinions(300, 2), 2)  # of seven tokens each
    assert len(seen[0]) == 128 and np.bincount(seen[0].targets).min() > 40
    seen.clear()
    letters, _ = written("word", [(0, 4)])
    spelt = dataclasses.replace(opinions(300, 2), spelling=spelling_of([letters] * 300))  # six letters each
    train_companion(spelt, 2, pieces=6)  # as much as 13 tokens each
    assert len(seen[0]) == 69 and len(seen[0].spelling.starts) == 70


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20))
def test_companion_quantised_weights_are_near_and_keep_their_sign(values):
    weights = np.array(values, dtype=np.float32)[:, None]
    companion = quantised(weights, np.zeros(1))
    cells = companion.table.astype(float)
    found = cells * np.abs(cells) * companion.scale
    largest = float(np.abs(weights).max())
    # half a step of the root at w is sqrt(w w_max) / 127, and a quarter of a unit more
    allowed = np.sqrt(np.abs(weights).astype(float) * largest) / 127 + 0.26 * largest / 127**2
    assert (np.abs(found - weights) <= allowed * (1 + 1e-5) + 1e-26).all()
    assert (found * weights >= 0).all()


def test_companion_ratio_of_a_rare_class_says_nothing_of_rare_features_it_misses():
    """Of 1,000 texts 10 are of the class: a feature of two other texts, of all others, of half of it, of all of it."""
    positive = np.arange(1000) < 10
    columns = [[500, 501], range(10, 1000), [*range(5), 600], range(10), range(1000)]
    dense = np.zeros((1000, 5))
    for column, rows in enumerate(columns):
        dense[list(rows), column] = 1
    found = module.ratios_of_one(scipy.sparse.csr_array(dense), positive, np.ones(1000))
    assert found[0] == pytest.approx(np.log(1 / 1.02) - np.log(3 / 2.98)) and abs(found[0]) < 0.03
    assert found[1] < -2 and found[2] > 2.5 and found[3] > 4 and found[4] == pytest.approx(0, abs=1e-12)
    assert found[2] == pytest.approx(np.log(6 / 1.06) - np.log(2 / 6.94))


def test_companion_ratio_of_half_of_the_texts_is_naive_bayes():
    random = np.random.default_rng(0)
    dense, positive, counts = random.integers(0, 2, (60, 9)), np.arange(60) % 2 == 0, np.ones(60)
    matrix = scipy.sparse.csr_array(np.concatenate([dense, 1 - dense], axis=1).astype(float))  # all of one length
    one, two = module.ratios_of_one(matrix, positive, counts), module.ratios(matrix, positive, counts)
    assert one == pytest.approx(two, abs=1e-12) and np.abs(one).max() > 0.1
    weighed = module.ratios_of_one(matrix, positive, np.full(60, 2.0))
    assert weighed == pytest.approx(
        module.ratios_of_one(scipy.sparse.vstack([matrix, matrix]), np.tile(positive, 2), np.ones(120))
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_companion_learns_from_pieces_what_no_word_says(classes):
    random = np.random.default_rng(0)
    words = [[f"{random.integers(100, 999)}{'abc'[row % classes]}{random.integers(100, 999)}"] for row in range(120)]
    tokenizer = train_tokenizer([["nothing"]], TokenizerConfig(min_count=1))
    texts = dataclasses.replace(encoded(tokenizer, words, spelt=True), targets=np.arange(120) % classes)
    companion = train_companion(texts.select(np.arange(90)), classes, words=1, pieces=3)
    assert (companion.words, companion.pieces) == (1, 3)
    assert (logits(companion, texts).argmax(axis=1) == texts.targets).mean() > 0.97
    without = train_companion(texts.select(np.arange(90)), classes, words=1)
    assert (logits(without, texts).argmax(axis=1) == texts.targets).mean() < 0.6


@pytest.mark.parametrize("balanced", [False, True])
def test_companion_counts_a_text_of_weight_three_as_three_copies(english, tiny_model, balanced):
    texts, labels = english
    sequences = gather([tiny_model.tokenizer.encode_batch(texts)], [int(label == "pos") for label in labels], 10**6)
    sequences = sequences.select(np.tile(np.arange(200), 2))  # a bucket is known from two texts on, weighed or not
    counts = np.where(np.arange(400) % 3, 1, 3)
    weighed = dataclasses.replace(sequences, weights=counts.astype(np.float32))
    copied = sequences.select(np.repeat(np.arange(400), counts))
    if not balanced:  # there scikit-learn, too, takes a class's frequency without the weights
        for mine, theirs in zip(fitted(weighed, 2, 4096), fitted(copied, 2, 4096), strict=True):
            assert np.allclose(mine, theirs, atol=0.01)
            assert not np.allclose(theirs, fitted(sequences, 2, 4096)[theirs.ndim == 1], atol=0.01)
    ones = dataclasses.replace(sequences, weights=np.ones(400, dtype=np.float32))
    for mine, theirs in zip(fitted(ones, 2, 4096, balanced), fitted(sequences, 2, 4096, balanced), strict=True):
        assert (mine == theirs).all()
