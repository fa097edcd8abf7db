"""Token ids to word vectors: which words keep company, counted in the training text (and unlabelled text where there is
some), then compressed.

Positive pointwise mutual information and a truncated SVD (Levy, Goldberg & Dagan 2015) cost seconds, are reproducible,
and give the embedding a start from which a network learns sooner and better. Knows ids, no text and no torch.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

from gatewise.runtime.batches import Sequences
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID

WINDOW = 5  # words to each side that count as company, weighted by 1 / distance
SMOOTHING = 0.75  # power of the context frequencies, which tames rare contexts
COUNTED_TOKENS = 20_000_000  # enough for the vectors, and bounded in time and memory
TEXTS_AT_ONCE = 5_000


def cooccurrence(parts: Sequence[Sequences], vocab_size: int) -> scipy.sparse.csr_array:
    """Count, symmetrically, how often tokens stand within WINDOW of each other in one text, [V, V]."""
    counts = scipy.sparse.csr_array((vocab_size, vocab_size), dtype=np.float32)
    left_over = COUNTED_TOKENS
    for part in parts:
        for start in range(0, len(part), TEXTS_AT_ONCE):
            starts = part.starts[start : start + TEXTS_AT_ONCE + 1]
            ids = part.steps[starts[0] : starts[-1]][: max(0, left_over)].astype(np.int32)
            text = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))[: len(ids)]
            left_over -= len(ids)
            for distance in range(1, WINDOW + 1):
                left, right = ids[:-distance], ids[distance:]
                together = (text[:-distance] == text[distance:]) & (left > UNKNOWN_ID) & (right > UNKNOWN_ID)
                weights = np.full(int(together.sum()), 1 / distance, dtype=np.float32)
                places = (left[together], right[together])
                counts = counts + scipy.sparse.coo_array((weights, places), shape=counts.shape).tocsr()
    return counts + counts.T


def vectors_from_company(
    parts: Sequence[Sequences], known: npt.NDArray[np.float32], vocab_size: int
) -> npt.NDArray[np.float32]:
    """Give tokens beyond the known ones, [V, E], the mean vector of the tokens they keep company with, [vocab_size, E].

    A mean is shorter than what it is made of, so each is stretched to the usual length. A new token without known
    company gets the mean of all.
    """
    old = len(known)
    company = cooccurrence(parts, vocab_size)[old:, :old]
    sums = np.asarray(company @ known)
    weights = np.asarray(company.sum(axis=1)).reshape(-1, 1)
    mean = known[UNKNOWN_ID + 1 :].mean(axis=0)
    new = np.where(weights > 0, sums / np.maximum(weights, 1e-12), mean)
    usual = np.median(np.linalg.norm(known[UNKNOWN_ID + 1 :], axis=1))
    new *= usual / np.maximum(np.linalg.norm(new, axis=1, keepdims=True), 1e-12)
    return np.concatenate([known, new.astype(np.float32)])


def information(counts: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Give the positive pointwise mutual information of words, rows, and contexts, columns, whose counts these are."""
    counts = counts.tocoo()
    totals = np.bincount(counts.row, counts.data, counts.shape[0])
    contexts = totals**SMOOTHING / max(float((totals**SMOOTHING).sum()), 1e-12)
    informed = np.log(counts.data / (totals[counts.row] * contexts[counts.col]))
    positive = informed > 0
    places = (counts.row[positive], counts.col[positive])
    return scipy.sparse.coo_array((informed[positive].astype(np.float32), places), shape=counts.shape).tocsr()


def word_vectors(
    parts: Sequence[Sequences], vocab_size: int, size: int, *, std: float, seed: int
) -> npt.NDArray[np.float32]:
    """Give a vector to every token, [V, size], with the given standard deviation over all numbers; padding's is zero.

    Where the text offers fewer directions than `size`, the rest is noise of the same spread.
    """
    random = np.random.default_rng(seed)
    vectors = random.normal(0, std, (vocab_size, size)).astype(np.float32)
    matrix = information(cooccurrence(parts, vocab_size))
    directions = min(size, vocab_size - 1)
    if matrix.nnz and directions > 0:
        left, strength, _ = randomized_svd(matrix, directions, n_iter=2, random_state=seed)
        scaled = left * np.sqrt(strength)
        vectors[:, :directions] = scaled * (std / max(float(scaled.std()), 1e-12))
    vectors[PAD_ID] = 0
    return vectors
