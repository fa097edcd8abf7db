"""A sentence's tokens to the names of their hashed features, as gatewise.runtime.features joins them; knows no weights.

A name says what was looked at, where, and what stood there: `end3=ace`, `lower[-1]=met`, `lower[-1]|lower=met|charles`.
"""

import unicodedata
from collections.abc import Sequence
from itertools import groupby

from gatewise.runtime.features import LONGEST, TEMPLATES, Kind

BEFORE, BEHIND = "<s>", "</s>"  # what stands before a sentence, and behind it


def feature_names(tokens: Sequence[str], step: int, kind: Kind) -> list[str]:
    """Name the features of one token of a sentence, in the order of their columns."""
    names = []
    for template in TEMPLATES[kind]:
        looked = "|".join(name if place == 0 else f"{name}[{place:+d}]" for name, place in template)
        names.append(f"{looked}={'|'.join(_value(tokens, step + place, name) for name, place in template)}")
    return names


def _value(tokens: Sequence[str], place: int, name: str) -> str:
    if not 0 <= place < len(tokens):
        return BEFORE if place < 0 else BEHIND
    word = tokens[place]
    if name == "shape":
        return shape_of(word)
    if name.startswith(("begin", "end")):
        size = int(name[-1])
        return word[:size] if name.startswith("begin") else word[-size:]
    return word.lower() if name == "lower" else word


def shape_of(word: str) -> str:
    """Give a word's shape: A capitals, a small letters, 0 digits, x other letters, any other sign itself; runs once."""
    return "".join(sign for sign, _ in groupby(map(_kind, word[:LONGEST])))


def _kind(letter: str) -> str:
    category = unicodedata.category(letter)
    known = {"Lu": "A", "Lt": "A", "Ll": "a", "Nd": "0"}.get(category)
    return known or ("x" if category[0] in "LM" else letter)
