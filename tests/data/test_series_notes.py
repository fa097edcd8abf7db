"""What is said of series: the figures in the sentences are right, and nothing is said where there is nothing to say."""

import numpy as np
import pytest

from gatewise.data.series_grid import Gaps
from gatewise.data.series_notes import of_columns, of_grid, of_values, shown
from gatewise.runtime.series import Step

HOUR, DAY = Step(3600, "second"), Step(86_400, "second")


def said(values: list[float], starts: tuple[int, ...] = (), empty: int = 0) -> list[str]:
    rows = np.array(values, dtype=float)
    bounds = np.array([0, *starts, len(rows)])
    return of_values(["y"], rows[:, None], np.arange(len(rows)) * 3600, bounds, HOUR, empty)


def test_notes_the_longest_flat_stretch() -> None:
    values = [1, 2, *[5] * 12, 3, *[4] * 13, 6, *[0] * 30]
    notes = said(values)
    assert "Flat: 'y' equals the row before in 88 % of rows, at the longest in 13 rows from 1970-01-01 15:00." in notes
    assert not [note for note in said([1, 2, *[5] * 11, 3]) if note.startswith("Flat")]


def test_notes_a_stretch_ends_with_its_series() -> None:
    assert not [note for note in said([1, *[5] * 8, *[5] * 8, 2], (9,)) if note.startswith("Flat")]
    assert [note for note in said([1, *[5] * 8, *[5] * 8, 2]) if "in 16 rows from 1970-01-01 01:00" in note]


def test_notes_zeros_and_missing() -> None:
    assert said([0, 1, 2, 3, 4]) == ["Zeros: 'y' is 0 in 20 % of its rows, so that percentage errors mean nothing."]
    assert said([0, 1, 2, 3, 4, 5]) == []
    assert said([np.nan, 1, np.nan, 2, 3]) == [
        "Missing: 'y' has no value in 2 rows that are there; they stay empty."
    ]  # fmt: skip
    assert said([np.nan, 1, np.nan, 2, 3], empty=2) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1, 2, 3, -999], "-999"), ([1, 2, 3, 9999, 9999], "9999"), ([1, 2, 3, -998], ""),
        ([990, 995, 998, 999], ""), ([0, 1, 300, -200, -200], "-200"), ([0, 1, 401, -200], ""), ([0, 1, 400, -200], ""),
        ([0, 1, 399, -200], "-200"), ([1, 2, -999], ""),
    ],
)  # fmt: skip
def test_notes_codes_are_far_from_all_else(values: list[float], code: str) -> None:
    notes = [note for note in said(values) if note.startswith("Codes")]
    assert bool(notes) == bool(code)
    rows = f"{values.count(float(code))} row{'s' * (values.count(float(code)) > 1)}" if code else ""
    assert not code or notes[0].startswith(f"Codes: 'y' is {code} in {rows}, far from all else")


def test_notes_of_a_grid() -> None:
    assert of_grid(HOUR, Gaps()) == ["Frequency: rows stand 1 hour apart."]
    assert of_grid(Step(1, "number"), Gaps()) == ["Frequency: rows are numbered."]
    one = of_grid(DAY, Gaps(missing=1, gaps=1, longest=1, longest_at=86_400, doubled=1, extra=2))
    assert one[1:] == [
        "Gaps: 1 row missing from 1970-01-02; they stay empty, nothing is interpolated.",
        "Duplicates: 1 moment has several rows, 2 too many; their mean is kept.",
    ]
    more = of_grid(HOUR, Gaps(missing=5, gaps=2, longest=3, longest_at=7200, unsorted=1, moved=2, left_out=3))
    assert more[1:] == [
        "Gaps: 5 rows missing in 2 gaps, the longest 3 rows from 1970-01-01 02:00; they stay empty, nothing is "
        "interpolated.",
        "Order: 1 row came after a later one; all are sorted by time.",
        "Grid: 2 rows beside the grid moved to the nearest place, within a tenth of a step.",
        "Grid: 3 rows more than a tenth of a step beside the grid left out.",
    ]
    assert of_columns([], []) == [] and len(of_columns(["a"], ["b"])) == 2


def test_notes_moments() -> None:
    assert shown(86_400, DAY) == "1970-01-02" and shown(0, Step(1, "month")) == "1970-01-01"
    assert shown(0, HOUR) == "1970-01-01 00:00" and shown(61, Step(1, "second")) == "1970-01-01 00:01:01"
    assert (
        shown(57_600, Step(1, "weekday")) == "1970-01-01 16:00" and shown(1234, Step(1, "number")) == "row number 1,234"
    )
