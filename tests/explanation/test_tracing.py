"""The trace against torch and the reference cell, for every form of network; beginnings against each one's answer."""

import dataclasses
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gatewise
from gatewise.base.errors import DataError
from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.explanation.tracing import Change, Reading, beginnings, encode, read, read_encoded, read_near, running
from gatewise.nets.classify import TextLSTM, arrays_of, module_of
from gatewise.runtime import cell
from gatewise.runtime.batches import gather
from gatewise.runtime.cell import Trace
from gatewise.runtime.classifier import Model
from gatewise.runtime.network import Network
from gatewise.runtime.tokenizer import Encoding

forms = st.fixed_dictionaries({
    "num_layers": st.integers(1, 2), "bidirectional": st.booleans(), "embedding_dim": st.integers(1, 6),
    "hidden_size": st.integers(1, 6),
    "pooling": st.lists(st.sampled_from(POOLINGS), min_size=1, unique=True).map(tuple),
})  # fmt: skip
texts_of_ids = st.lists(st.integers(1, 19), min_size=1, max_size=12)


def network_of(seed: int = 0, classes: int = 3, vocab_size: int = 20, **form: Any) -> Network:
    """Make a network whose biases count: at its start they are zero but for the forget gate's."""
    torch.manual_seed(seed)
    module = TextLSTM(NetworkConfig(**form), vocab_size, classes)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return arrays_of(module)


def reading_of(network: Network, ids: list[int], dtype: type[np.floating] = np.float64) -> Reading:
    """Read bare ids by a network of which nobody knows what its classes and words are."""
    model = Model(cast(Any, None), network, tuple(range(network.classes)))
    return read_encoded(model, Change("", Encoding(np.array(ids, np.int32), [], [])), dtype)


@given(form=forms, ids=texts_of_ids, seed=st.integers(0, 99))
def test_tracing_equals_torch_in_every_form(form, ids, seed):
    network = network_of(seed, **form)
    reading, module = reading_of(network, ids, np.float32), module_of(network)
    with torch.no_grad():
        vectors, lengths = module.embed(torch.tensor(ids).unsqueeze(1)), torch.tensor([len(ids)])
        states = module.encoder(vectors, lengths)[:, 0].numpy()
        logits = module.classify(vectors, lengths)[0].numpy()
    np.testing.assert_allclose(reading.states, states, atol=1e-5)
    np.testing.assert_allclose(reading.network_logits, logits, atol=1e-5)
    assert reading.states.dtype == np.float32


@given(form=forms, texts=st.lists(texts_of_ids, min_size=1, max_size=4))
def test_tracing_of_several_texts_together_is_the_reference_cells_of_each(form, texts):
    network = network_of(**form)
    weights = [[cell.CellWeights(*(getattr(own, name).astype(np.float64) for name in own.__slots__)) for own in row]
               for row in network.layers]  # fmt: skip
    ids = [np.array(text, np.int32) for text in texts]
    for text, traces in zip(ids, encode(network.embedding, weights, ids, [()] * len(ids)), strict=True):
        expected = cell.encode(network.embedding.rows(text).astype(np.float64), weights)
        for row, own in zip(traces, expected, strict=True):
            for trace, reference in zip(row, own, strict=True):
                for name in Trace.__slots__:
                    np.testing.assert_allclose(getattr(trace, name), getattr(reference, name), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("text", ["A good, warm story!", "dull", "good " * 50, "很好 😀 שלום <br> \x07 unheard"])
def test_tracing_gives_what_the_model_says(tiny_model, tiny_pair, spelt_pair, text):
    for model in (tiny_model, tiny_pair, spelt_pair):
        traced = gatewise.trace(model, text)
        np.testing.assert_allclose(traced.logits, model.logits([text])[0], atol=1e-5)
        np.testing.assert_allclose(traced.network_logits, model.network_logits([text])[0], atol=1e-5)
        np.testing.assert_allclose(traced.probabilities, model.probabilities([text])[0], atol=1e-5)
        np.testing.assert_allclose(read(model, text).logits, model.logits([text])[0], atol=1e-6, rtol=1e-6)
        np.testing.assert_allclose(running(read(model, text)).logits[-1], model.logits([text])[0], atol=1e-5)
    assert len(traced.tokens) == len(traced.offsets) == len(traced.ids) == len(traced.vectors) <= 32
    assert [text[start:end] for start, end in traced.offsets] == traced.tokens
    assert {trace.states.shape for row in traced.layers for trace in row} == {(len(traced.ids), 8)}
    assert {trace.states.dtype for row in traced.layers for trace in row} == {np.dtype(np.float32)}


@pytest.mark.parametrize("pair", ["tiny_pair", "spelt_pair"])
def test_tracing_a_text_near_another_is_read_as_it_is_alone(pair, request):
    tiny_pair = request.getfixturevalue(pair)
    reading = read(tiny_pair, "a good film with a dull ending")
    others = ["a film with a dull ending", "superb", "a good film with a dull ending and music"]
    changes = [Change(text, tiny_pair.tokenizer.encode(text)) for text in others]
    for near, text in zip(read_near(reading, changes), others, strict=True):
        alone = read(tiny_pair, text)
        assert (near.text, near.tokens, near.offsets) == (text, alone.tokens, alone.offsets)
        for name in ("vectors", "pooled", "network_logits", "logits", "probabilities", "states"):
            np.testing.assert_allclose(getattr(near, name), getattr(alone, name), atol=1e-12, err_msg=name)


def test_tracing_rounded_is_the_same_in_float32(tiny_model):
    reading = read(tiny_model, "a good film")
    rounded = reading.rounded()
    assert rounded.states.dtype == rounded.vectors.dtype == rounded.weights[0][0].input.dtype == np.float32
    np.testing.assert_allclose(rounded.states, reading.states, atol=1e-7)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_tracing_refuses_an_empty_text(tiny_model, text):
    with pytest.raises(DataError, match="empty; give at least one word"):
        gatewise.trace(tiny_model, text)


@given(form=forms, ids=texts_of_ids)
def test_tracing_running_is_the_answer_to_each_beginning(tiny_pair, form, ids):
    model = dataclasses.replace(tiny_pair, network=network_of(classes=2, **form))
    said = running(read_encoded(model, Change("", Encoding(np.array(ids, np.int32), [], []))))
    assert said.lengths.tolist() == list(range(1, len(ids) + 1))
    for length, logits in zip(said.lengths, said.logits, strict=True):
        alone = sum(part[0] for part in model.parts(gather([[np.array(ids[:length], np.int32)]], None, 20)))
        np.testing.assert_allclose(logits, alone, atol=1e-5)


def test_tracing_running_reads_the_pieces_of_each_beginning(spelt_pair):
    text, network = "A good,dull  unheard! Dullest ending", spelt_pair.network
    config = dataclasses.replace(network.config, bidirectional=False)
    layers, head = [row[:1] for row in network.layers], np.ascontiguousarray(network.head[:, ::2])
    one_way = dataclasses.replace(network, config=config, layers=layers, head=head)
    for model in (spelt_pair, dataclasses.replace(spelt_pair, network=one_way)):
        reading = read(model, text)
        said = running(reading)
        begun = [text[: reading.offsets[length - 1][1]] for length in said.lengths]
        np.testing.assert_allclose(said.logits, model.logits(begun), atol=1e-5)


def test_tracing_running_asks_a_long_text_at_some_places_and_its_end(tiny_model):
    reading = reading_of(tiny_model.network, [1] * 30)
    said = running(reading, prefixes=7)
    assert said.lengths.tolist() == [1, 6, 11, 16, 20, 25, 30]
    np.testing.assert_allclose(said.logits, running(reading).logits[said.lengths - 1], atol=1e-5)
    one_way = reading_of(network_of(bidirectional=False, num_layers=2), [1] * 30)
    assert running(one_way, prefixes=7).lengths.tolist() == list(range(1, 31))
    assert beginnings(one_way.model, one_way.ids) == []  # one run has told it all


def test_tracing_one_text_starts_no_thread(tiny_model, monkeypatch):
    monkeypatch.setattr("gatewise.base.cores.cores", lambda: 4)
    monkeypatch.setattr("gatewise.base.cores.ThreadPoolExecutor", lambda *_: pytest.fail("a thread was started"))
    for look in (gatewise.trace, gatewise.explain):
        look(tiny_model, "a good film")
    reading = read(tiny_model, "a good film")
    with pytest.raises(pytest.fail.Exception, match="thread was started"):  # several texts are shared out
        read_near(reading, [Change("", reading.encoded), Change("", reading.encoded)])
