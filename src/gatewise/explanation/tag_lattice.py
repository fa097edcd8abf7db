"""A sentence's lattice to what Viterbi's algorithm knows of it: the best way to each tag, and the best way on.

Their sum is the score of the best reading through that tag (max-marginals; Viterbi 1967). So it is known at every step
what another tag would cost, and which reading is the best one that says otherwise. Knows no words and no weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.runtime.crf import FORBIDDEN, Lattice, Numbers, Rows

NEVER = FORBIDDEN / 10  # what lies so far below the best reading takes a forbidden step, at temperatures up to 10


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The best ways through a sentence, by step and tag, [T, K] each."""

    running: Numbers  # score of the best way to a tag, its emission counted
    before: Rows  # the tag before it on that way; -1 at the first step
    ahead: Numbers  # score of the best way on from a tag to the end, its emission not counted
    after: Rows  # the tag behind it on that way; -1 at the last step

    @property
    def through(self) -> Numbers:
        """Give the score of the best reading through each tag."""
        total: Numbers = self.running + self.ahead
        return total

    def path(self, step: int, tag: int) -> list[int]:
        """Give the tags of the best reading through a tag."""
        path = [tag]
        for t in range(step, 0, -1):
            path.append(int(self.before[t, path[-1]]))
        path.reverse()
        for t in range(step, len(self.after) - 1):
            path.append(int(self.after[t, path[-1]]))
        return path


def ways_through(lattice: Lattice) -> Ways:
    """Follow the best ways from both ends of a sentence: O(T K^2). Of equal ways the first tag's is kept."""
    chain, emissions = lattice.chain, lattice.emissions
    running, ahead = emissions.copy(), np.empty_like(emissions)
    before, after = np.full(emissions.shape, -1), np.full(emissions.shape, -1)
    running[0] += chain.start
    tags = np.arange(emissions.shape[1])
    for t in range(1, len(emissions)):
        reached = running[t - 1][:, None] + chain.transitions
        before[t] = reached.argmax(axis=0)
        running[t] += reached[before[t], tags]
    ahead[-1] = chain.stop
    for t in range(len(emissions) - 2, -1, -1):
        onward = chain.transitions + (emissions[t + 1] + ahead[t + 1])
        after[t] = onward.argmax(axis=1)
        ahead[t] = onward[tags, after[t]]
    return Ways(running, before, ahead, after)


def rival(ways: Ways, path: Sequence[int], start: int, end: int) -> list[int] | None:
    """Give the best reading that has another tag than `path` somewhere from start to end; None where none may be."""
    through = ways.through[start:end].copy()
    through[np.arange(end - start), np.asarray(path[start:end])] = -np.inf
    place = int(through.argmax())
    if not through.flat[place] > ways.through.max() + NEVER:
        return None
    step, tag = divmod(place, through.shape[1])
    return ways.path(start + step, tag)
