"""A look into a tagger's answer: equal to what enumeration of all readings says, and complete."""

import itertools

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.explanation.tagging import explain_tags
from gatewise.runtime.crf import score_of

SENTENCE = ["Eve", "met", "San", "Jose"]


@pytest.fixture(scope="module")
def every(tiny_tagger):
    """Give the probability of every reading of the sentence, by its score alone."""
    lattice = tiny_tagger.lattices([SENTENCE])[0]
    paths = list(itertools.product(range(len(tiny_tagger.tags)), repeat=len(SENTENCE)))
    scores = np.array([score_of(lattice.chain, lattice.emissions, path) for path in paths])
    shares = np.exp(scores - scores.max())
    return dict(zip(paths, shares / shares.sum(), strict=True))


def test_readings_are_the_likeliest_of_all(tiny_tagger, every):
    found = explain_tags(tiny_tagger, SENTENCE, readings=5).readings
    likeliest = sorted(every.items(), key=lambda one: -one[1])[:5]
    assert [one.tags for one in found] == [tuple(tiny_tagger.tags[tag] for tag in path) for path, _ in likeliest]
    np.testing.assert_allclose([one.probability for one in found], [share for _, share in likeliest], atol=1e-9)


def test_tags_have_the_probability_of_all_readings_with_them(tiny_tagger, every):
    for step, token in enumerate(explain_tags(tiny_tagger, SENTENCE).tokens):
        assert list(token.likeliest.values())[1:] == sorted(list(token.likeliest.values())[1:], reverse=True)
        for tag, probability in token.likeliest.items():
            place = tiny_tagger.tags.index(tag)
            assert probability == pytest.approx(sum(p for path, p in every.items() if path[step] == place), abs=1e-9)
        assert (
            len(token.likeliest) == 3
            and next(iter(token.likeliest)) == token.tag
            and token.probability == token.likeliest[token.tag]
        )


def test_spans_have_the_probability_of_all_readings_with_them(tiny_tagger, every):
    found = explain_tags(tiny_tagger, SENTENCE).spans
    assert [(one.start, one.end, one.label, one.text) for one in found] == [
        (0, 1, "PER", "Eve"), (2, 4, "LOC", "San Jose")
    ]  # fmt: skip
    place = tiny_tagger.tags.index
    there = sum(p for path, p in every.items() if path[2:] == (place("B-LOC"), place("E-LOC")))
    assert found[1].probability == pytest.approx(there, abs=1e-9)


def test_emissions_and_transitions_add_up_to_the_difference_of_two_readings(tiny_tagger):
    """The columns that are shown are all there is: their sum is the score, but for each word's mean emission."""
    lattice = tiny_tagger.lattices([SENTENCE])[0]
    seen = explain_tags(tiny_tagger, SENTENCE)
    path = [tiny_tagger.tags.index(one.tag) for one in seen.tokens]
    shown = sum(one.emission + one.transition for one in seen.tokens)
    assert shown + lattice.emissions.mean(axis=1).sum() == pytest.approx(
        score_of(lattice.chain, lattice.emissions, path), abs=1e-9
    )


def test_a_tag_by_itself_is_that_of_the_largest_emission(tiny_tagger):
    lattice = tiny_tagger.lattices([SENTENCE])[0]
    alone = [one.alone for one in explain_tags(tiny_tagger, SENTENCE).tokens]
    assert alone == [tiny_tagger.tags[place] for place in lattice.emissions.argmax(axis=1)]


def test_lines_and_plain_values(tiny_tagger):
    seen = explain_tags(tiny_tagger, SENTENCE, readings=2)
    lines = seen.lines()
    assert lines[0].split() == ["token", "tag", "probability", "by", "itself", "emission", "transition", "next",
                                "likeliest"]  # fmt: skip
    assert lines[1].startswith("Eve ") and "S-PER" in lines[1]
    first = next(line for line in lines if line.startswith("reading 1 "))
    assert first.endswith("[Eve]PER met [San Jose]LOC")
    values = seen.as_dict()
    assert values["spans"][1]["text"] == "San Jose" and len(values["readings"]) == 2
    assert values["readings"][0]["spans"][0] == {"start": 0, "end": 1, "label": "PER"}


def test_one_word_and_none(tiny_tagger):
    assert len(explain_tags(tiny_tagger, ["Ada"]).tokens) == 1
    with pytest.raises(DataError, match="no word to explain"):
        explain_tags(tiny_tagger, [])
