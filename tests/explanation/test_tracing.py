"""The trace against torch, for every form of network; prefixes against prefixes predicted one by one."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gatewise
from gatewise.base.errors import DataError
from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.explanation.tracing import follow, running
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import gather

forms = st.fixed_dictionaries({
    "num_layers": st.integers(1, 2), "bidirectional": st.booleans(), "embedding_dim": st.integers(1, 6),
    "hidden_size": st.integers(1, 6),
    "pooling": st.lists(st.sampled_from(POOLINGS), min_size=1, unique=True).map(tuple),
})  # fmt: skip


def network_of(seed: int = 0, classes: int = 3, vocab_size: int = 20, **form: object) -> TextLSTM:
    """Make a network whose biases count: at its start they are zero but for the forget gate's."""
    torch.manual_seed(seed)
    network = TextLSTM(NetworkConfig(**form), vocab_size, classes)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network.eval()


@given(form=forms, ids=st.lists(st.integers(1, 19), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_tracing_follow_equals_torch_in_every_form(form, ids, seed):
    network = network_of(seed, **form)
    reading = follow(network, np.array(ids, np.int32))
    with torch.no_grad():
        vectors, lengths = network.embed(torch.tensor(ids).unsqueeze(1)), torch.tensor([len(ids)])
        states = network.encoder(vectors, lengths)[:, 0].numpy()
        logits = network.classify(vectors, lengths)[0].numpy()
    np.testing.assert_allclose(reading.states, states, atol=1e-5)
    np.testing.assert_allclose(reading.head @ reading.pooled + reading.head_bias, logits, atol=1e-5)
    assert reading.states.dtype == np.float32


@pytest.mark.parametrize("text", ["A good, warm story!", "dull", "good " * 50, "很好 😀 שלום <br> \x07 unheard"])
def test_tracing_gives_what_the_model_says(tiny_model, tiny_pair, text):
    for model in (tiny_model, tiny_pair):
        found = gatewise.trace(model, text)
        np.testing.assert_allclose(found.logits, model.logits([text])[0], atol=1e-5)
        np.testing.assert_allclose(found.network_logits, model.network_logits([text])[0], atol=1e-5)
        np.testing.assert_allclose(found.probabilities, model.probabilities([text])[0], atol=1e-5)
        np.testing.assert_allclose(running(model, found.ids).logits[-1], model.logits([text])[0], atol=1e-5)
    assert len(found.tokens) == len(found.offsets) == len(found.ids) == len(found.vectors) <= 32
    assert [text[start:end] for start, end in found.offsets] == found.tokens
    assert {trace.states.shape for row in found.layers for trace in row} == {(len(found.ids), 8)}


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_tracing_refuses_an_empty_text(tiny_model, text):
    with pytest.raises(DataError, match="empty; give at least one word"):
        gatewise.trace(tiny_model, text)


@given(form=forms, ids=st.lists(st.integers(1, 19), min_size=1, max_size=12))
def test_tracing_running_is_the_answer_to_each_beginning(tiny_pair, form, ids):
    network = network_of(classes=2, **form)
    model = dataclasses.replace(tiny_pair, network=network)
    found = running(model, np.array(ids, np.int32))
    assert found.lengths.tolist() == list(range(1, len(ids) + 1))
    for length, logits in zip(found.lengths, found.logits, strict=True):
        beginning = gather([[np.array(ids[:length], np.int32)]], None, 20)
        alone = sum(part[0] for part in model.parts(beginning))
        np.testing.assert_allclose(logits, alone, atol=1e-5)


def test_tracing_running_asks_a_long_text_at_some_places_and_its_end(tiny_model):
    found = running(tiny_model, np.ones(30, np.int32), prefixes=7)
    assert found.lengths.tolist() == [1, 6, 11, 16, 20, 25, 30]
    everywhere = running(tiny_model, np.ones(30, np.int32))
    np.testing.assert_allclose(found.logits, everywhere.logits[found.lengths - 1], atol=1e-5)
