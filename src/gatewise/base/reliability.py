"""Stated probabilities and what was right to bins, and to one number: can the probabilities be believed?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 15


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers whose confidence lies in (low, high]: how many, how sure on average, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def binned(
    confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort answers, [N], by confidence into bins of equal width; empty ones are left out."""
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return tuple(
        ReliabilityBin(
            b / bins, (b + 1) / bins, int(chosen.sum()), float(confidence[chosen].mean()), float(right[chosen].mean())
        )
        for b in range(bins)
        if (chosen := place == b).any()
    )


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Give the mean distance between confidence and accuracy over the bins, weighted by size (Guo et al. 2017)."""
    return sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / max(1, sum(b.n for b in bins))
