"""Ids to logits in torch: embedding, encoder, masked pooling, linear head; knows ids and lengths, never text."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.figure import Figure
from gatewise.base.settings import NetworkConfig
from gatewise.nets.encoder import EMBEDDING_STD, Encoder, dropout
from gatewise.runtime.batches import Batch, Weights
from gatewise.runtime.network import Network, from_weights, weights_of
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID


class _Maximum(torch.autograd.Function):
    """The maximum over time; states that share it share its gradient. torch's own amax takes ten times as long back."""

    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        largest = states.amax(dim=0)
        ctx.save_for_backward(states, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        states, largest = ctx.saved_tensors
        ties = torch.eq(states, largest, out=torch.empty_like(states))
        return ties.mul_((gradient / ties.sum(dim=0, dtype=torch.float32)).to(states.dtype))


_maximum: Callable[[Tensor], Tensor] = _Maximum.apply


def pool(states: Tensor, lengths: Tensor, hidden_size: int, poolings: Sequence[str]) -> Tensor:
    """Turn all states, [T, B, directions * H], into one vector a text, looking at its real tokens only."""
    inside = (torch.arange(len(states)).unsqueeze(1) < lengths).unsqueeze(2).to(states.dtype)  # [T, B, 1]
    pooled = []
    for name in poolings:
        if name == "max":
            pooled.append(_maximum(states + inside.log()))  # of a padded one minus infinity
        elif name == "mean":
            pooled.append((states * inside).sum(dim=0) / lengths.unsqueeze(1))
        else:
            end = states[lengths - 1, torch.arange(states.shape[1])]
            pooled.append(torch.cat([end[:, :hidden_size], states[0, :, hidden_size:]], dim=1))
    return torch.cat(pooled, dim=1)


class TextLSTM(nn.Module):
    """Classify sequences of ids: embedding, Encoder, masked pooling, one linear layer."""

    def __init__(self, config: NetworkConfig, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.label_smoothing = 0.0
        self.random: torch.Generator | None = None  # draws the noise; None is torch's own
        self.class_weights: Tensor | None = None
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        with torch.no_grad():
            self.embedding.weight[PAD_ID] = 0
        self.encoder = Encoder(config)
        features = config.hidden_size * self.encoder.directions * len(config.pooling)
        self.head = nn.Linear(features, num_classes)

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """Give the parameters from the head down: head, LSTM layers from the top, embedding."""
        layers = [[parameter for lstm in layer for parameter in lstm.parameters()] for layer in self.encoder.layers()]
        return [list(self.head.parameters()), *reversed(layers), list(self.embedding.parameters())]

    def embed(self, inputs: Tensor) -> Tensor:
        """Look up ids, [T, B]; while training, some words become the unknown one and some features are dropped."""
        if self.training and self.config.word_dropout:
            hidden = torch.empty(inputs.shape).bernoulli_(self.config.word_dropout, generator=self.random).bool()
            inputs = inputs.masked_fill(hidden & (inputs != PAD_ID), UNKNOWN_ID)
        share = self.config.embedding_dropout
        return dropout(self.embedding(inputs), share, self.training, self.random, over_time=True)

    def classify(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Give logits, [B, C], of embedded texts, [T, B, E]."""
        pooled = self.pooled(vectors, lengths)
        with torch.autocast("cpu", enabled=False):  # few numbers that decide much: full precision
            return self.head(pooled)  # type: ignore[no-any-return]

    def pooled(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Give what the head sees, [B, poolings * directions * H], of embedded texts."""
        states = self.encoder(vectors, lengths, self.random)
        pooled = pool(states, lengths, self.config.hidden_size, self.config.pooling).to(self.head.weight.dtype)
        return dropout(pooled, self.config.dropout, self.training, self.random)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Give logits, [B, C], of padded ids, [T, B]."""
        return self.classify(self.embed(inputs), lengths)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the summed cross-entropy of a batch and the weight of its texts; their ratio is the mean loss."""
        inputs, lengths, targets = (torch.from_numpy(array) for array in (batch.inputs, batch.lengths, batch.targets))
        weights = self.weights_of(targets, batch.weights)
        return self.loss_of(self.embed(inputs), lengths, targets, weights), float(weights.sum())

    def loss_of(self, vectors: Tensor, lengths: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Give the summed cross-entropy of embedded texts, [T, B, E], for classes, [B], or shares of classes, [B, C].

        A text weighs what it is given, [B], or what its class does: torch's own `weight` also scales the smoothed share
        of every other class, so that at 1 to 50 the rare class would be the best answer to everything.
        """
        smoothing = self.label_smoothing if targets.dim() == 1 else 0.0  # shares are soft already
        logits = self.classify(vectors, lengths)
        losses = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
        return ((self.weights_of(targets) if weights is None else weights) * losses).sum()

    def score(self, batch: Batch) -> tuple[float, float, float]:
        """Count what is right (higher is better), sum the plain cross-entropy, count the texts; all by their weights.

        Were the epoch chosen by plain accuracy, that choice would undo the class weights.
        """
        logits, targets = self.logits(batch), torch.from_numpy(batch.targets)
        weights = self.weights_of(targets, batch.weights)
        losses = functional.cross_entropy(logits, targets, reduction="none")
        right = logits.argmax(dim=1) == targets
        return float(weights[right].sum()), float((weights * losses).sum()), float(weights.sum())

    def figure(self, score: float) -> Figure:
        """Say how a score is shown."""
        return Figure("accuracy", score, "higher")

    def weights_of(self, targets: Tensor, own: Weights | None = None) -> Tensor:
        """Give each text's weight, [B]: its own, if it has one, times its class's, where classes are weighed."""
        weights = torch.ones(len(targets)) if own is None else torch.from_numpy(own)
        if self.class_weights is None:
            return weights
        return weights * (self.class_weights[targets] if targets.dim() == 1 else targets @ self.class_weights)

    def logits(self, batch: Batch) -> Tensor:
        """Give logits, [B, C], of a Batch."""
        return self(torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths))  # type: ignore[no-any-return]


def arrays_of(module: TextLSTM) -> Network:
    """Hand a trained network over to the runtime, as arrays of its own."""
    weights = {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}
    return from_weights(module.config, weights)


def module_of(network: Network) -> TextLSTM:
    """Give the torch module that answers as a Network does, ready for predictions."""
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, then replaced: leave no trace of the draw
        module = TextLSTM(network.config, len(network.embedding), network.classes)
    module.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights_of(network).items()})
    return module.eval()
