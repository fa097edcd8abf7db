"""Shares: identities in float64 for every form of network, and the increments, not the sums alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gatewise
from gatewise.attribution import Question, contrast, frozen
from gatewise.config import POOLINGS, NetworkConfig
from gatewise.errors import ConfigError, DataError
from gatewise.network import TextLSTM
from gatewise.tracing import follow

forms = st.fixed_dictionaries({
    "num_layers": st.integers(1, 2), "bidirectional": st.booleans(), "embedding_dim": st.integers(1, 6),
    "hidden_size": st.integers(1, 6),
    "pooling": st.lists(st.sampled_from(POOLINGS), min_size=1, unique=True).map(tuple),
})  # fmt: skip
texts = st.lists(st.integers(1, 19), min_size=1, max_size=10).map(lambda ids: np.array(ids, np.int32))


def network_of(seed: int = 0, classes: int = 3, vocab_size: int = 20, **form: object) -> TextLSTM:
    """Make a network whose biases count: at its start they are zero but for the forget gate's."""
    torch.manual_seed(seed)
    network = TextLSTM(NetworkConfig(**form), vocab_size, classes)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network.eval()


def exact_logit(question: Question) -> float:
    reading = follow(question.network, question.ids, np.float64)
    return float(question.row @ (reading.head @ reading.pooled + reading.head_bias))


def frozen_by_autograd(question: Question) -> np.ndarray:
    """Give vector times gradient in torch float64, with gates and secants detached: the definition, slowly."""
    network = question.network
    double = {name: value.detach().double() for name, value in network.named_parameters()}
    vectors = double["embedding.weight"][torch.from_numpy(question.ids).long()].requires_grad_()
    below = vectors
    for depth in range(network.config.num_layers):
        joined = []
        for direction in range(network.encoder.directions):
            name = f"encoder.lstms.{depth * network.encoder.directions + direction}."
            w_ih, w_hh, *biases = (
                double[f"{name}{part}_l0"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            bias = sum(biases).float().double()  # added in float32, as cell_weights does
            state = cell_state = torch.zeros(network.config.hidden_size, dtype=torch.float64)
            states = []
            for vector in below.flip(0) if direction else below:
                i, f, g, o = (w_ih @ vector + w_hh @ state + bias).chunk(4)
                i, f, o = torch.sigmoid(i).detach(), torch.sigmoid(f).detach(), torch.sigmoid(o).detach()
                cell_state = f * cell_state + i * (g * (torch.tanh(g) / g).detach())
                state = o * (cell_state * (torch.tanh(cell_state) / cell_state).detach())
                states.append(state)
            joined.append(torch.stack(states[::-1] if direction else states))
        below = torch.cat(joined, dim=1)
    size = network.config.hidden_size
    pooled = {"max": below.amax(0), "mean": below.mean(0), "last": torch.cat([below[-1, :size], below[0, size:]])}
    logit = torch.from_numpy(question.row) @ (
        double["head.weight"] @ torch.cat([pooled[name] for name in network.config.pooling])
    )
    logit.backward()
    return (vectors.grad * vectors).sum(1).detach().numpy()


@given(form=forms, ids=texts, seed=st.integers(0, 99))
def test_attribution_frozen_shares_are_vector_times_gradient_of_the_frozen_network(form, ids, seed):
    question = Question(network_of(seed, **form), ids, contrast(1, 3))
    shares, bias = frozen(question)
    np.testing.assert_allclose(shares, frozen_by_autograd(question), atol=1e-12)
    assert shares.sum() + bias == pytest.approx(exact_logit(question), abs=1e-12)


@pytest.mark.parametrize(
    "text", ["a good warm story", "dull", "never heard words", "good " * 5000, "很好 שלום \x07 😀"]
)
def test_attribution_explains_the_models_logit(tiny_model, text):
    found = gatewise.explain(tiny_model, text)
    logits = tiny_model.logits([text])[0]
    assert found.logit == pytest.approx(abs(logits[1] - logits[0]))
    assert found.bias + found.contributions.sum() + found.residual == pytest.approx(found.logit, abs=1e-12)
    assert abs(found.residual) < 1e-4
    assert found.label == tiny_model.predict([text])[0]
    assert found.probability == pytest.approx(1 / (1 + np.exp(-found.logit / tiny_model.temperature)))
    other = gatewise.explain(tiny_model, text, target=1 - found.target)
    np.testing.assert_allclose(other.contributions, -found.contributions, atol=1e-12)


def test_attribution_finds_the_word_that_decides(tiny_model):
    found = gatewise.explain(tiny_model, "the film was awful with a story")
    assert found.label == "neg" and found.tokens[int(found.contributions.argmax())] == "awful"


def test_attribution_refuses_what_it_cannot_explain(tiny_model):
    with pytest.raises(ConfigError, match="no method 'magic'; choose one of frozen, "):
        gatewise.explain(tiny_model, "good", method="magic")
    with pytest.raises(ConfigError, match="no class 2; the model's classes are 0 to 1"):
        gatewise.explain(tiny_model, "good", target=2)
    with pytest.raises(DataError, match="empty"):
        gatewise.explain(tiny_model, " ")
