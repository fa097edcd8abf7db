"""Words to the rows of whole numbers that a tagger's network reads: which words it knows, and how features are hashed.

Knows no tags and no weights.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatewise.runtime.features import DENSE, TEMPLATES, Kind, Known, Words, hashes_of, normal, words_in
from gatewise.runtime.tokenizer import UNKNOWN_ID

WORD, KNOWN, FIRST_ROW = 0, 1, 2  # columns of a token; its features stand from the last on
Tokens = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of the training text, by their normal form, and those of an encoder, each with its id."""

    units: Kind
    features: Known
    words: Mapping[str, int]  # in the order of their ids, from UNKNOWN_ID + 1
    known: Mapping[str, int] = field(default_factory=dict)  # likewise, from 0; empty where there is no encoder
    lowercase: bool = True  # of the encoder's words

    @property
    def columns(self) -> int:
        """Numbers of a token."""
        return FIRST_ROW + len(TEMPLATES[self.units])

    @property
    def dense(self) -> int:
        """How many of a token's rows have vectors too."""
        return DENSE[self.units]

    @property
    def alone(self) -> bool:
        """Whether the features that have vectors are of a word by itself, and the same wherever it stands."""
        return all(place == 0 for template in TEMPLATES[self.units][: self.dense] for _, place in template)

    def ids_of(self, words: Sequence[str]) -> Tokens:
        """Give each word's id here and in the encoder's table, [V, 2]."""
        ids = np.full((len(words), 2), UNKNOWN_ID, np.uint32)
        get = self.words.get
        ids[:, WORD] = [get(normal(word), UNKNOWN_ID) for word in words]
        if self.known:
            get = self.known.get
            ids[:, KNOWN] = [get(word.lower() if self.lowercase else word, UNKNOWN_ID) for word in words]
        return ids

    def tokens_of(self, words: Words) -> Tokens:
        """Give each token's row of numbers, [N, columns]."""
        ids = self.ids_of(words.words)[words.places]
        return np.concatenate([ids, self.features.numbers[hashes_of(words, self.units)]], axis=1)

    def encode(self, sentences: Iterable[Sequence[str]]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """Give the tokens of sentences end to end, [N, columns], and where each sentence starts, [B + 1]."""
        words = words_in(sentences)
        return self.tokens_of(words), words.starts
