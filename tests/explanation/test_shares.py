"""Shares add up, each increment is right and not only the sum, and every method asks what it says it asks."""

import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given
from hypothesis import strategies as st
from tests.explanation.test_tracing import forms, network_of, reading_of

import gatewise
from gatewise.base.errors import ConfigError, DataError, ModelError
from gatewise.explanation import shares as module
from gatewise.explanation.gradients import gradients
from gatewise.explanation.shares import METHODS, contrast, explain
from gatewise.explanation.tracing import Reading
from gatewise.nets.classify import module_of, pool
from gatewise.runtime.cell import Trace
from gatewise.runtime.tokenizer import UNKNOWN_ID

EXACT = ("frozen", "gamma", "beta")
ROW = contrast(1, 3)
ids_of = st.lists(st.integers(1, 19), min_size=1, max_size=10)


def asked(form, ids, seed=0) -> Reading:
    return reading_of(network_of(seed, **form), ids)


def answer(reading: Reading) -> float:
    return float(ROW @ reading.network_logits)


@pytest.mark.parametrize("method", EXACT)
@given(form=forms, ids=ids_of, seed=st.integers(0, 20))
def test_attribution_exact_methods_sum_to_the_answer_in_every_form(method, form, ids, seed):
    reading = asked(form, ids, seed)
    shares, bias = METHODS[method](reading, ROW)
    assert shares.shape == (len(ids),)
    assert shares.sum() + bias == pytest.approx(answer(reading), abs=1e-6)  # the head's float32 is in both


@given(form=forms, ids=ids_of)
def test_attribution_frozen_is_the_gradient_of_a_network_whose_gates_are_held(form, ids):
    """Write the frozen network out in torch and let autograd find each token's share."""
    reading = asked(form, ids)
    vectors = torch.tensor(reading.vectors, requires_grad=True)
    below = vectors
    for directions, traces in zip(reading.weights, reading.layers, strict=True):
        outs = []
        for step, weights, trace in zip((1, -1), directions, traces, strict=False):
            size = trace.states.shape[1]
            held = {name: torch.tensor(getattr(trace, name)[::step].copy()) for name in Trace.__slots__}
            state = cells = torch.zeros(size, dtype=torch.float64)
            rows, order = [], range(len(ids)) if step == 1 else range(len(ids) - 1, -1, -1)
            for t, place in enumerate(order):
                z = (
                    torch.tensor(weights.input[2 * size : 3 * size]) @ below[place]
                    + torch.tensor(weights.recurrent[2 * size : 3 * size]) @ state
                    + torch.tensor(weights.bias[2 * size : 3 * size])
                )
                cells = (
                    held["forget_gate"][t] * cells
                    + held["input_gate"][t] * held["candidate"][t] / held["candidate_sum"][t] * z
                )
                state = held["output_gate"][t] * torch.tanh(held["cell_states"][t]) / held["cell_states"][t] * cells
                rows.append(state)
            outs.append(torch.stack(rows[::step]))
        below = torch.cat(outs, dim=1)
    to_states = torch.tensor(module.read_weights(reading, ROW @ reading.model.network.head))
    (gradient,) = torch.autograd.grad((below * to_states).sum(), vectors)
    shares, _ = METHODS["frozen"](reading, ROW)
    assert shares == pytest.approx((gradient * vectors).sum(1).detach().numpy(), rel=1e-6, abs=1e-9)


def test_attribution_gamma_keeps_a_write_by_the_later_forget_gates_alone():
    """f = (., .5, .5): of the first write a quarter is left, of the second a half, of the third all."""
    ones, half = np.ones((3, 1)), np.full((3, 1), 0.5)
    tiny = np.full((3, 1), 1e-9)  # tanh is straight there, so the arithmetic is plain
    trace = Trace(ones, half, tiny, ones, np.cumsum(tiny, axis=0), tiny, tiny)
    kept = module._kept_writes(trace, np.array([[0.0], [0.0], [1.0]]))
    assert (kept[:, 0] / 1e-9).tolist() == pytest.approx([0.25, 0.5, 1.0], rel=1e-6)


@given(ids=ids_of)
def test_attribution_gamma_increments_are_those_of_the_cell(ids):
    """(prod of later f) * c_j grows by just token j's kept write: a sum that closes does not prove that."""
    reading = asked({"embedding_dim": 4, "hidden_size": 5, "bidirectional": False, "pooling": ("last",)}, ids)
    trace = reading.layers[0][0]
    later = np.ones_like(trace.forget_gate)
    for j in range(len(ids) - 2, -1, -1):
        later[j] = later[j + 1] * trace.forget_gate[j + 1]
    increments = np.diff(later * trace.cell_states, axis=0, prepend=np.zeros((1, 5)))
    read = module.read_weights(reading, ROW @ reading.model.network.head)[-1]
    ratio = trace.output_gate[-1] * np.tanh(trace.cell_states[-1]) / trace.cell_states[-1]
    assert METHODS["gamma"](reading, ROW)[0] == pytest.approx(increments @ (read * ratio), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("pooling", [("mean",), ("last",), ("max", "mean")])
def test_attribution_integrated_gradients_agree_with_captum(pooling):
    form = {"embedding_dim": 5, "hidden_size": 4, "bidirectional": True, "num_layers": 2, "pooling": pooling}
    reading = asked(form, [3, 5, 7, 11, 2, 9])
    network, vectors = module_of(reading.model.network), torch.from_numpy(reading.vectors).float().unsqueeze(0)

    def forward(embedded):
        texts = embedded.transpose(0, 1)
        return network.classify(texts, torch.full((texts.shape[1],), len(texts))).double() @ torch.from_numpy(ROW)

    theirs = IntegratedGradients(forward).attribute(vectors, n_steps=50, method="riemann_middle").sum(2)[0].detach()
    mine, start = METHODS["integrated-gradients"](reading, ROW)
    assert mine == pytest.approx(theirs.double().numpy(), rel=1e-3, abs=1e-5)
    assert start == pytest.approx(float(forward(torch.zeros_like(vectors)).detach()), abs=1e-5)


@given(form=forms, ids=ids_of)
def test_attribution_leave_one_out_is_the_fall_without_each_token(form, ids):
    reading = asked(form, ids)
    shares, _ = METHODS["leave-one-out"](reading, ROW)
    for place, share in enumerate(shares):
        rest = [*ids[:place], *ids[place + 1 :]] or [1]
        assert share == pytest.approx(answer(reading) - answer(asked(form, rest)), abs=1e-5)


@given(form=forms, ids=ids_of)
def test_attribution_gradient_times_input_is_the_slope_along_each_vector(form, ids):
    reading = asked(form, ids)
    shares, _ = METHODS["gradient-times-input"](reading, ROW)
    network, vectors = module_of(reading.model.network).double(), torch.from_numpy(reading.vectors).unsqueeze(1)
    for place in range(len(ids)):
        ends = []
        for step in (-1e-5, 1e-5):
            moved = vectors.clone()
            moved[place] *= 1 + step
            with torch.no_grad():
                states = network.encoder(moved, torch.tensor([len(ids)]))
                pooled = pool(states, torch.tensor([len(ids)]), network.config.hidden_size, network.config.pooling)
                ends.append(float(network.head(pooled)[0].numpy() @ ROW))
        assert shares[place] == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-2, abs=1e-4)


@given(form=forms, ids=ids_of, lengths=st.lists(st.floats(0, 1.5), min_size=1, max_size=3))
def test_attribution_gradients_by_hand_are_torchs(form, ids, lengths):
    reading = asked(form, ids)
    weights = np.arange(1, len(lengths) + 1) / 2
    network, expected, answers = module_of(reading.model.network).double(), np.zeros(reading.vectors.shape), []
    for length, weight in zip(lengths, weights, strict=True):
        vectors = (torch.from_numpy(reading.vectors) * length).unsqueeze(1).requires_grad_()
        states = network.encoder(vectors, torch.tensor([len(ids)]))
        pooled = pool(states, torch.tensor([len(ids)]), network.config.hidden_size, network.config.pooling)
        said = network.head(pooled)[0] @ torch.from_numpy(ROW)
        said.backward()
        expected += weight * vectors.grad[:, 0].numpy()
        answers.append(float(said.detach()))
    slopes, mine = gradients(reading, ROW, np.array(lengths), weights)
    assert mine == pytest.approx(answers, abs=1e-5)
    if min(lengths) > 0 or "max" not in form["pooling"]:  # of zeros all states may be the highest
        assert slopes == pytest.approx(expected, abs=1e-4)


def test_attribution_gradients_in_several_batches_are_those_of_one(monkeypatch):
    reading = asked({"embedding_dim": 4, "hidden_size": 5}, [3, 5, 7])
    whole = METHODS["integrated-gradients"](reading, ROW)
    monkeypatch.setattr("gatewise.explanation.gradients.ROWS_AT_ONCE", 20)
    parts = METHODS["integrated-gradients"](reading, ROW)
    assert parts[0] == pytest.approx(whole[0], abs=1e-6) and parts[1] == pytest.approx(whole[1], abs=1e-6)


def test_attribution_random_knows_nothing_but_is_the_same_again():
    first, second = (METHODS["random"](asked({"embedding_dim": 3, "hidden_size": 3}, [4, 5, 6]), ROW) for _ in range(2))
    assert np.array_equal(first[0], second[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "text", ["A good, warm story!", "dull", "zonk quux", "good " * 50, "很好 😀 שלום <b> \x07 unheard"]
)
def test_attribution_explains_any_text(tiny_model, tiny_pair, method, text):
    for model in (tiny_model, tiny_pair):
        found = explain(model, text, method=method)
        assert found.contributions.sum() + found.bias + found.residual == pytest.approx(found.logit, abs=1e-9)
        assert found.tokens == gatewise.trace(model, text).tokens and len(found.contributions) == len(found.tokens)
        assert found.label == model.predict([text])[0] and found.logit >= 0
        assert found.probability == pytest.approx(1 / (1 + np.exp(-found.logit / model.temperature)), abs=1e-5)
        if method in EXACT:
            assert abs(found.residual) < 1e-4


@pytest.mark.parametrize("pair", ["tiny_pair", "spelt_pair"])
@pytest.mark.parametrize("text", ["a good film with a dull ending", "Goood,good! unheard 很好 ΣΑΣ (dullest)"])
def test_attribution_holds_the_companions_exact_shares(pair, text, request):
    tiny_pair = request.getfixturevalue(pair)
    found = explain(tiny_pair, text)
    network = explain(dataclasses.replace(tiny_pair, companion=None), text, target=found.target)
    assert np.abs(found.companion_contributions).max() > 0
    assert found.contributions - found.companion_contributions == pytest.approx(network.contributions, abs=1e-9)
    companion = found.companion_contributions.sum() + found.bias - network.bias
    row = contrast(found.target, 2)
    assert companion == pytest.approx(
        row @ (tiny_pair.logits([text])[0] - tiny_pair.network_logits([text])[0]), abs=1e-5
    )
    exact = row @ tiny_pair.companion_part(tiny_pair.encode([text]))[0]
    assert companion == pytest.approx(exact, abs=1e-9)


def test_attribution_gives_an_unknown_word_the_share_of_its_pieces(tiny_pair, spelt_pair):
    text = "goood film dulll"
    assert explain(tiny_pair, text).ids[[0, 2]].tolist() == [UNKNOWN_ID, UNKNOWN_ID]
    found = explain(spelt_pair, text, target="pos").companion_contributions
    assert found[0] > 0.1 and found[2] < -0.1


def test_attribution_of_the_other_class_is_the_negative(tiny_model):
    for target in (0, 1):
        assert explain(tiny_model, "a good film", target=target).label == tiny_model.labels[target]
    both = [explain(tiny_model, "a good film", target=target).contributions for target in (0, 1)]
    assert both[0] == pytest.approx(-both[1])


def test_attribution_explanation_in_lines_and_as_plain_values(tiny_model):
    found = explain(tiny_model, "a good film with a dull ending and music and a good story of his cast")
    lines, plain = found.lines(), found.as_dict()
    assert f"{found.label}   probability {found.probability:.4f}" in lines[0]
    assert len(lines) == 1 + module.STRONGEST + 4
    strongest = int(np.abs(found.contributions).argmax())
    assert f"{found.tokens[strongest]}  (token {strongest})" in lines[1] and "#" * 24 in lines[1]
    sizes = np.sort(np.abs(found.contributions))[::-1]
    assert [line.count("#") for line in lines[1:5]] == [max(1, round(24 * size / sizes[0])) for size in sizes[:4]]
    shown = sum(float(line.split()[0]) for line in lines[1:-1])
    assert shown == pytest.approx(float(lines[-1].split()[0]), abs=1e-3)
    assert plain["contributions"] == found.contributions.tolist() and plain["label"] == found.label


def test_attribution_refuses_in_one_sentence(tiny_model):
    with pytest.raises(ConfigError, match=r"no method 'magic'; choose one of frozen, gamma"):
        explain(tiny_model, "good", method="magic")
    with pytest.raises(ConfigError, match="no class 2; the model's classes are 0 to 1"):
        explain(tiny_model, "good", target=2)
    with pytest.raises(DataError, match="empty"):
        explain(tiny_model, " ")


def test_shares_that_are_no_numbers_are_an_error(tiny_model, monkeypatch):
    nothing = {**METHODS, "frozen": lambda reading, row: (np.full(len(reading.ids), np.nan), 0.0)}
    monkeypatch.setattr(module, "METHODS", nothing)
    with pytest.raises(ModelError, match="The method frozen gives no numbers for this text with this model; choose"):
        explain(tiny_model, "a good film")


def test_shares_of_a_class_by_its_label(tiny_model):
    labelled = dataclasses.replace(tiny_model, labels=(7, "pos"))
    for target, place in (("7", 0), ("pos", 1), (0, 0), (np.int64(1), 1)):
        explanation = explain(labelled, "a good film", target=target)
        assert (explanation.target, explanation.label) == (place, labelled.labels[place])
        assert gatewise.phrase(labelled, "a good film", 0, 2, target=target) == gatewise.phrase(
            labelled, "a good film", 0, 2, target=place
        )
    for ask in (explain, lambda model, text, target: gatewise.phrase(model, text, 0, 1, target=target)):
        with pytest.raises(ConfigError, match=r"^There is no class 'positive'; the model's classes are 7, pos\.$"):
            ask(labelled, "a good film", target="positive")
        with pytest.raises(ConfigError, match=r"^There is no class 7; the model's classes are 0 to 1\.$"):
            ask(labelled, "a good film", target=7)
