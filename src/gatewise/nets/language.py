"""A language model on the classifier's own Encoder: unlabelled ids to weights that already read.

Each state has two tasks. It names the next word; and it names a content word drawn from the next thirty, which asks
what the text is about and thinks of it more than how the phrase goes on (a sampled relative of the two-view embeddings
of Johnson & Zhang 2016). The backward direction does the same towards the start. All words share one embedding.

Texts are read whole, from a zero state, as the classifier will read them, so no state has to be carried from window to
window. Knows ids, no text.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.errors import ConfigError
from gatewise.base.figure import Figure
from gatewise.base.settings import NetworkConfig, PretrainingConfig
from gatewise.nets.encoder import EMBEDDING_STD, Encoder, dropout, read
from gatewise.runtime.batches import Batch
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID

SLICE = 512  # rows whose scores are in memory at once: they then stay in the cache


class WordSampler:
    """Draw the words that stand for the whole vocabulary in a sampled softmax.

    `draws` words are drawn by their frequency and doubles dropped; a word's score is weighted by the inverse of its
    chance to be drawn (Horvitz & Thompson 1952), so frequent words count exactly and the sum over the vocabulary is
    estimated without bias.
    """

    def __init__(self, counts: npt.NDArray[np.float64], draws: int) -> None:
        shares = counts / counts.sum()
        self.draws = draws
        self.occurs = torch.from_numpy(counts > 0)
        self.cumulated = torch.from_numpy(np.cumsum(shares))  # in float32 a rare word's share would round to nothing
        chances = -np.expm1(draws * np.log1p(-np.minimum(shares, 1 - 1e-12)))
        self.log_chances = torch.from_numpy(np.log(np.maximum(chances, 1e-30))).float()

    def draw(self, random: torch.Generator | None) -> Tensor:
        """Give the ids drawn, each once and in rising order."""
        points = torch.rand(self.draws, generator=random, dtype=torch.float64) * self.cumulated[-1]
        drawn: Tensor = torch.unique(torch.searchsorted(self.cumulated, points, right=True))
        return drawn


class _SampledLoss(torch.autograd.Function):
    """The sampled softmax with its gradient, a slice of rows at a time: no [N, sample] table is ever in memory.

    Such a table is read and written some ten times by separate operations; fused, the softmax costs little more than
    its three matrix products.
    """

    @staticmethod
    def forward(
        ctx: Any, predicted: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, sample: Tensor, chances: Tensor
    ) -> Tensor:
        words, dtype, wide = weight[sample].to(predicted.dtype), predicted.dtype, weight.dtype
        learning = weight.requires_grad  # else the words' vectors and biases are held
        offsets = (bias[sample] - chances).to(dtype)
        place = torch.searchsorted(sample, targets).clamp_(max=len(sample) - 1)
        drawn = sample[place] == targets
        right = (predicted.to(wide) * weight[targets]).sum(1) + bias[targets]
        loss = predicted.new_zeros((), dtype=wide)
        d_predicted = torch.empty(predicted.shape, dtype=wide)
        d_words, d_offsets = (torch.zeros(shape, dtype=wide) for shape in (words.shape, len(sample)))
        missing = torch.empty(len(targets), dtype=wide)  # minus the chance given to all other words, row by row
        for start in range(0, len(targets), SLICE):
            rows = slice(start, start + SLICE)
            scores = torch.addmm(offsets, predicted[rows], words.t())
            own = drawn[rows].nonzero().squeeze(1)
            scores[own, place[rows][own]] = -math.inf  # the right word is counted once, by its exact score
            others = torch.logsumexp(scores, 1).to(wide)
            total = torch.logaddexp(others, right[rows])
            loss += (total - right[rows]).sum()
            shares = scores.sub_(total.unsqueeze(1).to(dtype)).exp_()
            missing[rows] = -torch.exp(others - total)
            d_predicted[rows] = (shares @ words).to(wide) + missing[rows].unsqueeze(1) * weight[targets[rows]]
            if learning:
                d_words += (shares.t() @ predicted[rows]).to(wide)
                d_offsets += shares.sum(0, dtype=wide)
        gradients = [d_predicted.to(dtype)]
        if learning:
            d_weight = torch.zeros_like(weight).index_add_(0, sample, d_words)
            gradients.append(d_weight.index_add_(0, targets, missing.unsqueeze(1) * predicted.to(wide)))
            d_bias = torch.zeros_like(bias).index_add_(0, sample, d_offsets)
            gradients.append(d_bias.index_add_(0, targets, missing))
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scaled = [saved * gradient for saved in ctx.saved_tensors]
        d_predicted, d_weight, d_bias = scaled if len(scaled) == 3 else (scaled[0], None, None)
        return d_predicted, d_weight, d_bias, None, None, None


_sampled_loss: Callable[..., Tensor] = _SampledLoss.apply


class Naming(nn.Module):
    """Name a word by a state: a linear map a direction into the embedding's space, and a bias a word."""

    def __init__(
        self, counts: npt.NDArray[np.float64], hidden_size: int, size: int, directions: int, draws: int
    ) -> None:
        super().__init__()
        self.sampler = WordSampler(counts, draws)
        self.maps = nn.ModuleList(nn.Linear(hidden_size, size) for _ in range(directions))
        self.bias = nn.Parameter(torch.from_numpy(np.log(np.maximum(counts, 0.5) / counts.sum())).float())

    def loss(self, pairs: "Pairs", table: Tensor, rows: Tensor, sample: Tensor) -> Tensor:
        """Give the summed cross-entropy with a sample of the words in place of all.

        The table holds the embedding's `rows`; the words to name and the sample, in rising order, are places in it.
        """
        chances, bias = self.sampler.log_chances[rows[sample]], self.bias[rows]
        losses = [
            _sampled_loss(self.maps[direction](here), table, bias, words, sample, chances)
            for direction, (here, words) in pairs.items()
        ]
        return torch.stack(losses).sum()

    def scores(self, direction: int, here: Tensor, weight: Tensor) -> Tensor:
        """Give the scores of all words, [N, V]."""
        scores: Tensor = self.maps[direction](here) @ weight.t()
        return scores.to(self.bias.dtype) + self.bias


class LanguageModel(nn.Module):
    """Name each word from those before it and, where the Encoder reads both ways, from those after it."""

    def __init__(self, network: NetworkConfig, config: PretrainingConfig, counts: npt.NDArray[np.float64]) -> None:
        super().__init__()
        if network.bidirectional and network.num_layers > 1:
            raise ConfigError("A second layer would see both directions, and so the word to name; use one layer.")
        vocab_size, size = len(counts), network.embedding_dim
        self.network, self.config = network, config
        self.random: torch.Generator | None = None  # draws noise, samples and places; None is torch's own
        self.backward_alone = False  # the one direction that learns; all else is held
        self.embedding = nn.Embedding(vocab_size, size, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        with torch.no_grad():
            self.embedding.weight[PAD_ID] = 0
        self.encoder = Encoder(network)
        content = counts.copy()
        content[np.argsort(-counts, kind="stable")[: config.function_words]] = 0
        content[: UNKNOWN_ID + 1] = 0
        if not content.any():
            content = counts
        self.next_words, self.ahead_words = (
            Naming(seen, network.hidden_size, size, self.encoder.directions, config.sampled_words)
            for seen in (counts, content)
        )

    def add_backward(self) -> None:
        """Start the backward direction as a copy of the forward one, and let it alone learn from here on."""
        self.backward_alone = True
        self.requires_grad_(False)
        forward, backward = self.encoder.layers()[0]
        pairs = [(forward, backward), *(tuple(task.maps) for task in (self.next_words, self.ahead_words))]
        for known, new in pairs:
            new.load_state_dict(known.state_dict())
            new.requires_grad_(True)

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """Give all parameters that learn as one group."""
        return [[parameter for parameter in self.parameters() if parameter.requires_grad]]

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the summed cross-entropy in nats, over a sample of the vocabulary, and the number of next words.

        The second task is weighted as if it named as many words. The step works on the rows of the embedding that it
        touches, some thousands, and writes the whole table's gradient once: done for each use, that took as long as
        the LSTM.
        """
        inputs, lengths = torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths)
        samples = [task.sampler.draw(self.random) for task in (self.next_words, self.ahead_words)]
        rows, places = torch.unique(torch.cat([inputs.flatten(), *samples]), return_inverse=True)
        inputs, samples[0], samples[1] = torch.split(places, [inputs.numel(), *map(len, samples)])
        inputs = inputs.view(batch.inputs.shape)
        table = self.embedding.weight[rows]
        states = self.read(inputs, lengths, table)
        pairs = next_words(inputs, lengths, states)
        total = self.next_words.loss(pairs, table, rows, samples[0])
        count = sum(len(words) for _, words in pairs.values())
        if self.config.ahead:
            wanted = self.ahead_words.sampler.occurs[rows]
            pairs = words_ahead(inputs, lengths, states, self.config.ahead_words, wanted, self.random)
            if named := sum(len(words) for _, words in pairs.values()):
                weight = self.config.ahead * count / named
                total = total + weight * self.ahead_words.loss(pairs, table, rows, samples[1])
        return total, float(max(1, count))

    def score(self, batch: Batch) -> tuple[float, float, float]:
        """Give minus the next words' cross-entropy over the whole vocabulary, itself in nats, and their number."""
        inputs, lengths = torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths)
        states = self.read(inputs, lengths, self.embedding.weight)
        total, count = 0.0, 0
        for direction, (here, words) in next_words(inputs, lengths, states).items():
            for start in range(0, len(words), SLICE):
                rows = slice(start, start + SLICE)
                scores = self.next_words.scores(direction, here[rows], self.embedding.weight)
                total += float(functional.cross_entropy(scores, words[rows], reduction="sum"))
            count += len(words)
        return -total, total, float(count)

    def figure(self, score: float) -> Figure:
        """Say how a score is shown."""
        return Figure("perplexity", math.exp(min(-score, 700.0)), "lower")  # e^710 is more than a float holds

    def read(self, inputs: Tensor, lengths: Tensor, table: Tensor) -> "States":
        """Give the states of each direction that learns, of a batch whose inputs, [T, B], are rows of `table`."""
        vectors = self.noise(functional.embedding(inputs, table), self.network.embedding_dropout)
        if self.backward_alone:
            backward = self.encoder.layers()[0][1]
            return {1: self.noise(read(backward, vectors, lengths, backward=True), self.network.dropout)}
        states = self.noise(self.encoder(vectors, lengths, self.random), self.network.dropout)
        return dict(enumerate(torch.split(states, self.network.hidden_size, dim=2)))

    def noise(self, vectors: Tensor, share: float) -> Tensor:
        """Drop features while training, with one mask per text for all its steps."""
        return dropout(vectors, share, self.training, self.random, over_time=True)


States = dict[int, Tensor]  # a direction's, 0 forward and 1 backward, [T, B, H]
Pairs = dict[int, tuple[Tensor, Tensor]]  # a direction's states that name, [N, H], and the words to name, [N]


def next_words(inputs: Tensor, lengths: Tensor, states: States) -> Pairs:
    """Pair each state with the next word, and a backward state with the previous one."""
    inside = torch.arange(1, len(inputs)).unsqueeze(1) < lengths  # [T - 1, B]: a word and one before it
    return {
        direction: (here[1:][inside], inputs[:-1][inside]) if direction else (here[:-1][inside], inputs[1:][inside])
        for direction, here in states.items()
    }


def words_ahead(
    inputs: Tensor, lengths: Tensor, states: States, span: int, wanted: Tensor, random: torch.Generator | None
) -> Pairs:
    """Pair states with a word drawn from the next (backward: previous) `span`; a word not `wanted`, [V], pairs none."""
    steps, pairs = torch.arange(len(inputs)).unsqueeze(1), {}
    for direction, here in states.items():
        distances = torch.randint(1, span + 1, inputs.shape, generator=random)
        places = steps - distances if direction else steps + distances
        words = inputs.gather(0, places.clamp(0, len(inputs) - 1))
        inside = (steps < lengths) & (places >= 0) & (places < lengths) & wanted[words]
        pairs[direction] = here[inside], words[inside]
    return pairs
