"""Where, how finely and from which state torch computes."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from gatewise.base.cores import one_thread
from gatewise.base.settings import TrainingConfig

_TURN = threading.RLock()


def autocast(precision: str) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where that was chosen; weights, losses and optimiser stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def seeded(config: TrainingConfig) -> Iterator[None]:
    """Compute with the threads set and from the seed, and leave torch's threads and random state as they were.

    Both belong to the whole process, so another thread that trains waits here until this one is done. NumPy's products
    use one thread meanwhile, as they do wherever a model answers: what another thread asks of a model moves no bit.
    """
    with _TURN:
        threads = torch.get_num_threads()
        with one_thread(), torch.random.fork_rng(devices=[]):
            try:
                torch.set_num_threads(config.threads or threads)
                torch.manual_seed(config.seed)
                yield
            finally:
                torch.set_num_threads(threads)
