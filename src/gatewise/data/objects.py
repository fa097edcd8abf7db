"""JSON to a Table: an object a line, one after the other, or an array of them; inner values get dotted names."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import LONGEST, check_utf8, json_values, lines
from gatewise.data.layout import Layout
from gatewise.data.opening import Source
from gatewise.data.table import Rows, Table, columns_of, quoted, sampled

PIECE = 1 << 16  # characters read at once, more where a value is longer
BLANKS = re.compile(r"[\s,]*")
Numbered = Iterator[tuple[str, Any]]  # where a value stands


def objects(source: Source, layout: Layout) -> Table:
    """Open JSON Lines or JSON; raise DataError for what holds no rows."""
    table = Table(source.name, [], [], partial(_rows, source, layout, _whole_lines(source, layout)))
    sample = sampled(table.rows(None))
    if not sample:
        raise DataError(f"{source.name} has no rows; give a file with at least one text.")
    return replace(table, sample=sample, columns=columns_of(sample))


def _rows(source: Source, layout: Layout, whole_lines: bool, columns: Sequence[str] | None) -> Rows:
    """Give objects with values inside others taken out under their path: {"review": {"text": ...}} has review.text."""
    with source.text(layout.encoding) as text:
        for number, (unit, value) in enumerate(values(text, source.name, whole_lines), 1):
            where = f"{source.name}, {unit}"
            if not isinstance(value, dict):
                raise DataError(f'{where} needs an object such as {{"text": ..., "label": ...}}.')
            if number == 1 and _is_columns(value):
                raise DataError(
                    f"{where} is one object that holds a column a key; write one object a row instead, as pandas does "
                    "with orient='records', lines=True."
                )
            inner = next((name for name, part in value.items() if _is_rows(part)), None)
            if inner is not None and number == 1 and "text" not in value:
                raise DataError(
                    f"{where} is one object whose {quoted(inner)} holds the rows; write that array alone into a file."
                )
            yield number, _flat(value) if any(isinstance(part, dict) for part in value.values()) else value


def _is_columns(value: dict[str, Any]) -> bool:
    """Tell columns as lists of one length, or as objects of numbered values, from a row."""
    first, *others = [*value.values()] or [None]
    if isinstance(first, list):
        return len(first) > 1 and bool(others) and all(isinstance(o, list) and len(o) == len(first) for o in others)
    numbered = isinstance(first, dict) and len(first) > 0 and all(name.isdecimal() for name in first)
    return numbered and all(isinstance(other, dict) and other.keys() == first.keys() for other in others)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(row, dict) for row in value[:2])


def _flat(value: dict[str, Any], path: str = "", depth: int = 0) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict) and depth < 8:
            flat |= _flat(part, f"{path}{name}.", depth + 1)
        else:
            flat[path + name] = part
    return flat


def values(text: io.TextIOWrapper, name: str, whole_lines: bool) -> Numbered:
    """Give values, each with where it stands."""
    if whole_lines:
        numbered = (
            (place, check_utf8(line, f"{name}, line {place}")) for place, line in enumerate(lines(text, name), 1)
        )
        return ((f"line {number}", value) for number, value in json_values(numbered, name))
    return ((f"item {number}", value) for number, value in enumerate(_stream(text, name), 1))


def _whole_lines(source: Source, layout: Layout) -> bool:
    """Tell a value a line from an array, and, in what is called .json, from values of several lines."""
    with source.text(layout.encoding) as text:
        head = text.read(PIECE).lstrip()
    if head.startswith("[") or source.suffix != ".json":
        return not head.startswith("[")
    try:
        json.loads(head.split("\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return True


def _stream(text: io.TextIOWrapper, name: str) -> Iterator[Any]:
    """Give the values of an array, or those that stand one after the other, holding little more than one."""
    decoder, held, place, number, size = json.JSONDecoder(), "", 0, 1, PIECE
    begun = array = ended = False
    while True:
        piece = check_utf8(text.read(size), name)
        held, place = held[place:] + piece, 0
        while True:
            blank = BLANKS.match(held, place)
            place = blank.end() if blank else place
            if not begun and place < len(held):
                begun, array = True, held[place] == "["
                place += array
                continue
            if place == len(held):
                break
            if ended or (held[place] == "]" and not array):
                raise DataError(f"{name} holds more after item {number - 1}, where its rows end; write one array.")
            if held[place] == "]":
                place, ended = place + 1, True
                continue
            try:
                value, place = decoder.raw_decode(held, place)
            except (ValueError, RecursionError) as error:
                if not piece or len(held) - place > LONGEST or isinstance(error, RecursionError):
                    reason = one_line(getattr(error, "msg", error), 80)
                    raise DataError(f"{name}, item {number} is not valid JSON ({reason}); correct it.") from error
                size *= 2  # a value longer than what was read: each try reads as much again
                break
            yield value
            number, size = number + 1, PIECE
        if not piece:
            if array and not ended:
                raise DataError(f"{name} ends after item {number - 1}, before its array does; fetch or write it again.")
            return
