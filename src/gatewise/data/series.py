"""Any file, or table in memory, to series on regular grids: who is time, target and covariate, and what was decided.

Nothing is filled in and nothing is scaled: a value that was not measured is nan.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.base.places import exists
from gatewise.base.settings import takes
from gatewise.data.named import OF_SERIES, locate_series
from gatewise.data.series_cells import Numbers, decimal_sign, is_missing, numbers_of, shown
from gatewise.data.series_choice import id_of, is_row_number, refuse_unknown, target_of, time_of
from gatewise.data.series_clock import line_of
from gatewise.data.series_grid import gridded
from gatewise.data.series_layout import SeriesLayout, SeriesOptions
from gatewise.data.series_notes import of_columns, of_grid, of_values
from gatewise.data.series_rows import Raw, raw_of, the_source
from gatewise.data.series_time import Stamps, stamps_of
from gatewise.data.series_tsf import read_tsf
from gatewise.data.table import listing, quoted
from gatewise.runtime.series import SeriesTable

_LOG = logging.getLogger("gatewise")


@takes(SeriesOptions())
def read_series(place: Any, **given: Any) -> SeriesTable:
    """Read series from the name of a bundled one (`seattle`), a file, or a table in memory.

    Takes CSV and its like, Parquet, Arrow, JSON Lines and `.tsf`, compressed or not; data frames of pandas and polars,
    Arrow tables, mappings of columns to vectors, and one vector. The columns are the target, known, past, and all other
    numbers; `notes` say what was decided. A SeriesTable is given back as it is. Raises DataError where the data leaves
    two ways open, or cannot be read, and ConfigError for what cannot be said of it.
    """
    layout = SeriesOptions().replace(**given).layout
    if isinstance(place, SeriesTable):
        return place
    path, name = place, ""
    if isinstance(place, str | Path):
        path = Path(place)
        if place in OF_SERIES or not exists(path):
            path, name = locate_series(str(place)), str(place)
        source = the_source(path)
        if source.suffix == ".tsf":
            _refuse_for_tsf(source.name, layout)
            return _told(read_tsf(source, layout.encoding, layout.target, layout.static))
    raw = raw_of(path, layout.encoding, layout.separator)
    return _told(table_of(replace(raw, name=name or raw.name), layout))


def table_of(raw: Raw, layout: SeriesLayout) -> SeriesTable:
    """Turn raw columns into series: choose, read stamps and numbers, and lay both on grids."""
    _refuse_roles(raw, layout)
    id_column = id_of(raw, layout.id_column)
    covariates = (*layout.known, *layout.past)
    taken = (*covariates, *layout.static, *([layout.target] if layout.target else []))
    time = time_of(raw, layout.time, id_column, taken)
    free = [column for column in raw.columns if column not in (*time, id_column, *layout.static)]
    decimal = layout.decimal if layout.decimal != "auto" else decimal_sign(
        (cell for column in free if not isinstance(raw.columns[column], np.ndarray) for cell in raw.columns[column]),
        raw.name,
    )  # fmt: skip
    numbers = {column: numbers_of(raw.columns[column], decimal) for column in free}
    asked = (target_of(raw, numbers, layout.target, covariates), *covariates)
    others = [column for column in free if column not in asked]
    left_out = [one for one in others if numbers[one].stray is not None or is_row_number(one, numbers[one])]
    empty = [one for one in others if one not in left_out and np.isnan(numbers[one].values).all()]
    columns = (*asked, *(one for one in others if one not in (*left_out, *empty)))
    _refuse_values(raw, numbers, asked, columns)
    stamps = stamps_of(time, [raw.columns[column] for column in time], raw.rows, raw.name, layout.day_first)
    chosen = f"Columns: time is {listing(time)}, the target {quoted(asked[0])}"
    chosen += f", and {quoted(id_column)} tells series apart." if id_column else "."
    undeclared = columns[len(asked) :]
    past = [f"Columns: not declared, and so taken as past: {listing(undeclared)}."] if undeclared else []
    notes = [*raw.notes, chosen, *past, *of_columns(left_out, empty), *stamps.notes]
    if decimal == "," and layout.decimal == "auto":
        notes.append("Numbers: the comma parts fractions.")
    values = np.stack([numbers[column].values for column in columns], axis=1)
    try:
        return _laid(raw, layout, id_column, stamps, columns, values, notes)
    except DataError as error:
        raise DataError(f"{raw.name}: {error}") from error


def _laid(
    raw: Raw, layout: SeriesLayout, id_column: str, stamps: Stamps, columns: tuple[str, ...],
    values: npt.NDArray[np.float64], notes: list[str],
) -> SeriesTable:  # fmt: skip
    """Lay rows, [R, C] of values, on the grids of their series."""
    names, series = _series(raw, id_column)
    kept = np.flatnonzero(stamps.given & (series >= 0))
    if not len(kept):
        raise DataError("no row has a stamp; name another column by --time.")
    if len(kept) < len(series):
        notes.append(f"Time: {len(series) - len(kept):,} rows without a stamp or an id are left out.")
    stamps = replace(
        stamps, moments=stamps.moments[kept], given=stamps.given[kept], offsets=stamps.offsets[kept]
    )  # fmt: skip
    if stamps.fractions and len({*zip(series[kept].tolist(), stamps.moments.tolist(), strict=True)}) < len(kept):
        raise DataError("rows stand less than a second apart; name a column that numbers them by --time.")
    if not id_column:
        _refuse_hidden_series(raw, kept, stamps.moments)
    line = line_of(stamps, series[kept], layout.zone)
    kept, moments = kept[line.kept], line.moments[line.kept]
    present, series = np.unique(series[kept], return_inverse=True)
    grid = gridded(series, [names[one] for one in present], moments, values[kept], line.step)
    notes += [*of_grid(line.step, grid.gaps), *line.notes]
    notes += of_values(columns, grid.values, grid.moments, grid.starts, line.step, grid.gaps.missing)
    return SeriesTable(
        tuple(names[one] for one in present), grid.starts, grid.moments, columns, grid.values, line.step, line.zone,
        {column: _static(raw, column, kept, series) for column in layout.static}, tuple(notes),
    )  # fmt: skip


def _told(table: SeriesTable) -> SeriesTable:
    for note in table.notes:
        _LOG.info(note)
    return table


def _series(raw: Raw, id_column: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Name the series in their order, and number that of each row; -1 has no id."""
    if not id_column:
        return [""], np.zeros(len(raw.rows), dtype=np.int64)
    numbers: dict[str, int] = {}
    series = [
        -1 if is_missing(value) else numbers.setdefault(shown(value), len(numbers)) for value in raw.columns[id_column]
    ]
    return [*numbers], np.array(series, dtype=np.int64)


def _static(
    raw: Raw, column: str, rows: npt.NDArray[np.int64], series: npt.NDArray[np.int64]
) -> tuple[str | float, ...]:
    """Give a column's one value for each series, as numbers where all are; raise DataError where one has two."""
    cells = [raw.columns[column][row] for row in rows.tolist()]
    told: dict[int, str] = {}
    for cell, one in zip(cells, series.tolist(), strict=True):
        if is_missing(cell):
            continue
        if told.setdefault(one, shown(cell)) != shown(cell):
            raise DataError(
                f"{quoted(column)} is declared static, and changes within a series, from {quoted(told[one])} to "
                f"{quoted(shown(cell))}; declare it --past."
            )
    values = [told.get(one, "") for one in range(int(series.max()) + 1)]
    numbers = numbers_of(values, ".")
    return tuple(values) if numbers.stray is not None else tuple(numbers.values.tolist())


def _refuse_roles(raw: Raw, layout: SeriesLayout) -> None:
    """Raise DataError for a column that is not there, or that is asked for as two things."""
    roles = [
        *(("time", column) for column in layout.time), ("id column", layout.id_column), ("target", layout.target),
        *(("known", column) for column in layout.known), *(("past", column) for column in layout.past),
        *(("static", column) for column in layout.static),
    ]  # fmt: skip
    told: dict[str, str] = {}
    for role, column in roles:
        if column and told.setdefault(column, role) != role:
            raise DataError(f"{quoted(column)} is asked for as {told[column]} and as {role}; it can be one of them.")
    refuse_unknown(raw, [*told])


def _refuse_values(raw: Raw, numbers: Mapping[str, Numbers], asked: Sequence[str], columns: Sequence[str]) -> None:
    """Raise DataError for a column asked for that does not hold numbers, or none, and for infinities anywhere."""
    for column in columns:
        one = numbers[column]
        if one.stray is not None:
            raise DataError(
                f"{raw.name}, row {raw.rows[one.stray]}: {quoted(raw.columns[column][one.stray])} in {quoted(column)} "
                f"is no number ({one.strays:,} such cells); mend it, or empty the cell."
            )
        if column in asked and np.isnan(one.values).all():
            raise DataError(f"{raw.name} has no value at all in {quoted(column)}; name another column.")
        if np.isinf(one.values).any():
            row = raw.rows[int(np.argmax(np.isinf(one.values)))]
            raise DataError(f"{raw.name}, row {row} has an infinite {quoted(column)}; empty the cell, or mend it.")


def _refuse_for_tsf(name: str, layout: SeriesLayout) -> None:
    """Raise DataError for what cannot be said of a `.tsf` file, which says it itself."""
    for said in ("time", "id_column", "known", "past", "zone"):
        if getattr(layout, said):
            raise DataError(f"{name} takes no {said}, as a .tsf file has but series of one column; leave it out.")


def _refuse_hidden_series(raw: Raw, rows: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> None:
    """Raise DataError where moments recur and a column tells their rows apart: then it likely names series."""
    if len(np.unique(moments)) > 0.9 * len(moments):
        return
    for name, column in raw.columns.items():
        cells = [column[row] for row in rows.tolist()]
        some = {*map(str, cells)}
        if 1 < len(some) <= len(cells) // 2 and all(isinstance(cell, str | int) for cell in cells):
            pairs = len({*zip(map(str, cells), moments.tolist(), strict=True)})
            if pairs > 0.98 * len(cells):
                raise DataError(
                    f"most moments have several rows, which {quoted(name)} tells apart; say --id-column {name} if it "
                    "names series, or give the rows of one."
                )
