"""Texts with targets to a trained companion: naive Bayes ratios under a logistic regression, in eight bits a weight."""

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from gatewise.runtime.batches import Rows, Sequences, weights_of
from gatewise.runtime.companion import (
    MOST_CLASSES,
    PIECES,
    WORDS,
    Companion,
    Numbers,
    Weights,
    buckets_for,
    columns_for,
    present,
    size_of,
)

Flags = npt.NDArray[np.bool_]
MIN_TEXTS = 2  # a bucket seen in fewer training texts weighs nothing
ALPHA = 1.0  # texts that are imagined to hold a feature, on either side
INVERSE_PENALTY, OF_MANY, WITH_PIECES = 0.3, 0.6, 0.2  # of two classes and more, on dev splits; pieces are many
MOST_TOKENS, MOST_WORK = 20_000_000, 80_000_000  # tokens, and tokens times columns; more texts are thinned out evenly


def train_companion(
    sequences: Sequences,
    classes: int,
    *,
    balanced: bool = False,
    buckets: int | None = None,
    words: int = WORDS,
    pieces: int = PIECES,
) -> Companion | None:
    """Fit the companion on texts with targets; None where there are more than MOST_CLASSES.

    It reads n-grams of up to so many words and, of texts that were encoded with their spelling, `pieces` of words of up
    to so many letters. `balanced` weighs classes by the inverse of their frequency; `buckets` is a power of two.
    Deterministic.
    """
    if classes > MOST_CLASSES:
        return None
    buckets = buckets or buckets_for(size_of(sequences), classes)
    found = quantised(*fitted(sequences, classes, buckets, balanced, words, pieces))
    return dataclasses.replace(found, words=words, pieces=pieces)


def fitted(
    sequences: Sequences, classes: int, buckets: int, balanced: bool = False, words: int = WORDS, pieces: int = PIECES
) -> tuple[Weights, Numbers]:
    """Give the companion's weights, ratios included, [buckets, columns], and its biases, [columns], unrounded."""
    columns = columns_for(classes)
    share = min(MOST_TOKENS, MOST_WORK // columns) / max(1, _work(sequences, pieces))
    if share < 1:
        places = np.linspace(0, len(sequences) - 1, max(1, int(share * len(sequences))))
        sequences = sequences.select(np.unique(places.astype(np.int64)))
    matrix, used = _matrix(sequences, buckets, words, pieces)
    weights, bias = np.zeros((buckets, columns), dtype=np.float32), np.zeros(columns)
    counts = weights_of(sequences).astype(float)
    penalty = WITH_PIECES if pieces else INVERSE_PENALTY if columns == 1 else OF_MANY
    for column in range(columns):
        positive = sequences.targets == (1 if columns == 1 else column)
        prior = float(np.log((counts[positive].sum() + 1) / (counts[~positive].sum() + 1)))
        if not len(used) or positive.all() or not positive.any():
            bias[column] = prior
            continue
        ratio = (ratios if columns == 1 else ratios_of_one)(matrix, positive, counts)
        weights[used, column], bias[column] = _fit(matrix, ratio, positive, counts, penalty, balanced)
    return weights, bias


def _work(sequences: Sequences, pieces: int) -> int:
    """Give the tokens whose n-grams would be as much work as these texts' n-grams and pieces, half of which recur."""
    letters = 0 if sequences.spelling is None else len(sequences.spelling.letters)
    return len(sequences.steps) + pieces * letters // (2 * WORDS)


def _matrix(
    sequences: Sequences, buckets: int, words: int = WORDS, pieces: int = PIECES
) -> tuple[scipy.sparse.csr_array, Rows]:
    """Give the features that are present, [N, used], and the bucket of each column."""
    texts = np.zeros(buckets, dtype=np.int64)
    parts = []
    for start, stop, text, bucket in present(sequences, buckets, words, pieces):
        texts += np.bincount(bucket, minlength=buckets)
        parts.append((stop - start, text.astype(np.int32), bucket.astype(np.int32)))  # half the memory
    used = np.flatnonzero(texts >= MIN_TEXTS)
    column = np.full(buckets, -1, dtype=np.int32)
    column[used] = np.arange(len(used), dtype=np.int32)
    columns, counts = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for size, row, place in parts:
        found = column[place]
        columns.append(found[found >= 0])
        counts.append(np.bincount(row[found >= 0], minlength=size))
    indices, starts = np.concatenate(columns), np.cumsum(np.concatenate(counts)).astype(np.int32)
    data = np.ones(len(indices), dtype=np.float32)
    return scipy.sparse.csr_array((data, indices, starts), shape=(len(sequences), len(used))), used


def ratios(matrix: scipy.sparse.csr_array, positive: Flags, counts: Numbers) -> Numbers:
    """Give each feature's naive Bayes log-count ratio between two classes; a text counts as `counts` texts, [N]."""
    inside, outside = (ALPHA + matrix.T @ (counts * chosen) for chosen in (positive, ~positive))
    ratio: Numbers = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    return ratio


def ratios_of_one(matrix: scipy.sparse.csr_array, positive: Flags, counts: Numbers) -> Numbers:
    """Give each feature's log-count ratio between one class and all others, each against what chance would give it.

    A rare class misses most rare features, which says nothing: as ALPHA stands beside what is expected, its ratio is
    near 0 there. Equals ratios(), but for the lengths of texts, where the class is half of them.
    """
    share = float(counts[positive].sum() / counts.sum())
    inside, everywhere = matrix.T @ (counts * positive), matrix.T @ counts
    outside = everywhere - inside
    gained, lost = inside + ALPHA, outside + ALPHA
    ratio: Numbers = np.log(gained / (share * everywhere + ALPHA)) - np.log(lost / ((1 - share) * everywhere + ALPHA))
    return ratio


def _fit(
    matrix: scipy.sparse.csr_array, ratio: Numbers, positive: Flags, counts: Numbers, penalty: float, balanced: bool
) -> tuple[Numbers, float]:
    """Give one class's weight of each feature, ratio included, and its bias; `penalty` is the inverse one."""
    weighed = ratio.astype(np.float32)[matrix.indices]
    scaled = scipy.sparse.csr_array((weighed, matrix.indices, matrix.indptr), shape=matrix.shape)
    model = LogisticRegression(
        C=penalty, solver="lbfgs", max_iter=300, tol=1e-4, class_weight="balanced" if balanced else None
    )
    model.fit(scaled, positive, sample_weight=counts)
    return ratio * model.coef_[0], float(model.intercept_[0])


def quantised(weights: Weights, bias: Numbers) -> Companion:
    """Store weights, [buckets, columns], in eight bits, with a scale for each column."""
    scale = np.maximum(np.abs(weights).max(axis=0) / 127**2, 1e-30).astype(np.float32)
    roots = np.rint(np.sqrt(np.abs(weights) / scale)).clip(max=127)
    return Companion(np.copysign(roots, weights).astype(np.int8), scale, bias.astype(np.float32))
