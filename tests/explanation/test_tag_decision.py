"""What decided between two readings: parts that sum, each of them what it says it is, over random taggers."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.settings import NetworkConfig, TaggingConfig
from gatewise.explanation.tag_decision import LISTED, decide
from gatewise.explanation.tag_features import feature_names, shape_of
from gatewise.explanation.tag_lattice import rival
from gatewise.explanation.tag_reading import read_sentence
from gatewise.runtime.cell import CellWeights, Trace
from gatewise.runtime.crf import Chain, constraints, score_of, zeros
from gatewise.runtime.features import DENSE, hashes_of, known_features, words_in
from gatewise.runtime.lexicon import FIRST_ROW, Lexicon
from gatewise.runtime.network import Table
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.tagnet import TagNetwork

TAGS = ("O", *(f"{letter}-{kind}" for kind in "XY" for letter in "BIES"))
VOCABULARY = ("Ada", "met", "Bob", "in", "Oslo", ".", "北", "京", "שלום", "<script>")
sentences = st.lists(st.sampled_from((*VOCABULARY, "new", "3rd")), min_size=1, max_size=9)
forms = st.fixed_dictionaries({
    "layers": st.integers(0, 2), "directions": st.integers(1, 2), "hidden": st.integers(1, 5), "wide": st.booleans(),
    "affixes": st.booleans(), "known": st.booleans(), "units": st.sampled_from(["words", "characters"]),
    "plain": st.booleans(), "temperature": st.sampled_from([0.5, 1.0, 3.0]),
})  # fmt: skip


def tagger(seed: int, *, layers=1, directions=2, hidden=4, wide=True, affixes=True, known=True, units="words",
           plain=False, temperature=1.0) -> Tagger:  # fmt: skip
    """Make a tagger of random weights whose biases count, that knows the features of VOCABULARY."""
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> Any:
        return (draw.normal(size=shape) * 0.8).astype(np.float32)

    features = known_features(np.unique(hashes_of(words_in([VOCABULARY]), units)))
    count, dim = len(features.hashes) + 1, 3 + 2 * affixes + 2 * known
    stack, below = [], dim
    for _ in range(layers):
        cells = [CellWeights(some(4 * hidden, below), some(4 * hidden, hidden), some(4 * hidden))
                 for _ in range(directions)]  # fmt: skip
        stack.append(cells)
        below = directions * hidden
    table = some(count, len(TAGS))
    table[0] = 0  # a feature that training has not seen says nothing
    rules = zeros(len(TAGS)) if plain else constraints(TAGS)
    network = TagNetwork(
        NetworkConfig(embedding_dim=3, hidden_size=hidden, num_layers=max(1, layers), bidirectional=directions == 2),
        TaggingConfig(recurrent=layers > 0, wide=wide), DENSE[units],
        rules + Chain(*(some(*part.shape).astype(np.float64) for part in (rules.transitions, rules.start, rules.stop))),
        some(len(TAGS)), Table(table) if wide else None, Table(some(8, 3)) if layers else None,
        Table(some(count, 2)) if affixes and layers else None, Table(some(6, 2)) if known and layers else None, stack,
        some(len(TAGS), below),
    )  # fmt: skip
    words = {word.lower(): place for place, word in enumerate(VOCABULARY[:6], 2)}
    lexicon = Lexicon(units, features, words, {"ada": 2, "met": 3, "oslo": 4} if known else {})
    return Tagger(lexicon, network, TAGS, not plain, temperature)


def rivals(reading):
    """Give the rival of every token, where it has one."""
    found = (rival(reading.ways, reading.path, step, step + 1) for step in range(len(reading.path)))
    return [other for other in found if other is not None]


@given(form=forms, tokens=sentences, seed=st.integers(0, 99))
def test_decision_parts_sum_to_the_odds_in_every_form(form, tokens, seed):
    reading = read_sentence(tagger(seed, **form), tokens)
    lattice, log_z = reading.lattice, reading.lattice.log_partition
    own = score_of(lattice.chain, lattice.emissions, reading.path)
    for other in rivals(reading):
        found = decide(reading, other)
        assert abs(found.residual) < 1e-4
        parts = found.contributions.sum() + found.features + found.bias + found.transitions
        assert parts == pytest.approx(found.log_odds, abs=1e-4)
        assert found.log_odds == pytest.approx(own - log_z - np.log(found.rival.probability), abs=1e-6)
        assert found.log_odds >= -1e-9
        steps = [t for t in range(len(tokens)) if reading.path[t] != other[t]]
        emissions = sum(lattice.emissions[t, reading.path[t]] - lattice.emissions[t, other[t]] for t in steps)
        assert found.emissions == pytest.approx(emissions, abs=1e-9)
        if not form["wide"]:
            assert found.features == 0 and found.strongest == ()
        if not form["layers"]:
            assert not found.contributions.any()


@given(form=forms, tokens=sentences, seed=st.integers(0, 20))
def test_decision_shares_are_the_gradient_of_a_network_whose_gates_are_held(form, tokens, seed):
    """Write the frozen network out in torch and let autograd find each word's share: a sum that closes is no proof."""
    reading = read_sentence(tagger(seed, **{**form, "layers": max(1, form["layers"])}), tokens)
    network, others = reading.model.network, rivals(reading)
    vectors = torch.tensor(reading.vectors, requires_grad=True)
    below = vectors
    for directions, traces in zip(reading.weights, reading.layers, strict=True):
        outs = []
        for step, weights, trace in zip((1, -1), directions, traces, strict=False):
            size = trace.states.shape[1]
            held = {name: torch.tensor(getattr(trace, name)[::step].copy()) for name in Trace.__slots__}
            part = slice(2 * size, 3 * size)
            state = cells = torch.zeros(size, dtype=torch.float64)
            rows = []
            for t, place in enumerate(range(len(tokens))[::step]):
                z = (
                    torch.tensor(weights.input[part]) @ below[place]
                    + torch.tensor(weights.recurrent[part]) @ state
                    + torch.tensor(weights.bias[part])
                )
                cells = (
                    held["forget_gate"][t] * cells
                    + held["input_gate"][t] * held["candidate"][t] / held["candidate_sum"][t] * z
                )
                state = held["output_gate"][t] * torch.tanh(held["cell_states"][t]) / held["cell_states"][t] * cells
                rows.append(state)
            outs.append(torch.stack(rows[::step]))
        below = torch.cat(outs, dim=1)
    scores = below @ torch.tensor(network.head.astype(np.float64)).T / reading.model.temperature
    for other in others[:2]:
        answer = sum(scores[t, a] - scores[t, b] for t, (a, b) in enumerate(zip(reading.path, other, strict=True)))
        (gradient,) = torch.autograd.grad(answer + 0 * vectors.sum(), vectors, retain_graph=True)
        expected = (gradient * vectors).sum(1).detach().numpy()
        np.testing.assert_allclose(decide(reading, other).contributions, expected, rtol=1e-6, atol=1e-9)


def test_decision_one_direction_gives_later_words_nothing():
    reading = read_sentence(tagger(3, directions=1), ["Ada", "met", "Bob", "in", "Oslo"])
    for other in rivals(reading):
        last = max(t for t in range(5) if reading.path[t] != other[t])
        assert not decide(reading, other).contributions[last + 1 :].any()


def test_decision_features_are_named_by_what_is_there():
    reading = read_sentence(tagger(5), ["Ada", "met", "Zed"])
    other = rivals(reading)[0]
    found = decide(reading, other)
    assert len(found.strongest) == LISTED
    sizes = [abs(one.share) for one in found.strongest]
    assert sizes == sorted(sizes, reverse=True)
    assert {one.share > 0 for one in found.strongest} == {True, False}  # those against count as much
    assert {one.step for one in found.strongest} <= {t for t in range(3) if reading.path[t] != other[t]}
    table = reading.model.network.wide.values
    for name, step, share in found.strongest:
        column = feature_names(reading.tokens, step, "words").index(name)
        row = table[reading.rows[step, FIRST_ROW + column]]
        assert share == pytest.approx(float(row[reading.path[step]] - row[other[step]]), abs=1e-6)


def test_feature_names_of_words():
    names = feature_names(["Mr", "Lovelace", "3rd"], 1, "words")
    assert {"word=Lovelace", "lower=lovelace", "shape=Aa", "begin3=Lov", "end3=ace", "lower[-1]=mr", "shape[+1]=0a",
            "lower[-2]=<s>", "lower[+2]=</s>", "lower[-1]|lower=mr|lovelace"} <= set(names)  # fmt: skip
    assert feature_names(["北", "京"], 0, "characters")[2] == "word|word[+1]=北|京"
    assert shape_of("McDonald-99é北") == "AaAa-0ax"


@given(one=sentences, two=sentences, units=st.sampled_from(["words", "characters"]))
def test_feature_names_are_equal_where_the_features_are(one, two, units):
    """Names are told anew; the hashes say whether they tell of what the network looks at."""
    words = words_in([one, two])
    hashes = hashes_of(words, units).tolist()
    names = [feature_names(one, t, units) for t in range(len(one))]
    names += [feature_names(two, t, units) for t in range(len(two))]
    of_name: dict[str, int] = {}
    of_hash: dict[int, str] = {}
    for hashed, named in zip(hashes, names, strict=True):
        for number, name in zip(hashed, named, strict=True):
            assert of_name.setdefault(name, number) == number
            assert of_hash.setdefault(number, name) == name


def test_decision_as_plain_values():
    reading = read_sentence(tagger(5), ["Ada", "met", "Bob"])
    other = rivals(reading)[0]
    plain = decide(reading, other).as_dict()
    assert plain["rival"]["tags"] == tuple(TAGS[tag] for tag in other)
    assert len(plain["contributions"]) == 3 and plain["strongest"][0].keys() == {"name", "step", "share"}
    total = sum(plain["contributions"]) + plain["features"] + plain["bias"] + plain["residual"] + plain["transitions"]
    assert total == pytest.approx(plain["log_odds"], abs=1e-6)
