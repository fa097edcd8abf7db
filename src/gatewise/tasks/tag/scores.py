"""Entities held against entities: counts, figures, intervals, kinds of mistakes, calibration. Knows no model, no file.

An entity is right where its borders and its label are. The figures are those of conlleval (CoNLL-2000 shared task).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatewise.runtime.spans import Span

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
DRAWS = 1000


class Tally(NamedTuple):
    """How many entities there are, how many were answered, and how many of those are right; sums add up by `plus`."""

    gold: int
    predicted: int
    right: int

    def plus(self, other: "Tally") -> "Tally":
        """Add the counts of two."""
        return Tally(self.gold + other.gold, self.predicted + other.predicted, self.right + other.right)

    @property
    def precision(self) -> float | None:
        """The share of the answered that is right; None where nothing was answered."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """The share of the entities that was found; None where there are none."""
        return self.right / self.gold if self.gold else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both, 2 right / (gold + predicted); None where there is neither."""
        return 2 * self.right / (self.gold + self.predicted) if self.gold + self.predicted else None


NOTHING = Tally(0, 0, 0)


def tally(gold: Collection[Span], predicted: Collection[Span]) -> Tally:
    """Count one sentence's entities."""
    return Tally(len(gold), len(predicted), len({*gold} & {*predicted}))


def tally_by_label(gold: Iterable[Span], predicted: Iterable[Span]) -> dict[str, Tally]:
    """Count one sentence's entities of each label."""
    gold, predicted = [*gold], [*predicted]
    sides = [Counter(span.label for span in side) for side in (gold, predicted, {*gold} & {*predicted})]
    return {label: Tally(*(side[label] for side in sides)) for label in {**sides[0], **sides[1]}}


def kind_of(span: Span, gold: Collection[Span]) -> str:
    """Say what is wrong with an answered entity: "" for nothing, else its label, border, both, or that none is there.

    A wrong border is that of an entity of the same label which it overlaps.
    """
    if span in gold:
        return ""
    met = [other for other in gold if overlap(span, other)]
    if any((other.start, other.end) == (span.start, span.end) for other in met):
        return "label"
    if any(other.label == span.label for other in met):
        return "border"
    return "both" if met else "spurious"


def missed(gold: Iterable[Span], predicted: Iterable[Span]) -> list[Span]:
    """Give the entities that no answer touches."""
    covered = {token for span in predicted for token in range(span.start, span.end)}
    return [span for span in gold if covered.isdisjoint(range(span.start, span.end))]


def overlap(one: Span, other: Span) -> bool:
    """Say whether two spans share a token."""
    return one.start < other.end and other.start < one.end


def overall(counts: Counts) -> Numbers:
    """Give the F1 of rows of (gold, predicted, right), [N, 3] to [N]; 0 where there is neither, as conlleval has it."""
    f1: Numbers = 2 * counts[:, 2] / np.maximum(counts[:, 0] + counts[:, 1], 1)
    return f1


def interval(
    units: Counts, figure: Callable[[Counts], Numbers], *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Give a figure's 95 % interval by drawing the units (documents, or sentences) anew, with replacement (Efron 1979).

    `units` holds the counts of each, [U, 3], which `figure` turns into one number a row.
    """
    chance = np.random.default_rng(seed)
    sums = np.stack([units[chance.integers(len(units), size=len(units))].sum(axis=0) for _ in range(draws)])
    low, high = np.quantile(figure(sums), [0.025, 0.975])
    return float(low), float(high)


def per_unit(counts: Counts, units: Sequence[int]) -> Counts:
    """Add up rows of counts that belong to one unit, [N, C] and N unit numbers to [U, C], in the units' order."""
    numbers, place = np.unique(np.asarray(units, dtype=np.int64), return_inverse=True)
    sums = np.zeros((len(numbers), counts.shape[1]), dtype=np.int64)
    np.add.at(sums, place, counts)
    return sums


def kept_at(precision: float, confidence: Numbers, right: npt.NDArray[np.bool_]) -> float:
    """Give the largest share of the answers, the surest first, that is right at least so often.

    Answers that are equally sure are kept together or not at all.
    """
    if not len(confidence):
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    among = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    sure = confidence[order]
    last_of_its_kind = np.append(sure[1:] < sure[:-1], True)
    enough = np.flatnonzero((among >= precision) & last_of_its_kind)
    return float((enough[-1] + 1) / len(order)) if len(enough) else 0.0
