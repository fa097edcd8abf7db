"""Ids to logits in torch: embedding, LSTM encoder, masked pooling, linear head; knows ids and lengths, never text.

Everything is time first, [T, B, ...]: oneDNN's fused LSTM then copies nothing. There is no PackedSequence (it leaves
the fused path, pytorch#149194): texts are padded on the right, and the backward direction reverses each text inside
its own length, so no state ever starts in padding.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.settings import NetworkConfig
from gatewise.runtime.batches import Batch
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID

EMBEDDING_STD = 0.1


class _Rearrange(torch.autograd.Function):
    """Reorder rows by a permutation that is its own inverse, so that the gradient is the same cheap copy."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _rearrange(gradient, ctx.saved_tensors[0]), None


_rearrange: Callable[[Tensor, Tensor], Tensor] = _Rearrange.apply


def reverse_within_length(vectors: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each text, [T, B, D], inside its own length; padding stays where it is."""
    time, batch, size = vectors.shape
    steps = torch.arange(time).unsqueeze(1)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)  # [T, B]
    order = (source * batch + torch.arange(batch)).flatten()
    return _rearrange(vectors.reshape(time * batch, size), order).view(time, batch, size)


def dropout(
    vectors: Tensor, share: float, training: bool, random: torch.Generator | None, *, over_time: bool = False
) -> Tensor:
    """Drop a share of features while training, by a generator; over time with one mask per text for all its steps.

    For the latter see Gal & Ghahramani (2016).
    """
    if not training or share == 0:
        return vectors
    shape = (1, *vectors.shape[1:]) if over_time else vectors.shape
    keep = torch.empty(shape, dtype=vectors.dtype).bernoulli_(1 - share, generator=random)
    return vectors * keep.div_(1 - share)


def read(lstm: nn.LSTM, vectors: Tensor, lengths: Tensor, *, backward: bool) -> Tensor:
    """Give one direction's states, [T, B, H], of texts [T, B, E]; those in padding mean nothing."""
    if not backward:
        return cast(Tensor, lstm(vectors)[0])
    return reverse_within_length(lstm(reverse_within_length(vectors, lengths))[0], lengths)


class Encoder(nn.Module):
    """Vectors to all states: stacked LSTM layers of one or two directions."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.directions = 2 if config.bidirectional else 1
        self.dropout = config.dropout
        sizes = [config.embedding_dim] + [self.directions * config.hidden_size] * (config.num_layers - 1)
        self.lstms = nn.ModuleList(  # layer by layer, the forward direction first
            nn.LSTM(size, config.hidden_size) for size in sizes for _ in range(self.directions)
        )
        for lstm in self.lstms:
            initialise(cast(nn.LSTM, lstm), config)

    def layers(self) -> list[list[nn.LSTM]]:
        """Give the LSTMs as [layer][direction]."""
        lstms = [cast(nn.LSTM, lstm) for lstm in self.lstms]
        return [lstms[start : start + self.directions] for start in range(0, len(lstms), self.directions)]

    def forward(self, vectors: Tensor, lengths: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Give all states, [T, B, directions * H], of texts [T, B, E]; those in padding mean nothing."""
        for depth, directions in enumerate(self.layers()):
            if depth:
                vectors = dropout(vectors, self.dropout, self.training, random, over_time=True)
            states = [read(lstm, vectors, lengths, backward=place == 1) for place, lstm in enumerate(directions)]
            vectors = torch.cat(states, dim=2) if len(states) > 1 else states[0]
        return vectors

    def weights(self) -> list[list[CellWeights]]:
        """Give the weights as cell.encode takes them, [layer][direction]."""
        return [[cell_weights(lstm) for lstm in directions] for directions in self.layers()]


def cell_weights(lstm: nn.LSTM) -> CellWeights:
    """Give one layer's weights to the NumPy cell."""
    weight_ih, weight_hh, bias_ih, bias_hh = (parameter.detach() for parameter in lstm.parameters())
    return CellWeights(weight_ih.numpy(), weight_hh.numpy(), (bias_ih + bias_hh).numpy())


def initialise(lstm: nn.LSTM, config: NetworkConfig) -> None:
    """Give one layer its first weights: orthogonal recurrence, Xavier input, an open forget gate.

    With a chrono horizon T the forget biases are log U(1, T - 1) and the input biases their negatives, so that the
    units' memories span up to T steps (Tallec & Ollivier 2018). torch adds two biases; the second stays zero.
    """
    hidden_size = lstm.hidden_size
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.parameters()
    with torch.no_grad():
        for gate in range(4):
            rows = slice(gate * hidden_size, (gate + 1) * hidden_size)
            nn.init.xavier_uniform_(weight_ih[rows])
            nn.init.orthogonal_(weight_hh[rows])
        bias_ih.zero_()
        bias_hh.zero_()
        input_bias, forget_bias = bias_ih[:hidden_size], bias_ih[hidden_size : 2 * hidden_size]
        forget_bias.fill_(config.forget_bias)
        if config.chrono_horizon > 1:
            forget_bias.uniform_(1, max(config.chrono_horizon - 1, 1.0001)).log_()
            input_bias.copy_(-forget_bias)


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


def encoder_shapes(config: NetworkConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Give the name and shape of every parameter of an embedding and an Encoder without building them."""
    hidden, directions = config.hidden_size, 2 if config.bidirectional else 1
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, config.embedding_dim)}
    for index in range(config.num_layers * directions):
        inputs = config.embedding_dim if index < directions else directions * hidden
        name = f"encoder.lstms.{index}."
        shapes[f"{name}weight_ih_l0"] = (4 * hidden, inputs)
        shapes[f"{name}weight_hh_l0"] = (4 * hidden, hidden)
        shapes[f"{name}bias_ih_l0"] = shapes[f"{name}bias_hh_l0"] = (4 * hidden,)
    return shapes


def parameter_shapes(config: NetworkConfig, vocab_size: int, num_classes: int) -> dict[str, tuple[int, ...]]:
    """Give the name and shape of every parameter of a TextLSTM without building it."""
    features = (2 if config.bidirectional else 1) * config.hidden_size * len(config.pooling)
    return encoder_shapes(config, vocab_size) | {"head.weight": (num_classes, features), "head.bias": (num_classes,)}


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
        pooled = pool(states, lengths, self.config.hidden_size, self.config.pooling).float()
        return dropout(pooled, self.config.dropout, self.training, self.random)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Give logits, [B, C], of padded ids, [T, B]."""
        return self.classify(self.embed(inputs), lengths)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the summed cross-entropy of a batch and the weight of its texts; their ratio is the mean loss."""
        inputs, lengths, targets = (torch.from_numpy(array) for array in (batch.inputs, batch.lengths, batch.targets))
        return self.loss_of(self.embed(inputs), lengths, targets), float(self.weights_of(targets).sum())

    def loss_of(self, vectors: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        """Give the summed cross-entropy of embedded texts, [T, B, E], for classes, [B], or shares of classes, [B, C].

        A text weighs what its class does: torch's own `weight` also scales the smoothed share of every other class, so
        that at 1 to 50 the rare class would be the best answer to everything.
        """
        smoothing = self.label_smoothing if targets.dim() == 1 else 0.0  # shares are soft already
        logits = self.classify(vectors, lengths)
        losses = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
        return (self.weights_of(targets) * losses).sum()

    def score(self, batch: Batch) -> tuple[float, float, float]:
        """Count what is right (higher is better), sum the plain cross-entropy, count the texts; all by class weight.

        Were the epoch chosen by plain accuracy, that choice would undo the class weights.
        """
        logits, targets = self.logits(batch), torch.from_numpy(batch.targets)
        weights = self.weights_of(targets)
        losses = functional.cross_entropy(logits, targets, reduction="none")
        right = logits.argmax(dim=1) == targets
        return float(weights[right].sum()), float((weights * losses).sum()), float(weights.sum())

    def weights_of(self, targets: Tensor) -> Tensor:
        """Give each text's weight by its class, [B]; ones where classes are not weighed."""
        if self.class_weights is None:
            return torch.ones(len(targets))
        return self.class_weights[targets] if targets.dim() == 1 else targets @ self.class_weights

    def logits(self, batch: Batch) -> Tensor:
        """Give logits, [B, C], of a Batch."""
        return self(torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths))  # type: ignore[no-any-return]
