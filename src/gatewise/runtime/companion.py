"""Token ids and letters to log-odds: a linear model on n-grams, which errs elsewhere than an LSTM.

Binary features of one to three words, and of pieces of words where that pays, weighed by naive Bayes log-count ratios
(NB-SVM, Wang & Manning 2012), under a logistic regression. An n-gram is hashed to a row of a table, so none is stored.
Knows ids and letters, no text and no torch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from gatewise.runtime.batches import Rows, Sequences
from gatewise.runtime.spelling import BLANK, Letters
from gatewise.runtime.tokenizer import Ids

WORDS, PIECES = 3, 0  # where a folder does not say
MOST_WORDS, MOST_PIECES = 6, 8
BUCKETS, CELLS = 2**22, 2**24  # most rows, and most numbers, of the table
ROOM = 4  # rows for each token of the training text, and one for each letter read, where that is less
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd
PIECE = 0xC2B2AE3D27D4EB4F  # what the hash of a piece begins with, that of words with 0
MOST_CLASSES = 256
TOKENS_AT_ONCE = 1_000_000  # and pieces

NO_LETTERS, NO_OWNERS = np.empty(0, np.uint16), np.empty(0, np.int64)
Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Companion:
    """A trained companion; one column for two classes (the second's log-odds), else one per class.

    A cell q weighs q |q| scale: the square gives the many small weights finer steps than the few large ones.
    """

    table: npt.NDArray[np.int8]  # [buckets, columns]; buckets is a power of two
    scale: npt.NDArray[np.float32]  # [columns]
    bias: npt.NDArray[np.float32]  # [columns]
    words: int = WORDS  # tokens of the longest n-gram
    pieces: int = PIECES  # letters of the longest piece of a word; 0 reads none


def columns_for(classes: int) -> int:
    """Give the columns of the table for so many classes."""
    return 1 if classes == 2 else classes


def buckets_for(size: int, classes: int, most: int = BUCKETS) -> int:
    """Give the rows of the table, a power of two: enough for training text of this size, within `most` and CELLS."""
    most = 1 << min(most, CELLS // columns_for(classes)).bit_length() - 1
    return min(most, 1 << max(12, (ROOM * size - 1).bit_length()))


def size_of(sequences: Sequences) -> int:
    """Give the tokens of some texts and, where they are spelt, what their letters add: few pieces are different."""
    return len(sequences.steps) + (0 if sequences.spelling is None else len(sequences.spelling.letters) // ROOM)


def hashes_of(numbers: npt.NDArray[np.integer], longest: int, begun: int = 0) -> Iterator[Hashes]:
    """Hash each run of 1, of 2, up to `longest` numbers; runs of n are [T - n + 1].

    For every number, h = (h xor (number + 1)) x MULTIPLIER, h ^= h >> 32, from `begun`, modulo 2^64.
    """
    wide = numbers.astype(np.uint64) + np.uint64(1)
    hashes = np.full(len(wide) + 1, begun, dtype=np.uint64)
    for order in range(longest):
        hashes = (hashes[: max(0, len(wide) - order)] ^ wide[order:]) * MULTIPLIER
        hashes ^= hashes >> np.uint64(32)
        yield hashes


def words_of(ids: npt.NDArray[np.integer], words: int, buckets: int) -> list[Rows]:
    """Give the bucket of each run of 1 to `words` ids, the lowest bits of its hash: [T - order + 1] of each order."""
    return [(hashes & np.uint64(buckets - 1)).astype(np.int64) for hashes in hashes_of(ids, words)]


def pieces_of(letters: Letters, pieces: int, buckets: int) -> list[tuple[Rows, Rows]]:
    """Give where each piece of 1 to `pieces` letters begins, and its bucket, for each order.

    A piece is a run of letters of one word; a BLANK may be its first letter and its last, but not all.
    """
    blank = letters == BLANK
    blanks = np.concatenate([[0], np.cumsum(blank)])
    found = []
    for order, hashes in enumerate(hashes_of(letters, pieces, PIECE), start=1):
        first = np.arange(len(hashes))
        inside = blanks[first + max(1, order - 1)] == blanks[first + 1]
        place = np.flatnonzero(inside & (blanks[first + order] - blanks[first] < order))
        found.append((place, (hashes[place] & np.uint64(buckets - 1)).astype(np.int64)))
    return found


def present(
    sequences: Sequences, buckets: int, words: int = WORDS, pieces: int = PIECES
) -> Iterator[tuple[int, int, Rows, Rows]]:
    """Give, for some texts at a time, the first, the one after the last, and (text from the first, bucket) pairs.

    Each pair stands once, sorted: a feature is present in a text or it is not. Pieces are of their spelling.
    """
    spelling = sequences.spelling if pieces else None
    assert spelling is not None or not pieces, "these texts were encoded without their spelling"
    work = sequences.starts if spelling is None else sequences.starts + pieces * spelling.starts
    start = 0
    while start < len(sequences):
        stop = int(np.searchsorted(work, work[start] + TOKENS_AT_ONCE, "right")) - 1
        stop = min(max(stop, start + 1), len(sequences))
        starts = sequences.starts[start : stop + 1]
        ids, text = sequences.steps[starts[0] : starts[-1]], np.repeat(np.arange(stop - start), np.diff(starts))
        keys = []
        for order, bucket in enumerate(words_of(ids, words, buckets), start=1):
            first = text[: len(bucket)]
            inside = first == text[order - 1 :][: len(bucket)]
            keys.append(first[inside] * buckets + bucket[inside])
        if spelling is not None:
            starts = spelling.starts[start : stop + 1]
            text = np.repeat(np.arange(stop - start), np.diff(starts))  # a word, as it has blanks, is of one text
            for place, bucket in pieces_of(spelling.letters[starts[0] : starts[-1]], pieces, buckets):
                keys.append(text[place] * buckets + bucket)
        pairs = np.sort(np.concatenate(keys))
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        yield start, stop, pairs // buckets, pairs % buckets
        start = stop


def _squares(cells: npt.NDArray[np.int8]) -> Numbers:
    wide = cells.astype(np.float64)
    return wide * np.abs(wide)


def logits(companion: Companion, sequences: Sequences) -> Numbers:
    """Give the companion's logits, [N, C]; sums of whole numbers, so a text's answer depends on no other."""
    buckets, columns = companion.table.shape
    sums = np.zeros((len(sequences), columns))
    for start, stop, text, bucket in present(sequences, buckets, companion.words, companion.pieces):
        for column in range(columns):
            weights = _squares(companion.table[bucket, column])
            sums[start:stop, column] = np.bincount(text, weights, minlength=stop - start)
    return _centred(sums * companion.scale.astype(np.float64) + companion.bias)


def contributions(companion: Companion, ids: Ids, letters: Letters = NO_LETTERS, owners: Rows = NO_OWNERS) -> Numbers:
    """Give each token's share of one text's logits, [T, C]; with bias_logits() the shares sum to them.

    A feature counts once a text: its weight is divided by its occurrences, and an occurrence's equally by its tokens,
    or by the tokens, `owners`, of its letters but the BLANKs.
    """
    buckets, columns = companion.table.shape
    found = words_of(np.asarray(ids), companion.words, buckets)
    tokens = [np.arange(len(bucket))[:, None] + np.arange(order) for order, bucket in enumerate(found, start=1)]
    for order, (place, bucket) in enumerate(pieces_of(letters, companion.pieces, buckets), start=1):
        within = place[:, None] + np.arange(order)
        tokens.append(np.where(letters[within] == BLANK, -1, owners[within]))
        found.append(bucket)
    _, kind, times = np.unique(np.concatenate(found), return_inverse=True, return_counts=True)
    occurrences = np.split(times[kind], np.cumsum([len(part) for part in found])[:-1])
    shares = np.zeros((len(ids) + 1, columns))  # the last row takes what goes to BLANKs: nobody's
    for within, bucket, count in zip(tokens, found, occurrences, strict=True):
        weights = _squares(companion.table[bucket]) * companion.scale.astype(np.float64)
        weights /= ((within >= 0).sum(axis=1) * count)[:, None]
        for step in range(within.shape[1]):
            np.add.at(shares, within[:, step], weights)
    return _centred(shares[:-1])


def bias_logits(companion: Companion) -> Numbers:
    """Give what the companion says of a text without any known n-gram, [C]."""
    return cast(Numbers, _centred(companion.bias[None].astype(np.float64))[0])


def _centred(found: Numbers) -> Numbers:
    """Turn the log-odds of the second of two classes, [N, 1], into a logit for each."""
    return np.concatenate([-found / 2, found / 2], axis=1) if found.shape[1] == 1 else found
