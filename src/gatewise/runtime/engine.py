"""A network and any number of encoded texts to answers: batches on all cores, by NumPy or whatever multiplies faster.

Texts of near-equal length share a batch. One text is one batch, and starts no thread.
"""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core, one_thread
from gatewise.runtime.batches import Rows, Sequences, cut
from gatewise.runtime.network import Floats, Network, Ready, by_numpy, logits_from, pooled

BATCH_TEXTS, BATCH_TOKENS = 128, 32_768
LAYERED_TOKENS = 8_192  # in a batch of several layers, whose states lie between them
MUCH, MUCH_MORE = 4e9, 2e11  # multiplications from which another engine is tried: one that is loaded, or is yet to be


def logits_of(network: Network, sequences: Sequences, *, fast: bool = False) -> npt.NDArray[np.float64]:
    """Give a network's logits for encoded texts, [N, C], in their order.

    A text's answer is the same to 1e-5 in any company and by any engine. `fast` allows bfloat16 products where torch
    is installed and there is much to do: a logit may then move by 0.03.
    """
    return logits_from(network, pooled_of(network, sequences, fast=fast))


def pooled_of(network: Network, sequences: Sequences, *, fast: bool = False) -> Floats:
    """Give what a network's head sees of encoded texts, [N, P], in their order."""
    features = np.empty((len(sequences), network.head.shape[1]), np.float32)
    lengths = sequences.lengths
    longest_first = np.argsort(-lengths, kind="stable")
    tokens = BATCH_TOKENS if len(network.layers) == 1 else LAYERED_TOKENS
    batches = cut(longest_first, lengths, tokens, BATCH_TEXTS)

    def answer(rows: Rows, ready: Ready) -> None:
        features[rows] = pooled(network, sequences.select(rows).steps, lengths[rows], ready)

    with ExitStack() as stack:
        ready: Ready = by_numpy
        if len(batches) > 2 and _much(network, int(lengths.sum())):  # late and by name: nets does not lie below runtime
            other = stack.enter_context(import_module("gatewise.nets.products").by_torch(fast))
            ready = _faster(other, lengths, [batches.pop(), batches.pop()], answer)  # the shortest texts
        each_on_a_core(lambda rows: answer(rows, ready), batches)
    return features


def _much(network: Network, tokens: int) -> bool:
    """Say whether there is so much to do that another engine, where there is one, is worth trying."""
    weights = sum(cell.input.size + cell.recurrent.size for directions in network.layers for cell in directions)
    loaded = "torch" in sys.modules
    return tokens * weights > (MUCH if loaded else MUCH_MORE) and (loaded or find_spec("torch") is not None)


def _faster(other: Ready, lengths: Rows, batches: list[Rows], answer: Callable[[Rows, Ready], None]) -> Ready:
    """Answer two batches, one by NumPy and one by the other engine, and give the one that took less for a token."""
    seconds = []
    for rows, ready in zip(batches, (by_numpy, other), strict=True):
        started = time.perf_counter()
        with one_thread():
            answer(rows, ready)
        seconds.append((time.perf_counter() - started) / float(lengths[rows].sum()))
    return other if seconds[1] < seconds[0] else by_numpy
