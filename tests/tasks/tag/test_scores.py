"""Scores of entities: equal to a conlleval written anew as a state machine, and to what can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.runtime.spans import Span, spans_of
from gatewise.tasks.tag import scores
from gatewise.tasks.tag.scores import NOTHING, Tally

TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
PAIRS = st.lists(st.tuples(TAGS, TAGS), max_size=12)


def conlleval(gold: list[str], predicted: list[str]) -> Tally:
    """Count as the perl script of CoNLL-2000 does: token by token, with what begins and ends between two tags."""

    def parts(tag: str) -> tuple[str, str]:
        return ("O", "") if tag == "O" else (tag[0], tag[2:])

    def ends(before: str, now: str) -> bool:
        (one, label), (other, next_label) = parts(before), parts(now)
        return one != "O" and (other in "BO" or label != next_label)

    def begins(before: str, now: str) -> bool:
        (one, label), (other, next_label) = parts(before), parts(now)
        return other != "O" and (other == "B" or one == "O" or label != next_label)

    found = [0, 0, 0]
    inside, before = False, ("O", "O")
    for true, said in [*zip(gold, predicted, strict=True), ("O", "O")]:
        over = ends(before[0], true), ends(before[1], said)
        if inside:
            if all(over):
                found[2] += 1
                inside = False
            elif any(over) or parts(true)[1] != parts(said)[1]:
                inside = False
        new = begins(before[0], true), begins(before[1], said)
        if all(new) and parts(true)[1] == parts(said)[1]:
            inside = True
        found[0] += new[0]
        found[1] += new[1]
        before = true, said
    return Tally(*found)


@given(PAIRS)
def test_tally_equals_conlleval(pairs):
    gold, predicted = [one for one, _ in pairs], [other for _, other in pairs]
    assert scores.tally(spans_of(gold), spans_of(predicted)) == conlleval(gold, predicted)


@given(PAIRS)
def test_tally_by_label_adds_up_to_the_whole(pairs):
    gold, predicted = (spans_of([pair[side] for pair in pairs]) for side in (0, 1))
    apart = scores.tally_by_label(gold, predicted)
    assert sum(counts.gold for counts in apart.values()) == len(gold)
    whole = NOTHING
    for counts in apart.values():
        whole = whole.plus(counts)
    assert whole == scores.tally(gold, predicted)


def test_figures_of_a_tally():
    counts = Tally(gold=4, predicted=2, right=1)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.25, 2 / 6)
    assert (NOTHING.precision, NOTHING.recall, NOTHING.f1) == (None, None, None)
    assert Tally(3, 0, 0).f1 == 0.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Span(2, 4, "A"), ""),
        (Span(2, 4, "B"), "label"),
        (Span(2, 3, "A"), "border"),
        (Span(1, 6, "A"), "border"),
        (Span(1, 3, "B"), "both"),
        (Span(4, 6, "A"), "spurious"),
        (Span(0, 2, "A"), "spurious"),
    ],
)
def test_kind_of_a_mistake(answer, kind):
    assert scores.kind_of(answer, [Span(2, 4, "A"), Span(7, 8, "B")]) == kind


@given(PAIRS)
def test_missed_are_those_that_no_answer_overlaps(pairs):
    gold, predicted = (spans_of([pair[side] for pair in pairs]) for side in (0, 1))
    slow = [span for span in gold if not any(scores.overlap(span, other) for other in predicted)]
    assert scores.missed(gold, predicted) == slow


def test_interval_holds_the_figure_and_is_wider_for_fewer_units():
    chance = np.random.default_rng(0)
    right = chance.random((400, 5)) < 0.7
    single = np.stack([np.full(400, 5), np.full(400, 5), right.sum(axis=1)], axis=1)
    low, high = scores.interval(single, scores.overall)
    figure = float(right.mean())
    assert low < figure < high
    error = 1.96 * np.sqrt(figure * (1 - figure) / right.size)  # independent tokens: the normal interval's half
    assert (high - low) / 2 == pytest.approx(error, rel=0.15)
    fewer = scores.interval(single[:25], scores.overall)
    assert fewer[1] - fewer[0] > 2 * (high - low)
    assert scores.interval(single, scores.overall) == (low, high)  # seeded


def test_interval_of_units_that_hang_together_is_wider():
    """Documents that are all right or all wrong: drawn by sentence, the interval would be too narrow."""
    right = np.repeat([0, 10, 10, 0, 10, 10] * 5, 20)
    counts = np.stack([np.full(600, 10), np.full(600, 10), right], axis=1)
    by_sentence = scores.interval(counts, scores.overall)
    by_document = scores.interval(scores.per_unit(counts, np.repeat(np.arange(30), 20).tolist()), scores.overall)
    assert by_document[1] - by_document[0] > 3 * (by_sentence[1] - by_sentence[0])


def test_per_unit_adds_rows():
    counts = np.array([[1, 1, 1], [2, 2, 2], [4, 4, 4]])
    assert scores.per_unit(counts, [7, 3, 7]).tolist() == [[2, 2, 2], [5, 5, 5]]


@pytest.mark.parametrize(
    ("confidence", "right", "share"),
    [
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], 0.5),
        ([0.6, 0.7, 0.8, 0.9], [1, 0, 1, 1], 0.5),
        ([0.9, 0.8], [0, 1], 0.0),
        ([0.9, 0.9, 0.5], [1, 0, 0], 0.0),  # the two are equally sure: one cannot be kept without the other
        ([0.9, 0.8], [1, 1], 1.0),
        ([], [], 0.0),
    ],
)
def test_kept_at_a_precision(confidence, right, share):
    assert scores.kept_at(0.9, np.array(confidence), np.array(right, dtype=bool)) == share
