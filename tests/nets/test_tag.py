"""The tagger's network passes what every Learner must; its NumPy twin scores as it does; its loss is the CRF's."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from tests.checks import LEARNER_CHECKS, QUICK, check_resumed, every_step

from gatewise.base.settings import NetworkConfig, TaggingConfig
from gatewise.nets.crf import CRF
from gatewise.nets.tag import Sizes, TagLSTM, arrays_of, placed_in, summed
from gatewise.runtime.batches import Sequences, collate, offsets_of
from gatewise.runtime.crf import constraints, falling, score_of
from gatewise.runtime.features import DENSE, TEMPLATES
from gatewise.runtime.lexicon import FIRST_ROW
from gatewise.runtime.tagger import scored, split
from gatewise.runtime.tagnet import different
from gatewise.tasks.tag.prepare import borders_of
from gatewise.training.loop import train
from gatewise.training.session import Session

WORDS, KNOWN, TAGS = 20, 12, ("O", *(f"{letter}-{kind}" for kind in "XY" for letter in "BIES"))
LENGTHS = np.array([7, 1, 12, 3, 7, 2, 9, 5, 5, 1, 30, 4, 8, 2])
ROWS = len(TEMPLATES["words"])
FEATURES, OWN = 250, 120


def texts(*, plain: bool = False, masked: bool = False) -> Sequences:
    random = np.random.default_rng(0)
    total = int(LENGTHS.sum())
    tokens = random.integers(1, FEATURES + 1, (total, FIRST_ROW + ROWS)).astype(np.uint32)
    own = tokens[:, FIRST_ROW : FIRST_ROW + DENSE["words"]]
    own[:] = 1 + own % OWN
    tokens[:, 0], tokens[:, 1] = random.integers(1, WORDS, total), random.integers(1, KNOWN, total)
    targets = random.integers(0, len(TAGS), total) if plain else random.choice([0, 4, 8], total)
    if masked:
        targets[random.random(total) < 0.3] = -1
    return Sequences(tokens, offsets_of(LENGTHS), targets.astype(np.int64), "step")


def tagger(*, plain: bool = False, known: bool = False, **given):
    config = NetworkConfig(embedding_dim=6, hidden_size=5, num_layers=given.pop("num_layers", 1), pooling=("max",))
    tagging = TaggingConfig(**{"affix_dim": 4, "known_dim": 3} | given)

    def make(seed: int) -> TagLSTM:
        torch.manual_seed(seed)
        vectors = torch.randn(KNOWN, 7, generator=torch.Generator().manual_seed(0)) if known else None
        rules, borders = constraints(TAGS, spans=not plain), None if plain else borders_of(TAGS)
        network = TagLSTM(config, tagging, Sizes(WORDS, FEATURES, OWN, DENSE["words"]), rules, borders, vectors)
        network.singletons = torch.arange(WORDS) > 14
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        return network

    return make


LEARNERS = {
    "all of it": (tagger(known=True), texts()), "two layers": (tagger(num_layers=2), texts()),
    "plain labels": (tagger(plain=True), texts(plain=True)), "masked": (tagger(), texts(masked=True)),
    "no LSTM": (tagger(recurrent=False), texts()), "no wide part": (tagger(wide=False, affix_dim=0), texts()),
    "no CRF": (tagger(crf=False), texts()), "the sum alone": (tagger(apart=False, known=True), texts()),
}  # fmt: skip


@pytest.mark.parametrize("check", LEARNER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", LEARNERS)
def test_tag_passes_what_every_learner_must(check, name, tmp_path):
    make, given = LEARNERS[name]
    check(make, given, tmp_path)


def test_tag_resumes_with_the_same_bits_on_several_cores(tmp_path):
    torch.set_num_threads(3)
    make, given = LEARNERS["all of it"]
    check_resumed(make, given, tmp_path)


@pytest.mark.parametrize("name", LEARNERS)
def test_tag_numpy_scores_as_torch_does(name):
    make, given = LEARNERS[name]
    module = make(3).eval()
    network = arrays_of(module)
    for batch in scored(network, given.steps, given.starts, *different(given.steps, network.dense)):
        for row, own in zip(batch.sentences, split(batch.order, batch.lengths), strict=True):
            with torch.no_grad():
                alone, _ = module.emissions(collate(given, np.array([row])))
            np.testing.assert_allclose(batch.emissions[own], alone.numpy(), atol=1e-5)
    np.testing.assert_allclose(network.chain.transitions, module.crf.chain().transitions)


@pytest.mark.parametrize("crf", [True, False])
def test_tag_loss_is_log_z_minus_the_score_of_gold(crf):
    random = np.random.default_rng(0)
    layer = CRF(constraints(TAGS[:5]), together=crf)
    with torch.no_grad():
        for part in layer.parameters():
            part.add_(torch.randn_like(part) if crf else 0)
    emissions = random.normal(size=(4, 5)).astype(np.float32)
    gold = np.array([4, 1, 3, 0])
    loss = float(layer.loss(torch.from_numpy(emissions), gold, falling([4])).detach())
    chain = layer.chain() if crf else constraints(TAGS[:5], spans=False)
    scores = {path: score_of(chain, emissions, path) for path in itertools.product(range(5), repeat=4)}
    top = max(scores.values())
    total = top + math.log(sum(math.exp(score - top) for score in scores.values()))
    assert loss == pytest.approx(total - scores[tuple(gold.tolist())], abs=1e-4)


def test_tag_loss_sums_over_what_is_masked():
    random = np.random.default_rng(0)
    layer, gold = CRF(constraints(TAGS[:5], spans=False)), np.array([2, -1, 1])
    emissions = random.normal(size=(3, 5)).astype(np.float32)
    scores = {path: score_of(layer.chain(), emissions, path) for path in itertools.product(range(5), repeat=3)}
    agreeing = sum(math.exp(score) for path, score in scores.items() if path[0] == 2 and path[2] == 1)
    expected = math.log(sum(map(math.exp, scores.values()))) - math.log(agreeing)
    assert float(layer.loss(torch.from_numpy(emissions), gold, falling([3])).detach()) == pytest.approx(
        expected, abs=1e-4
    )
    nothing = layer.loss(torch.from_numpy(emissions), np.full(3, -1), falling([3]))
    assert float(nothing.detach()) == pytest.approx(0, abs=1e-6)


def test_tag_sums_of_rows_have_the_gradient_of_a_dense_bag():
    table = torch.randn(16, 3, requires_grad=True)
    rows, weights = torch.randint(1, 16, (5, 4)), torch.rand(5, 4)
    (summed(table, rows, weights) ** 2).sum().backward()
    found, table.grad = table.grad, None
    assert found.is_sparse and len(found.coalesce().indices()[0]) == len(rows.unique())
    ((table[rows] * weights[..., None]).sum(1) ** 2).sum().backward()
    torch.testing.assert_close(found.to_dense(), table.grad)


def test_tag_score_counts_spans_found_whole_with_their_label():
    make, given = LEARNERS["all of it"]
    network = make(1).eval()
    points, _, count = network.score(collate(given, np.arange(len(given))))
    model = arrays_of(network)
    right = both = 0
    from gatewise.runtime.crf import viterbi
    from gatewise.runtime.spans import spans_of

    for batch in scored(model, given.steps, given.starts, *different(given.steps, model.dense)):
        path, _ = viterbi(model.chain, batch.emissions, batch.counts)
        for row, own in zip(batch.sentences, split(path[batch.order], batch.lengths), strict=True):
            truth = given.targets[given.starts[row] : given.starts[row + 1]]
            found, wanted = ({*spans_of([TAGS[tag] for tag in tags])} for tags in (own, truth))
            right += len(found & wanted)
            both += len(found) + len(wanted)
    assert (round(points), round(count)) == (2 * right, both)
    assert right and both > 2 * right


def test_tag_hides_singletons_only_while_it_trains():
    network = tagger()(1)
    network.config = dataclasses.replace(network.config, embedding_dropout=0.0)
    batch = collate(texts(), np.arange(4))
    tokens = torch.from_numpy(batch.inputs).flatten(0, 1)[placed_in(batch).cells]
    rare = tokens[tokens[:, 0] > 14]
    network.random = torch.Generator().manual_seed(0)
    unknown = rare.clone()
    unknown[:, 0] = 1
    alone, hidden = network.eval().vectors(rare), network.vectors(unknown)
    drawn = network.train().vectors(rare)
    own = (drawn == alone).all(1)
    assert ((drawn == hidden).all(1) | own).all() and 0 < own.sum() < len(own)


def test_tag_learns_what_words_mean():
    random = np.random.default_rng(1)
    tokens = np.zeros((600, FIRST_ROW + ROWS), np.uint32)
    tokens[:, 0] = random.integers(2, WORDS, 600)
    tokens[:, FIRST_ROW] = tokens[:, 0]
    targets = np.where(tokens[:, 0] % 3 == 0, 4, 0).astype(np.int64)
    given = Sequences(tokens, np.arange(0, 601, 6), targets, "step")
    torch.manual_seed(0)
    with every_step():
        config = QUICK.__class__(**{"epochs": 14, "batch_texts": 8, "precision": "float32", "learning_rate": 0.01})
        last = train(tagger()(0), given, given, config, Session(report=lambda event: None), baseline=math.inf)
    assert last.values["best"] > 0.95
