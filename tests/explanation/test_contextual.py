"""A phrase and the rest are kept apart through every layer; everything is the whole answer and nothing is nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.explanation.test_tracing import forms, network_of, reading_of

from gatewise.explanation.contextual import phrase_parts
from gatewise.explanation.shares import read_weights
from gatewise.runtime.cell import sigmoid

ids_of = st.lists(st.integers(1, 19), min_size=1, max_size=8)


def asked(form, ids):
    reading = reading_of(network_of(**form), ids)
    head = reading.model.network.head
    to_states = read_weights(reading, head[1] - head[0])
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


def in_two_streams(reading, inside):
    """Split every state in two, in either direction's own order, as the paper does: both parts are run side by side."""
    mine = reading.vectors * inside[:, np.newaxis]
    rest = reading.vectors - mine
    for directions in reading.weights:
        sides = []
        for order, weights in zip((slice(None), slice(None, None, -1)), directions, strict=False):
            own, other = stream(mine[order], rest[order], weights, inside[order])
            sides.append((own[order], other[order]))
        mine, rest = (np.concatenate(parts, axis=1) for parts in zip(*sides, strict=True))
    return mine, rest


def stream(mine, rest, weights, inside):
    size = weights.recurrent.shape[1]
    h, g, c, d = (np.zeros(size) for _ in range(4))  # state and cell state: of the phrase, of the rest
    bias, states = np.split(weights.bias, 4), []
    for t in range(len(mine)):
        own = np.split(weights.input @ mine[t] + weights.recurrent @ h, 4)
        other = np.split(weights.input @ rest[t] + weights.recurrent @ g, 4)
        parts = []
        for curve, one, two, constant in zip((sigmoid, sigmoid, np.tanh), own, other, bias, strict=False):
            alone, whole = curve(constant), curve(one + two + constant)
            part = (curve(one + constant) - alone + whole - curve(two + constant)) / 2
            parts.append((part, whole - part - alone, alone))
        i, f, z = parts
        of_biases = i[2] * z[2]
        c, d = (
            (f[0] + f[2]) * c + (i[0] + i[2]) * (z[0] + z[2]) - of_biases + of_biases * inside[t],
            sum(f) * d + f[1] * c + sum(i) * sum(z) - (i[0] + i[2]) * (z[0] + z[2]) + of_biases * (1 - inside[t]),
        )
        o = sigmoid(own[3] + other[3] + bias[3])
        h, g = (o * (np.tanh(a) + np.tanh(c + d) - np.tanh(b)) / 2 for a, b in ((c, d), (d, c)))
        states.append((h, g))
    return (np.array(part) for part in zip(*states, strict=True))


@pytest.mark.parametrize("bidirectional", [False, True])
@given(form=forms, ids=ids_of, chosen=st.integers(0, 255))
def test_contextual_equals_two_streams_run_side_by_side_in_each_direction(bidirectional, form, ids, chosen):
    reading, to_states, answer = asked(form | {"bidirectional": bidirectional}, ids)
    inside = np.array([chosen >> place & 1 == 1 for place in range(len(ids))])
    mine, rest = in_two_streams(reading, inside)
    assert mine + rest == pytest.approx(reading.states, abs=1e-9)
    [part] = phrase_parts(reading, inside[np.newaxis], to_states)
    assert part == pytest.approx((mine * to_states).sum(), abs=1e-9)
    assert part + (rest * to_states).sum() == pytest.approx(answer, abs=1e-9)
