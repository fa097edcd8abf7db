"""Sequences to batches: near-equal lengths, a token budget, an order that depends on (seed, epoch) alone.

A sequence's steps are ids or rows of floats, and its targets are its own or its steps'. Knows no torch.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gatewise.runtime.spelling import Letters, Spelling, spelling_of
from gatewise.runtime.tokenizer import PAD_ID, Ids, TextTokenizer, left_out

Rows = npt.NDArray[np.int64]
Steps = npt.NDArray[Any]
Targets = npt.NDArray[Any]
Weights = npt.NDArray[np.float32]
Per = Literal["sequence", "step"]  # what has a target
NO_TARGET = -1  # among whole numbers; among floats it is nan
POOL_BATCHES = 100  # sequences are sorted by length within a random pool of this many batches


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences that go through the network together, time first: the LSTM then reads memory in order."""

    inputs: Steps  # [T, B] ids, padded with PAD_ID after each one's end; or [T, B, F] floats, padded with zeros
    lengths: Rows  # [B]
    targets: Targets  # per sequence [B], or [B, C] a share of each class; per step [T, B] or [T, B, Q]
    rows: Rows  # [B] the sequences' places in their Sequences
    per: Per = "sequence"
    weights: Weights | None = None  # [B] how much each counts; None where all count alike

    @property
    def cells(self) -> int:
        """Steps and padding together."""
        return len(self.inputs) * len(self.rows)

    @property
    def padding(self) -> float:
        """Share of the cells that hold no step."""
        return 1 - float(self.lengths.sum()) / self.cells


@dataclass(frozen=True, slots=True)
class Sequences:
    """Many sequences in one flat array: number n is steps[starts[n]:starts[n + 1]]; two bytes an id if they do."""

    steps: Steps  # [S] ids, or [S, F] rows of floats
    starts: Rows  # [N + 1]
    targets: Targets  # per sequence [N] or [N, C]; per step [S] or [S, Q]
    per: Per = "sequence"
    weights: Weights | None = None  # [N] above 0, how much each counts in what is learnt; None where all count alike
    spelling: Spelling | None = None  # for a companion that reads pieces of words; None where nothing does

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Rows:
        """Steps of each sequence, [N]."""
        return np.diff(self.starts)

    def select(self, rows: Rows) -> "Sequences":
        """Take some sequences, in the order given."""

        def pieces(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.concatenate([*(flat[self.starts[row] : self.starts[row + 1]] for row in rows), flat[:0]])

        targets = pieces(self.targets) if self.per == "step" else self.targets[rows]
        weights = None if self.weights is None else self.weights[rows]
        spelling = None if self.spelling is None else self.spelling.select(rows)
        return Sequences(pieces(self.steps), offsets_of(self.lengths[rows]), targets, self.per, weights, spelling)


def gather(
    encoded: Iterable[Sequence[Steps]],
    targets: Sequence[int] | Targets | None,
    vocab_size: int | None,
    per: Per = "sequence",
) -> Sequences:
    """Collect batches of encoded sequences, and their targets if there are any, into Sequences.

    Without a vocabulary they are rows of floats. Targets per step stand end to end.
    """
    dtype = np.float32 if vocab_size is None else np.uint16 if vocab_size <= 2**16 else np.uint32
    pieces: list[Steps] = []
    lengths: list[int] = []
    for batch in encoded:
        if len(batch):
            pieces.append(np.concatenate(batch).astype(dtype))
        lengths.extend(map(len, batch))
    steps = np.concatenate(pieces) if pieces else np.empty(0, dtype)
    known = np.full(len(steps if per == "step" else lengths), NO_TARGET) if targets is None else np.asarray(targets)
    return Sequences(steps, offsets_of(lengths), _for_torch(known), per)


def encoded(
    tokenizer: TextTokenizer, texts: Iterable[Sequence[str]], *, spelt: bool = False, enough: float = np.inf
) -> Sequences:
    """Collect batches of texts into Sequences, with their spelling if asked, up to the batch that makes it `enough`."""
    letters: list[Letters] = []

    def batches() -> Iterator[list[Ids]]:
        tokens = 0
        for batch in texts:
            if spelt:
                ids, own = tokenizer.spell_batch(batch)
                letters.extend(own)
            else:
                ids = tokenizer.encode_batch(batch)
            yield ids
            tokens += sum(map(len, ids))
            if tokens >= enough:
                return

    sequences = gather(batches(), None, tokenizer.vocab_size)
    return dataclasses.replace(sequences, spelling=spelling_of(letters)) if spelt else sequences


def fingerprint(name: str, *parts: Sequences) -> str:
    """Name encoded data: equal names, data and splits give equal fingerprints."""
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    for part in parts:
        own = [part.steps, part.starts, part.targets, *([] if part.weights is None else [part.weights])]
        for array in own + ([] if part.spelling is None else [part.spelling.letters]):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def join(parts: Sequence[Sequences]) -> Sequences:
    """Put several Sequences of one kind of steps and targets behind each other."""
    lengths = np.concatenate([part.lengths for part in parts])
    steps, targets = (np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "targets"))
    weights = None
    if any(part.weights is not None for part in parts):
        weights = np.concatenate([weights_of(part) for part in parts])
    spellings = [part.spelling for part in parts if part.spelling is not None]
    spelling = None
    if len(spellings) == len(parts):
        letters = np.concatenate([own.letters for own in spellings])
        spelling = Spelling(letters, offsets_of(np.concatenate([np.diff(own.starts) for own in spellings])))
    return Sequences(steps, offsets_of(lengths), targets, parts[0].per, weights, spelling)


def weights_of(sequences: Sequences) -> Weights:
    """Give how much each sequence counts, [N]."""
    return np.ones(len(sequences), dtype=np.float32) if sequences.weights is None else sequences.weights


def windows(sequences: Sequences, longest: int) -> Sequences:
    """Cut every sequence into near-equal pieces of at most `longest` steps, in its order.

    Targets per step go with their steps; those of whole sequences, weights and spelling are not kept.
    """
    starts = [np.empty(0, np.int64)]
    for start, end in zip(sequences.starts[:-1], sequences.starts[1:], strict=True):
        pieces = max(1, -(-int(end - start) // longest))
        starts.append(start + (end - start) * np.arange(pieces) // pieces)
    places = np.concatenate([*starts, sequences.starts[-1:]]).astype(np.int64)
    targets = sequences.targets if sequences.per == "step" else np.full(len(places) - 1, NO_TARGET, dtype=np.int64)
    return Sequences(sequences.steps, places, targets, sequences.per)


def shortened(sequences: Sequences, most: int) -> Sequences:
    """Leave out the middle of what has more than so many steps, as a tokenizer does; 0 leaves all as they are.

    Spelling is not kept of what is made shorter: a network, which learns from it, reads none.
    """
    if not most:
        return sequences
    kept = np.ones(len(sequences.steps), dtype=bool)
    for row in np.flatnonzero(sequences.lengths > most):
        kept[sequences.starts[row] :][left_out(int(sequences.lengths[row]), most)] = False
    starts = offsets_of(np.minimum(sequences.lengths, most))
    targets = sequences.targets[kept] if sequences.per == "step" else sequences.targets
    return Sequences(sequences.steps[kept], starts, targets, sequences.per, sequences.weights)


def offsets_of(lengths: Sequence[int] | Rows) -> Rows:
    """Give the place where each sequence starts and the last one ends, [N + 1]."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def cut(order: Rows, lengths: Rows, batch_tokens: int, batch_texts: int) -> list[Rows]:
    """Cut sequences ordered by falling length into batches of at most so many texts and cells.

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
    """Pad some sequences into one Batch."""
    lengths = sequences.starts[rows + 1] - sequences.starts[rows]

    def padded(flat: npt.NDArray[Any], filler: float) -> npt.NDArray[Any]:
        columns = np.full((int(lengths.max()), len(rows), *flat.shape[1:]), filler, dtype=_for_torch(flat[:0]).dtype)
        for column, row in enumerate(rows):
            columns[: lengths[column], column] = flat[sequences.starts[row] : sequences.starts[row + 1]]
        return columns

    if sequences.per == "step":
        targets = padded(sequences.targets, np.nan if sequences.targets.dtype.kind == "f" else NO_TARGET)
    else:
        targets = sequences.targets[rows]
    weights = None if sequences.weights is None else sequences.weights[rows]
    return Batch(padded(sequences.steps, PAD_ID), lengths, targets, rows, sequences.per, weights)


def _for_torch(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give floats as they are and whole numbers in the 64 bits in which torch takes ids and classes."""
    return numbers if numbers.dtype.kind == "f" else numbers.astype(np.int64)


def share_out(batch: Batch, shares: int) -> list[Batch]:
    """Deal a batch, whose sequences lie by falling length, like cards: at most `shares` batches of near-equal work."""
    if shares == 1:
        return [batch]
    dealt = []
    for first in range(min(shares, len(batch.rows))):
        lengths, rows = batch.lengths[first::shares], batch.rows[first::shares]
        inputs = np.ascontiguousarray(batch.inputs[: lengths.max(), first::shares])
        if batch.per == "step":
            targets = np.ascontiguousarray(batch.targets[: lengths.max(), first::shares])
        else:
            targets = batch.targets[first::shares]
        weights = None if batch.weights is None else batch.weights[first::shares]
        dealt.append(Batch(inputs, lengths, targets, rows, batch.per, weights))
    return dealt


def in_order_of_length(sequences: Sequences, *, batch_tokens: int, batch_texts: int) -> Iterator[Batch]:
    """Give every sequence once, longest first, for measuring and predicting."""
    lengths = sequences.lengths
    longest_first = np.argsort(-lengths, kind="stable")
    for rows in cut(longest_first, lengths, batch_tokens, batch_texts):
        yield collate(sequences, rows)
