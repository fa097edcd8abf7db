"""How far back does the last state still feel its inputs? |dh_T/dx_t| / |dh_T/dx_T| by distance T - t.

Measured exactly, by one backward pass per unit of the last state, on the latch's sequences: before training and after.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gatewise.lab.races import TASKS, TITLES, Memory, Plan, build, one_thread, try_task

SEQUENCES = 4  # over which each ratio is averaged, as a geometric mean
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Flow:
    """How strongly inputs reach the last state, by distance: ratios[0] is the last step's, ratios[-1] the first's."""

    network: str
    seed: int
    trained: bool
    solved: bool  # the latch, in training; False before it
    ratios: tuple[float, ...]


def input_gradients(network: Memory, vectors: Tensor) -> Tensor:
    """Give the Frobenius norms of dh_T/dx_t, [T, B], for sequences [T, B, 2], in float64: they may be very small."""
    layer = copy.deepcopy(network.layer).double()
    batch, hidden_size = vectors.shape[1], layer.hidden_size
    inputs = vectors.double().repeat_interleave(hidden_size, dim=1).requires_grad_()  # a copy for each unit
    last = layer(inputs)[0][-1].view(batch, hidden_size, hidden_size)
    last.diagonal(dim1=1, dim2=2).sum().backward()
    assert inputs.grad is not None
    norms: Tensor = inputs.grad.view(len(vectors), batch, -1).norm(dim=2)
    return norms


def ratios(network: Memory, vectors: Tensor) -> tuple[float, ...]:
    """Give |dh_T/dx_t| / |dh_T/dx_T| by distance, the geometric mean over sequences."""
    norms = input_gradients(network, vectors).clamp_min(TINY)
    return tuple((norms / norms[-1]).log().mean(dim=1).exp().flip(0).tolist())


def before_training(name: str, length: int, seed: int) -> Flow:
    """Measure a network as it starts."""
    vectors, _ = TASKS["latch"].make(length, SEQUENCES, torch.Generator().manual_seed(1000 + seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(name, length)
    return Flow(name, seed, False, False, ratios(network, vectors))


def flows(
    *, length: int = 50, networks: Sequence[str] = tuple(TITLES), seeds: Sequence[int] = (1, 2, 3),
    learning_rate: float = 0.003, limit: int | None = None,
) -> Iterator[Flow]:  # fmt: skip
    """Measure each network with each seed before and after training on the latch, giving each Flow as it is known.

    Raises ConfigError, at once, for what cannot be run.
    """
    return _flows(length, Plan((("latch", length),), tuple(networks), (learning_rate,), tuple(seeds), limit))


def _flows(length: int, plan: Plan) -> Iterator[Flow]:
    limit = plan.limit or TASKS["latch"].limit
    with one_thread():
        for seed in plan.seeds:
            vectors, _ = TASKS["latch"].make(length, SEQUENCES, torch.Generator().manual_seed(1000 + seed))
            for name in plan.networks:
                yield before_training(name, length, seed)
                trained, run = try_task(
                    "latch", length, name, learning_rate=plan.learning_rates[0], seed=seed, limit=limit
                )
                yield Flow(name, seed, True, run.solved, ratios(trained, vectors))


def median_ratios(found: Sequence[Flow], name: str, trained: bool) -> tuple[float, ...]:
    """Give a network's median over seeds at each distance."""
    own = [flow.ratios for flow in found if (flow.network, flow.trained) == (name, trained)]
    return tuple(np.median(own, axis=0).tolist())


def conclusion(found: Sequence[Flow]) -> str:
    """Say in one sentence how much of the first step reaches the last, at worst and at best, before and after."""
    names = list(dict.fromkeys(flow.network for flow in found))
    length = len(found[0].ratios)
    clauses = []
    for trained, when in ((False, "at initialisation"), (True, "after training on the latch")):
        left = {name: median_ratios(found, name, trained)[-1] for name in names}
        best, worst = max(left, key=left.__getitem__), min(left, key=left.__getitem__)
        clauses.append(
            f"{when} {left[worst]:.0e} ({TITLES[worst]}) to {left[best]:.2g} ({TITLES[best]}) times the last step's"
        )
    return f"The gradient of the first of {length} steps is {'; '.join(clauses)}."
