"""The chain in NumPy equals enumeration of all paths, its gradients are slopes, its answers are legal and exact."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.runtime.crf import (
    FORBIDDEN,
    Chain,
    best_readings,
    constraints,
    expected,
    in_logarithms,
    laid_out,
    lattices,
    log_partition,
    score_of,
    viterbi,
    zeros,
)

BIOES = ["O", *(f"{head}-{kind}" for kind in ("X", "Y-Z") for head in "BIES")]


def chain_of(random: np.random.Generator, tags: int, spread: float = 1.0) -> Chain:
    return Chain(random.normal(0, spread, (tags, tags)), random.normal(0, spread, tags), random.normal(0, spread, tags))


def every_path(chain: Chain, emissions: np.ndarray) -> dict[tuple[int, ...], float]:
    """Score all paths one by one."""
    tags = emissions.shape[1]
    return {path: score_of(chain, emissions, path) for path in itertools.product(range(tags), repeat=len(emissions))}


def log_sum(scores) -> float:
    scores = list(scores)
    top = max(scores)
    return top + math.log(sum(math.exp(score - top) for score in scores))


shapes = st.tuples(
    st.integers(1, 5), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.sampled_from([0.1, 1.0, 6.0]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_crf_equals_enumeration(shape):
    tags, lengths, spread, seed = shape
    random = np.random.default_rng(seed)
    chain = chain_of(random, tags, spread)
    sentences = [random.normal(0, spread, (length, tags)) for length in lengths]
    emissions, counts, order = laid_out(sentences)
    done, readings = expected(chain, emissions, counts), viterbi(chain, emissions, counts)
    pairs, first, last = np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags)
    begins = np.cumsum(counts) - counts
    for text, place in enumerate(order):
        own = sentences[place]
        scores = every_path(chain, own)
        total = log_sum(scores.values())
        assert math.isclose(done.log_partition[text], total, rel_tol=1e-9, abs_tol=1e-9)
        rows = begins[: len(own)] + text
        marginals = np.zeros_like(own)
        for path, score in scores.items():
            share = math.exp(score - total)
            marginals[np.arange(len(own)), path] += share
            first[path[0]] += share
            last[path[-1]] += share
            for pair in itertools.pairwise(path):
                pairs[pair] += share
        np.testing.assert_allclose(done.marginals[rows], marginals, atol=1e-9)
        best = max(scores.values())
        assert math.isclose(readings[1][text], best, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(scores[tuple(readings[0][rows].tolist())], best, rel_tol=1e-9, abs_tol=1e-9)
        several = best_readings(chain, own, 7)
        wanted = sorted(scores.values(), reverse=True)[:7]
        np.testing.assert_allclose([score for _, score in several], wanted, atol=1e-9)
        assert len({tuple(path) for path, _ in several}) == len(several) == min(7, tags ** len(own))
        for path, score in several:
            assert math.isclose(score, scores[tuple(path)], abs_tol=1e-9)
    np.testing.assert_allclose(done.chain.transitions, pairs, atol=1e-9)
    np.testing.assert_allclose(done.chain.start, first, atol=1e-9)
    np.testing.assert_allclose(done.chain.stop, last, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(shapes)
def test_crf_gradients_are_slopes(shape):
    tags, lengths, _, seed = shape
    random = np.random.default_rng(seed)
    chain = chain_of(random, tags)
    emissions, counts, _ = laid_out([random.normal(size=(length, tags)) for length in lengths])
    done = expected(chain, emissions, counts)

    def loss(size: float) -> float:
        moved = Chain(*(part + size * way for part, way in zip(parts(chain), ways[1:], strict=True)))
        return float(log_partition(moved, emissions + size * ways[0], counts).sum())

    ways = [random.normal(size=part.shape) for part in (emissions, *parts(chain))]
    slope = sum((part * way).sum() for part, way in zip((done.marginals, *parts(done.chain)), ways, strict=True))
    assert math.isclose((loss(1e-5) - loss(-1e-5)) / 2e-5, slope, rel_tol=1e-6, abs_tol=1e-7)


def parts(chain: Chain) -> tuple[np.ndarray, ...]:
    return chain.transitions, chain.start, chain.stop


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_crf_probability_of_an_entity_equals_enumeration(lengths, seed):
    random = np.random.default_rng(seed)
    chain = chain_of(random, 5) + constraints(BIOES[:5])
    sentences = [random.normal(0, 2, (length, 5)) for length in lengths]
    emissions, counts, order = laid_out(sentences)
    for lattice, place in zip(lattices(chain, emissions, counts), order, strict=True):
        own = sentences[place]
        scores = every_path(chain, own)
        total = log_sum(scores.values())
        assert math.isclose(lattice.log_partition, total, abs_tol=1e-9)
        for start, end in itertools.combinations(range(len(own) + 1), 2):
            tags = [4] if end - start == 1 else [1, *[2] * (end - start - 2), 3]
            share = sum(math.exp(score - total) for path, score in scores.items() if list(path[start:end]) == tags)
            assert math.isclose(lattice.probability(start, tags), share, abs_tol=1e-9)


def test_crf_allows_what_bioes_allows_and_nothing_else():
    rules = constraints(BIOES)
    legal = {
        (left, right)
        for left, right in itertools.product(BIOES, repeat=2)
        if (right[0] in "IE") == (left[0] in "BI") and (left[0] not in "BI" or left[2:] == right[2:])
    }
    for (i, left), (j, right) in itertools.product(enumerate(BIOES), repeat=2):
        assert rules.transitions[i, j] == (0.0 if (left, right) in legal else FORBIDDEN), (left, right)
    assert [tag for tag, score in zip(BIOES, rules.start, strict=True) if score] == ["I-X", "E-X", "I-Y-Z", "E-Y-Z"]
    assert [tag for tag, score in zip(BIOES, rules.stop, strict=True) if score] == ["B-X", "I-X", "B-Y-Z", "I-Y-Z"]


def test_crf_allows_everything_among_plain_labels():
    assert not any(part.any() for part in parts(constraints(["I", "BAD", "E"], spans=False)))


def test_crf_words_of_a_segmentation_have_no_type():
    rules = constraints(["B", "I", "E", "S"])
    assert (rules.transitions == 0).tolist() == [[False, True, True, False]] * 2 + [[True, False, False, True]] * 2


def test_crf_readings_under_constraints_are_legal():
    random = np.random.default_rng(3)
    chain = chain_of(random, len(BIOES)) + constraints(BIOES)
    sentences = [random.normal(0, 9, (length, len(BIOES))) for length in (1, 2, 30, 7, 30)]
    emissions, counts, order = laid_out(sentences)
    path, scores = viterbi(chain, emissions, counts)
    assert (scores > FORBIDDEN / 2).all()
    done = expected(chain, emissions, counts)
    assert done.chain.transitions[constraints(BIOES).transitions < 0].sum() == 0
    for text, place in enumerate(order):
        rows = (np.cumsum(counts) - counts)[: len(sentences[place])] + text
        one = viterbi(chain, sentences[place], np.ones(len(rows), np.int64))
        assert path[rows].tolist() == one[0].tolist() == best_readings(chain, sentences[place], 3)[0][0]


@pytest.mark.parametrize("spread", [200.0, 3000.0])
def test_crf_falls_back_on_logarithms_where_the_exp_domain_ends(spread):
    random = np.random.default_rng(1)
    chain = chain_of(random, 9) + constraints(BIOES)
    wild = [random.normal(0, spread, (length, 9)) for length in (40, 12, 25, 3)]
    tame = [random.normal(size=(length, 9)) for length in (30, 8)]
    emissions, counts, order = laid_out(wild + tame)
    done, found = expected(chain, emissions, counts), lattices(chain, emissions, counts)
    gradient = np.zeros((9, 9))
    begins = np.cumsum(counts) - counts
    for text, place in enumerate(order):
        own = (wild + tame)[place]
        slow = in_logarithms(chain, own)
        assert math.isclose(done.log_partition[text], slow.log_partition, rel_tol=1e-9)
        assert math.isclose(found[text].log_partition, slow.log_partition, rel_tol=1e-9)
        np.testing.assert_allclose(done.marginals[begins[: len(own)] + text], slow.marginals, atol=1e-9)
        np.testing.assert_allclose(slow.marginals.sum(axis=1), 1, atol=1e-9)
        for t in range(1, len(own)):
            ahead = own[t] + slow.backward[t] - slow.scales[t]
            gradient += np.exp(slow.forward[t - 1][:, None] + chain.transitions + ahead)
    np.testing.assert_allclose(done.chain.transitions, gradient, atol=1e-8)


def test_crf_a_great_transition_does_not_overflow():
    chain = Chain(np.array([[900.0, 0], [0, 0]]), np.array([800.0, 0]), np.array([0, 750.0]))
    emissions = np.zeros((3, 2))
    scores = every_path(chain, emissions)
    done = expected(chain, emissions, np.ones(3, np.int64))
    assert math.isclose(done.log_partition[0], log_sum(scores.values()), rel_tol=1e-12)
    assert np.isfinite(done.chain.transitions).all()


def test_crf_a_sentence_of_five_thousand_and_of_one():
    random = np.random.default_rng(0)
    chain = chain_of(random, 9) + constraints(BIOES)
    emissions, counts, _ = laid_out([random.normal(0, 2, (length, 9)) for length in (5000, 1)])
    done = expected(chain, emissions, counts)
    np.testing.assert_allclose(done.marginals.sum(axis=1), 1, atol=1e-9)
    assert np.isfinite(done.log_partition).all()
    assert BIOES[viterbi(chain, emissions, counts)[0][1]][0] in "OS"  # the second row is the sentence of one


def test_crf_says_nothing_without_scores_and_softens_by_temperature():
    assert log_partition(zeros(4), np.zeros((3, 4)), np.ones(3, np.int64))[0] == pytest.approx(3 * math.log(4))
    random = np.random.default_rng(0)
    chain, emissions = chain_of(random, 4), random.normal(size=(6, 4))
    counts = np.ones(6, np.int64)
    soft = expected(chain.divided(5.0), emissions / 5.0, counts).marginals
    sharp = expected(chain, emissions, counts).marginals
    assert soft.max(axis=1).mean() < sharp.max(axis=1).mean()
    assert (viterbi(chain.divided(5), emissions / 5, counts)[0] == viterbi(chain, emissions, counts)[0]).all()


def test_crf_refuses_a_reading_of_another_length():
    with pytest.raises(DataError, match="A reading of 1 tags was given for 2 tokens"):
        score_of(zeros(2), np.zeros((2, 2)), [0])
