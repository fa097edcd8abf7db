"""What the page of a tagged text is given: what Python says of its sentences, complete and bounded."""

import numpy as np
import pytest
from tests.explanation.test_tag_decision import TAGS, tagger

from gatewise.explanation import tag_story as module
from gatewise.explanation.tag_reading import read_sentence
from gatewise.explanation.tag_story import tag_story
from gatewise.explanation.tagging import explain_tags
from gatewise.runtime.crf import score_of

TEXT = "Ada met Bob in Oslo."
SENTENCE = ["Ada", "met", "Bob", "in", "Oslo", "."]
OFFSETS = [(0, 3), (4, 7), (8, 11), (12, 14), (15, 19), (19, 20)]


def told(model, **given):
    return tag_story(model, TEXT, [(SENTENCE, OFFSETS)], **given)["sentences"][0]


@pytest.mark.parametrize("seed", range(4))
def test_story_says_what_the_explanation_says(seed):
    model = tagger(seed, layers=2)
    own, seen = told(model), explain_tags(model, SENTENCE)
    assert [TAGS[tag] for tag in own["path"]] == [one.tag for one in seen.tokens]
    assert [one["probability"] for one in own["spans"]] == [one.probability for one in seen.spans]
    assert [one["log_odds"] for one in own["decisions"]] == [one.log_odds for one in seen.decisions]
    assert own["decided"] == [one.decision for one in seen.tokens]
    for place, one in enumerate(own["decisions"]):
        path = [*own["path"]]
        path[one["start"] : one["start"] + len(one["path"])] = one["path"]
        assert tuple(TAGS[tag] for tag in path) == seen.decisions[place].rival.tags
        end = one["start"] + len(one["path"])
        apart = [span for span in seen.spans if span.end <= one["start"] or span.start >= end]
        spans = [(span.start, span.end, span.label) for span in apart]
        spans += [(span["start"], span["end"], span["label"]) for span in one["spans"]]  # as the page puts it together
        assert sorted(spans) == [tuple(span) for span in seen.decisions[place].rival.spans]


@pytest.mark.parametrize("seed", range(4))
def test_story_emissions_transitions_and_running_scores_are_one_arithmetic(seed):
    model = tagger(seed, temperature=1.7)
    story = tag_story(model, TEXT, [(SENTENCE, OFFSETS)])
    own, chain, path = story["sentences"][0], story["chain"], story["sentences"][0]["path"]
    assert own["emissions"].mean(axis=1) == pytest.approx(np.zeros(6), abs=1e-9)
    score = chain["start"][path[0]] + own["emissions"][0, path[0]]
    for t in range(1, 6):
        score += chain["transitions"][path[t - 1], path[t]] + own["emissions"][t, path[t]]
        assert own["running"][t, path[t]] == pytest.approx(score)
        before = own["before"][t][path[t]]
        assert before == path[t - 1]
        assert own["running"][t, path[t]] == pytest.approx(
            own["running"][t - 1, before] + chain["transitions"][before, path[t]] + own["emissions"][t, path[t]]
        )
    reading = read_sentence(model, SENTENCE)
    centred = reading.lattice.emissions - reading.lattice.emissions.mean(axis=1, keepdims=True)
    assert score + chain["stop"][path[-1]] == pytest.approx(score_of(reading.lattice.chain, centred, path))
    assert own["below"][np.arange(6), path] == pytest.approx(np.zeros(6), abs=1e-9)
    assert own["below"].min() >= -1e-9


def test_story_draws_tags_with_a_say(monkeypatch):
    model = tagger(1)
    own = told(model)
    assert {*own["path"]} <= {*own["drawn"]} and own["drawn"] == sorted(own["drawn"])
    rest = [tag for tag in range(len(TAGS)) if tag not in own["drawn"]]
    assert all(own["likeliest"][tag] < module.LIKELY for tag in rest)
    monkeypatch.setattr(module, "ROWS", 1)
    assert {*told(model)["drawn"]} == {*own["path"]}


def test_story_of_a_long_text_prepares_spans_and_the_least_sure_words_first(monkeypatch):
    model = tagger(1)
    monkeypatch.setattr(module, "MOST", 6 * len(told(model)["spans"]))
    own = told(model)
    assert all(one["decision"] is not None for one in own["spans"])
    asked = [t for t, one in enumerate(own["decided"]) if one is not None]
    sure = own["marginals"][np.arange(6), own["path"]]
    assert len(asked) == 1 and asked[0] == int(sure.argmin())


def test_story_of_no_sentence_and_of_plain_labels():
    assert tag_story(tagger(1), " ", [])["sentences"] == []
    plain = tag_story(tagger(1, plain=True), TEXT, [(SENTENCE, OFFSETS)])
    assert plain["plain"] and plain["sentences"][0]["spans"] == []
