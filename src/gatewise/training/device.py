"""Where, how finely and from which state torch computes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from gatewise.base.settings import TrainingConfig


def autocast(precision: str) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where that was chosen; weights, losses and optimiser stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def seeded(config: TrainingConfig) -> Iterator[None]:
    """Compute with the threads set and from the seed, and leave torch's threads and random state as they were."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(config.threads or threads)
            torch.manual_seed(config.seed)
            yield
        finally:
            torch.set_num_threads(threads)
