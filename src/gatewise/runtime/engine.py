"""A network and any number of encoded texts to answers: batches on all cores, by the compiled engine if there is one.

Else NumPy answers, or torch multiplies where that is faster. Texts of near-equal length share a batch. One text is one
batch, and starts no thread.
"""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core, one_thread
from gatewise.runtime.batches import Rows, Sequences, cut
from gatewise.runtime.kernel import pooling
from gatewise.runtime.network import Floats, Network, Ready, by_numpy, logits_from, pooled

BATCH_TEXTS, BATCH_TOKENS = 128, 32_768
LAYERED_TOKENS = 8_192  # in a batch of several layers, whose states lie between them
# Multiplications from which another engine is tried: one that is loaded; one that is to be, for speed; or to be at all.
MUCH, MUCH_FAST, MUCH_MORE = 4e9, 3e10, 2e11


def logits_of(network: Network, sequences: Sequences, *, fast: bool = False) -> npt.NDArray[np.float64]:
    """Give a network's logits for encoded texts, [N, C], in their order.

    A text's answer is the same to 1e-5 in any company. Engines agree to 1e-5, and to 2e-4 on weights of 8 bits, where
    the compiled one rounds states to 15 or 16; with `fast` to 8, and a logit may move by 0.05. Where there is none,
    `fast` allows bfloat16 products if torch is installed and there is much to do; on less work it changes nothing.
    Raises ConfigError where GATEWISE_ENGINE names an engine that is not here.
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

    def compiled(rows: Rows, path: str) -> None:
        features[rows] = pooling.pooled(network, sequences.select(rows).steps, lengths[rows], path, fast=fast)

    if path := pooling.path_for(network):
        each_on_a_core(lambda rows: compiled(rows, path), batches)
        return features
    with ExitStack() as stack:
        ready: Ready = by_numpy
        other = _other(network, int(lengths.sum()), stack, fast) if len(batches) > 2 else None
        if other:
            full = batches.pop(-2)  # of the shortest texts; the last batch may be a rest of few
            ready = _faster(other, lengths, [full[::2], full[1::2]], answer)
        each_on_a_core(lambda rows: answer(rows, ready), batches)
    return features


def _other(network: Network, tokens: int, stack: ExitStack, fast: bool) -> Ready | None:
    """Give another engine, where there is one and so much to do that it is worth trying."""
    weights = sum(cell.input.size + cell.recurrent.size for directions in network.layers for cell in directions)
    loaded = sys.modules.get("torch") is not None
    if tokens * weights < (MUCH if loaded else MUCH_FAST if fast else MUCH_MORE):
        return None
    try:  # late and by name: nets does not lie below runtime
        other: Ready = stack.enter_context(import_module("gatewise.nets.products").by_torch(fast))
    except (ImportError, OSError):  # there is none, or one that is broken
        return None
    other(np.eye(8, dtype=np.float32))(np.eye(8, dtype=np.float32))  # its first product takes longer
    return other


def _faster(other: Ready, lengths: Rows, batches: list[Rows], answer: Callable[[Rows, Ready], None]) -> Ready:
    """Answer two halves of a batch, one by NumPy and one by the other engine; give the one that was faster."""
    seconds = []
    for rows, ready in zip(batches, (by_numpy, other), strict=True):
        started = time.perf_counter()
        with one_thread():
            answer(rows, ready)
        seconds.append((time.perf_counter() - started) / float(lengths[rows].sum()))
    return other if seconds[1] < seconds[0] else by_numpy
