"""Words and hashed features to the scores of tags in torch: vectors, LSTM layers, the wide part and a CRF.

A token comes as a row of whole numbers: its word, its word in an encoder's table, and a row of the hashed tables for
each template (gatewise.runtime.features). Knows no text.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.figure import Figure
from gatewise.base.settings import NetworkConfig, TaggingConfig
from gatewise.nets.crf import CRF
from gatewise.nets.encoder import Encoder, dropout
from gatewise.nets.reading import read
from gatewise.runtime.batches import NO_TARGET, Batch
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.crf import Chain, Rows, viterbi
from gatewise.runtime.lexicon import FIRST_ROW, KNOWN, WORD
from gatewise.runtime.network import Layout, Table, layout
from gatewise.runtime.tagnet import TagNetwork
from gatewise.runtime.tokenizer import UNKNOWN_ID

WIDE, VECTORS = 2.0, 1.0  # what a table is multiplied with: all learn at one rate, and scores should faster
VECTOR_STD = 0.5  # of a word's vector at the start; LSTM layers learn little from short ones


class _Picked(torch.autograd.Function):
    """Some rows of a table, each once and in rising order; the gradient names them and is no table itself.

    Row 0 is that of a feature which is not known: it holds zeros and learns nothing.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.shape = table.shape
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rows = ctx.saved_tensors[0]
        if len(rows) and rows[0] == 0:
            gradient[0] = 0
        return torch.sparse_coo_tensor(rows[None], gradient, ctx.shape, is_coalesced=True, check_invariants=False), None


_picked: Callable[[Tensor, Tensor], Tensor] = _Picked.apply


def summed(table: Tensor, rows: Tensor, weights: Tensor | None = None) -> Tensor:
    """Give the sums of rows of a table, [N, D], for rows [N, F] of weights [N, F]; its gradient is sparse."""
    different, places = torch.unique(rows, return_inverse=True)
    return functional.embedding_bag(places, _picked(table, different), mode="sum", per_sample_weights=weights)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many different words and features a network knows, and how many of a token's features have vectors."""

    words: int
    features: int
    own: int  # features of a word by itself
    dense: int  # templates of these


class TagLSTM(nn.Module):
    """Score the tags of sentences: vectors and BiLSTM beside hashed features, and a CRF over both."""

    def __init__(
        self, config: NetworkConfig, tagging: TaggingConfig, sizes: Sizes, rules: Chain, spans: "Borders | None",
        known: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config, self.tagging, self.sizes, self.spans = config, tagging, sizes, spans
        self.random: torch.Generator | None = None  # draws the noise; None is torch's own
        self.singletons = torch.zeros(0, dtype=torch.bool)  # [words] those seen once
        tags = len(rules.start)
        self.crf = CRF(rules, together=tagging.crf)
        self.register_buffer("known", known, persistent=False)
        self.wide = nn.Parameter(torch.zeros(1 + sizes.features, tags)) if tagging.wide else None
        self.bias = nn.Parameter(torch.zeros(tags))
        if not tagging.recurrent:
            return
        self.words = nn.Parameter(torch.randn(sizes.words, config.embedding_dim) * VECTOR_STD / VECTORS)
        width = config.embedding_dim
        self.affixes = None
        if tagging.affix_dim:
            std = VECTOR_STD / VECTORS / sizes.dense**0.5
            self.affixes = nn.Parameter(torch.randn(1 + sizes.own, tagging.affix_dim) * std)
            with torch.no_grad():
                self.affixes[0] = 0
            width += tagging.affix_dim
        self.narrow = None
        if known is not None:
            self.narrow = nn.Linear(known.shape[1], tagging.known_dim)
            width += tagging.known_dim
        self.encoder = Encoder(dataclasses.replace(config, embedding_dim=width))
        self.head = nn.Linear(config.hidden_size * self.encoder.directions, tags, bias=False)
        nn.init.zeros_(self.head.weight)

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """Give the parameters from the scores down: CRF, head and wide part, LSTM layers from the top, vectors."""
        learning = [parameter for parameter in self.crf.parameters() if parameter.requires_grad]
        groups = [[*learning, self.bias, *([] if self.wide is None else [self.wide])]]
        if self.tagging.recurrent:
            groups[0] += list(self.head.parameters())
            layers = self.encoder.layers()
            groups += [[parameter for lstm in layer for parameter in lstm.parameters()] for layer in reversed(layers)]
            vectors = [self.words, *([] if self.affixes is None else [self.affixes])]
            groups.append(vectors + ([] if self.narrow is None else list(self.narrow.parameters())))
        return groups

    def vectors(self, tokens: Tensor) -> Tensor:
        """Give what the LSTM reads of tokens, [N, columns]: [N, E]."""
        words = tokens[:, WORD]
        if self.training and len(self.singletons):
            hidden = torch.empty(len(words)).bernoulli_(self.tagging.singletons, generator=self.random).bool()
            words = words.masked_fill(hidden & self.singletons[words], UNKNOWN_ID)
        if self.training and self.config.word_dropout:
            hidden = torch.empty(len(words)).bernoulli_(self.config.word_dropout, generator=self.random).bool()
            words = words.masked_fill(hidden, UNKNOWN_ID)
        share = self.config.embedding_dropout
        parts = [(VECTORS * summed(self.words, words[:, None]), share)]
        if self.affixes is not None:
            rows = tokens[:, FIRST_ROW : FIRST_ROW + self.sizes.dense]
            parts.append((VECTORS * summed(self.affixes, rows), share))
        if self.narrow is not None:
            assert isinstance(self.known, Tensor)
            parts.append((self.narrow(self.known[tokens[:, KNOWN]]), self.tagging.known_dropout))
        return torch.cat([self.noise(part, share) for part, share in parts], dim=1)

    def noise(self, vectors: Tensor, share: float) -> Tensor:
        """Drop a share of features while training, drawn anew for each token."""
        return dropout(vectors, share, self.training, self.random)

    def emissions(self, batch: Batch) -> tuple[Tensor, "Placed"]:
        """Give the scores of tags, [N, K], of a batch laid out step by step, and that layout."""
        placed = placed_in(batch)
        parts = self.parts(batch, placed)
        return torch.stack(parts).sum(0) + self.bias, placed

    def parts(self, batch: Batch, placed: "Placed") -> list[Tensor]:
        """Give what features and what the LSTM say, [N, K] each, of those that there are."""
        tokens = torch.from_numpy(batch.inputs).flatten(0, 1)[placed.cells]
        parts = []
        if self.wide is not None:
            rows, weights = tokens[:, FIRST_ROW:], None
            if (share := self.tagging.wide_dropout) and self.training:
                weights = torch.empty(rows.shape, dtype=self.wide.dtype)
                weights.bernoulli_(1 - share, generator=self.random).div_(1 - share)
            parts.append(WIDE * summed(self.wide, rows, weights))
        if self.tagging.recurrent:
            states = self.states(self.vectors(tokens), placed.layout)
            parts.append(self.head(self.noise(states, self.config.dropout)))
        return [part.to(self.bias.dtype) for part in parts] or [torch.zeros(len(tokens), len(self.bias))]

    def states(self, vectors: Tensor, rows: Layout) -> Tensor:
        """Give the last layer's states, [N, directions * H], of vectors, [N, E], in the layout's order."""
        for depth, directions in enumerate(self.encoder.layers()):
            if depth:
                vectors = self.noise(vectors, self.config.dropout)
            vectors = torch.cat(
                [read(lstm, vectors, rows, backward=bool(place)) for place, lstm in enumerate(directions)], dim=1
            )
        return vectors

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the summed loss of a batch's sentences, in nats, and the number of their tokens.

        With `apart` it is the mean of three losses: of both parts' sum, and of each alone. Features alone explain the
        training text so soon that an LSTM beside them has little left to learn.
        """
        placed = placed_in(batch)
        parts, targets, counts = self.parts(batch, placed), placed.targets(batch), placed.layout.counts
        scores = [torch.stack(parts).sum(0), *(parts if self.tagging.apart and len(parts) > 1 else [])]
        with torch.autocast("cpu", enabled=False):
            losses = [self.crf.loss(some + self.bias, targets, counts) for some in scores]
        return torch.stack(losses).mean(), float(batch.lengths.sum())

    def score(self, batch: Batch) -> tuple[float, float, float]:
        """Give twice the right spans, the loss, and the spans given and found: the quotient of all is F1.

        Of plain labels the right ones, the loss and the number of those known.
        """
        scores, placed = self.emissions(batch)
        targets = placed.targets(batch)
        loss = float(self.crf.loss(scores, targets, placed.layout.counts).detach())
        path, _ = viterbi(self.crf.chain(), scores.detach().numpy(), placed.layout.counts)
        if self.spans is None:
            asked = targets != NO_TARGET
            return float((path[asked] == targets[asked]).sum()) + LEAST, loss, float(asked.sum()) + LEAST
        order = np.argsort(placed.layout.forward)  # text after text
        found, given = self.spans.of(path[order]), self.spans.of(targets[order])
        right = len(np.intersect1d(found, given, assume_unique=True))
        return 2.0 * right + LEAST, loss, float(len(found) + len(given)) + LEAST

    def figure(self, score: float) -> Figure:
        """Say how a score is shown."""
        return Figure("accuracy" if self.spans is None else "F1", score, "higher")


LEAST = 1e-9  # of points and of what can be had: a part without any entity, and none found, is all right


@dataclass(frozen=True, slots=True)
class Borders:
    """Which tags open a span, which close one, and what label it then has."""

    opens: Rows  # [K + 1] 1 where a tag does; the last row is that of a masked tag
    closes: Rows  # [K + 1]
    labels: Rows  # [K + 1]

    def of(self, path: Rows) -> Rows:
        """Give the spans of legal BIOES tags, sentences end to end, each as one number; masked tags are no span's."""
        first, last = np.flatnonzero(self.opens[path]), np.flatnonzero(self.closes[path])
        if len(first) != len(last):  # masked inside
            return np.empty(0, np.int64)
        numbers: Rows = (first * (len(path) + 1) + last) * len(self.opens) + self.labels[path[first]]
        return numbers


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the tokens of a padded batch stand when it is laid out step by step, the longest text first."""

    layout: Layout
    cells: Tensor  # [N] in the batch's T x B cells
    given: Tensor  # [B] lengths in the batch's order

    def targets(self, batch: Batch) -> Rows:
        """Give the targets of the tokens, [N]."""
        targets: Rows = batch.targets.reshape(-1)[self.cells.numpy()]
        return targets


def placed_in(batch: Batch) -> Placed:
    """Lay out a batch."""
    order = np.argsort(-batch.lengths, kind="stable")
    rows = layout(batch.lengths[order])
    step = np.repeat(np.arange(len(rows.counts)), rows.counts)
    owner = np.arange(len(step)) - (np.cumsum(rows.counts) - rows.counts)[step]
    cells = step * len(batch.lengths) + order[owner]
    return Placed(rows, torch.from_numpy(cells), torch.from_numpy(batch.lengths))


def arrays_of(module: TagLSTM) -> TagNetwork:
    """Hand a trained network over to the runtime, as arrays of its own; what is only ever multiplied is so at once."""

    def array(tensor: Tensor) -> npt.NDArray[np.float32]:
        return tensor.detach().numpy().astype(np.float32)

    wide = None if module.wide is None else Table(array(WIDE * module.wide))
    words = affixes = known = None
    layers: list[list[CellWeights]] = []
    head = np.zeros((len(module.bias), 0), np.float32)
    if module.tagging.recurrent:
        words = Table(array(VECTORS * module.words))
        affixes = None if module.affixes is None else Table(array(VECTORS * module.affixes))
        if module.narrow is not None:
            known = Table(array(module.narrow(module.known)))
        layers = [
            [CellWeights(array(ih), array(hh), array(b_ih + b_hh)) for ih, hh, b_ih, b_hh in map(_parts, directions)]
            for directions in module.encoder.layers()
        ]
        head = array(module.head.weight)
    chain, bias = module.crf.chain(), array(module.bias)
    return TagNetwork(
        module.config, module.tagging, module.sizes.dense, chain, bias, wide, words, affixes, known, layers, head
    )


def _parts(lstm: nn.LSTM) -> tuple[Tensor, ...]:
    return tuple(lstm.parameters())
