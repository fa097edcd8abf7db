"""A text and where its tokens stand to its letters, for what reads pieces of words; knows no ids and no labels.

A text's letters are its tokens' characters, a BLANK before each token that stands apart from the one before it, and a
BLANK after the last one: a word of several tokens, such as "good!", is one run of letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Letters = npt.NDArray[np.uint16]
BLANK = 32


@dataclass(frozen=True, slots=True)
class Spelling:
    """The letters of many texts in one flat array: text number n has letters[starts[n]:starts[n + 1]]."""

    letters: Letters  # [L]
    starts: Rows  # [N + 1]

    def select(self, rows: Rows) -> "Spelling":
        """Take some texts' letters, in the order given."""
        return spelling_of([self.letters[self.starts[row] : self.starts[row + 1]] for row in rows])


def spelling_of(texts: Sequence[Letters]) -> Spelling:
    """Put the letters of several texts end to end."""
    starts = np.concatenate([[0], np.cumsum([len(letters) for letters in texts], dtype=np.int64)]).astype(np.int64)
    return Spelling(np.concatenate([*texts, np.empty(0, np.uint16)]), starts)


def in_small_letters(text: str) -> str:
    """Give a text in small letters, one for one, and none of them chosen by its neighbours, as Greek's last s is."""
    return text.replace("\N{GREEK CAPITAL LETTER SIGMA}", "\N{GREEK SMALL LETTER SIGMA}").replace("İ", "i").lower()


def written(text: str, offsets: npt.NDArray[np.int64] | Sequence[tuple[int, int]]) -> tuple[Letters, Rows]:
    """Give the letters, [L], of a text of which tokens stand at `offsets`, [T, 2], and each one's token, [L].

    A letter of a character beyond 2^16 is its code's halves, one xor the other: two bytes each, and emoji stay apart.
    """
    starts, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
    before = np.concatenate([[-1], ends[:-1]])
    apart = starts > before
    starts = np.maximum(starts, before)  # bytes of one character may be several tokens
    lengths = ends - starts + apart
    owners = np.repeat(np.arange(len(starts)), lengths)
    places = np.arange(len(owners)) + (starts - apart - np.cumsum(lengths) + lengths)[owners]
    codes = np.frombuffer((text + " ").encode("utf-32-le"), dtype="<u4")[places]
    letters = (codes ^ codes >> 16).astype(np.uint16)
    letters[places < starts[owners]] = BLANK
    return np.append(letters, np.uint16(BLANK)), np.append(owners, len(starts) - 1)
