"""Bytes to text, lines and JSON values, with the place of every fault; knows no columns and no parts."""

import codecs
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from gatewise.base.errors import DataError, one_line

LONGEST = 1 << 25  # characters or bytes of one value: an unclosed quote must not swallow a file of any size
SURROGATES = re.compile("[\ud800-\udfff]")  # lone ones have no UTF-8; "surrogateescape" makes them of bad bytes
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
LETTERS_IN_PAIRS = ("gb18030", "big5", "shift_jis", "euc_kr")


def clean(text: str) -> str:
    """Replace lone surrogates, which no file and no tokenizer can take; one for one, which keeps offsets right."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def marked(head: bytes) -> str:
    """Name the encoding that a byte order mark tells, but for UTF-8."""
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), "")


def as_text(source: BinaryIO, encoding: str = "", newline: str = "\n") -> io.TextIOWrapper:
    """Open bytes as text, UTF-8 where no encoding is given: its bad bytes become lone surrogates, to be refused."""
    errors = "strict" if encoding else "surrogateescape"
    return io.TextIOWrapper(source, encoding=encoding or "utf-8-sig", errors=errors, newline=newline)


def lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    """Give lines with their ends; raise DataError for what is too long to be one or not of the encoding given."""
    number = 1
    try:
        while line := text.readline(LONGEST + 1):
            if len(line) > LONGEST:
                raise DataError(f"{name}, line {number} is longer than {LONGEST:,} characters; split it.")
            yield line
            number += 1
    except UnicodeError as error:
        raise DataError(
            f"{name}, line {number} or soon after it is not {text.encoding} ({one_line(error, 80)}); give another "
            "encoding."
        ) from error


def numbered_lines(source: BinaryIO, name: str, encoding: str = "") -> Iterator[tuple[int, str]]:
    """Decode numbered lines, without their line ends; the source stays open."""
    text = as_text(source, encoding)
    try:
        for number, line in enumerate(lines(text, name), 1):
            yield number, check_utf8(line, f"{name}, line {number}").rstrip("\r\n")
    finally:
        with suppress(ValueError):  # who closed the source meanwhile has let go of it
            text.detach()


def decode(data: bytes, where: str, encoding: str = "") -> str:
    """Decode a text whole; raise DataError, naming the place, for another encoding and for more than LONGEST bytes."""
    if len(data) > LONGEST:
        raise DataError(f"{where} is longer than {LONGEST:,} bytes; split it.")
    known = encoding or marked(data)
    try:
        text = data.decode(known or "utf-8-sig", "strict" if known else "surrogateescape")
    except UnicodeError as error:
        raise DataError(f"{where} is not {known} ({one_line(error, 80)}); give another encoding.") from error
    return check_utf8(text, where)


def check_utf8(text: str, where: str) -> str:
    """Refuse a text decoded with "surrogateescape", which turns undecodable bytes into lone surrogates."""
    if not text.isascii() and (bad := SURROGATES.search(text)):
        likely = " or ".join(likely_encodings(text.encode("utf-8", "surrogateescape")))
        raise DataError(
            f"{where}: byte 0x{ord(bad[0]) & 0xFF:02x} is not UTF-8; name its encoding with --encoding"
            f"{f', perhaps {likely},' if likely else ''} or save the file as UTF-8."
        )
    return text


def likely_encodings(data: bytes) -> list[str]:
    """Name encodings that fit some bytes that are not UTF-8: of letters in pairs first where few letters are alone."""
    if mark := marked(data):
        return [mark]
    alone = len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", data))
    runs = len(re.findall(rb"[\x80-\xff]+", data))
    single = ("cp1252", "cp1251")
    order = (*single, *LETTERS_IN_PAIRS) if 2 * alone > runs else (*LETTERS_IN_PAIRS, *reversed(single))
    return [name for name in order if _fits(data, name)][:2]


def _fits(data: bytes, encoding: str) -> bool:
    try:
        return all(letter.isprintable() or letter.isspace() for letter in data.decode(encoding))
    except UnicodeError:
        return False


def json_values(numbered: Iterable[tuple[int, str]], name: str) -> Iterator[tuple[int, Any]]:
    """Parse JSON Lines, blank ones left out; raise DataError naming the line."""
    for number, line in numbered:
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
