"""The recurrent nets of a forecaster in torch: equal to their twins in NumPy, and at the start they say the base."""

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.nets.forecast import ForecastRNN, Shape, arrays_of
from gatewise.runtime.batches import Sequences, collate
from gatewise.runtime.cell import GRUWeights, gru_step
from gatewise.runtime.forecastnet import Frames, read

HORIZON, KNOWN = 12, 6


def net_of(cell="lstm", *, both=False, filters=0, seed=1):
    torch.manual_seed(seed)
    shape = Shape(cell, both, filters, Frames(5, 4, 3), "window", 3, KNOWN, 10, 7, 0.5)
    return ForecastRNN(shape, np.sort(np.random.default_rng(seed).normal(size=(HORIZON, 9)), axis=1))


def windows_of(count=6, seed=0):
    random = np.random.default_rng(seed)
    truths = random.normal(size=(count, HORIZON)).astype(np.float32)
    rest = random.normal(size=(count, HORIZON * (1 + KNOWN))).astype(np.float32)
    steps = random.normal(size=(count * 5, 12)).astype(np.float32)
    return Sequences(steps, np.arange(0, 5 * count + 1, 5), np.concatenate([truths, rest], axis=1))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("filters", [0, 8])
def test_net_answers_as_its_twin_in_numpy(cell, both, filters):
    net = net_of(cell, both=both, filters=filters).eval()
    nn.init.normal_(net.out.weight)
    nn.init.normal_(net.place)
    batch = collate(windows_of(), np.arange(6))
    found, _ = net.answered(batch)
    base = batch.targets[:, HORIZON : 2 * HORIZON].astype(float)
    known = batch.targets[:, 2 * HORIZON :].reshape(6, HORIZON, KNOWN).astype(float)
    twin = arrays_of(net).answer(batch.inputs.transpose(1, 0, 2).astype(float), known, base)
    np.testing.assert_allclose(twin, found.detach().numpy(), atol=1e-5)


def test_gru_is_that_of_torch():
    torch.manual_seed(0)
    gru, hidden = nn.GRU(3, 5), 5
    wi, wh, bi, bh = (tensor.detach().double().numpy() for tensor in gru.parameters())
    weights = GRUWeights(wi, wh, bi + np.concatenate([bh[:10], np.zeros(5)]), bh[10:])
    inputs = torch.randn(7, 2, 3)
    _, last = gru(inputs)
    np.testing.assert_allclose(read(weights, inputs.transpose(0, 1).double().numpy()), last[0].detach(), atol=1e-6)
    assert gru_step(np.zeros((2, 15)), np.zeros((2, hidden)), weights).shape == (2, hidden)


def test_net_says_at_the_start_what_the_base_does_with_its_spread():
    net, batch = net_of().eval(), collate(windows_of(), np.arange(6))
    found, truths = net.answered(batch)
    base = batch.targets[:, HORIZON : 2 * HORIZON]
    np.testing.assert_allclose(found.detach().numpy(), base[..., None] + net.quantiles.detach().numpy(), atol=1e-6)
    assert (truths.numpy() == batch.targets[:, :HORIZON]).all()


def test_loss_is_the_quantile_loss_of_what_was_measured():
    net, sequences = net_of().eval(), windows_of()
    sequences.targets[2, 3:HORIZON] = np.nan
    batch = collate(sequences, np.arange(6))
    total, weight = net.loss(batch)
    found = net.answered(batch)[0].detach().numpy()
    losses = []
    for row in range(6):
        for step in range(HORIZON):
            truth = sequences.targets[row, step]
            if not np.isnan(truth):
                missed = truth - found[row, step]
                levels = np.arange(1, 10) / 10
                losses.append(2 * np.mean([max(q * m, (q - 1) * m) for q, m in zip(levels, missed, strict=True)]))
    assert weight == len(losses) == 6 * HORIZON - 9
    assert float(total.detach()) == pytest.approx(sum(losses), rel=1e-5)
    total.backward()
    assert all(torch.isfinite(one.grad).all() for one in net.parameters() if one.grad is not None)
    points, loss, count = net.score(batch)
    assert points == -loss and count == weight and net.figure(points / count).better == "lower"


def test_windows_may_weigh_unlike():
    net, sequences = net_of().eval(), windows_of()
    weights = np.array([1, 2, 1, 1, 1, 1], dtype=np.float32)
    weighed = Sequences(sequences.steps, sequences.starts, sequences.targets, weights=weights)
    total, weight = net.loss(collate(weighed, np.arange(6)))
    plain, _ = net.loss(collate(sequences, np.arange(6)))
    second, _ = net.loss(collate(sequences, np.array([1])))
    assert float(total.detach()) == pytest.approx(float((plain + second).detach()), rel=1e-5) and weight == 7 * HORIZON
