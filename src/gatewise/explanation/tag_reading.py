"""A tagger and one sentence to every number inside: gates and states, lattice, best reading; read once, in float64.

The lattice is the tagger's own, in the numbers it answers by, under calibrated scores.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gatewise.base.cores import one_thread
from gatewise.base.errors import DataError
from gatewise.explanation.tag_lattice import Ways, ways_through
from gatewise.runtime.cell import Array, CellWeights, Trace, encode
from gatewise.runtime.crf import Lattice
from gatewise.runtime.lexicon import Tokens
from gatewise.runtime.spans import Span, spans_of
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.tagnet import vectors_of


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of a whole sentence and how likely it is."""

    probability: float
    tags: tuple[str, ...]
    spans: tuple[Span, ...]  # in tokens; none where tags are plain labels

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self) | {"spans": [one._asdict() for one in self.spans]}

    def marked(self, words: Sequence[str]) -> str:
        """Show the spans in their sentence, or all tags where there is none to show."""
        parts = list(words)
        for start, end, label in self.spans:
            parts[start] = f"[{parts[start]}"
            parts[end - 1] = f"{parts[end - 1]}]{label}"
        return " ".join(parts if self.spans else self.tags)


@dataclass(frozen=True, slots=True, eq=False)
class TagReading:
    """One sentence through one tagger."""

    model: Tagger
    tokens: Sequence[str]
    rows: Tokens  # [T, columns] what the network is given of each token
    vectors: Array  # [T, E] what the first layer reads; [T, 0] where there is none
    weights: list[list[CellWeights]]  # [layer][direction]
    layers: list[list[Trace]]  # [layer][direction], in text order
    lattice: Lattice
    ways: Ways
    path: list[int]  # the best reading

    def read(self, path: Sequence[int], score: float) -> Read:
        """Tell of a reading, given by its tags' places, with its score."""
        tags = tuple(self.model.tags[tag] for tag in path)
        spans = tuple(spans_of(tags)) if self.model.spans_are_tags else ()
        return Read(float(np.exp(min(0.0, score - self.lattice.log_partition))), tags, spans)


@one_thread()
def read_sentence(model: Tagger, tokens: Sequence[str]) -> TagReading:
    """Read one sentence of tokens, at least one; raise DataError for none."""
    if not tokens:
        raise DataError("There is no word to explain; give a sentence.")
    lattice, network = model.lattices([tokens])[0], model.network
    rows, _ = model.lexicon.encode([tokens])
    weights = [
        [CellWeights(*(getattr(own, name).astype(np.float64) for name in CellWeights.__slots__)) for own in directions]
        for directions in network.layers
    ]
    vectors: Array = vectors_of(network, rows).astype(np.float64) if weights else np.empty((len(tokens), 0))
    ways = ways_through(lattice)
    last = int(ways.through[-1].argmax())
    path = ways.path(len(tokens) - 1, last)
    return TagReading(model, tokens, rows, vectors, weights, encode(vectors, weights), lattice, ways, path)
