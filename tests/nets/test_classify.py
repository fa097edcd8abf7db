"""The network's promises: padding and company never matter, noise is as described, shapes are known in advance."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.nets.classify import TextLSTM, pool
from gatewise.nets.encoder import Encoder, dropout, initialise, reverse_within_length
from gatewise.runtime.batches import Batch, collate, gather
from gatewise.runtime.shapes import parameter_shapes
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID

FORMS = [(layers, bidirectional) for layers in (1, 2) for bidirectional in (False, True)]
QUIET = {"word_dropout": 0.0, "embedding_dropout": 0.0, "dropout": 0.0}
ragged = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def network_of(classes: int = 3, **values) -> TextLSTM:
    return TextLSTM(NetworkConfig(**({"embedding_dim": 6, "hidden_size": 5} | values)), 30, classes)


def batch_of(lengths, *, extra: int = 0, classes: int = 3, seed: int = 0) -> Batch:
    """Make random texts; the padding is what batching gives, and `extra` more rows of it."""
    random = np.random.default_rng(seed)
    inputs = np.full((max(lengths) + extra, len(lengths)), PAD_ID)
    for column, length in enumerate(lengths):
        inputs[:length, column] = random.integers(1, 30, length)
    targets = random.integers(0, classes, len(lengths))
    return Batch(inputs, np.array(lengths), targets, np.arange(len(lengths)))


@given(ragged, st.integers(1, 4), st.integers(0, 3))
def test_network_reverse_is_its_own_inverse_and_equals_a_slow_loop(lengths, size, extra):
    vectors = torch.randn(max(lengths) + extra, len(lengths), size)
    found = reverse_within_length(vectors, torch.tensor(lengths))
    expected = vectors.clone()
    for text, length in enumerate(lengths):
        for place in range(length):
            expected[place, text] = vectors[length - 1 - place, text]
    assert torch.equal(found, expected)
    assert torch.equal(reverse_within_length(found, torch.tensor(lengths)), vectors)


def test_network_reverse_has_the_right_gradient():
    vectors = torch.randn(6, 4, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 1, 3, 4])
    assert torch.autograd.gradcheck(lambda x: reverse_within_length(x, lengths), (vectors,))
    weights = torch.randn(6, 4, 3, dtype=torch.float64)
    (reverse_within_length(vectors, lengths) * weights).sum().backward()
    assert torch.equal(vectors.grad, reverse_within_length(weights, lengths))


@given(ragged, st.integers(1, 2), st.permutations(POOLINGS), st.integers(1, 3), st.integers(0, 2))
def test_network_pool_equals_a_slow_loop(lengths, directions, order, count, extra):
    hidden, poolings = 3, order[:count]
    states = torch.randn(max(lengths) + extra, len(lengths), directions * hidden)
    found = pool(states, torch.tensor(lengths), hidden, poolings)
    for text, length in enumerate(lengths):
        real = states[:length, text]
        parts = {
            "max": torch.stack([real[:, unit].max() for unit in range(directions * hidden)]),
            "mean": sum(real[place] for place in range(length)) / length,
            "last": torch.cat([real[length - 1, :hidden], real[0, hidden:]]),
        }
        torch.testing.assert_close(found[text], torch.cat([parts[name] for name in poolings]))


def gates(tensor: torch.Tensor) -> list[torch.Tensor]:
    return list(tensor.detach().chunk(4))


@pytest.mark.parametrize("forget_bias", [1.0, 0.0, -2.5])
def test_network_forget_gate_begins_open(forget_bias):
    for lstm in Encoder(NetworkConfig(embedding_dim=6, hidden_size=5, forget_bias=forget_bias)).lstms:
        total = gates(lstm.bias_ih_l0 + lstm.bias_hh_l0)
        assert [set(bias.tolist()) for bias in total] == [{0.0}, {forget_bias}, {0.0}, {0.0}]


@pytest.mark.parametrize("horizon", [2, 3, 100, 1_000_000])
def test_network_chrono_biases_span_the_horizon(horizon):
    encoder = Encoder(NetworkConfig(embedding_dim=3, hidden_size=400, chrono_horizon=horizon, num_layers=2))
    for lstm in encoder.lstms:
        input_bias, forget_bias, candidate, output = gates(lstm.bias_ih_l0 + lstm.bias_hh_l0)
        assert torch.equal(input_bias, -forget_bias)
        assert not candidate.any() and not output.any()
        assert forget_bias.min() >= 0 and forget_bias.max() <= math.log(max(horizon - 1, 1.001))
        if horizon >= 100:  # exp(bias) is uniform on 1..horizon-1
            spread = forget_bias.exp() / (horizon - 1)
            assert spread.mean() == pytest.approx(0.5, abs=0.06) and spread.std() == pytest.approx(0.289, abs=0.04)


def test_network_recurrent_blocks_are_orthogonal_and_inputs_bounded():
    lstm = nn.LSTM(4, 7)
    initialise(lstm, NetworkConfig(embedding_dim=4, hidden_size=7))
    for block in gates(lstm.weight_hh_l0):
        torch.testing.assert_close(block @ block.T, torch.eye(7), atol=1e-5, rtol=0)
    for block in gates(lstm.weight_ih_l0):
        assert 0 < block.abs().max() <= math.sqrt(6 / (4 + 7))  # Xavier's bound for one gate, not for four stacked


def test_network_dropout_mask_is_constant_over_time_and_differs_between_texts():
    vectors = torch.ones(11, 40, 50)
    noisy = dropout(vectors, 0.3, True, None, over_time=True)
    assert torch.equal(noisy, noisy[:1].expand_as(noisy))
    kept = noisy[0] != 0
    assert kept.float().mean() == pytest.approx(0.7, abs=0.03)
    torch.testing.assert_close(noisy[0][kept], torch.full((int(kept.sum()),), 1 / 0.7))
    assert len({tuple(row.tolist()) for row in kept}) == 40
    for share, training in ((0.3, False), (0.0, True)):
        assert torch.equal(dropout(vectors, share, training, None, over_time=True), vectors)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_network_word_dropout_hides_whole_words_at_its_rate(share):
    network = network_of(**(QUIET | {"word_dropout": share})).train()
    inputs = torch.randint(2, 30, (200, 100))
    inputs[150:, ::2] = PAD_ID
    vectors = network.embed(inputs)
    unknown = (vectors == network.embedding.weight[UNKNOWN_ID]).all(dim=2)
    real = inputs != PAD_ID
    assert not unknown[~real].any()  # padding stays padding
    assert unknown[real].float().mean() == pytest.approx(share, abs=0.01)
    kept = real & ~unknown
    assert torch.equal(vectors[kept], network.embedding(inputs[kept]))
    assert torch.equal(network.eval().embed(inputs), network.embedding(inputs))


def test_network_is_noisy_only_while_training():
    network, batch = network_of(), batch_of([5, 9, 2])
    network.train()
    assert not torch.equal(network.logits(batch), network.logits(batch))
    network.eval()
    assert torch.equal(network.logits(batch), network.logits(batch))


@given(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.permutations(POOLINGS),
    st.integers(1, 3), st.integers(2, 9), st.integers(2, 5),
)  # fmt: skip
def test_network_parameter_shapes_are_known_in_advance(embedding, hidden, layers, both, order, count, vocab, classes):
    config = NetworkConfig(
        embedding_dim=embedding, hidden_size=hidden, num_layers=layers, bidirectional=both, pooling=tuple(order[:count])
    )
    real = {name: tuple(tensor.shape) for name, tensor in TextLSTM(config, vocab, classes).state_dict().items()}
    assert parameter_shapes(config, vocab, classes) == real


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize("training", [False, True])
def test_network_runs_on_the_fused_lstm(training):
    network, batch = network_of(num_layers=2).train(training), batch_of([9, 4, 12])
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        if training:
            network.loss(batch)[0].backward()
        else:
            with torch.inference_mode():
                network.logits(batch)
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts.get("aten::mkldnn_rnn_layer") == 4  # one call a layer and direction, not one a token
    assert counts.get("aten::linear", 0) <= 1  # the head
    assert "aten::lstm_cell" not in counts


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_network_loss_is_the_smoothed_and_weighted_cross_entropy(smoothing, weighted):
    network, batch = network_of(**QUIET), batch_of([5, 2, 7, 1, 3])
    network.label_smoothing = smoothing
    network.class_weights = torch.tensor([0.5, 1.0, 3.0]) if weighted else None
    total, weight = network.loss(batch)
    logits, targets = network.logits(batch), torch.from_numpy(batch.targets)
    shares = torch.full((5, 3), smoothing / 3)
    shares[torch.arange(5), targets] += 1 - smoothing
    each = network.class_weights[targets] if weighted else torch.ones(5)
    by_hand = -(each * (shares * logits.log_softmax(dim=1)).sum(dim=1)).sum() / each.sum()
    torch.testing.assert_close(total / weight, by_hand)
    if not (weighted and smoothing):  # torch's formula differs where both are used
        torchs = functional.cross_entropy(logits, targets, network.class_weights, label_smoothing=smoothing)
        torch.testing.assert_close(total / weight, torchs)


def test_network_loss_of_a_common_class_is_least_for_its_own_label():
    network = network_of(classes=2, **QUIET)
    network.label_smoothing, network.class_weights = 0.05, torch.tensor([0.51, 27.0])  # 1 to 50
    batch = batch_of([3], classes=1)
    losses = []
    for bias in (-2.0, 0.0, 2.0):  # of the common class
        with torch.no_grad():
            network.head.weight.zero_()
            network.head.bias.copy_(torch.tensor([bias, 0.0]))
        losses.append(network.loss(batch)[0].item())
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize("weights", [None, [1.0, 5.0, 9.0]])
def test_network_score_follows_the_class_weights_and_ignores_smoothing(weights):
    network, batch = network_of().eval(), batch_of([5, 2, 7, 1, 3])
    network.label_smoothing, network.class_weights = 0.2, weights and torch.tensor(weights)
    with torch.no_grad():
        points, loss, count = network.score(batch)
        logits = network.logits(batch).numpy().astype(np.float64)
    each = np.array(weights or [1.0, 1.0, 1.0])[batch.targets]
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert (points, count) == (each[logits.argmax(axis=1) == batch.targets].sum(), each.sum())
    assert loss == pytest.approx(-(each * logs[np.arange(5), batch.targets]).sum(), rel=1e-5)


def test_network_padding_vector_stays_zero_while_it_learns():
    network = network_of().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    before = network.embedding.weight.clone()
    for seed in range(5):
        optimizer.zero_grad()
        network.loss(batch_of([3, 9, 1], seed=seed))[0].backward()
        optimizer.step()
    assert not network.embedding.weight[PAD_ID].any()
    assert not torch.equal(network.embedding.weight, before)


def test_network_reads_in_bfloat16_and_decides_in_float32_under_autocast():
    network, batch = network_of().eval(), batch_of([5, 2])
    read = []
    network.encoder.register_forward_hook(lambda encoder, inputs, states: read.append(states.dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        vectors, lengths = network.embed(torch.from_numpy(batch.inputs)), torch.from_numpy(batch.lengths)
        logits = network.classify(vectors, lengths)
    assert read == [torch.bfloat16]
    assert logits.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(logits, network.logits(batch), atol=0.02, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_network_maximum_has_the_gradient_of_amax_ties_and_padding_included(dtype):
    torch.manual_seed(0)
    states = (4 * torch.randn(7, 3, 5)).round().div(4).to(dtype)  # coarse: many ties
    lengths, weights = torch.tensor([7, 4, 1]), torch.randn(3, 5).to(dtype)
    padded = (torch.arange(7).unsqueeze(1) >= lengths).unsqueeze(2)
    found = []
    for largest in (
        lambda given: pool(given, lengths, 5, ["max"]),
        lambda given: given.masked_fill(padded, -math.inf).amax(dim=0),
    ):
        leaf = states.clone().requires_grad_()
        pooled = largest(leaf)
        (pooled * weights).sum().backward()
        found.append((pooled.detach(), leaf.grad))
    torch.testing.assert_close(found[0], found[1])
    assert found[0][1][:, 0].count_nonzero() > 5  # there were ties


def test_network_takes_shares_of_classes_as_targets():
    network = network_of(**QUIET).train()
    network.class_weights = torch.tensor([0.5, 1.0, 2.0])
    batch = batch_of([6, 4, 4, 1])
    shares = np.eye(3, dtype=np.float32)[batch.targets]
    hard, soft = network.loss(batch), network.loss(Batch(batch.inputs, batch.lengths, shares, batch.rows))
    assert soft[0].item() == pytest.approx(hard[0].item(), rel=1e-5) and soft[1] == pytest.approx(hard[1])
    even = Batch(batch.inputs, batch.lengths, np.full((4, 3), 1 / 3, dtype=np.float32), batch.rows)
    logs = torch.log_softmax(network.logits(batch), dim=1).mean(dim=1)
    assert network.loss(even)[0].item() == pytest.approx(float(-(3.5 / 3) * logs.sum().detach()), rel=1e-5)


def test_network_groups_hold_every_parameter_once_from_the_head_down():
    network = network_of(num_layers=2)
    groups = network.parameter_groups()
    assert [len(group) for group in groups] == [2, 8, 8, 1]
    assert groups[0][0] is network.head.weight and groups[-1][0] is network.embedding.weight
    assert groups[1][0] is network.encoder.layers()[1][0].weight_ih_l0
    assert {id(p) for group in groups for p in group} == {id(p) for p in network.parameters()}


def test_a_text_of_weight_two_counts_in_loss_and_score_as_two_copies_do():
    network = TextLSTM(
        NetworkConfig(embedding_dim=6, hidden_size=5, word_dropout=0, embedding_dropout=0, dropout=0), 20, 3
    )
    network.label_smoothing = 0.1
    texts = gather([[np.array([3, 4, 5]), np.array([6, 7]), np.array([8])]], [0, 1, 2], 20)
    weighed = dataclasses.replace(texts, weights=np.array([2, 1, 3], dtype=np.float32))
    network.requires_grad_(False)
    for network.class_weights in (None, torch.tensor([0.5, 2.0, 1.0])):
        for shares in (False, True):
            one, many = (
                collate(
                    dataclasses.replace(part, targets=np.eye(3, dtype=np.float32)[part.targets]) if shares else part,
                    rows,
                )
                for part, rows in ((weighed, np.arange(3)), (texts, np.array([0, 0, 1, 2, 2, 2])))
            )
            (loss, weight), (expected, count) = (network.loss(batch) for batch in (one, many))
            assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and weight == pytest.approx(count)
            if not shares:
                assert network.eval().score(one) == pytest.approx(network.score(many), rel=1e-5)
