"""Big tables of which a step touches few rows: their rate, their average and their state, row by row.

A parameter is such a table when its gradient is sparse. AdamW over all rows takes a third to a half of a step where a
network has millions of them, and the same average written out again at every step a tenth; here only what a step
touches is read. Rows learn by Adagrad (Duchi, Hazan & Singer 2011), which keeps its pace for the rare ones.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gatewise.training.learner import Learner

RATE = 30.0  # of the learning rate: Adagrad's steps shrink, AdamW's do not
SMALLEST = 1e-10


class Tables:
    """The tables of a network and of its average, by their places among its parameters."""

    def __init__(self, network: Learner, averaged: Learner) -> None:
        self.network, self.averaged = list(network.parameters()), list(averaged.parameters())
        self.sums: dict[int, Tensor] = {}  # of squared gradients
        self.marks: dict[int, Tensor] = {}  # [rows] the clock when a row's average was last right
        self.clock = 0.0  # the logarithm of what is left of the first weights in the average

    def take(self, parameters: list[nn.Parameter]) -> dict[int, Tensor]:
        """Take the sparse gradients away from parameters."""
        taken = {}
        for place, parameter in enumerate(parameters):
            if parameter.grad is not None and parameter.grad.is_sparse:
                taken[place] = parameter.grad.coalesce()
                parameter.grad = None
                if place not in self.sums:
                    self.sums[place] = torch.zeros_like(parameter.data)
                    self.marks[place] = torch.full((len(parameter),), self.clock, dtype=torch.float64)
        return taken

    @torch.no_grad()
    def step(self, gradients: Mapping[int, Tensor], learning_rate: float, decay: float) -> None:
        """Take a step, and average with that decay: whatever is not touched stays, and its average goes on later."""
        after = self.clock + math.log(max(decay, 1e-30))
        for place, gradient in gradients.items():
            table, rows, slopes = self.network[place], gradient.indices()[0], gradient.values()
            self._follow(place, rows)
            sums = self.sums[place].index_select(0, rows).addcmul_(slopes, slopes)
            self.sums[place].index_copy_(0, rows, sums)
            moved = table.index_select(0, rows)
            moved.addcdiv_(slopes, sums.sqrt_().add_(SMALLEST), value=-RATE * learning_rate)
            table.index_copy_(0, rows, moved)
            average = self.averaged[place]
            average.index_copy_(0, rows, moved.lerp_(average.index_select(0, rows), decay))
            self.marks[place].index_fill_(0, rows, after)
        self.clock = after

    @torch.no_grad()
    def settle(self) -> None:
        """Bring all averages up to now."""
        for place, marks in self.marks.items():
            self._follow(place, torch.nonzero(marks != self.clock).squeeze(1))
            marks.fill_(self.clock)

    def _follow(self, place: int, rows: Tensor) -> None:
        """Bring the average of rows that lay still up to now: it nears them as much as all steps since then say."""
        left = (self.clock - self.marks[place].index_select(0, rows)).exp_().to(self.network[place].dtype)
        here, average = (part.index_select(0, rows) for part in (self.network[place], self.averaged[place]))
        self.averaged[place].index_copy_(0, rows, torch.addcmul(here, average - here, left.unsqueeze(1)))

    def others(self) -> tuple[list[Tensor], list[Tensor]]:
        """Give the averaged network's and the network's parameters that are no tables."""
        places = [place for place in range(len(self.network)) if place not in self.sums]
        return [self.averaged[place] for place in places], [self.network[place] for place in places]

    def state(self) -> dict[str, Tensor]:
        """Give what a checkpoint needs beside the weights."""
        kept = {"clock": torch.tensor(self.clock, dtype=torch.float64)} if self.sums else {}
        for place in self.sums:
            kept |= {f"{place}.sums": self.sums[place], f"{place}.marks": self.marks[place]}
        return kept

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        for name, tensor in kept.items():
            if name == "clock":
                self.clock = float(tensor)
                continue
            place, part = name.split(".")
            getattr(self, part)[int(place)] = tensor.clone()
