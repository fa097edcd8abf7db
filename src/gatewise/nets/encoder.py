"""Vectors to states in torch: LSTM layers of one or two directions, with their first weights; knows no task.

Everything is time first, [T, B, ...]: oneDNN's fused LSTM then copies nothing. There is no PackedSequence (it leaves
the fused path, pytorch#149194): texts are padded on the right, and the backward direction reverses each text inside
its own length, so no state ever starts in padding.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from gatewise.base.settings import NetworkConfig

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
