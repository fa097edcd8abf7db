"""Numbers to their ranks, and what ranks tell: how well a number alone separates classes, how two orders agree."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ranks(values: npt.NDArray[np.floating]) -> Floats:
    """Give each number's rank among all, from 1, [N]; equal ones share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place.ravel()]
    return shared


def spearman(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Give the correlation of two orders' ranks; constant numbers, of which nothing can be said, agree with nothing."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def areas(columns: npt.NDArray[np.floating], targets: npt.NDArray[np.integer], classes: int) -> Floats:
    """Give the area under each column's ROC curve, [K, P], for each class against the rest, of columns [N, P].

    Of two classes only the second's stands there; a class that nothing, or everything, belongs to is left out.
    """
    ranked = np.stack([ranks(column) for column in columns.T], axis=1)
    rows = []
    for target in range(1 if classes == 2 else 0, classes):
        inside = targets == target
        ones, others = int(inside.sum()), int((~inside).sum())
        if ones and others:
            rows.append((ranked[inside].sum(axis=0) - ones * (ones + 1) / 2) / (ones * others))
    return np.array(rows).reshape(-1, columns.shape[1])
