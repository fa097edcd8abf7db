"""Texts that differ little from each other to what a network says of them; what two of them share is read once.

A state depends on what was read before it alone. So in each direction the texts are a tree: those that begin alike (or,
read from the end, end alike) have one stem. All tokens of one depth are read together, and each text's answer is kept.
Knows ids and arrays, no words.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core
from gatewise.explanation.clamping import Holds, clamped
from gatewise.runtime.batches import gather
from gatewise.runtime.engine import pooled_of
from gatewise.runtime.network import Floats, Network, advance, logits_from
from gatewise.runtime.tokenizer import Ids

Numbers = npt.NDArray[np.float64]
ROWS = 96  # of sums that are worked on together
FEW = 3  # rows that are multiplied one by one: a product of few pays for rearranging all weights


class Answers:
    """Asks a network about texts, and no direction of it about a text twice."""

    def __init__(self, network: Network) -> None:
        self._network = network
        # With more layers of two directions a state depends on the whole text: there is one side, and nothing shared.
        self._sides = network.directions if len(network.layers) == 1 else 1
        self._known: dict[tuple[int, Holds], dict[bytes, Floats]] = {}  # features by side and by what is held there

    def logits(self, texts: Sequence[Ids], holds: Holds = ()) -> Numbers:
        """Give the logits, [N, C], of texts given as ids, with some gates held."""
        if not texts:
            return np.empty((0, self._network.classes))
        self.ahead([(texts, holds)])
        sides = []
        for side in range(self._sides):
            known = self._features(side, holds)
            sides.append(np.stack([known[key] for key in _keys(texts, side)]))
        return logits_from(self._network, np.concatenate(sides, axis=-1).reshape(len(texts), -1))

    def ahead(self, asked: Sequence[tuple[Sequence[Ids], Holds]]) -> None:
        """Read what will be asked, all of it together."""
        each_on_a_core(lambda side: self._ahead(side, asked), range(self._sides))

    def _ahead(self, side: int, asked: Sequence[tuple[Sequence[Ids], Holds]]) -> None:
        groups: dict[Holds, set[bytes]] = {}
        for given, holds in asked:
            own, known = self._own(side, holds), self._features(side, holds)
            groups.setdefault(own, set()).update(key for key in _keys(given, side) if key not in known)
        new = [(own, sorted(keys)) for own, keys in groups.items() if keys]
        texts = [[np.frombuffer(key, ">i4").astype(np.int32) for key in keys] for _, keys in new]
        if self._sides == self._network.directions:
            read = _read(self._network, side, texts, [own for own, _ in new]) if new else []
        else:
            read = [self._whole(group, own) for group, (own, _) in zip(texts, new, strict=True)]
        for (own, keys), features in zip(new, read, strict=True):
            self._features(side, own).update(zip(keys, features, strict=True))

    def _own(self, side: int, holds: Holds) -> Holds:
        """Leave out what is held on the other side."""
        apart = self._sides == self._network.directions
        return tuple(hold for hold in holds if hold.side == side or not apart)

    def _features(self, side: int, holds: Holds) -> dict[bytes, Floats]:
        """Give what is known of texts: [poolings, H] each where the sides are read apart, else [P]."""
        return self._known.setdefault((side, self._own(side, holds)), {})

    def _whole(self, texts: Sequence[Ids], holds: Holds) -> Floats:
        network = replace(self._network, layers=clamped(self._network.layers, holds))
        return pooled_of(network, gather([texts], None, len(network.embedding)))


def _keys(texts: Sequence[Ids], side: int) -> list[bytes]:
    """Give each text's ids in reading order; big-endian, so that sorted ones which begin alike stand together."""
    return [np.asarray(text[:: -1 if side else 1], ">i4").tobytes() for text in texts]


def _read(network: Network, side: int, groups: Sequence[Sequence[Ids]], holds: Sequence[Holds]) -> list[Floats]:
    """Read groups of different, sorted texts, each with its own holds; give their pooled states, [N, poolings, H]."""
    stack, texts = [row[side] for row in network.layers], [text for group in groups for text in group]
    starts = np.cumsum([0, *(len(group) for group in groups)])
    lengths = np.array([len(text) for text in texts])
    steps = np.full((len(texts), lengths.max()), -1)
    for row, text in zip(steps, texts, strict=True):
        row[: len(text)] = text
    shared = np.concatenate([[0], (steps[1:] != steps[:-1]).argmax(axis=1)])  # [N] tokens, with the text before
    shared[starts[:-1]] = 0
    ids = np.unique(np.concatenate(texts))
    place = np.zeros(ids[-1] + 1, np.int64)
    place[ids] = np.arange(len(ids))
    projected = network.embedding.rows(ids) @ stack[0].input.T + stack[0].bias  # [different ids, 4H]
    recurrent = [np.ascontiguousarray(weights.recurrent.T) for weights in stack]
    size = network.config.hidden_size
    states, cells = ([np.zeros((1, size), np.float32) for _ in stack] for _ in range(2))
    total, highest = np.zeros((1, size), np.float32), np.full((1, size), -np.inf, np.float32)
    held = [
        [(group, hold) for group, own in enumerate(holds) for hold in own if hold.layer == depth]
        for depth in range(len(stack))
    ]
    at = np.zeros(len(texts), np.int64)  # each text's place among the states
    features = np.empty((len(texts), len(network.config.pooling), size), np.float32)
    for t in range(steps.shape[1]):
        first = np.flatnonzero((shared <= t) & (t < lengths))  # the first text of each branch
        above = at[first]
        at = np.searchsorted(first, np.arange(len(texts)), side="right") - 1
        branches = np.searchsorted(first, starts)  # where each group's begin
        for depth, weights in enumerate(stack):
            states[depth], cells[depth] = states[depth].take(above, axis=0), cells[depth].take(above, axis=0)
            sums = _product(states[depth], recurrent[depth])
            if depth:
                sums += states[depth - 1] @ weights.input.T + weights.bias
            for start in range(0, len(first), ROWS):  # few enough to stay in the processor's cache
                block = slice(start, start + ROWS)
                own = sums[block]
                if depth == 0:
                    own += projected.take(place[steps[first[block], t]], axis=0)
                for group, hold in held[depth]:
                    begin, end = np.maximum(branches[group : group + 2] - start, 0)
                    own[begin:end, hold.start : hold.stop] = hold.value
                advance(own, cells[depth][block], states[depth][block])
        total, highest = total.take(above, axis=0), highest.take(above, axis=0)
        total += states[-1]
        np.maximum(highest, states[-1], out=highest)
        if len(ended := np.flatnonzero(lengths == t + 1)):
            rows = at[ended]
            pooled = {"max": highest[rows], "mean": total[rows] / np.float32(t + 1), "last": states[-1][rows]}
            features[ended] = np.stack([pooled[name] for name in network.config.pooling], axis=1)
    return np.split(features, starts[1:-1])


def _product(states: Floats, recurrent: Floats) -> Floats:
    product: Floats = states @ recurrent if len(states) > FEW else np.stack([state @ recurrent for state in states])
    return product
