"""The best ways through a lattice, held to an enumeration of all readings."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gatewise.explanation.tag_lattice import rival, ways_through
from gatewise.runtime.crf import FORBIDDEN, Chain, constraints, in_logarithms, score_of, viterbi

TAGS = ("O", "B-X", "I-X", "E-X", "S-X")
sizes = st.tuples(st.integers(1, 5), st.integers(1, 4))


def lattice_of(steps: int, tags: int, seed: int):
    draw = np.random.default_rng(seed)
    chain = Chain(draw.normal(size=(tags, tags)), draw.normal(size=tags), draw.normal(size=tags))
    return in_logarithms(chain, draw.normal(size=(steps, tags)) * 2)


def scored(lattice):
    steps, tags = lattice.emissions.shape
    paths = itertools.product(range(tags), repeat=steps)
    return {path: score_of(lattice.chain, lattice.emissions, path) for path in paths}


@given(size=sizes, seed=st.integers(0, 999))
def test_the_best_reading_through_each_tag_is_the_best_of_all_with_it(size, seed):
    lattice = lattice_of(*size, seed)
    ways, every = ways_through(lattice), scored(lattice)
    for step, tag in itertools.product(*map(range, size)):
        best = max((path for path in every if path[step] == tag), key=every.__getitem__)
        np.testing.assert_allclose(ways.through[step, tag], every[best], atol=1e-9)
        assert tuple(ways.path(step, tag)) == best
        so_far = max(every_way(lattice, step, tag))
        np.testing.assert_allclose(ways.running[step, tag], so_far, atol=1e-9)


def every_way(lattice, step, tag):
    """Score all ways to a tag, without what comes after."""
    for head in itertools.product(range(lattice.emissions.shape[1]), repeat=step):
        path = (*head, tag)
        yield score_of(lattice.chain, lattice.emissions[: step + 1], path) - lattice.chain.stop[tag]


@given(size=sizes, seed=st.integers(0, 999), data=st.data())
def test_the_rival_is_the_best_of_all_that_say_otherwise(size, seed, data):
    steps, tags = size
    lattice = lattice_of(steps, tags, seed)
    start = data.draw(st.integers(0, steps - 1))
    end = data.draw(st.integers(start + 1, steps))
    ways, every = ways_through(lattice), scored(lattice)
    path = max(every, key=every.__getitem__)
    others = [other for other in every if other[start:end] != path[start:end]]
    found = rival(ways, path, start, end)
    assert (found is None) == (not others)
    if found is not None:
        assert tuple(found) == max(others, key=every.__getitem__)


@given(steps=st.integers(1, 6), seed=st.integers(0, 99))
def test_rules_hold_on_every_way_and_the_best_is_viterbis(steps, seed):
    rules = constraints(TAGS).divided(3.0)
    lattice = in_logarithms(rules, np.random.default_rng(seed).normal(size=(steps, len(TAGS))))
    ways = ways_through(lattice)
    path, score = viterbi(rules, lattice.emissions, np.ones(steps, np.int64))
    assert ways.path(steps - 1, int(ways.through[-1].argmax())) == path.tolist()
    np.testing.assert_allclose(ways.through.max(axis=1), score[0], atol=1e-9)
    for step in range(steps):
        other = rival(ways, path.tolist(), step, step + 1)
        if other is not None:
            assert score_of(rules, lattice.emissions, other) > FORBIDDEN / 10


def test_where_the_rules_leave_one_reading_there_is_no_rival():
    for temperature in (0.5, 1.0, 5.0):
        chain = constraints(["B-X", "E-X"]).divided(temperature)
        ways = ways_through(in_logarithms(chain, np.zeros((2, 2))))
        assert rival(ways, [0, 1], 0, 2) is None
