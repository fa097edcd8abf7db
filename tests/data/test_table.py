"""What is looked at of a table to choose columns is bounded, whatever its rows are like."""

import pytest

from gatewise.data.table import SAMPLE_CELLS, SAMPLE_CHARACTERS, SAMPLE_ROWS, sampled


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ({"a": "x"}, SAMPLE_ROWS),
        ({str(place): 1 for place in range(1000)}, SAMPLE_CELLS // 1000),
        ({"a": "x" * 10_000}, SAMPLE_CHARACTERS // 10_000 + 1),
    ],
)
def test_the_first_rows_are_fewer_where_they_are_wide_or_long(row: dict[str, object], count: int) -> None:
    assert len(sampled((number, row) for number in range(2 * SAMPLE_ROWS))) == count
