"""The clearly faster way is taken, an impossible one never, and a probe leaves no trace."""

import copy

import numpy as np
import pytest
import torch

from gatewise.base.settings import NetworkConfig, TrainingConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Sequences, offsets_of
from gatewise.training import probing
from gatewise.training.probing import choose_precision, choose_sharing, corner_of, faster


@pytest.fixture
def network():
    return TextLSTM(NetworkConfig(embedding_dim=6, hidden_size=4), 20, 2)


@pytest.fixture
def texts():
    lengths = np.array([70, 3, 90, 10, 5, 100])
    return Sequences(np.arange(lengths.sum()) % 18 + 2, offsets_of(lengths), np.array([0, 1] * 3))


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that only `step` moves."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(probing, "time", clock)
    return clock


@pytest.mark.parametrize(("seconds", "expected"), [((1.0, 0.8), "b"), ((1.0, 0.95), "a"), ((1.0, 1.0), "a")])
def test_probing_takes_the_other_way_only_where_it_is_clearly_faster(clock, seconds, expected):
    tried = []

    def step(way):
        tried.append(way)
        late = 5 if len(tried) < 3 else 0  # the first of each is slow, as first steps are
        clock.now += late + seconds["ab".index(way)]

    assert faster("a", "b", step, seconds=20.0) == expected
    assert tried[:4] == ["a", "b", "a", "b"] and clock.now >= 20


def test_probing_tries_each_way_three_times_however_short_the_time():
    tried = []
    faster("a", "b", tried.append, seconds=0.0)
    assert tried == ["a", "b"] * 3


def test_probing_never_takes_a_way_that_is_impossible_here():
    def step(way):
        torch.rand(3)
        if way == "b":
            raise RuntimeError("not implemented for 'BFloat16'")

    state = torch.get_rng_state()
    assert faster("a", "b", step, seconds=0.01) == "a"
    assert torch.equal(torch.get_rng_state(), state)


def test_probing_hides_no_fault_of_the_plain_way():
    def step(way):
        raise RuntimeError(f"{way} is broken")

    with pytest.raises(RuntimeError, match="a is broken"):
        faster("a", "b", step, seconds=0.01)


@pytest.mark.parametrize("threads", [1, 2])
def test_probing_leaves_no_trace(network, texts, threads):
    torch.set_num_threads(threads)
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    precision = choose_precision(network, texts, TrainingConfig(), seconds=0.01)
    sharing = choose_sharing(network, texts, TrainingConfig(), precision, seconds=0.01)
    assert precision in ("float32", "bfloat16") and sharing in ("texts", "operations")
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters()) and network.random is None


def test_probing_compares_a_worker_a_core_with_all_threads_in_one(network, texts, monkeypatch):
    torch.set_num_threads(2)
    met = []

    def watched(plain, other, step, seconds):
        for way in (plain, other):
            step(way)
            met.append((way, torch.get_num_threads()))
        return other

    monkeypatch.setattr(probing, "faster", watched)
    assert choose_sharing(network, texts, TrainingConfig(), "float32") == "operations"
    assert met == [("texts", 1), ("operations", 2)] and torch.get_num_threads() == 2


@pytest.mark.parametrize("sharing", ["texts", "operations"])
def test_probing_takes_what_was_set(network, texts, sharing):
    torch.set_num_threads(2)
    assert choose_sharing(network, texts, TrainingConfig(sharing=sharing), "float32") == sharing
    for precision in ("float32", "bfloat16"):
        assert choose_precision(network, texts, TrainingConfig(precision=precision)) == precision


def test_probing_of_one_thread_has_nothing_to_choose(network, texts, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(probing, "faster", None)  # would raise
    assert choose_sharing(network, texts, TrainingConfig(), "float32") == "texts"


@pytest.mark.parametrize(("limits", "expected"), [({"batch_texts": 2}, 2), ({"batch_tokens": 140}, 3), ({}, 6)])
def test_probing_reads_the_beginnings_of_as_many_texts_as_a_batch_holds(texts, limits, expected):
    corner = corner_of(texts, TrainingConfig(**limits), 64)
    assert corner.inputs.shape == (64, expected) and corner.lengths.max() == 64
    assert corner.rows[0] == 5 and corner.targets[0] == 1  # the longest
