"""Words in their sentence to hashed features: what a linear CRF looks at, without the features' names.

A word's attributes (itself, small letters, shape, beginnings and endings) are hashed once for each different word, and
a template joins attributes of a word and of its neighbours into one number, whose lowest bits are the feature. Of
these, those are known that training has seen; any other is feature 0, which says nothing. Without that a new feature
would fall on the weights of some known one: on CoNLL-2003 a linear CRF lost 1.2 F1 so. Training and answering read the
same templates here. Knows neither tags nor weights.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatewise.runtime.companion import MULTIPLIER

Kind = Literal["words", "characters"]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Template = tuple[tuple[str, int], ...]  # attributes of the word so many places ahead, joined

LONGEST = 48  # characters of a word that are looked at, and its length; more is no word
AFFIXES = 4  # letters of the longest beginning and ending
OWN = ("word", "lower", "shape", *(f"{side}{size}" for side, size in product(("begin", "end"), range(1, AFFIXES + 1))))
AROUND = (-2, -1, 1, 2)
TEMPLATES: dict[Kind, tuple[Template, ...]] = {
    "words": (
        *(((name, 0),) for name in OWN),
        *(((name, place),) for name, place in product(("lower", "shape"), AROUND)),
        (("lower", -1), ("lower", 0)),
        (("lower", 0), ("lower", 1)),
    ),
    "characters": (
        (("word", 0),),
        (("word", -1), ("word", 0)),
        (("word", 0), ("word", 1)),
        *((("word", place),) for place in AROUND),
        (("word", -1), ("word", 1)),
        (("word", -2), ("word", -1)),
        (("word", 1), ("word", 2)),
        (("word", -1), ("word", 0), ("word", 1)),
        (("shape", -1), ("shape", 0), ("shape", 1)),
    ),
}
DENSE: dict[Kind, int] = {"words": len(OWN), "characters": 3}  # the first templates, which get vectors too
SPACE = 2**22  # hashes; the lower half is for features of a word by itself, the first templates
ZEROS = str.maketrans(dict.fromkeys("123456789", "0"))
BEGUN, ENDED = np.uint64(0x5BD1E995), np.uint64(0x27D4EB2F)  # what stands before a sentence, and behind it


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The different words of some sentences, and where each token's stands: N tokens end to end, V words."""

    words: list[str]  # [V]
    places: Rows  # [N] each token's word
    starts: Rows  # [B + 1]


def words_in(sentences: Iterable[Sequence[str]]) -> Words:
    """Collect the different words of sentences, in the order of their first use."""
    kept = list(sentences)
    starts = np.concatenate([[0], np.cumsum([len(sentence) for sentence in kept], dtype=np.int64)]).astype(np.int64)
    known = {word: place for place, word in enumerate(dict.fromkeys(chain.from_iterable(kept)))}
    places = np.fromiter(map(known.__getitem__, chain.from_iterable(kept)), np.int64, int(starts[-1]))
    return Words(list(known), places, starts)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The features that training has seen, by their hashes, numbered from 1; those of a word by itself come first."""

    hashes: npt.NDArray[np.int64]  # [F], rising
    numbers: npt.NDArray[np.uint32]  # [SPACE], 0 where a feature is not known

    @property
    def own(self) -> int:
        """How many are of a word by itself."""
        return int(np.searchsorted(self.hashes, SPACE // 2))

    def bits(self) -> npt.NDArray[np.int8]:
        """Give which hashes are known, a bit each, [SPACE / 8]."""
        known = np.zeros(SPACE, bool)
        known[self.hashes] = True
        return np.packbits(known).view(np.int8)


def known_features(hashes: npt.NDArray[np.integer]) -> Known:
    """Number features by their hashes, [F], rising."""
    numbers = np.zeros(SPACE, np.uint32)
    numbers[hashes] = np.arange(1, len(hashes) + 1)
    return Known(hashes.astype(np.int64), numbers)


def from_bits(bits: npt.NDArray[np.int8]) -> Known:
    """Number the features that Known.bits() told of."""
    return known_features(np.flatnonzero(np.unpackbits(bits.view(np.uint8))))


def seen(hashes: npt.NDArray[np.uint32], least: int) -> Known:
    """Number the features that some tokens, [N, templates], have at least so often."""
    counts = np.bincount(hashes.ravel(), minlength=SPACE)
    return known_features(np.flatnonzero(counts >= least))


def hashes_of(words: Words, kind: Kind) -> npt.NDArray[np.uint32]:
    """Give each token's hash for every template, [N, templates], below SPACE."""
    attributes = {
        name: np.concatenate([hashes, [BEGUN, ENDED]]) for name, hashes in attributes_of(words.words, kind).items()
    }
    around = {place: _neighbours(words, place) for place in range(-2, 3)}
    rows = np.empty((len(words.places), len(TEMPLATES[kind])), np.uint32)
    mask = np.uint64(SPACE // 2 - 1)
    for number, template in enumerate(TEMPLATES[kind]):
        if len(template) == 1:  # the same for every use of a word
            (name, place), seed = template[0], np.uint64(number + 1)
            own = mixed(np.full(len(attributes[name]), seed), attributes[name])
            rows[:, number] = (own & mask)[around[place]]
            continue
        hashes = np.full(len(rows), number + 1, np.uint64)
        for name, place in template:
            hashes = mixed(hashes, attributes[name][around[place]])
        rows[:, number] = hashes & mask
    rows[:, DENSE[kind] :] += np.uint32(SPACE // 2)
    return rows


def _neighbours(words: Words, place: int) -> Rows:
    """Give the word so many places ahead of each token, [N]; V before a sentence, V + 1 behind it."""
    tokens, lengths = len(words.places), np.diff(words.starts)
    at = np.arange(tokens) + place
    first, after = np.repeat(words.starts[:-1], lengths), np.repeat(words.starts[1:], lengths)
    near = words.places[np.clip(at, 0, max(0, tokens - 1))]
    near[at < first], near[at >= after] = len(words.words), len(words.words) + 1
    return near


def mixed(hashes: Hashes, numbers: Hashes) -> Hashes:
    """Take numbers into hashes, as gatewise.runtime.companion does: h = (h xor n) x MULTIPLIER, h ^= h >> 32."""
    hashes = (hashes ^ numbers) * MULTIPLIER
    hashes ^= hashes >> np.uint64(32)
    return hashes


def attributes_of(words: Sequence[str], kind: Kind) -> dict[str, Hashes]:
    """Hash every attribute of some words, [V] each; of characters only what their templates ask for."""
    codes, lengths = codes_of(words)
    found = {"word": _hashed(codes, lengths), "shape": shapes_of(codes, lengths)}
    if kind == "characters":
        return found
    small, _ = codes_of([word.lower() for word in words])
    found["lower"] = _hashed(small, lengths)
    at = np.maximum(np.minimum(lengths, LONGEST)[:, None] - np.arange(1, AFFIXES + 1), 0)
    ending = np.take_along_axis(codes, at, 1)
    for side, letters in (("begin", codes), ("end", ending)):
        hashes = np.zeros(len(words), np.uint64)
        for size in range(min(AFFIXES, letters.shape[1])):
            hashes = np.where(size < lengths, mixed(hashes, letters[:, size]), hashes)
            found[f"{side}{size + 1}"] = hashes
        for size in range(letters.shape[1], AFFIXES):
            found[f"{side}{size + 1}"] = hashes
    return found


def codes_of(words: Sequence[str]) -> tuple[Hashes, Rows]:
    """Give the code points of words, [V, L], zeros behind their end, and their lengths; no more than LONGEST each."""
    lengths = np.array([len(word) for word in words], np.int64)
    cut = [word[:LONGEST] for word in words]
    longest = max(1, max(map(len, cut), default=1))
    codes = np.array(cut, dtype=f"<U{longest}").view("<u4").reshape(len(words), longest)
    return codes.astype(np.uint64), lengths


def _hashed(codes: Hashes, lengths: Rows) -> Hashes:
    hashes = lengths.astype(np.uint64)
    for column in range(codes.shape[1]):
        inside = column < lengths
        hashes[inside] = mixed(hashes[inside], codes[inside, column])
    return hashes


def shapes_of(codes: Hashes, lengths: Rows) -> Hashes:
    """Hash the shapes of words, [V, L]: capitals, small letters, digits and other letters; a run of one kind counts
    once, and any other character is its own kind.
    """
    kind_of = np.zeros(int(codes.max(initial=0)) + 1, np.uint64)
    kind_of[codes] = 1
    different = np.flatnonzero(kind_of)
    kind_of[different] = [_kind(code) for code in different.tolist()]
    kinds = kind_of[codes]
    hashes = np.zeros(len(codes), np.uint64)
    for column in range(codes.shape[1]):
        counts = column < lengths
        if column:
            counts = counts & (kinds[:, column] != kinds[:, column - 1])
        hashes[counts] = mixed(hashes[counts], kinds[counts, column])
    return hashes


def _kind(code: int) -> int:
    category = unicodedata.category(chr(code))
    known = {"Lu": 1, "Lt": 1, "Ll": 2, "Nd": 3}.get(category)
    if known is not None:
        return known
    return 4 if category[0] in "LM" else code + 16


def normal(word: str) -> str:
    """Give a word as the table of words knows it: in small letters, every digit a 0."""
    small = word.lower()
    if small.isalpha():
        return small
    if small.isascii():
        return small.translate(ZEROS)
    return "".join("0" if letter.isdigit() else letter for letter in small)
