"""Lines of given tokens, to be labelled, to texts with their sentences: blanks part tokens, or JSON lists them."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO

from gatewise.base.errors import DataError
from gatewise.base.text import clean, json_values, numbered_lines
from gatewise.data.tagged import joined

Parts = Sequence[tuple[Sequence[str], Sequence[tuple[int, int]]]]  # sentences: tokens and where they stand in the text
Text = tuple[str, Parts]


def tokens_of(text: str) -> Text:
    """Take a line apart at its blanks; it is one sentence, or none where it is blank."""
    tokens = text.split()
    offsets, place = [], 0
    for token in tokens:
        place = text.index(token, place)
        offsets.append((place, place + len(token)))
        place += len(token)
    return text, [(tokens, offsets)] if tokens else []


def stream_tokens(source: BinaryIO, *, name: str, encoding: str = "") -> Iterator[Text]:
    """Read a sentence a line: tokens between blanks, or JSON Lines (lists, or objects with "tokens").

    The first line that is not blank decides; a blank line is an empty sentence in plain input and nothing in JSON
    Lines. Holds one line at a time. Raises DataError naming the line.
    """
    lines = numbered_lines(source, name, encoding)
    head: list[tuple[int, str]] = []  # all blank but the last
    while not (head and head[-1][1].strip()) and (numbered := next(lines, None)):
        head.append(numbered)
    if not (head and _is_json(head[-1][1])):
        yield from (tokens_of(line) for _, line in chain(head, lines))
        return
    for number, value in json_values(chain(head, lines), name):
        tokens = value.get("tokens") if isinstance(value, dict) else value
        if not (isinstance(tokens, list) and all(isinstance(token, str) and token for token in tokens)):
            raise DataError(
                f'{name}, line {number} needs a JSON list of tokens, or an object with such a list "tokens".'
            )
        own = [clean(token) for token in tokens]
        text, offsets = joined(own) if own else ("", ())
        yield text, [(own, offsets)] if own else []


def _is_json(line: str) -> bool:
    """Tell a list or an object from a sentence that begins with a bracket."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
