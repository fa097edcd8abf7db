"""Cells to numbers: what is missing, and commas, of which a file's own values prove what they mean."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.series_cells import decimal_sign, numbers_of


@pytest.mark.parametrize(
    "cell", ["", " ", "NA", "n/a", "NaN", "?", "-", "null", "None", "缺失", None, float("nan"), "#N/A"]
)
def test_cells_that_are_missing(cell: object) -> None:
    told = numbers_of([1.5, cell, "2"], ".")
    assert told.stray is None and told.values[[0, 2]].tolist() == [1.5, 2.0] and math.isnan(told.values[1])


@pytest.mark.parametrize(
    ("cells", "sign", "values"),
    [
        (["1,5", "2"], ",", [1.5, 2.0]),
        (["0,123"], ",", [0.123]),
        (["1.234,5", "1.234"], ",", [1234.5, 1234.0]),
        (["1234,567"], ",", [1234.567]),
        (["1,234.5", "1,234"], ".", [1234.5, 1234.0]),
        (["1,234,567"], ".", [1234567.0]),
        (["1 234,5", "1\u202f234,25"], ",", [1234.5, 1234.25]),
        (["-3.5e-2", "+4"], ".", [-0.035, 4.0]),
        (["-200,0", ",5"], ",", [-200.0, 0.5]),
    ],
)
def test_cells_commas_are_proved(cells: list[str], sign: str, values: list[float]) -> None:
    assert decimal_sign(cells, "a.csv") == sign
    assert numbers_of(cells, sign).values.tolist() == values


def test_cells_commas_that_nothing_proves() -> None:
    with pytest.raises(DataError, match=r"a.csv has '1,234', and no value proves .*; say --decimal , or --decimal \."):
        decimal_sign(["1,234", "2,500"], "a.csv")
    with pytest.raises(DataError, match=r"has '1,5' and '1,234\.5': its comma means two things"):
        decimal_sign(["1,5", "1,234.5"], "a.csv")
    assert decimal_sign(["rain, then sun", "1.5", None, 2], "a.csv") == "."


@given(st.lists(st.floats(-1e15, 1e15), min_size=1))
def test_cells_numbers_come_back(values: list[float]) -> None:
    written = [repr(value) for value in values]
    assert numbers_of(written, decimal_sign(written, "a")).values.tolist() == values
    commas = [text.replace(".", ",") for text in written]
    assert numbers_of(commas, ",").values.tolist() == values
    assert numbers_of(np.array(values), ".").values.tolist() == values


def test_cells_truth_and_strays() -> None:
    told = numbers_of(["TRUE", "False", ""], ".")
    assert told.truth and told.values[:2].tolist() == [1.0, 0.0]
    assert numbers_of(np.array([True, False]), ".").truth
    assert not numbers_of(["TRUE", "2"], ".").truth
    stray = numbers_of(["1", "Trace", "2", "Trace"], ".")
    assert (stray.stray, stray.strays) == (1, 2)
