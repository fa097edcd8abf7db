"""What the loop, the workers and the probes ask of a network: the type they name, which every task's module is."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from gatewise.base.figure import Figure
from gatewise.runtime.batches import Batch


class Learner(Protocol):
    """A network that can be trained: what a task says of it, and what every nn.Module has."""

    random: torch.Generator | None  # draws all its noise; None is torch's own

    def parameter_groups(self) -> list[list[nn.Parameter]]: ...  # from the output down
    def loss(self, batch: Batch) -> tuple[Tensor, float]: ...  # a sum, and the weight that makes it a mean
    def score(self, batch: Batch) -> tuple[float, float, float]: ...  # points, more are better; sum of losses; count
    def figure(self, score: float) -> Figure: ...  # how points / count are shown

    def parameters(self) -> Iterator[nn.Parameter]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
    def train(self) -> Self: ...
    def eval(self) -> Self: ...
    def zero_grad(self) -> None: ...
