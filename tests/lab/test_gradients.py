"""Gradients by distance: exact against autograd's own Jacobian and against the product of forget gates."""

import pytest
import torch

from gatewise.base.errors import ConfigError
from gatewise.lab.gradients import Flow, conclusion, flows, input_gradients, median_ratios, ratios
from gatewise.lab.races import TITLES, build


@pytest.mark.parametrize("name", ["rnn", "irnn", "lstm-bias-1"])
def test_lab_gradients_equal_the_jacobian(name):
    network, vectors = build(name, 6, hidden_size=4), torch.randn(6, 2, 2)
    found = input_gradients(network, vectors)
    layer = network.layer.double()
    for column in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda x: layer(x)[0][-1], vectors[:, column].double())
        torch.testing.assert_close(found[:, column], jacobian.square().sum(dim=(0, 2)).sqrt())  # [H, T, 2]


def test_lab_gradients_fall_by_the_forget_gate_where_nothing_else_leads_back():
    network = build("lstm-bias-0", 30)
    with torch.no_grad():
        network.layer.weight_hh_l0.zero_()
        network.layer.weight_ih_l0[32:64] = 0
        network.layer.bias_ih_l0[32:64] = 3.0
    found = ratios(network, torch.zeros(30, 1, 2))
    forget = 1 / (1 + torch.exp(torch.tensor(-3.0, dtype=torch.float64)))
    for distance in (1, 10, 29):
        assert found[distance] == pytest.approx(float(forget) ** distance, rel=1e-6)
    assert found[0] == 1


def test_lab_gradients_before_and_after_training():
    names = ("lstm-bias-0", "lstm-chrono")
    found = list(flows(length=12, networks=names, seeds=(1,), learning_rate=0.01, limit=60))
    assert [(flow.network, flow.trained) for flow in found] == [(n, t) for n in names for t in (False, True)]
    assert all(len(flow.ratios) == 12 and flow.ratios[0] == 1 for flow in found)
    closed, chrono = (median_ratios(found, name, False)[-1] for name in names)
    assert closed < 0.01 < chrono
    assert found[3].solved and found[3].ratios != found[2].ratios
    assert found == list(flows(length=12, networks=names, seeds=(1,), learning_rate=0.01, limit=60))


def test_lab_gradients_conclusion_follows_the_flows():
    found = [Flow("gru", seed, trained, False, (1.0, ratio)) for trained in (False, True)
             for seed, ratio in ((1, 1e-9), (2, 2e-9), (3, 3e-9))]  # fmt: skip
    found += [Flow("irnn", 1, False, False, (1.0, 0.5)), Flow("irnn", 1, True, True, (1.0, 0.25))]
    assert conclusion(found) == (
        "The gradient of the first of 2 steps is at initialisation 2e-09 (GRU) to 0.5 (identity ReLU RNN) "
        "times the last step's; after training on the latch 2e-09 (GRU) to 0.25 (identity ReLU RNN) times the "
        "last step's."
    )


@pytest.mark.parametrize(
    ("values", "message"), [({"length": 2}, "no test of memory"), ({"networks": ("x",)}, "no network 'x'")]
)
def test_lab_gradients_refuse_what_cannot_be_run(values, message):
    with pytest.raises(ConfigError, match=message):
        flows(**values)


def test_lab_gradients_cover_every_network():
    found = flows(length=4, seeds=(1,), limit=1)
    assert {flow.network for flow in found} == set(TITLES)
