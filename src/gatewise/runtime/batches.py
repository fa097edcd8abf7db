"""Token ids to batches: near-equal lengths, a token budget, an order that depends on (seed, epoch) alone.

Knows ids and lengths, no text and no torch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.runtime.tokenizer import PAD_ID, Ids, left_out

Rows = npt.NDArray[np.int64]
Targets = npt.NDArray[Any]
POOL_BATCHES = 100  # texts are sorted by length within a random pool of this many batches


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go through the network together, time first: the LSTM then reads memory in order."""

    inputs: Rows  # [T, B] ids, padded with PAD_ID after each text's end
    lengths: Rows  # [B]
    targets: Targets  # [B] class indices, -1 where there is none; or [B, C] a share of each class
    rows: Rows  # [B] the texts' places in their Sequences

    @property
    def padding(self) -> float:
        """Share of the cells that hold no token."""
        return 1 - float(self.lengths.sum()) / self.inputs.size


@dataclass(frozen=True, slots=True)
class Sequences:
    """Many encoded texts in one flat array: text n is ids[starts[n]:starts[n + 1]]; two bytes a token if they do."""

    ids: npt.NDArray[np.unsignedinteger]
    starts: Rows  # [N + 1]
    targets: Targets  # [N], or [N, C]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> Rows:
        """Tokens of each text, [N]."""
        return np.diff(self.starts)

    def select(self, rows: Rows) -> "Sequences":
        """Take some texts, in the order given."""
        pieces = [self.ids[self.starts[row] : self.starts[row + 1]] for row in rows]
        return Sequences(
            np.concatenate([*pieces, self.ids[:0]]), offsets_of([len(piece) for piece in pieces]), self.targets[rows]
        )


def gather(encoded: Iterable[Sequence[Ids]], targets: Sequence[int] | Rows | None, vocab_size: int) -> Sequences:
    """Collect batches of encoded texts, and their targets if there are any, into Sequences."""
    dtype = np.uint16 if vocab_size <= 2**16 else np.uint32
    pieces: list[npt.NDArray[np.unsignedinteger]] = []
    lengths: list[int] = []
    for batch in encoded:
        pieces.append(np.concatenate([*batch, np.empty(0, np.int32)]).astype(dtype))
        lengths.extend(len(ids) for ids in batch)
    ids = np.concatenate([*pieces, np.empty(0, dtype)])
    known = np.full(len(lengths), -1) if targets is None else np.asarray(targets)
    return Sequences(ids, offsets_of(lengths), known.astype(np.int64))


def join(parts: Sequence[Sequences]) -> Sequences:
    """Put several Sequences of one kind of targets behind each other."""
    lengths = np.concatenate([part.lengths for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    return Sequences(ids, offsets_of(lengths), np.concatenate([part.targets for part in parts]))


def windows(sequences: Sequences, longest: int) -> Sequences:
    """Cut every text into near-equal pieces of at most `longest` tokens, in its order; targets are not kept."""
    starts = [np.empty(0, np.int64)]
    for start, end in zip(sequences.starts[:-1], sequences.starts[1:], strict=True):
        pieces = max(1, -(-int(end - start) // longest))
        starts.append(start + (end - start) * np.arange(pieces) // pieces)
    places = np.concatenate([*starts, sequences.starts[-1:]]).astype(np.int64)
    return Sequences(sequences.ids, places, np.full(len(places) - 1, -1, dtype=np.int64))


def shortened(sequences: Sequences, most: int) -> Sequences:
    """Leave out the middle of every text of more than so many tokens, as a tokenizer does; 0 leaves all as they are."""
    if not most:
        return sequences
    kept = np.ones(len(sequences.ids), dtype=bool)
    for row in np.flatnonzero(sequences.lengths > most):
        kept[sequences.starts[row] :][left_out(int(sequences.lengths[row]), most)] = False
    lengths = np.minimum(sequences.lengths, most)
    return Sequences(sequences.ids[kept], offsets_of(lengths), sequences.targets)


def offsets_of(lengths: Sequence[int] | Rows) -> Rows:
    """Give the place where each text starts and the last one ends, [N + 1]."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def cut(order: Rows, lengths: Rows, batch_tokens: int, batch_texts: int) -> list[Rows]:
    """Cut texts ordered by falling length into batches of at most so many texts and cells.

    A text longer than the budget makes a batch of its own.
    """
    batches, start = [], 0
    while start < len(order):
        fits = max(1, min(batch_texts, batch_tokens // int(lengths[order[start]])))
        batches.append(order[start : start + fits])
        start += fits
    return batches


def plan(lengths: Rows, *, batch_tokens: int, batch_texts: int, seed: int, epoch: int) -> list[Rows]:
    """Give one epoch's batches as rows: each text once, near-equal lengths together, all in random order.

    A pure function of its arguments: a resumed run meets the same batches.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(lengths))
    mean = max(1.0, float(lengths.mean())) if len(lengths) else 1.0
    pool = max(1, POOL_BATCHES * int(min(batch_texts, max(1, batch_tokens / mean))))
    batches: list[Rows] = []
    for start in range(0, len(order), pool):
        chosen = order[start : start + pool]
        longest_first = chosen[np.argsort(-lengths[chosen], kind="stable")]
        batches += cut(longest_first, lengths, batch_tokens, batch_texts)
    return [batches[place] for place in random.permutation(len(batches))]


def collate(sequences: Sequences, rows: Rows) -> Batch:
    """Pad some texts into one Batch."""
    lengths = sequences.starts[rows + 1] - sequences.starts[rows]
    inputs = np.full((int(lengths.max()), len(rows)), PAD_ID, dtype=np.int64)
    for column, row in enumerate(rows):
        inputs[: lengths[column], column] = sequences.ids[sequences.starts[row] : sequences.starts[row + 1]]
    return Batch(inputs, lengths, sequences.targets[rows], rows)


def share_out(batch: Batch, shares: int) -> list[Batch]:
    """Deal a batch's texts, which lie by falling length, like cards: at most `shares` batches of near-equal work."""
    if shares == 1:
        return [batch]
    dealt = []
    for first in range(min(shares, len(batch.rows))):
        lengths = batch.lengths[first::shares]
        inputs = np.ascontiguousarray(batch.inputs[: lengths.max(), first::shares])
        dealt.append(Batch(inputs, lengths, batch.targets[first::shares], batch.rows[first::shares]))
    return dealt


def in_order_of_length(sequences: Sequences, *, batch_tokens: int, batch_texts: int) -> Iterator[Batch]:
    """Give every text once, longest first, for measuring and predicting."""
    lengths = sequences.lengths
    longest_first = np.argsort(-lengths, kind="stable")
    for rows in cut(longest_first, lengths, batch_tokens, batch_texts):
        yield collate(sequences, rows)
