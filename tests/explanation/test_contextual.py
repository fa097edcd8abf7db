"""A phrase and the rest are kept apart through every layer; everything is the whole answer and nothing is nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.explanation.test_tracing import forms, network_of

from gatewise.explanation.contextual import phrase_parts
from gatewise.explanation.shares import read_weights
from gatewise.explanation.tracing import follow
from gatewise.runtime.cell import sigmoid

ids_of = st.lists(st.integers(1, 19), min_size=1, max_size=8)


def asked(form, ids):
    reading = follow(network_of(**form), np.array(ids, np.int32), np.float64)
    to_states = read_weights(reading, reading.head[1] - reading.head[0])
    return reading, to_states, float((reading.states * to_states).sum())


@given(form=forms, ids=ids_of)
def test_contextual_everything_scores_the_whole_answer_and_nothing_scores_nothing(form, ids):
    reading, to_states, answer = asked(form, ids)
    whole, nothing = phrase_parts(reading, np.array([[True] * len(ids), [False] * len(ids)]), to_states)
    assert whole == pytest.approx(answer, abs=1e-9)
    assert nothing == 0


@given(form=forms, ids=ids_of, chosen=st.integers(0, 255))
def test_contextual_of_many_phrases_is_that_of_each(form, ids, chosen):
    reading, to_states, _ = asked(form, ids)
    inside = np.array([[chosen >> (place + row) & 1 == 1 for place in range(len(ids))] for row in range(20)])
    together = phrase_parts(reading, inside, to_states)
    alone = [phrase_parts(reading, row[np.newaxis], to_states)[0] for row in inside]
    assert together == pytest.approx(alone, abs=1e-12)


def test_contextual_equals_the_paper_written_out_for_one_unit_and_two_words():
    reading, to_states, _ = asked(
        {"embedding_dim": 2, "hidden_size": 1, "bidirectional": False, "pooling": ("last",)}, [3, 7]
    )
    weights = reading.weights[0][0]
    x = reading.vectors @ weights.input.T  # [2, 4]
    bias, recurrent = weights.bias, weights.recurrent[:, 0]

    def split(curve, mine, rest, constant):
        alone = curve(constant)
        of_mine = (curve(mine + constant) - alone + curve(mine + rest + constant) - curve(rest + constant)) / 2
        return of_mine, curve(mine + rest + constant) - of_mine - alone, alone

    h, g, c, d = 0.0, 0.0, 0.0, 0.0  # state and cell: of the phrase (the first word), of the rest
    for t in (0, 1):
        mine = (x[t] if t == 0 else 0) + recurrent * h
        rest = (x[t] if t == 1 else 0) + recurrent * g
        i = split(sigmoid, mine[0], rest[0], bias[0])
        f = split(sigmoid, mine[1], rest[1], bias[1])
        z = split(np.tanh, mine[2], rest[2], bias[2])
        o = sigmoid(mine[3] + rest[3] + bias[3])
        to_phrase = (i[0] + i[2]) * (z[0] + z[2]) - i[2] * z[2] + (i[2] * z[2] if t == 0 else 0)
        whole = sum(f) * (c + d) + sum(i) * sum(z)
        c = (f[0] + f[2]) * c + to_phrase
        d = whole - c
        h = o * (np.tanh(c) + np.tanh(c + d) - np.tanh(d)) / 2
        g = o * np.tanh(c + d) - h
    found = phrase_parts(reading, np.array([[True, False]]), to_states)[0]
    assert found == pytest.approx(h * to_states[1, 0], abs=1e-12)
