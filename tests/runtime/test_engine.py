"""Many texts: batches on all cores, whoever multiplies; a text's answer is its own."""

import dataclasses
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from gatewise.base import cores
from gatewise.base.settings import NetworkConfig
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.nets.products import by_torch
from gatewise.runtime import engine
from gatewise.runtime.batches import gather
from gatewise.runtime.engine import logits_of, pooled_of
from gatewise.runtime.kernel.library import NUMPY, VARIABLE
from gatewise.runtime.network import Network, by_numpy, logits_from, pooled


@pytest.fixture(autouse=True)
def numpy(monkeypatch):
    """Without the compiled engine, which has tests of its own (test_kernel.py)."""
    monkeypatch.setenv(VARIABLE, NUMPY)


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    module = TextLSTM(NetworkConfig(embedding_dim=12, hidden_size=16), 50, 3).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2)
    return arrays_of(module)


@pytest.fixture
def texts():
    random = np.random.default_rng(0)
    return gather([[random.integers(1, 50, length) for length in random.integers(1, 40, 300)]], None, 50)


def alone(network: Network, texts) -> np.ndarray:
    rows = [texts.steps[start:end] for start, end in zip(texts.starts[:-1], texts.starts[1:], strict=True)]
    return logits_from(network, np.concatenate([pooled(network, row, np.array([len(row)])) for row in rows]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_engine_answers_each_text_in_its_place(network, texts, monkeypatch, count):
    monkeypatch.setattr(cores, "cores", lambda: count)
    np.testing.assert_allclose(logits_of(network, texts), alone(network, texts), atol=1e-5)
    assert pooled_of(network, texts).shape == (300, 64)
    assert logits_of(network, texts.select(np.arange(0))).shape == (0, 3)


@pytest.mark.parametrize(("fast", "near"), [(False, 1e-5), (True, 0.1)])
def test_engine_lets_torch_multiply_where_that_is_faster(network, texts, monkeypatch, fast, near):
    monkeypatch.setattr(engine, "MUCH", 0)
    probe = engine._faster
    monkeypatch.setattr(
        engine, "_faster", lambda other, *rest: probe(other, *rest) and other
    )  # whatever the clock says
    asked = []

    def watched(fast: bool):
        asked.append(fast)
        return by_torch(fast)

    monkeypatch.setattr("gatewise.nets.products.by_torch", watched)
    answers, expected = logits_of(network, texts, fast=fast), alone(network, texts)
    np.testing.assert_allclose(answers, expected, atol=near)
    assert asked == [fast]
    if fast:
        assert np.abs(answers - expected).max() > 1e-5  # bfloat16 was used indeed


@pytest.mark.parametrize(("slow", "used"), [("numpy", "torch"), ("torch", "numpy")])
def test_engine_takes_who_was_faster_on_the_shortest_texts(network, texts, monkeypatch, slow, used):
    monkeypatch.setattr(engine, "MUCH", 0)
    clock = iter([0.0, 999.0 if slow == "numpy" else 1.0, 0.0, 999.0 if slow == "torch" else 1.0])
    monkeypatch.setattr(engine.time, "perf_counter", lambda: next(clock))
    products = []

    def watched(ready, name):
        return lambda matrix: products.append(name) or ready(matrix)

    @contextmanager
    def torchs(fast):
        with by_torch(fast) as ready:
            yield watched(ready, "torch")

    monkeypatch.setattr(engine, "by_numpy", watched(by_numpy, "numpy"))
    monkeypatch.setattr("gatewise.nets.products.by_torch", torchs)
    np.testing.assert_allclose(logits_of(network, texts), alone(network, texts), atol=1e-5)
    products = products[1:]  # the trial
    assert products == ["numpy"] * 4 + ["torch"] * 4 + [used] * 8  # two matrices a direction; two halves, two batches


def test_engine_does_not_load_torch_for_little(network, texts, monkeypatch):
    monkeypatch.setattr(engine, "import_module", lambda name: pytest.fail("torch was loaded"))
    monkeypatch.delitem(sys.modules, "torch")
    logits_of(network, texts)


@pytest.mark.parametrize("kind", [ModuleNotFoundError, OSError])
def test_engine_does_without_torch_where_there_is_none_or_a_broken_one(network, texts, monkeypatch, kind):
    monkeypatch.setattr(engine, "MUCH_FAST", 0)
    monkeypatch.delitem(sys.modules, "torch")

    def broken(name):
        raise kind(name)

    monkeypatch.setattr(engine, "import_module", broken)
    np.testing.assert_allclose(logits_of(network, texts, fast=True), alone(network, texts), atol=1e-5)


def test_engine_one_text_starts_no_thread(network, texts, monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: 4)
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread was started"))
    logits_of(network, texts.select(np.array([5])))


def test_engine_leaves_torchs_threads_as_they_were(network):
    torch.set_num_threads(2)
    with by_torch() as ready:
        assert torch.get_num_threads() == 1
        np.testing.assert_allclose(ready(np.eye(3, 4, dtype=np.float32))(np.ones((2, 4), np.float32)), np.ones((2, 3)))
    assert torch.get_num_threads() == 2


def test_engine_several_who_multiply_at_once_leave_torchs_threads_as_they_were():
    torch.set_num_threads(2)
    first, second = by_torch(), by_torch()
    with first:
        second.__enter__()
        assert torch.get_num_threads() == 1
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 2


def test_engine_layers_take_smaller_batches(network, texts, monkeypatch):
    sizes = []
    monkeypatch.setattr(engine, "LAYERED_TOKENS", 200)
    monkeypatch.setattr(
        engine, "pooled", lambda net, ids, lengths, ready: sizes.append(ids.size) or np.zeros((len(lengths), 64))
    )
    deep = dataclasses.replace(network, layers=[*network.layers, *network.layers])
    pooled_of(deep, texts)
    assert max(sizes) <= 200 and len(sizes) > 10
