"""A tagger answers alike in any company, its spans stand in the text, its probabilities are those of its lattice."""

import dataclasses
import itertools

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gatewise.base.errors import DataError
from gatewise.base.settings import NetworkConfig, TaggingConfig
from gatewise.runtime import tagger as module
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.crf import Chain, constraints, viterbi
from gatewise.runtime.features import DENSE, Kind, hashes_of, seen, words_in
from gatewise.runtime.lexicon import Lexicon
from gatewise.runtime.network import Table
from gatewise.runtime.spans import spans_of
from gatewise.runtime.tagger import Tagger, scored
from gatewise.runtime.tagnet import TagNetwork

TAGS = ("O", *(f"{letter}-{kind}" for kind in ("LOC", "PER") for letter in "BIES"))
WORDS = ("the", "berlin", "anna", "lives", "in", "0000")
KNOWN = ("[PAD]", "[UNK]", "anna", "很")
SENTENCES = [
    ["Anna", "lives", "in", "New", "Berlin", "."], ["x"], [], ["The", "1996", "很", "😀", "Anna"] * 9, ["in"],
    ["."] * 300,
]  # fmt: skip


def tagger_of(
    *, layers: int = 1, wide: bool = True, recurrent: bool = True, known: bool = True, plain: bool = False,
    units: Kind = "words",
):  # fmt: skip
    random = np.random.default_rng(1)

    def draw(*shape: int, spread: float = 0.5):
        return random.normal(0, spread, shape).astype(np.float32)

    config = NetworkConfig(embedding_dim=4, hidden_size=5, num_layers=layers)
    tagging = TaggingConfig(wide=wide, recurrent=recurrent, affix_dim=3, known_dim=2)
    features = seen(hashes_of(words_in(SENTENCES[:4]), units), 1)
    width = 4 + 3 + 2 * known
    cells = [
        [CellWeights(draw(20, 10 if depth else width), draw(20, 5), draw(20)) for _ in range(2)]
        for depth in range(layers if recurrent else 0)
    ]
    rules = constraints(TAGS, spans=not plain)
    chain = Chain(*(draw(*part.shape) + part for part in (rules.transitions, rules.start, rules.stop)))
    tables = (Table(none_first(draw(1 + len(features.hashes), 9))) if wide else None, None, None, None)
    if recurrent:
        tables = (
            tables[0], Table(draw(2 + len(WORDS), 4)), Table(none_first(draw(1 + features.own, 3))),
            Table(draw(4, 2)) if known else None,
        )  # fmt: skip
    head = draw(9, 10) if recurrent else draw(9, 0)
    network = TagNetwork(config, tagging, DENSE[units], chain, draw(9), *tables, cells, head)
    ids = {word: 2 + place for place, word in enumerate(WORDS)}
    lexicon = Lexicon(
        units, features, ids, {word: place for place, word in enumerate(KNOWN)} if known and recurrent else {}
    )
    return Tagger(lexicon, network, TAGS, not plain, temperature=1.3)


def none_first(table: np.ndarray) -> np.ndarray:
    table[0] = 0
    return table


FORMS = {
    "all": {}, "two layers": {"layers": 2}, "no wide": {"wide": False}, "no LSTM": {"recurrent": False},
    "no encoder": {"known": False}, "plain": {"plain": True},
    "characters": {"units": "characters"},
}  # fmt: skip


@pytest.mark.parametrize("ask", [lambda model: model.predict(SENTENCES), lambda model: next(model.stream(SENTENCES))])
def test_tagger_multiplies_with_one_thread_and_leaves_the_libraries_as_they_were(ask, monkeypatch):
    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    inside = []
    monkeypatch.setattr(module, "viterbi", lambda *given: (inside.append(threads()), viterbi(*given))[1])
    with threadpool_limits(2, "blas"):
        before = threads()
        ask(tagger_of())
        assert threads() == before
    assert inside and all(count == {1} for count in inside)


@pytest.mark.parametrize("form", FORMS)
def test_tagger_answers_alike_in_any_company(form):
    model = tagger_of(**FORMS[form])
    together = model.tag(SENTENCES)
    for sentence, answer in zip(SENTENCES, together, strict=True):
        alone = model.tag([sentence])[0]
        assert alone.tags == answer.tags and len(answer.tags) == len(sentence)
        assert [found.span for found in alone.found] == [found.span for found in answer.found]
        np.testing.assert_allclose(
            [f.probability for f in alone.found], [f.probability for f in answer.found], atol=1e-5
        )
    assert model.predict(SENTENCES) == [answer.tags for answer in together]
    assert any(answer.found for answer in together)


@pytest.mark.parametrize("form", FORMS)
def test_tagger_scores_are_those_of_each_token_looked_up_by_itself(form):
    """A word's own features are looked up once a chunk; of characters they depend on neighbours too."""
    model = tagger_of(**FORMS[form])
    given = [["in", "Anna", "in"], ["Anna", "Anna", "很", "in"], ["很", "很"], ["in"]]
    tokens, starts = model.lexicon.encode(given)
    slow = scored(model.network, tokens, starts, np.arange(len(tokens)), np.arange(len(tokens)))
    for one, other in zip(model.batches(given), slow, strict=True):
        assert one.sentences == other.sentences
        np.testing.assert_allclose(one.emissions, other.emissions, atol=1e-5)


@pytest.mark.parametrize("form", ["all", "plain", "characters"])
def test_tagger_probabilities_are_those_of_the_lattice(form):
    model = tagger_of(**FORMS[form])
    given = [sentence for sentence in SENTENCES if sentence]
    for lattice, answer in zip(model.lattices(given), model.tag(given), strict=True):
        path = [TAGS.index(tag) for tag in answer.tags]
        best, _ = viterbi(lattice.chain, lattice.emissions, np.ones(len(path), np.int64))
        assert best.tolist() == path
        for (start, end, _), probability in answer.found:
            assert lattice.probability(start, path[start:end]) == pytest.approx(probability, abs=1e-9)
        if form == "plain":
            assert len(answer.found) == len(path)
        else:
            assert [found.span for found in answer.found] == spans_of(answer.tags)


def test_tagger_probability_is_its_share_of_all_readings():
    model = tagger_of()
    lattice = model.lattices([["Anna", "lives", "in"]])[0]
    from gatewise.runtime.crf import score_of

    scores = {p: score_of(lattice.chain, lattice.emissions, p) for p in itertools.product(range(9), repeat=3)}
    total = sum(np.exp(score) for score in scores.values())
    for (start, end, label), probability in model.tag([["Anna", "lives", "in"]])[0].found:
        letters = ["S"] if end - start == 1 else ["B", *["I"] * (end - start - 2), "E"]
        tags = tuple(TAGS.index(f"{letter}-{label}") for letter in letters)
        share = sum(np.exp(score) for path, score in scores.items() if path[start:end] == tags) / total
        assert probability == pytest.approx(share, abs=1e-6)


def test_tagger_obeys_what_a_token_is_allowed():
    model = tagger_of()
    sentence = ["Anna", "lives", "in", "Berlin"]
    mask = np.ones((4, 9), bool)
    mask[1:3] = False
    mask[1, TAGS.index("B-PER")] = mask[2, TAGS.index("E-PER")] = True
    answers = model.tag([["x"], sentence, []], [None, mask, None])
    assert answers[1].tags[1:3] == ["B-PER", "E-PER"]
    sure = [probability for span, probability in answers[1].found if span[:2] == (1, 3)]
    assert sure == [pytest.approx(1.0)]
    assert answers[0].tags == model.tag([["x"]])[0].tags


TEXT = "Anna lives\r\nin New Berlin 😀 très\u00a0bien e\u0301t\u00e9\n\n  \u202bשלום עולם\u202c  \nAnna"


def test_tagger_spans_of_a_text_stand_in_it():
    model = tagger_of()
    found = model.spans(TEXT)
    assert found
    pieces = [TEXT[span.start : span.end] for span, _ in found]
    assert all(piece and piece == piece.strip() and "\n" not in piece for piece in pieces)
    assert [span.start for span, _ in found] == sorted(span.start for span, _ in found)
    assert all(0 < probability <= 1 for _, probability in found)
    assert model.spans("") == model.spans(" \n ") == []


def test_tagger_streams_without_reading_ahead(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    model, taken = tagger_of(), []

    def sentences():
        for number in itertools.count():
            taken.append(number)
            yield ["Anna", str(number)]

    stream = model.stream(sentences())
    answers = [next(stream) for _ in range(4)]
    assert len(taken) == 6
    assert [answer.tags for answer in answers] == model.predict([["Anna", str(number)] for number in range(4)])


@pytest.mark.parametrize(
    ("given", "message"),
    [(["Anna"], "Sentence 0 is a str"), ([["a"], [3]], "Sentence 1 holds a int"), ([None], "Sentence 0 is a NoneType")],
)
def test_tagger_refuses_what_are_no_sentences(given, message):
    with pytest.raises(DataError, match=message):
        tagger_of().tag(given)


def test_tagger_a_very_long_sentence_is_read_whole():
    model = tagger_of()
    tags = model.predict([["Anna", "lives"] * 2500])[0]
    assert (len(tags) == 5000 and tags[200:300] != ["O"] * 100) or len(set(tags)) == 1


def test_tagger_temperature_moves_probabilities_and_no_tag():
    model = tagger_of()
    cooler = dataclasses.replace(model, temperature=0.5)
    assert cooler.predict(SENTENCES) == model.predict(SENTENCES)
    sure = [[found.probability for answer in one.tag(SENTENCES) for found in answer.found] for one in (cooler, model)]
    assert np.mean(sure[0]) > np.mean(sure[1])
