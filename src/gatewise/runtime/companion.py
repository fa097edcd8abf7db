"""Token ids to log-odds: a linear model on word n-grams, which errs elsewhere than an LSTM.

Binary features of one to three words, weighed by naive Bayes log-count ratios (NB-SVM, Wang & Manning 2012), under a
logistic regression. An n-gram is hashed to a row of a table, so none is stored. Knows ids, no text and no torch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from gatewise.runtime.batches import Rows, Sequences
from gatewise.runtime.tokenizer import Ids

ORDERS = (1, 2, 3)
BUCKETS, CELLS = 2**22, 2**24  # most rows, and most numbers, of the table
ROOM = 4  # rows for each token of the training text, where that is less
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd
MOST_CLASSES = 256
TOKENS_AT_ONCE = 1_000_000

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


def columns_for(classes: int) -> int:
    """Give the columns of the table for so many classes."""
    return 1 if classes == 2 else classes


def buckets_for(tokens: int, classes: int, most: int = BUCKETS) -> int:
    """Give the rows of the table, a power of two: enough for the training text, within `most` and CELLS."""
    most = 1 << min(most, CELLS // columns_for(classes)).bit_length() - 1
    return min(most, 1 << max(12, (ROOM * tokens - 1).bit_length()))


def buckets_of(ids: npt.NDArray[np.integer], order: int, buckets: int) -> Rows:
    """Hash each run of `order` ids, [T - order + 1]: for every id, h = (h xor (id + 1)) x MULTIPLIER, h ^= h >> 32.

    The lowest bits of h are the bucket; arithmetic is modulo 2^64.
    """
    wide = ids.astype(np.uint64) + np.uint64(1)
    hashes = np.zeros(max(0, len(ids) - order + 1), dtype=np.uint64)
    for place in range(order):
        hashes = (hashes ^ wide[place : place + len(hashes)]) * MULTIPLIER
        hashes ^= hashes >> np.uint64(32)
    return (hashes & np.uint64(buckets - 1)).astype(np.int64)


def present(sequences: Sequences, buckets: int) -> Iterator[tuple[int, int, Rows, Rows]]:
    """Give, for some texts at a time, the first, the one after the last, and (text from the first, bucket) pairs.

    Each pair stands once, sorted: a feature is present in a text or it is not.
    """
    start = 0
    while start < len(sequences):
        stop = int(np.searchsorted(sequences.starts, sequences.starts[start] + TOKENS_AT_ONCE, "right")) - 1
        stop = min(max(stop, start + 1), len(sequences))
        starts = sequences.starts[start : stop + 1]
        ids = sequences.steps[starts[0] : starts[-1]]
        text = np.repeat(np.arange(stop - start), np.diff(starts))
        keys = []
        for order in ORDERS:
            found = buckets_of(ids, order, buckets)
            first, last = text[: len(found)], text[order - 1 :]
            inside = first == last[: len(found)]
            keys.append(first[inside] * buckets + found[inside])
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
    for start, stop, text, bucket in present(sequences, buckets):
        for column in range(columns):
            weights = _squares(companion.table[bucket, column])
            sums[start:stop, column] = np.bincount(text, weights, minlength=stop - start)
    return _centred(sums * companion.scale.astype(np.float64) + companion.bias)


def contributions(companion: Companion, ids: Ids) -> Numbers:
    """Give each token's share of one text's logits, [T, C]; with bias_logits() the shares sum to them.

    A feature counts once a text: its weight is divided by its occurrences, and an occurrence's equally by its tokens.
    """
    buckets, columns = companion.table.shape
    found = [buckets_of(np.asarray(ids), order, buckets) for order in ORDERS]
    _, place, times = np.unique(np.concatenate(found), return_inverse=True, return_counts=True)
    occurrences = np.split(times[place], np.cumsum([len(part) for part in found])[:-1])
    shares = np.zeros((len(ids), columns))
    for order, bucket, count in zip(ORDERS, found, occurrences, strict=True):
        weights = _squares(companion.table[bucket]) * companion.scale.astype(np.float64) / (order * count[:, None])
        for step in range(order):
            shares[step : step + len(bucket)] += weights
    return _centred(shares)


def bias_logits(companion: Companion) -> Numbers:
    """Give what the companion says of a text without any known n-gram, [C]."""
    return cast(Numbers, _centred(companion.bias[None].astype(np.float64))[0])


def _centred(found: Numbers) -> Numbers:
    """Turn the log-odds of the second of two classes, [N, 1], into a logit for each."""
    return np.concatenate([-found / 2, found / 2], axis=1) if found.shape[1] == 1 else found
