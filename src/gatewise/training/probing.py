"""How to compute here: the precision, and what the cores share, each by a short probe on a corner of real text."""

import copy
import time
from collections.abc import Callable

import numpy as np
import torch

from gatewise.base.settings import TrainingConfig
from gatewise.runtime.batches import Batch, Sequences, collate
from gatewise.training.device import autocast
from gatewise.training.learner import Learner
from gatewise.training.workers import Workers

WORDS, MORE_WORDS = 64, 128  # of each text; with fewer, threads seem faster for small networks than they are
TRIES = 3  # of each way at least
GAIN = 0.9  # the other way must take at most this share of the plain one's time


def choose_precision(network: Learner, train_set: Sequences, config: TrainingConfig, seconds: float = 0.5) -> str:
    """Give the precision set, or bfloat16 where it is clearly faster than float32."""
    if config.precision != "auto":
        return config.precision
    corner, probed = corner_of(train_set, config, WORDS), copy.deepcopy(network).train()

    def step(precision: str) -> None:
        with autocast(precision):
            total, _ = probed.loss(corner)
        torch.autograd.backward(total)

    return faster("float32", "bfloat16", step, seconds)


def choose_sharing(
    network: Learner, train_set: Sequences, config: TrainingConfig, precision: str, seconds: float = 0.5
) -> str:
    """Give what the cores share as set, or operations where torch's threads are clearly faster than a worker a core."""
    threads = torch.get_num_threads()
    if config.sharing != "auto" or threads == 1:
        return "texts" if config.sharing == "auto" else config.sharing
    corner, random = corner_of(train_set, config, MORE_WORDS), torch.get_rng_state()
    teams = {"texts": Workers(copy.deepcopy(network).train(), threads)}
    teams["operations"] = Workers(copy.deepcopy(network).train(), 1)
    torch.set_rng_state(random)

    def step(sharing: str) -> None:
        torch.set_num_threads(threads if sharing == "operations" else 1)
        teams[sharing].gradients(corner, precision)

    try:
        return faster("texts", "operations", step, seconds)
    finally:
        torch.set_num_threads(threads)
        teams["texts"].close()


def corner_of(train_set: Sequences, config: TrainingConfig, words: int) -> Batch:
    """Cut the beginnings of the longest texts, as many as a batch of average texts holds."""
    texts = min(config.batch_texts, max(1, int(config.batch_tokens / train_set.lengths.mean())))
    whole = collate(train_set, np.argsort(-train_set.lengths, kind="stable")[:texts])
    targets = whole.targets[:words] if whole.per == "step" else whole.targets
    return Batch(whole.inputs[:words], np.minimum(whole.lengths, words), targets, whole.rows, whole.per)


def faster(plain: str, other: str, step: Callable[[str], None], seconds: float) -> str:
    """Try two ways in turn and give the faster; the other way must be so clearly, and raise no RuntimeError.

    Torch's random state stays as it is.
    """
    times: dict[str, list[float]] = {plain: [], other: []}
    random = torch.get_rng_state()
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end or len(times[other]) < TRIES:
            for way, taken in times.items():
                started = time.perf_counter()
                step(way)
                taken.append(time.perf_counter() - started)
    except RuntimeError:  # some CPUs have no bfloat16 LSTM
        if way == plain:
            raise
        return plain
    finally:
        torch.set_rng_state(random)
    return other if min(times[other]) < GAIN * min(times[plain]) else plain
