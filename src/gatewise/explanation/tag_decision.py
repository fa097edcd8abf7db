"""Why a sentence is read as it is and not otherwise: two readings' scores to the parts of their difference.

The logarithm of how much likelier the best reading is than another one is the difference of their scores: that of the
transitions, and that of the emissions. An emission is linear in the network's state at its step, in the features of
its token, and has a bias; the state is shared out among words with the gates held (see shares.frozen), the forward
direction's among those before and the backward one's among those behind. All of it is exact, and sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import one_thread
from gatewise.explanation.shares import swept
from gatewise.explanation.tag_features import feature_names
from gatewise.explanation.tag_reading import Read, TagReading
from gatewise.runtime.classifier import Numbers
from gatewise.runtime.crf import score_of
from gatewise.runtime.lexicon import FIRST_ROW

LISTED = 12  # features


class Feature(NamedTuple):
    """What one hashed feature of a token adds, above 0 for the best reading."""

    name: str
    step: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The best reading against another; every part speaks for the best one where it is above 0.

    contributions, features, bias and residual sum to the difference of emissions; with transitions to log_odds.
    """

    rival: Read  # the other reading
    log_odds: float  # ln(best reading's probability / the other's)
    contributions: Numbers  # [T] each word's share, by the network's state
    features: float  # all hashed features
    strongest: tuple[Feature, ...]  # the largest of them, LISTED at most
    bias: float  # what belongs to no word
    transitions: float
    residual: float  # what float32 leaves

    @property
    def words(self) -> float:
        """What all words' shares are together."""
        return float(self.contributions.sum())

    @property
    def emissions(self) -> float:
        """What all emissions are together."""
        return self.log_odds - self.transitions

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "rival": self.rival.as_dict(), "log_odds": self.log_odds,
            "contributions": self.contributions.round(9).tolist(), "features": self.features,
            "strongest": [one._asdict() for one in self.strongest], "bias": self.bias,
            "transitions": self.transitions, "residual": self.residual,
        }  # fmt: skip


@one_thread()
def decide(reading: TagReading, other: Sequence[int]) -> Decision:
    """Share out what puts the best reading of a sentence before another one, given by its tags' places."""
    model, lattice, path = reading.model, reading.lattice, reading.path
    network, tags = model.network, len(model.tags)
    steps = np.flatnonzero(np.not_equal(path, other))
    weights = np.zeros((len(path), tags))  # of each emission in the difference
    weights[steps, np.asarray(path)[steps]] += 1 / model.temperature
    weights[steps, np.asarray(other)[steps]] -= 1 / model.temperature
    contributions, bias = np.zeros(len(path)), float((weights @ network.bias).sum())
    if reading.layers:
        to_vectors, from_biases = swept(reading.weights, reading.layers, weights @ network.head.astype(np.float64))
        contributions, bias = (reading.vectors * to_vectors).sum(axis=1), bias + from_biases
    features = _features(reading, steps, weights)
    total = sum(one.share for one in features)
    score = score_of(lattice.chain, lattice.emissions, other)
    log_odds = score_of(lattice.chain, lattice.emissions, path) - score
    emissions = float((lattice.emissions * weights).sum() * model.temperature)
    return Decision(
        reading.read(other, score), log_odds, contributions, total,
        tuple(sorted(features, key=lambda one: -abs(one.share))[:LISTED]), bias, log_odds - emissions,
        emissions - float(contributions.sum()) - total - bias,
    )  # fmt: skip


def _features(reading: TagReading, steps: npt.NDArray[np.int64], weights: Numbers) -> list[Feature]:
    """Give what each feature known to training adds, of the tokens where two readings differ."""
    table, found = reading.model.network.wide, list[Feature]()
    if table is None:
        return found
    for step in steps.tolist():
        rows = reading.rows[step, FIRST_ROW:]
        shares = table.rows(rows).astype(np.float64) @ weights[step]
        names = feature_names(reading.tokens, step, reading.model.lexicon.units)
        found += [Feature(*one) for one in zip(names, [step] * len(rows), shares.tolist(), strict=True) if one[2]]
    return found
