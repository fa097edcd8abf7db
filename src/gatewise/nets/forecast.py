"""Frames of a window and what is known ahead to quantiles, in torch: a recurrent layer above a base, and its loss.

At the start it says what the base says, with the spread that the base has been seen to miss by. A sequence is a window,
its steps are frames, and its targets are, side by side: the truths [h], the base [h], what is known of the steps [h K].
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.figure import Figure
from gatewise.nets.encoder import dropout
from gatewise.runtime.batches import Batch
from gatewise.runtime.cell import CellWeights, GRUWeights
from gatewise.runtime.forecaster import QUANTILES
from gatewise.runtime.forecastnet import Cell, ForecastNet, Frames, Scaling
from gatewise.runtime.windows import Floats


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network is made of."""

    cell: Cell
    bidirectional: bool
    filters: int  # of a convolution before the recurrent layer; 0 for none
    frames: Frames
    scaling: Scaling
    inputs: int  # numbers of a row
    known: int  # numbers of what is known of a step ahead
    hidden_size: int
    mixed: int  # units between state and quantiles
    dropout: float


class ForecastRNN(nn.Module):
    """Forecast quantiles of the steps after a window, all at once, from the last state."""

    def __init__(self, shape: Shape, spread: Floats) -> None:
        super().__init__()
        self.shape, self.horizon = shape, len(spread)
        self.random: torch.Generator | None = None
        width = shape.frames.width * shape.inputs
        self.filters = nn.Linear(width, shape.filters) if shape.filters else None
        kind = nn.LSTM if shape.cell == "lstm" else nn.GRU
        self.rnn = kind(shape.filters or width, shape.hidden_size, bidirectional=shape.bidirectional)
        if isinstance(self.rnn, nn.LSTM):
            with torch.no_grad():
                for name, bias in self.rnn.named_parameters():
                    if name.startswith("bias_ih"):
                        bias[shape.hidden_size : 2 * shape.hidden_size] += 1.0  # the forget gate
        self.state = nn.Linear((1 + shape.bidirectional) * shape.hidden_size, shape.mixed, bias=False)
        self.step = nn.Linear(shape.known + 1, shape.mixed, bias=False)
        self.place = nn.Parameter(torch.zeros(self.horizon, shape.mixed))
        self.out = nn.Linear(shape.mixed, len(QUANTILES), bias=False)
        nn.init.zeros_(self.out.weight)
        self.quantiles = nn.Parameter(torch.tensor(spread, dtype=torch.float32))

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """Give the parameters, which all learn at one rate."""
        return [list(self.parameters())]

    def forward(self, frames: Tensor, base: Tensor, known: Tensor) -> Tensor:
        """Give quantiles, [B, h, Q], of frames [T, B, width * inputs], a base [B, h] and known steps [B, h, K]."""
        if self.filters is not None:
            frames = functional.relu(self.filters(frames))
        _, last = self.rnn(frames)
        states = last[0] if isinstance(last, tuple) else last  # [directions, B, H]
        state = dropout(torch.cat(list(states), dim=1), self.shape.dropout, self.training, self.random)
        steps = self.step(torch.cat([known, base[..., None]], dim=2))
        hidden = torch.tanh(self.state(state)[:, None] + steps + self.place)
        found: Tensor = base[..., None] + self.quantiles + self.out(hidden)
        return found

    def answered(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Give a batch's quantiles [B, h, Q] and truths [B, h]."""
        targets = torch.from_numpy(batch.targets)
        truths, base = targets[:, : self.horizon], targets[:, self.horizon : 2 * self.horizon]
        known = targets[:, 2 * self.horizon :].reshape(len(targets), self.horizon, -1)
        return self(torch.from_numpy(batch.inputs), base, known), truths

    def losses(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the weighted sum of the quantile losses of what was measured, and its weight."""
        found, truths = self.answered(batch)
        measured = ~torch.isnan(truths)
        missed = torch.where(measured, truths, 0.0)[..., None] - found
        levels = torch.tensor(QUANTILES)
        losses = 2 * torch.maximum(levels * missed, (levels - 1) * missed).mean(dim=2)
        weights = measured.float()
        if batch.weights is not None:
            weights = weights * torch.from_numpy(batch.weights)[:, None]
        return (losses * weights).sum(), float(weights.sum())

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Give the summed loss of a batch and its weight."""
        return self.losses(batch)

    def score(self, batch: Batch) -> tuple[float, float, float]:
        """Give the negative loss, the loss and the weight."""
        total, weight = self.losses(batch)
        value = float(total.detach())
        return -value, value, weight

    def figure(self, score: float) -> Figure:
        """Say how a score is shown."""
        return Figure("quantile loss", -score, "lower")


def arrays_of(module: ForecastRNN) -> ForecastNet:
    """Hand a trained network over to the runtime, as arrays of its own."""

    def array(tensor: Tensor) -> Floats:
        return tensor.detach().double().numpy().copy()

    weights = dict(module.rnn.named_parameters())
    hidden, cells = module.shape.hidden_size, list[CellWeights | GRUWeights]()
    for ending in ("", "_reverse")[: 1 + module.shape.bidirectional]:
        wi, wh, bi, bh = (
            array(weights[f"{name}_l0{ending}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        if module.shape.cell == "lstm":
            cells.append(CellWeights(wi, wh, bi + bh))
        else:
            joined = bi + np.concatenate([bh[: 2 * hidden], np.zeros(hidden)])
            cells.append(GRUWeights(wi, wh, joined, bh[2 * hidden :]))
    filters = module.filters
    return ForecastNet(
        module.shape.frames, module.shape.scaling, None if filters is None else array(filters.weight),
        None if filters is None else array(filters.bias), tuple(cells), array(module.state.weight),
        array(module.step.weight), array(module.place), array(module.out.weight), array(module.quantiles),
    )  # fmt: skip
