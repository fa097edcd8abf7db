"""One batch on several cores: copies of a network that share its weights, a thread and a share of the texts each.

Threads inside one operation, torch's own way, must wait for each other some hundred times a step, at every word the
LSTM reads; another busy process then slows training several times. Workers wait once a step. Their gradients are summed
in a fixed order and each has a random generator of its own, so the same number of workers gives the same bits.
"""

import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from gatewise.runtime.batches import Batch, share_out
from gatewise.training.device import autocast
from gatewise.training.learner import Learner

Item = TypeVar("Item")
Result = TypeVar("Result")
AnyLearner = TypeVar("AnyLearner", bound=Learner)


class Workers:
    """A network and its copies; with one worker, the network alone."""

    def __init__(self, network: Learner, count: int) -> None:
        self.networks = [network, *(sharing_weights(network) for _ in range(count - 1))]
        self.pool = ThreadPoolExecutor(count) if count > 1 else None
        if count > 1:
            for worker in self.networks:
                worker.random = torch.Generator().manual_seed(int(torch.randint(2**62, ())))

    def gradients(self, batch: Batch, precision: str) -> tuple[float, float]:
        """Leave the gradient of a batch's mean loss in the parameters; give the summed loss and its weight."""
        shares = share_out(batch, len(self.networks))

        def work(place: int) -> tuple[float, float]:
            network = self.networks[place]
            network.zero_grad()
            with autocast(precision):
                total, weight = network.loss(shares[place])
            torch.autograd.backward(total)
            return float(total.detach()), weight

        done = self.map(work, range(len(shares)))
        weight = sum(weight for _, weight in done)
        parameters = [list(network.parameters()) for network in self.networks[: len(shares)]]
        for together in zip(*parameters, strict=True):
            gradients = [parameter.grad for parameter in together if parameter.grad is not None]
            if gradients:
                for gradient in gradients[1:]:
                    gradients[0] += gradient
                together[0].grad = gradients[0].div_(weight)
        return sum(total for total, _ in done), weight

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to items, a thread for each worker; give the results in order."""
        return list(self.pool.map(function, items)) if self.pool else [function(item) for item in items]

    def random_states(self) -> list[Tensor]:
        """Give the states of the workers' generators, none where there is one worker."""
        return [worker.random.get_state() for worker in self.networks if worker.random]

    def restore(self, states: list[Tensor]) -> None:
        """Set the workers' generators to earlier states; where their number has changed, leave them as they are."""
        if len(states) == len(self.random_states()):
            for worker, state in zip(self.networks, states, strict=False):
                if worker.random:
                    worker.random.set_state(state)

    def close(self) -> None:
        """End the threads."""
        if self.pool:
            self.pool.shutdown()
        self.networks[0].random = None


def sharing_weights(network: AnyLearner) -> AnyLearner:
    """Copy a network whose parameters are the same memory and whose gradients are not."""
    twin = copy.deepcopy(network)
    for mine, theirs in zip(twin.parameters(), network.parameters(), strict=True):
        mine.data = theirs.data
    return twin
