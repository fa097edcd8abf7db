"""Word vectors hold what keeps company, equal a slow count, and are the same each time."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.nets.vectors import WINDOW, cooccurrence, information, vectors_from_company, word_vectors
from gatewise.runtime.batches import Sequences, gather


def sequences(texts: list[list[int]], vocab_size: int = 12) -> Sequences:
    return gather([[np.array(text, dtype=np.int32) for text in texts]], [0] * len(texts), vocab_size)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(1, 11), min_size=1, max_size=15), min_size=1, max_size=6))
def test_vectors_cooccurrence_equals_a_slow_count(texts: list[list[int]]) -> None:
    slow: Counter[tuple[int, int]] = Counter()
    for text in texts:
        for left in range(len(text)):
            for right in range(left + 1, min(len(text), left + WINDOW + 1)):
                if text[left] > 1 and text[right] > 1:  # padding and the unknown word keep no company
                    slow[text[left], text[right]] += 1 / (right - left)
                    slow[text[right], text[left]] += 1 / (right - left)
    expected = np.zeros((12, 12))
    for (row, column), count in slow.items():
        expected[row, column] = count
    assert cooccurrence([sequences(texts)], 12).toarray() == pytest.approx(expected, abs=1e-5)


def test_vectors_information_smooths_the_contexts() -> None:
    counts = cooccurrence([sequences(np.random.default_rng(4).integers(2, 12, size=(9, 10)).tolist())], 12)
    joint = counts.toarray().astype(np.float64)
    words = joint.sum(axis=1) / joint.sum()
    contexts = joint.sum(axis=0) ** 0.75 / (joint.sum(axis=0) ** 0.75).sum()  # Levy, Goldberg & Dagan 2015, section 3.1
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(joint / joint.sum() / np.outer(words, contexts))
    expected = np.where(joint > 0, np.maximum(expected, 0), 0)
    assert information(counts).toarray() == pytest.approx(expected, abs=1e-4)
    assert (expected > 0).sum() > 10


def test_vectors_put_words_of_like_company_together() -> None:
    # 2 and 3 stand where good stands, 4 and 5 where bad does; 6 to 8 are good's company, 9 to 11 bad's
    random = np.random.default_rng(0)
    texts = [[int(random.choice([2, 3])), *random.permutation([6, 7, 8]).tolist()] for _ in range(200)]
    texts += [[int(random.choice([4, 5])), *random.permutation([9, 10, 11]).tolist()] for _ in range(200)]
    vectors = word_vectors([sequences(texts)], 12, 4, std=0.1, seed=1)
    assert not vectors[0].any()  # padding's
    unit = vectors[1:] / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert min(likeness[1, 2], likeness[3, 4]) > 0.8 > 0.3 > max(likeness[1, 3], likeness[2, 4])


def test_vectors_are_reproducible_and_keep_the_spread_asked_for() -> None:
    texts = np.random.default_rng(1).integers(2, 40, size=(50, 20)).tolist()
    first = word_vectors([sequences(texts, 40)], 40, 8, std=0.1, seed=3)
    assert (first == word_vectors([sequences(texts, 40)], 40, 8, std=0.1, seed=3)).all()
    assert first.std() == pytest.approx(0.1, rel=0.05)


def test_vectors_wider_than_the_vocabulary_or_without_any_company_are_still_numbers() -> None:
    wide = word_vectors([sequences([[2, 3, 4, 2, 3]])], 12, 64, std=0.1, seed=1)
    assert wide.shape == (12, 64) and np.isfinite(wide).all() and wide[:, 11:].std() > 0.05
    alone = word_vectors([sequences([[2], [1], [3]])], 12, 4, std=0.1, seed=1)
    assert np.isfinite(alone).all() and alone.std() > 0


def test_vectors_count_several_parts_as_one_and_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = np.random.default_rng(2).integers(2, 12, size=(9, 10)).tolist()
    whole = cooccurrence([sequences(texts)], 12).toarray()
    monkeypatch.setattr("gatewise.nets.vectors.TEXTS_AT_ONCE", 2)
    assert cooccurrence([sequences(texts[:4]), sequences(texts[4:])], 12).toarray() == pytest.approx(whole)
    monkeypatch.setattr("gatewise.nets.vectors.COUNTED_TOKENS", 50)
    assert cooccurrence([sequences(texts)], 12).toarray() == pytest.approx(
        cooccurrence([sequences(texts[:5])], 12).toarray()
    )


def test_vectors_of_new_words_point_where_their_company_does() -> None:
    # 2 to 5 are known; 6 keeps company with 2 and 3, 7 with nobody known, 8 is never seen
    known = np.zeros((6, 4), dtype=np.float32)
    known[2:] = np.eye(4) * 2
    found = vectors_from_company([sequences([[6, 2], [6, 3], [6, 2], [6, 3], [7, 7]])], known, 9)
    assert np.array_equal(found[:6], known)
    assert found[6] == pytest.approx(np.array([1, 1, 0, 0]) * 2 / np.sqrt(2), abs=1e-5)  # as long as the others
    assert found[7] == pytest.approx(found[8]) and found[7] == pytest.approx(np.ones(4))
    assert found.dtype == np.float32
