"""Texts that share what they can are answered as each is alone, with gates held or not, and none is read twice."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.explanation.test_tracing import forms, network_of, texts_of_ids

from gatewise.explanation import answers as module
from gatewise.explanation.answers import Answers
from gatewise.explanation.clamping import clamped, holds
from gatewise.runtime.batches import gather
from gatewise.runtime.cell import GATES
from gatewise.runtime.engine import logits_of


def alone(network, texts, held=()):
    network = dataclasses.replace(network, layers=clamped(network.layers, held))
    return np.concatenate([logits_of(network, gather([[text]], None, 20)) for text in texts])


def arrays(texts):
    return [np.array(text, np.int32) for text in texts]


@given(form=forms, stem=texts_of_ids, ends=st.lists(texts_of_ids, min_size=1, max_size=5))
def test_answers_to_texts_with_common_beginnings_and_ends_are_those_of_each(form, stem, ends):
    network = network_of(**form)
    texts = arrays([stem, *(stem + end for end in ends), *(end + stem for end in ends), stem[:1], stem])
    np.testing.assert_allclose(Answers(network).logits(texts), alone(network, texts), atol=1e-5)


@given(form=forms, texts=st.lists(texts_of_ids, min_size=1, max_size=5), gate=st.sampled_from(GATES))
def test_answers_with_held_gates_are_those_of_changed_weights(form, texts, gate):
    network, texts = network_of(**form), arrays(texts)
    cases = [(), holds(network, gate, 0.25), holds(network, gate, 1.0, 0), holds(network, "candidate", 0.0, 0)]
    answers = Answers(network)
    answers.ahead([(texts, held) for held in cases])
    for held in cases:
        np.testing.assert_allclose(answers.logits(texts, held), alone(network, texts, held), atol=1e-5)


def test_answers_are_read_once_and_each_knot_once(monkeypatch):
    network, rows = network_of(embedding_dim=3, hidden_size=4), []
    advance = module.advance
    monkeypatch.setattr(module, "advance", lambda sums, *others: rows.append(len(sums)) or advance(sums, *others))
    answers, texts = Answers(network), arrays([[1, 2, 3, 4], [1, 2, 3], [1, 2, 5, 4], [9, 2, 3, 4]])
    first = answers.logits(texts)
    assert rows == [2, 2, 3, 3, 2, 3, 3, 3]  # forward, depth by depth: two first words; backward: two last ones
    rows.clear()
    assert np.array_equal(answers.logits(texts[::-1]), first[::-1]) and rows == []
    answers.logits(texts[:1], holds(network, "candidate", 0.0, 5))  # a unit of the backward direction
    assert rows == [1, 1, 1, 1]  # which the forward one has not heard of


def test_answers_of_no_texts_are_none():
    assert Answers(network_of(embedding_dim=3, hidden_size=4)).logits([]).shape == (0, 3)


@pytest.mark.parametrize("layers", [1, 2])
def test_answers_of_networks_that_share_nothing_are_kept_too(monkeypatch, layers):
    network, texts = network_of(embedding_dim=3, hidden_size=4, num_layers=layers), arrays([[1, 2], [3]])
    answers = Answers(network)
    first = answers.logits(texts)
    monkeypatch.setattr(module, "pooled_of", lambda *_: pytest.fail("a text was read again"))
    monkeypatch.setattr(module, "_read", lambda *_: pytest.fail("a text was read again"))
    assert np.array_equal(answers.logits(texts), first)
