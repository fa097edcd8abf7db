"""A user's dictionary: the longest words from the left, at borders of tokens, held to a slow search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.runtime.dictionary import allowed_by, dictionary_of, refuse_unknown
from gatewise.runtime.spans import Span


@pytest.mark.parametrize(
    ("words", "tokens", "spans"),
    [
        ([("New York", "LOC")], ["in", "New", "York", "."], [Span(1, 3, "LOC")]),
        ([("New York", "LOC")], ["NewYork", "New", "\n", "York"], [Span(0, 1, "LOC"), Span(1, 4, "LOC")]),
        ([("York", "LOC")], ["New", "Yorker", "York"], [Span(2, 3, "LOC")]),  # inside a token nothing is found
        ([("New", "X"), ("New York", "LOC")], ["New", "York", "New"], [Span(0, 2, "LOC"), Span(2, 3, "X")]),
        ([("a b", "1"), ("b c d", "2")], ["a", "b", "c", "d"], [Span(0, 2, "1")]),  # from the left
        ([("深圳市", "LOC"), ("市长", "PER")], [*"深圳市长"], [Span(0, 3, "LOC")]),
        ([("x", "A"), ("x", "B")], ["x", "X"], [Span(0, 1, "B")]),  # case counts
        ([("x", "A")], ["x", " ", " ", "x"], [Span(0, 1, "A"), Span(3, 4, "A")]),
        ([("x", "A")], [" ", "\u3000", "x"], [Span(2, 3, "A")]),
        ([("x", "A")], [], []),
        ([(" ", "A")], [" ", "a"], []),
        ([], ["a"], []),
    ],
)
def test_dictionary_finds(words, tokens, spans):
    assert dictionary_of(words).spans(tokens) == spans


@given(
    st.dictionaries(st.text("ab", min_size=1, max_size=4), st.sampled_from("XY"), max_size=5),
    st.lists(st.text("ab", max_size=2), max_size=12),
)
def test_dictionary_equals_a_slow_search(words, tokens):
    """Try every end at every place, without an index."""
    spans, place = [], 0
    while place < len(tokens):
        ends = [
            end
            for end in range(place + 1, len(tokens) + 1)
            if "".join(tokens[place:end]) in words and tokens[place] and tokens[end - 1]
        ]
        if ends:
            spans.append(Span(place, ends[-1], words["".join(tokens[place : ends[-1]])]))
        place = ends[-1] if ends else place + 1
    assert dictionary_of(words.items()).spans(tokens) == spans


def test_dictionary_names_its_labels():
    assert dictionary_of([("a", "X"), ("b", "Y"), ("a", "Y")]).labels == {"Y"}


TAGS = ("O", "B-A", "I-A", "E-A", "S-A", "S-B")


def test_allowed_leaves_one_tag_inside_a_span_and_any_outside():
    allowed = allowed_by([Span(1, 4, "A"), Span(4, 5, "B")], 6, TAGS)
    assert [[tag for tag, may in zip(TAGS, row, strict=True) if may] for row in allowed.tolist()] == [
        [*TAGS], ["B-A"], ["I-A"], ["E-A"], ["S-B"], [*TAGS]
    ]  # fmt: skip
    assert allowed_by([], 6, TAGS) is None


def test_allowed_with_plain_labels():
    allowed = allowed_by([Span(0, 2, "VERB")], 3, ("NOUN", "VERB"), spans_are_tags=False)
    assert allowed.tolist() == [[False, True], [False, True], [True, True]]


def test_a_label_that_the_model_does_not_know_is_named():
    dictionary = dictionary_of([("a", "PER"), ("b", "EVENT")])
    refuse_unknown(dictionary, ["EVENT", "PER"])
    with pytest.raises(DataError, match="has the label 'EVENT', and the model knows LOC, PER"):
        refuse_unknown(dictionary, ["PER", "LOC"])
