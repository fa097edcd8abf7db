"""Stated probabilities against what was right, by hand."""

import numpy as np
import pytest

from gatewise.base.reliability import binned, expected_calibration_error


def test_calibration_error_by_hand():
    bins = binned(np.array([0.9, 0.9, 0.3, 1.0]), np.array([True, False, False, True]), bins=10)
    assert [(b.n, b.accuracy) for b in bins] == [(1, 0.0), (2, 0.5), (1, 1.0)]
    assert expected_calibration_error(bins) == pytest.approx((0.3 + 2 * 0.4 + 0.0) / 4)
    assert expected_calibration_error(()) == 0.0
    (first,) = binned(np.array([0.0, 0.1]), np.array([True, False]), bins=10)
    assert (first.low, first.high, first.n) == (0.0, 0.1, 2)


def test_reliability_of_nothing():
    assert binned(np.array([]), np.array([], dtype=bool)) == ()
