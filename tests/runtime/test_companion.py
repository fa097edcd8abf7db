"""The companion equals a dictionary of n-grams, its shares sum to its logits, and it learns what words say."""

import warnings
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.runtime import companion as module
from gatewise.runtime.batches import Sequences, gather
from gatewise.runtime.companion import MULTIPLIER, Companion, bias_logits, buckets_for, buckets_of, contributions, logits
from gatewise.tasks.classify.companion import quantised, train_companion

TEXTS = st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=8)


def sequences(texts: list[list[int]], targets: list[int] | None = None) -> Sequences:
    return gather([[np.array(text, dtype=np.int32) for text in texts]], targets, 10)


def slow_bucket(gram: tuple[int, ...], buckets: int) -> int:
    value = 0
    for number in gram:
        value = (value ^ (number + 1)) * int(MULTIPLIER) % 2**64
        value ^= value >> 32
    return value % buckets


def occurrences(text: list[int], buckets: int) -> list[tuple[int, int, int]]:
    """Give place, order and bucket of every n-gram of a text."""
    return [
        (place, order, slow_bucket(tuple(text[place : place + order]), buckets))
        for order in (1, 2, 3)
        for place in range(len(text) - order + 1)
    ]


def drawn(columns: int, buckets: int = 64) -> Companion:
    random = np.random.default_rng(columns)
    return Companion(
        random.integers(-127, 128, (buckets, columns)).astype(np.int8),
        random.uniform(1e-5, 1e-3, columns).astype(np.float32),
        random.normal(size=columns).astype(np.float32),
    )


def slow_logits(companion: Companion, text: list[int]) -> np.ndarray:
    present = {bucket for _, _, bucket in occurrences(text, len(ngrams.table))}
    weights = ngrams.table.astype(float) * np.abs(ngrams.table.astype(float)) * ngrams.scale
    found = sum((weights[bucket] for bucket in present), start=ngrams.bias.astype(float))
    return np.array([-found[0] / 2, found[0] / 2]) if len(found) == 1 else found


@given(st.lists(st.integers(0, 2**32 - 1), max_size=9), st.integers(1, 3), st.integers(0, 22))
def test_ngrams_hash_is_the_documented_one(ids, order, bits):
    found = buckets_of(np.array(ids, dtype=np.uint32), order, 2**bits)
    grams = [tuple(ids[place : place + order]) for place in range(len(ids) - order + 1)]
    assert found.tolist() == [slow_bucket(gram, 2**bits) for gram in grams]


def test_ngrams_hash_never_changes():
    """A stored table is read with this hash: other numbers here would spoil every saved model."""
    ids = np.array([0, 1, 29_999], dtype=np.uint16)
    found = [buckets_of(ids, order, 2**22).tolist() for order in (1, 2, 3)]
    assert found == [[3999148, 3803992, 2376964], [535917, 1970089], [2555970]]


def test_ngrams_hash_spreads_evenly():
    pairs = np.random.default_rng(0).integers(2, 3000, 40_000)
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    distinct = len({tuple(pair) for pair in np.stack([pairs[:-1], pairs[1:]], 1).tolist()})
    filled = len(np.unique(buckets_of(pairs, 2, 2**16)))
    assert filled == pytest.approx(2**16 * (1 - np.exp(-distinct / 2**16)), rel=0.02)


@given(TEXTS, st.sampled_from([1, 3]), st.sampled_from([3, 1_000_000]))
def test_ngrams_logits_equal_a_dictionary(texts, columns, at_once):
    ngrams = drawn(columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOKENS_AT_ONCE", at_once)
        found = logits(ngrams, sequences(texts))
    assert found.shape == (len(texts), 2 if columns == 1 else 3)
    np.testing.assert_allclose(found, [slow_logits(ngrams, text) for text in texts], atol=1e-9)


@given(TEXTS, st.sampled_from([1, 3]))
def test_ngrams_shares_and_bias_sum_to_the_logits(texts, columns):
    ngrams = drawn(columns)
    for text, row in zip(texts, logits(ngrams, sequences(texts)), strict=True):
        shares = contributions(ngrams, np.array(text, dtype=np.int32))
        assert shares.shape == (len(text), len(row))
        np.testing.assert_allclose(shares.sum(axis=0) + bias_logits(ngrams), row, rtol=0, atol=1e-9)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_ngrams_shares_equal_a_loop_over_occurrences(text):
    ngrams = drawn(1)
    found = occurrences(text, 64)
    times = Counter(bucket for _, _, bucket in found)
    expected = np.zeros(len(text))
    for place, order, bucket in found:
        weight = float(ngrams.table[bucket, 0]) * abs(float(ngrams.table[bucket, 0])) * float(ngrams.scale[0])
        expected[place : place + order] += weight / times[bucket] / order
    shares = contributions(ngrams, np.array(text, dtype=np.int32))
    np.testing.assert_allclose(shares[:, 1], expected / 2, atol=1e-12)
    np.testing.assert_allclose(shares[:, 0], -expected / 2, atol=1e-12)


def test_ngrams_answers_depend_neither_on_order_nor_on_company():
    texts = np.random.default_rng(0).integers(1, 9, (50, 20)).tolist()
    together = logits(drawn(3), sequences(texts))
    assert (logits(drawn(3), sequences(texts[::-1]))[::-1] == together).all()
    assert (np.concatenate([logits(drawn(3), sequences([text])) for text in texts]) == together).all()


def test_ngrams_features_equal_a_dictionary():
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
def test_ngrams_learn_what_only_pairs_of_words_say(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ngrams = train_companion(opinions(300, classes), classes)
    held = opinions(60, classes, seed=1)
    found = logits(ngrams, held)
    assert found.shape == (60, classes) and (found.argmax(axis=1) == held.targets).all()
    assert classes != 2 or (found[:, 0] == -found[:, 1]).all()


def test_ngrams_training_is_reproducible():
    first, again = (train_companion(opinions(100, 2), 2) for _ in range(2))
    assert first.table.tobytes() == again.table.tobytes()
    assert (first.scale.tobytes(), first.bias.tobytes()) == (again.scale.tobytes(), again.bias.tobytes())


def test_ngrams_ignore_what_a_single_text_holds():
    ngrams = train_companion(sequences([[2, 3], [2, 4], [3, 5], [3, 6]], [0, 0, 1, 1]), 2)
    weights = ngrams.table[buckets_of(np.arange(2, 7), 1, len(ngrams.table)), 0]
    assert weights[0] < 0 and (weights[2:] == 0).all()


def test_ngrams_balanced_training_lifts_the_rare_class():
    texts = [[2, 3, 4]] * 20 + [[2, 3, 4]] * 5
    data = sequences(texts, [0] * 20 + [1] * 5)
    plain, balanced = (logits(train_companion(data, 2, balanced=flag), data)[0, 1] for flag in (False, True))
    assert plain < -0.5 and balanced == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("texts", "targets", "classes"), [([], [], 2), ([[]], [1], 2), ([[2], [2]], [1, 1], 3)])
def test_ngrams_of_next_to_nothing_are_still_numbers(texts, targets, classes):
    ngrams = train_companion(sequences(texts, targets), classes)
    found = logits(ngrams, sequences([[1, 2, 3], []]))
    assert found.shape == (2, classes) and np.isfinite(found).all()
    assert logits(ngrams, sequences([])).shape == (0, classes)
    assert contributions(ngrams, np.empty(0, np.int32)).shape == (0, classes)


def test_ngrams_table_is_bounded():
    assert buckets_for(10, 2) == 2**12
    assert buckets_for(1000, 2) == 2**12 and buckets_for(1025, 2) == 2**13
    assert buckets_for(10**9, 2) == 2**22
    assert buckets_for(10**9, 2, 2**20) == buckets_for(10**9, 2, 2**21 - 1) == 2**20
    assert buckets_for(10, 2, 2**20) == 2**12
    for classes in (3, 4, 5, 20, 256):
        assert 2**23 < buckets_for(10**9, classes) * classes <= 2**24
    assert train_companion(sequences([[1]] * 600, list(range(300)) * 2), 300) is None


def test_ngrams_thin_out_too_much_text_evenly(monkeypatch):
    seen, matrix = [], module._matrix
    monkeypatch.setattr(module, "_matrix", lambda texts, buckets: seen.append(texts) or matrix(texts, buckets))
    monkeypatch.setattr(module, "MOST_TOKENS", 900)
    train_companion(opinions(300, 2), 2)  # of seven tokens each
    assert len(seen[0]) == 128 and np.bincount(seen[0].targets).min() > 40


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20))
def test_ngrams_quantised_weights_are_near_and_keep_their_sign(values):
    weights = np.array(values, dtype=np.float32)[:, None]
    ngrams = quantised(weights, np.zeros(1))
    cells = ngrams.table.astype(float)
    found = cells * np.abs(cells) * ngrams.scale
    largest = float(np.abs(weights).max())
    # half a step of the root at w is sqrt(w w_max) / 127, and a quarter of a unit more
    allowed = np.sqrt(np.abs(weights).astype(float) * largest) / 127 + 0.26 * largest / 127**2
    assert (np.abs(found - weights) <= allowed * (1 + 1e-5) + 1e-26).all()
    assert (found * weights >= 0).all()
