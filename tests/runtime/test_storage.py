"""Weights in fewer bytes come back near what they were, and never larger than promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gatewise.runtime.storage import packed, stored, unpacked

FINITE = st.floats(-1e4, 1e4, width=32)


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=FINITE))
def test_storage_in_8_bits_errs_by_half_a_step_of_the_row_at_most(matrix):
    shapes = {"w": matrix.shape}
    back = unpacked(packed({"w": matrix}, "int8"), shapes, "int8")["w"]
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(back - matrix) <= 0.5001 * step + 1e-6).all()
    assert back.dtype == np.float32


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_storage_makes_just_the_arrays_it_announces(storage):
    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(5, 3)).astype(np.float32), "b": random.normal(size=4).astype(np.float32)}
    shapes = {name: array.shape for name, array in weights.items()}
    arrays = packed(weights, storage)
    assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == stored(shapes, storage)
    back = unpacked(arrays, shapes, storage)
    assert back.keys() == weights.keys()
    for name, array in weights.items():
        assert np.allclose(back[name], array, atol={"float32": 0, "float16": 2e-3, "int8": 2e-2}[storage])


def test_storage_keeps_a_row_of_zeros_and_one_number_apart_from_a_large_one():
    matrix = np.array([[0.0, 0.0], [1e-3, 5e-4], [1000.0, -500.0]], dtype=np.float32)
    back = unpacked(packed({"w": matrix}, "int8"), {"w": matrix.shape}, "int8")["w"]
    assert (back[0] == 0).all() and np.allclose(back[1:], matrix[1:], rtol=0.01)
