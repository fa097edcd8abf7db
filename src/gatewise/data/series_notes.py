"""What people would wish to know of series as they were read, in sentences. Changes nothing."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatewise.data.series_grid import Gaps, lasting
from gatewise.data.table import listing, quoted
from gatewise.runtime.series import DAY, Step

SENTINELS = (
    -9.0,
    -99.0,
    -200.0,
    -999.0,
    -9999.0,
    -99999.0,
    -32768.0,
    32767.0,
    99.0,
    999.0,
    9999.0,
    99999.0,
    1e20,
    -1e20,
)
FLAT, ZEROS = 12, 0.2  # rows in a row, and a share, worth a sentence
FEW = 4  # different values of which none is far from the others


def of_grid(step: Step, gaps: Gaps) -> list[str]:
    """Say the step, and what the grid had to mend."""
    each = "are numbered" if step == Step(1, "number") else f"stand {lasting(step)} apart"
    notes = [f"Frequency: rows {each}."]
    if gaps.missing:
        at = shown(gaps.longest_at, step)
        longest = f" in {gaps.gaps:,} gaps, the longest {_several(gaps.longest, 'row')} from {at}" * (gaps.gaps > 1)
        notes.append(
            f"Gaps: {_several(gaps.missing, 'row')} missing{longest or f' from {at}'}; they stay empty, nothing is "
            "interpolated."
        )
    if gaps.doubled:
        moments = "moment has" if gaps.doubled == 1 else "moments have"
        notes.append(
            f"Duplicates: {gaps.doubled:,} {moments} several rows, {gaps.extra:,} too many; their mean is kept."
        )
    if gaps.backward:
        notes.append("Order: time runs backward through the rows; they are sorted by it.")
    elif gaps.unsorted:
        notes.append(f"Order: {_several(gaps.unsorted, 'row')} came after a later one; all are sorted by time.")
    if gaps.moved:
        notes.append(
            f"Grid: {_several(gaps.moved, 'row')} beside the grid moved to the nearest place, within a tenth of a step."
        )
    if gaps.left_out:
        notes.append(f"Grid: {_several(gaps.left_out, 'row')} more than a tenth of a step beside the grid left out.")
    return notes


def of_values(
    columns: Sequence[str], values: npt.NDArray[np.float64], moments: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64], step: Step, empty_rows: int,
) -> list[str]:  # fmt: skip
    """Say of the target, the first column, what is missing, flat and zero; of every one what looks like a code."""
    notes = []
    target, first = values[:, 0], columns[0]
    known = ~np.isnan(target)
    if (lacking := int((~known).sum()) - empty_rows) > 0:
        notes.append(f"Missing: {quoted(first)} has no value in {lacking:,} rows that are there; they stay empty.")
    if len(np.unique(target[known])) == 1:
        notes.append(f"Flat: {quoted(first)} is {target[known][0]:g} in every row.")
        return notes
    zeros = float((target[known] == 0).mean())
    if zeros >= ZEROS:
        notes.append(
            f"Zeros: {quoted(first)} is 0 in {100 * zeros:.0f} % of its rows, so that percentage errors mean nothing."
        )
    length, at, again = _flat_runs(target, starts)
    if length >= FLAT:
        notes.append(
            f"Flat: {quoted(first)} equals the row before in {100 * again:.0f} % of rows, at the longest in {length:,} "
            f"rows from {shown(int(moments[at]), step)}."
        )
    for place, column in enumerate(columns):
        if (code := _code(values[:, place])) is not None:
            count = int((values[:, place] == code).sum())
            notes.append(
                f"Codes: {quoted(column)} is {code:g} in {_several(count, 'row')}, far from all else; if that means "
                "missing, empty these cells."
            )
    return notes


def of_columns(left_out: Sequence[str], empty: Sequence[str]) -> list[str]:
    """Say which columns are not read."""
    notes = []
    if left_out:
        notes.append(f"Columns: left out, as they hold text or only count rows: {listing(left_out)}.")
    if empty:
        notes.append(f"Columns: left out, as they hold no value at all: {listing(empty)}.")
    return notes


def shown(moment: int, step: Step) -> str:
    """Show a moment: a date, with the time where a step is shorter than a day; or the row's number."""
    if step.unit == "number":
        return f"row number {moment:,}"
    stamp = str(np.int64(moment).astype("datetime64[s]")).replace("T", " ")
    days = step.unit != "second" or step.count % DAY == 0
    return stamp[:10] if days and stamp.endswith("00:00:00") else stamp[:-3] if stamp.endswith(":00") else stamp


def _several(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"


def _flat_runs(target: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]) -> tuple[int, int, float]:
    """Give the longest stretch of one value other than 0: rows, where it begins; and the share of repeated rows."""
    same = np.zeros(len(target) + 1, dtype=bool)
    same[1:-1] = target[1:] == target[:-1]
    same[starts] = False
    share = float(same.sum() / len(target))
    same[:-1] &= target != 0
    edges = np.diff(np.concatenate([[0], same.astype(np.int64), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begins):
        return 0, 0, share
    longest = int(np.argmax(ends - begins))
    return int(ends[longest] - begins[longest]) + 1, int(begins[longest]) - 1, share


def _code(values: npt.NDArray[np.float64]) -> float | None:
    """Find a usual code for "missing" that lies farther from all else than half of the range of the others."""
    known = np.unique(values[~np.isnan(values)])
    if len(known) < FEW:
        return None
    for code, others in ((known[0], known[1:]), (known[-1], known[:-1])):
        away = np.abs(others - code).min()
        if code in SENTINELS and 2 * away > others[-1] - others[0]:
            return float(code)
    return None
