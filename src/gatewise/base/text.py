"""Bytes to text, lines and JSON values, with the place of every fault; knows no columns and no parts."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from gatewise.base.errors import DataError

LONGEST = 1 << 28  # characters or bytes of one value: an unclosed quote must not swallow a file of any size
SURROGATES = re.compile("[\ud800-\udfff]")  # lone ones have no UTF-8; "surrogateescape" makes them of bad bytes


def clean(text: str) -> str:
    """Replace lone surrogates, which no file and no tokenizer can take; one for one, which keeps offsets right."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def numbered_lines(source: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    """Decode numbered lines, without their line ends."""
    for number, line in enumerate(iter(lambda: source.readline(LONGEST + 1), b""), 1):
        yield number, decode(line, f"{name}, line {number}").rstrip("\r\n")


def decode(data: bytes, where: str) -> str:
    """Decode UTF-8; raise DataError, naming the place, for anything else and for more than LONGEST bytes."""
    if len(data) > LONGEST:
        raise DataError(f"{where} is longer than {LONGEST:,} bytes; split it.")
    return check_utf8(data.decode("utf-8-sig", "surrogateescape"), where)


def check_utf8(text: str, where: str) -> str:
    """Refuse a text decoded with "surrogateescape", which turns undecodable bytes into lone surrogates."""
    if not text.isascii() and (bad := SURROGATES.search(text)):
        raise DataError(f"{where}: byte 0x{ord(bad[0]) & 0xFF:02x} is not UTF-8; save the file as UTF-8.")
    return text


def json_values(lines: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[int, Any]]:
    """Parse JSON Lines, blank ones left out; raise DataError naming the line."""
    for number, line in lines:
        try:
            if line.strip():
                yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}, line {number} is not valid JSON ({error}); correct that line.") from error


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Write JSON that every reader takes: what is no number, or infinite, which JSON has not, is null."""
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def finite(value: Any) -> Any:
    """Give plain values, of mappings and lists too, with null for NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(inner) for name, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list | tuple) else value
