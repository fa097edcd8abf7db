"""A `.tsf` file of the Monash archive to series on grids: a header of @ lines, then a series a line.

Written from the archive's description of its format: `@attribute name string|numeric|date`, `@frequency hourly`,
then `value of the first attribute:...:1,2,?`. Start stamps are kept as they stand, months by the calendar.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.data.opening import Source
from gatewise.data.series_cells import is_missing, numbers_of
from gatewise.data.series_grid import Gaps
from gatewise.data.series_notes import of_columns, of_grid, of_values
from gatewise.data.series_rows import decoded
from gatewise.data.series_time import stamps_of
from gatewise.data.table import listing, quoted
from gatewise.runtime.series import SeriesTable, Step, from_first

VALUE = "value"  # how the one column is called
UNITS = {
    "second": Step(1, "second"), "minute": Step(60, "second"), "hour": Step(3600, "second"),
    "day": Step(86_400, "second"), "week": Step(604_800, "second"), "month": Step(1, "month"),
    "quarter": Step(3, "month"), "year": Step(12, "month"),
}  # fmt: skip
NAMED = {"secondly": "second", "minutely": "minute", "hourly": "hour", "daily": "day", "weekly": "week",
         "monthly": "month", "quarterly": "quarter", "yearly": "year"}  # fmt: skip


def read_tsf(source: Source, encoding: str, target: str, static: Sequence[str]) -> SeriesTable:
    """Read a `.tsf` file; its one column is called `value`, and its other attributes may be named as static.

    Raises DataError for what is not of the format, naming the line.
    """
    text, known = decoded(source, encoding, "cp1252")
    notes = [f"File: it is read as {known}."] if known else []
    attributes: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    lines = _numbered(text)
    for number, line in lines:
        word, _, rest = line.partition(" ")
        if word.lower() == "@data":
            break
        if not word.startswith("@"):
            raise DataError(f"{source.name}, line {number} is no line of a header, and @data has not come; mend it.")
        if word.lower() == "@attribute":
            name, _, kind = rest.strip().rpartition(" ")
            attributes.append((name.strip(), kind.lower()))
        said[word.lower()] = rest.strip()
    names = [name for name, _ in attributes]
    if target not in ("", VALUE):
        raise DataError(f"{source.name} has no column {quoted(target)}; the one of a .tsf file is called {VALUE}.")
    for name in static:
        if name not in names:
            raise DataError(f"{source.name} has no attribute {quoted(name)}; it has {listing(names)}.")
    rows = [(number, *_row(line, len(names), f"{source.name}, line {number}")) for number, line in lines]
    if not rows:
        raise DataError(f"{source.name} has no series below @data; give a whole file.")
    return _table(source.name, attributes, rows, said.get("@frequency", ""), static, notes)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """Give numbered lines, comments and blank ones left out."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _row(line: str, attributes: int, where: str) -> tuple[list[str], npt.NDArray[np.float64]]:
    *told, values = line.split(":")
    if len(told) != attributes:
        raise DataError(f"{where} has {len(told)} attributes where the header has {attributes}; mend it.")
    numbers = numbers_of(values.rstrip(",").split(","), ".")
    if numbers.stray is not None or np.isinf(numbers.values).any():
        raise DataError(f"{where} has a value that is no finite number; write ? for what is missing.")
    return told, numbers.values


def _table(
    name: str, attributes: Sequence[tuple[str, str]], rows: Sequence[tuple[int, list[str], npt.NDArray[np.float64]]],
    frequency: str, static: Sequence[str], notes: list[str],
) -> SeriesTable:  # fmt: skip
    """Put series together from their attributes and values."""
    step, dates = _step(frequency, name), [place for place, (_, kind) in enumerate(attributes) if kind == "date"]
    starts = np.concatenate([[0], np.cumsum([len(values) for _, _, values in rows])]).astype(np.int64)
    if step.unit == "number" or not dates:
        step, begins = Step(1, "number"), np.ones(len(rows), dtype=np.int64)
        notes.append("Time: no start or no frequency is told; rows are numbered from 1.")
    else:
        told = [[one[dates[0]] for _, one, _ in rows]]
        stamps = stamps_of([attributes[dates[0]][0]], told, [number for number, _, _ in rows], name, None)
        if not stamps.given.all():
            raise DataError(f"{name}, line {rows[int(np.argmin(stamps.given))][0]} has no start; give it one.")
        begins = stamps.moments
    moments = np.concatenate(
        [from_first(np.array([begin]), step, len(values)) for begin, (_, _, values) in zip(begins, rows, strict=True)]
    )
    values = np.concatenate([values for _, _, values in rows])[:, None]
    if np.isnan(values).all():
        raise DataError(f"{name} has no value at all; give another file.")
    ids = [place for place, (_, kind) in enumerate(attributes) if kind == "string"]
    names = [told[ids[0]] for _, told, _ in rows] if ids else []
    if len({*names}) < len(rows):
        names = [str(place) for place in range(1, len(rows) + 1)]
    places = {attribute: place for place, (attribute, _) in enumerate(attributes)}
    used = {*static, *(attributes[place][0] for place in (*ids[:1], *dates[:1]))}
    notes += of_columns([attribute for attribute, _ in attributes if attribute not in used], [])
    notes += [*of_grid(step, Gaps()), *of_values([VALUE], values, moments, starts, step, 0)]
    return SeriesTable(
        tuple(names), starts, moments, (VALUE,), values, step, "",
        {one: _static([told[places[one]] for _, told, _ in rows]) for one in static}, tuple(notes),
    )  # fmt: skip


def _static(cells: list[str]) -> tuple[str | float, ...]:
    numbers = numbers_of(cells, ".")
    return tuple("" if is_missing(cell) else cell for cell in cells) if numbers.stray is not None else tuple(
        numbers.values.tolist()
    )  # fmt: skip


def _step(frequency: str, name: str) -> Step:
    """Read a frequency such as hourly, half_hourly, 10_minutes or 4_seconds; none is a numbering of rows."""
    word = frequency.strip().lower()
    if word == "half_hourly":
        return Step(1800, "second")
    count, _, unit = word.rpartition("_")
    unit = NAMED.get(unit, unit.removesuffix("s"))
    if unit in UNITS and (count.isdecimal() or not count):
        return Step(UNITS[unit].count * int(count or 1), UNITS[unit].unit)
    if word:
        raise DataError(
            f"{name} has the frequency {quoted(word)}, which is none known here; write hourly or 10_minutes."
        )
    return Step(1, "number")
