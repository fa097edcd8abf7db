"""Ablations: the loop reads as the network does, a replacement does what it says, and costs are counted in pairs."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from gatewise.base.errors import DataError
from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.data.part import Dataset, from_lists
from gatewise.lab import gates
from gatewise.lab.gates import (
    Ablation,
    Cost,
    GateReport,
    TellingUnit,
    ablate,
    ablations,
    change_by,
    conclusion,
    cost,
    half_lives,
    read_batch,
    right_and_verdicts,
    sample,
    survey,
    telling_units,
    two_samples,
    unchanged,
)
from gatewise.nets.classify import TextLSTM, arrays_of, module_of
from gatewise.runtime.batches import Sequences, collate
from gatewise.runtime.cell import encode

SHAPES = [(layers, both, pooling) for layers in (1, 2) for both in (False, True)
          for pooling in (("last",), ("mean",), ("max",), POOLINGS)]  # fmt: skip


def network_of(layers: int = 1, both: bool = True, pooling: tuple[str, ...] = ("max", "mean")) -> TextLSTM:
    torch.manual_seed(1)
    config = NetworkConfig(embedding_dim=6, hidden_size=5, num_layers=layers, bidirectional=both, pooling=pooling)
    network = TextLSTM(config, 30, 2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)  # far from the start, where every gate is half open
    return network


def texts_of(lengths=(7, 1, 4, 9, 3)) -> Sequences:
    random = np.random.default_rng(0)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Sequences(random.integers(2, 30, starts[-1]).astype(np.uint16), starts, np.arange(len(lengths)) % 2)


def logits(network: TextLSTM, ablation: Ablation, texts: Sequences) -> torch.Tensor:
    means, _ = survey(network, texts)
    with torch.no_grad():
        return read_batch(network, collate(texts, np.arange(len(texts))), change_by(ablation, network, means))[0]


@pytest.mark.parametrize(("layers", "both", "pooling"), SHAPES)
def test_lab_gates_the_loop_equals_the_network(layers, both, pooling):
    network, texts = network_of(layers, both, pooling), texts_of()
    with torch.no_grad():
        expected = network.logits(collate(texts, np.arange(len(texts))))
    torch.testing.assert_close(logits(network, Ablation("nothing"), texts), expected, atol=1e-4, rtol=0)


def test_lab_gates_the_loop_equals_a_trained_network(tiny_model, english):
    texts = tiny_model.encode(english[0])
    batch = collate(texts, np.arange(len(texts)))
    with torch.no_grad():
        found = read_batch(module_of(tiny_model.network), batch, lambda layer, direction: unchanged)[0]
    np.testing.assert_allclose(found, tiny_model.network_logits(english[0]), atol=1e-4)


@pytest.mark.parametrize("gate", gates.GATES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_lab_gates_a_constant_gate_is_a_gate_with_a_huge_bias(gate, value):
    network, texts = network_of(2), texts_of()
    found = logits(network, Ablation("", (gate,), value), texts)
    rows = slice(*{"input_gate": (0, 5), "forget_gate": (5, 10), "output_gate": (15, 20)}[gate])
    with torch.no_grad():
        for lstm in network.encoder.lstms:
            lstm.weight_ih_l0[rows] = lstm.weight_hh_l0[rows] = 0
            lstm.bias_ih_l0[rows] = 1000 * (value - 0.5)
            lstm.bias_hh_l0[rows] = 0
        expected = network.logits(collate(texts, np.arange(len(texts))))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_lab_gates_every_replacement_changes_the_logits():
    network, texts = network_of(2), texts_of()
    before = logits(network, Ablation("nothing"), texts)
    tried = ablations([TellingUnit(unit, 0.9) for unit in (7, 2, 0, 9)])
    assert len({ablation.name for ablation in tried}) == len(tried) == 12
    assert [ablation.kind for ablation in tried] == ["constant"] * 4 + ["mean"] * 3 + ["means"] + ["unit"] * 3 + [
        "units"
    ]
    for ablation in tried:
        assert (logits(network, ablation, texts) - before).abs().max() > 1e-3, ablation.name


@pytest.mark.parametrize("unit", [1, 6])
def test_lab_gates_a_clamped_unit_of_either_direction_is_at_its_mean_at_every_step(unit):
    network, texts = network_of(), texts_of()
    means, pooled = survey(network, texts)
    batch = collate(texts, np.arange(len(texts)))
    with torch.no_grad():
        _, after = read_batch(network, batch, change_by(Ablation("", units=(unit,)), network, means))
    mean = means[0][unit // 5]["states"][unit % 5]
    for block in (0, 10):  # max and mean pooling
        torch.testing.assert_close(after[:, block + unit], mean.expand(len(texts)))
    others = [place for place in range(5) if place != unit % 5]  # of the same direction: they hear of it
    offset = 5 * (unit // 5)
    assert not np.allclose(after[:, [offset + place for place in others]], pooled[:, [offset + p for p in others]])
    untouched = [5 - offset + place for place in range(5)]  # of the other one: they do not
    np.testing.assert_allclose(after[:, untouched], pooled[:, untouched], atol=1e-6)


def test_lab_gates_survey_equals_the_cell():
    network, texts = network_of(2), texts_of()
    means, pooled = survey(network, texts)
    traces = []
    for start, end in zip(texts.starts[:-1], texts.starts[1:], strict=True):
        vectors = network.embedding.weight.detach().numpy()[texts.steps[start:end].astype(int)]
        traces.append(encode(vectors, arrays_of(network).layers))
    for layer in range(2):
        for direction in range(2):
            own = [trace[layer][direction] for trace in traces]
            for name in (*gates.GATES, "states"):
                expected = np.concatenate([getattr(trace, name) for trace in own]).mean(axis=0)
                np.testing.assert_allclose(means[layer][direction][name], expected, atol=1e-5)
            logs = np.log(np.concatenate([trace.forget_gate for trace in own])).mean(axis=0)
            np.testing.assert_allclose(half_lives(means)[layer][direction], np.log(0.5) / logs, rtol=1e-3)
    largest = np.stack([np.concatenate([one.states.max(axis=0) for one in trace[1]]) for trace in traces])
    np.testing.assert_allclose(pooled[:, :10], largest, atol=1e-5)


def test_lab_gates_half_lives_stay_finite_where_nothing_is_forgotten():
    (((shut, half, open_),),) = half_lives([[{"log_forget": torch.tensor([-50.0, np.log(0.5), 0.0])}]])
    assert 0 < shut < 0.02 and half == pytest.approx(1) and 1e5 < open_ < 1e6


@pytest.mark.parametrize("classes", [2, 3])
def test_lab_gates_telling_units_are_those_of_the_best_auc(classes):
    random = np.random.default_rng(0)
    targets = np.arange(90) % classes
    network = network_of()
    pooled = random.normal(size=(90, 20)).round(1)  # with ties
    pooled[:, 13] -= 2.0 * (targets == 1)  # unit 3, in the second pooling
    found = telling_units(network, pooled, targets)
    assert found[0].unit == 3 and sorted(one.unit for one in found) == list(range(10))
    for one in found:
        aucs = [roc_auc_score(targets == c, pooled[:, [one.unit, one.unit + 10]][:, k]) for c in range(classes)
                for k in range(2)]  # fmt: skip
        assert one.auc == pytest.approx(0.5 + max(abs(auc - 0.5) for auc in aucs))


def test_lab_gates_cost_is_paired():
    before = np.array([True] * 80 + [False] * 20), np.zeros(100, int)
    same = cost(Ablation("x", units=(1,)), before, before)
    assert (same.lost, same.low, same.high, same.changed, same.kind) == (0, 0, 0, 0, "unit")
    after = np.array([False] * 10 + [True] * 75 + [False] * 15), np.array([1] * 10 + [0] * 70 + [1] * 5 + [0] * 15)
    found = cost(Ablation("y", ("forget_gate",)), before, after)
    assert found.accuracy == pytest.approx(0.75) and found.lost == pytest.approx(5) and found.changed == 0.15
    drawn = np.random.default_rng(1).choice(before[0].astype(int) - after[0].astype(int), (20_000, 100)).mean(axis=1)
    assert [found.low, found.high] == pytest.approx(100 * np.quantile(drawn, [0.025, 0.975]), abs=1.01)
    assert found.low < 0 < found.high


def test_lab_gates_ablate_measures_a_trained_model(tiny_model, english):
    data = Dataset("x", from_lists(*english, name="tiny train"), test=from_lists(*english, name="tiny"))
    names = []
    found = ablate(tiny_model, data, texts=150, mean_texts=60, progress=names.append)
    assert names == ["means", *(one.name for one in found.costs)]
    assert (found.data, found.texts, found.mean_data, found.mean_texts) == ("tiny", 150, "tiny train", 60)
    assert found.accuracy > 0.9
    by_name = {one.name: one for one in found.costs}
    assert all(one.low <= one.lost <= one.high for one in found.costs)
    assert by_name["f = 1"].accuracy == pytest.approx(found.accuracy - by_name["f = 1"].lost / 100)
    assert len(found.half_lives) == 1 and [len(own) for own in found.half_lives[0]] == [8, 8]
    assert found == ablate(tiny_model, data, texts=150, mean_texts=60)
    assert conclusion(found).endswith(" tokens or less.")


def test_lab_gates_the_companion_is_left_out(tiny_model, english):
    part = from_lists(*english)
    with_one = ablate(tiny_model, Dataset("x", part, test=from_lists(*english)), texts=20, mean_texts=20)
    without = dataclasses.replace(tiny_model, companion=None, companion_weight=0.0)
    alone = ablate(without, Dataset("x", part, test=from_lists(*english)), texts=20, mean_texts=20)
    assert not alone.companion_left_out
    assert dataclasses.replace(with_one, companion_left_out=False) == alone
    assert with_one.companion_left_out == (tiny_model.companion is not None)


def test_lab_gates_ablation_restores_nothing_because_it_changes_nothing(tiny_model, english):
    network = module_of(tiny_model.network)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    texts = dataclasses.replace(tiny_model.encode(english[0][:20]), targets=np.arange(20) % 2)
    means, _ = survey(network, texts)
    right_and_verdicts(network, texts, Ablation("", ("forget_gate",), 0.0), means)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_lab_gates_samples_are_drawn_evenly(tiny_model):
    numbers = from_lists(["good"] * 300 + ["bad"] * 100, ["pos"] * 300 + ["neg"] * 100)
    shares = [float(sample(numbers, 40, tiny_model, seed).targets.mean()) for seed in range(20)]
    pos = [str(label) for label in tiny_model.labels].index("pos")
    assert np.mean(shares) == pytest.approx(0.75 if pos else 0.25, abs=0.05) and len(set(shares)) > 5
    everything = sample(numbers, 1000, tiny_model, 1)
    assert len(everything) == 400
    assert np.array_equal(sample(numbers, 40, tiny_model, 3).steps, sample(numbers, 40, tiny_model, 3).steps)


@pytest.mark.parametrize(("count", "sizes"), [(200, (40, 10)), (10, (8, 2)), (2, (1, 1)), (3, (2, 1))])
def test_lab_gates_a_part_alone_is_cut_in_two(tiny_model, english, count, sizes):
    part = from_lists(english[0][:count], english[1][:count])
    measured, others = two_samples(Dataset("x", part), tiny_model, 40, 10, 1)
    assert (len(measured), len(others)) == sizes


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset("empty"), "empty has no labelled part"),
        (Dataset("x", from_lists(["a", "b"], name="mine")), "mine has no labels to compare with"),
        (Dataset("x", from_lists(["a", "b"], ["pos", "odd"], name="mine")), "label 'odd'; the model knows neg, pos"),
        (Dataset("x", from_lists(["a"], ["pos"], name="mine")), "mine holds 1 texts; give at least 2"),
    ],
)
def test_lab_gates_refuse_unusable_data(tiny_model, dataset, message):
    with pytest.raises(DataError, match=message):
        ablate(tiny_model, dataset)


def test_lab_gates_conclusion_follows_the_costs():
    costs = (
        Cost("f = 0", "constant", 0.6, 20.0, 18.0, 22.0, 0.3),
        Cost("f at its mean", "mean", 0.8, 0.25, -0.5, 1.0, 0.1),
        Cost("i at its mean", "mean", 0.79, 1.5, 0.5, 2.5, 0.1),
        Cost("i, f and o at their means", "means", 0.77, 3.0, 1.0, 5.0, 0.1),
        Cost("unit 3 at its mean", "unit", 0.8, 0.1, 0.0, 0.2, 0.1),
        Cost("the 10 most telling units at their means", "units", 0.7, 10.0, 9.0, 11.0, 0.1),
    )
    found = GateReport("x", 100, "y", 50, False, 0.8, costs, (), (((1.0, 2.0, 9.0),),))
    assert conclusion(found) == (
        "f = 0 costs most, 20.0 points (18.0 to 22.0); of the gates held at their means i costs most, 1.5, and all "
        "three together 3.0 (1.0 to 5.0); no single unit of the most telling costs more than 0.1; half of the units "
        "keep half of their cell for 2.0 tokens or less."
    )
    fair = dataclasses.replace(costs[2], lost=0.1)
    assert "f costs most, 0.2 (its interval holds 0)" in conclusion(
        dataclasses.replace(found, costs=(*costs[:2], fair, *costs[3:]))
    )


def test_gates_means_of_one_class_are_refused(tiny_model):
    one, two = from_lists(["a b"] * 20, ["neg"] * 20), from_lists(["a b", "c d"] * 5, ["neg", "pos"] * 5)
    with pytest.raises(DataError, match="The 5 texts drawn for means are of one class; draw more, with --mean-texts"):
        ablate(tiny_model, Dataset("x", one, None, two), texts=5, mean_texts=5)
