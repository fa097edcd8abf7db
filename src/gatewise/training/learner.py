"""What the loop, the workers and the probes ask of a network."""

from typing import Protocol

import torch
from torch import Tensor, nn

from gatewise.runtime.batches import Batch


class Learner(Protocol):
    """What training asks of a network, beside being an nn.Module."""

    random: torch.Generator | None  # draws all its noise; None is torch's own

    def parameter_groups(self) -> list[list[nn.Parameter]]: ...  # from the output down
    def loss(self, batch: Batch) -> tuple[Tensor, float]: ...  # a sum, and the weight that makes it a mean
    def score(self, batch: Batch) -> tuple[float, float, float]: ...  # points, the sum of losses, the count
