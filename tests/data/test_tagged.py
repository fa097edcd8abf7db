"""Sentences in memory: tags of any scheme become BIOES, offsets are those of the joined text, faults are named."""

from collections.abc import Iterable

import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged import Joint, Sentence, TaggedPart, joined, tagged_from_lists
from gatewise.runtime.spans import PLAIN, Scheme, Span


def test_tagged_from_lists_any_scheme() -> None:
    part = tagged_from_lists([["EU", "rejects"], ["a", "b", "c"]], [["I-ORG", "O"], ["I-PER", "I-PER", "B-PER"]])
    first, second = part.sentences()
    assert part.labelled and part.scheme == Scheme("IOB1")
    assert first == Sentence(("EU", "rejects"), ("S-ORG", "O"), "EU rejects", ((0, 2), (3, 10)), 0, "sentences[0]")
    assert second.tags == ("B-PER", "E-PER", "S-PER") and second.spans() == [Span(0, 3, "PER"), Span(4, 5, "PER")]
    assert list(part.sentences()) == [first, second]  # again


def test_tagged_from_lists_plain_masked_and_unlabelled() -> None:
    part = tagged_from_lists([["a", "b\ud800"]], [["NOUN", ""]])
    assert part.scheme == PLAIN
    assert [(one.tokens, one.tags) for one in part.sentences()] == [(("a", "b\ufffd"), ("NOUN", ""))]
    part = tagged_from_lists([["a"]])
    assert not part.labelled and next(part.sentences()).tags is None


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        ("EU", None, "single string"),
        (["EU"], None, r"sentences\[0\] is no list of strings"),
        ([["EU", 1]], None, r"sentences\[0\] is no list of strings"),
        ([["EU"], []], None, r"sentences\[1\] is empty"),
        ([["EU", ""]], None, r"sentences\[0\] has an empty token"),
        ([["EU"]], [], "1 sentences but 0 rows of tags"),
        ([["EU", "b"]], [["O"]], r"sentences\[0\] has 2 tokens but 1 tags"),
        ([["a", "b", "c"]], [["B-X", "E-X", "U-X"]], "tags of two schemes, '[EU]-X' and '[EU]-X'"),
        ([["a", "b"], ["c"]], [["B-X", "O"], ["X"]], r"tags\[1\] has the tag 'X', which is none of IOB2"),
    ],
)
def test_tagged_from_lists_faults(tokens: list, tags: list | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tagged_from_lists(tokens, tags)


@pytest.mark.parametrize(
    ("tokens", "joint", "text"),
    [
        (["a", "b", "."], Joint.BLANK, "a b ."),
        (["中", "国", "a"], Joint.NOTHING, "中国a"),
        (["中国", "Apple", "Inc", "3", "很", "!", "x"], Joint.BETWEEN_WORDS, "中国Apple Inc 3很!x"),
        ([" ", "b"], Joint.BLANK, "  b"),
    ],
)
def test_tagged_tokens_joined_stand_where_it_is_said(tokens: list[str], joint: Joint, text: str) -> None:
    made, offsets = joined(tokens, joint)
    assert made == text and [made[start:end] for start, end in offsets] == tokens


def test_tagged_part_that_cannot_be_read() -> None:
    def gone() -> Iterable[Sentence]:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(DataError, match=r"x\.conll cannot be read \(No such file\)"):
        list(TaggedPart("x.conll", gone).sentences())
