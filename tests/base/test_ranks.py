"""Ranks, agreement and areas equal scipy's and scikit-learn's, ties included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import roc_auc_score

from gatewise.base.ranks import areas, ranks, spearman

NUMBERS = st.lists(st.integers(-3, 3), min_size=2, max_size=20)


@given(NUMBERS)
def test_ranks_equal_scipys(numbers):
    np.testing.assert_array_equal(ranks(np.array(numbers, float)), rankdata(numbers))


@given(NUMBERS, st.randoms(use_true_random=False))
def test_ranks_agree_as_spearman_says(numbers, random):
    other = random.sample(numbers, len(numbers))
    found = spearman(np.array(numbers, float), np.array(other, float))
    if len(set(numbers)) == 1:
        assert found == 0
    else:
        assert found == pytest.approx(spearmanr(numbers, other).statistic)


@pytest.mark.parametrize("classes", [2, 3])
def test_ranks_areas_equal_scikit_learns(classes):
    random = np.random.default_rng(0)
    columns, targets = random.integers(0, 9, (50, 4)) / 3, random.integers(0, classes, 50)
    for row, target in zip(areas(columns, targets, classes), range(classes == 2, classes), strict=True):
        expected = [roc_auc_score(targets == target, column) for column in columns.T]
        np.testing.assert_allclose(row, expected)


def test_ranks_a_class_that_nothing_belongs_to_has_no_area():
    assert areas(np.ones((3, 2)), np.array([0, 2, 2]), 4).shape == (2, 2)
    assert areas(np.ones((3, 2)), np.zeros(3, int), 2).shape == (0, 2)
