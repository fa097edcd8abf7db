"""Answers of a tagger as text, JSON, columns and a page."""

import json
from pathlib import Path

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.cli.tagged import Answer, as_marked, as_object, chunks, format_of, sentences_of
from gatewise.runtime.spans import Span

TEXT = "Ada met\n👩‍🚀 New York"
SPANS = [(Span(0, 3, "PER"), 0.98), (Span(12, 20, "LOC"), 0.5)]
PARTS = [(["Ada", "met"], [(0, 3), (4, 7)]), (["👩‍🚀", "New", "York"], [(8, 11), (12, 15), (16, 20)])]
TAGS = [["S-PER", "O"], ["O", "B-LOC", "E-LOC"]]
ANSWER = Answer(TEXT, PARTS, TAGS, SPANS)
EMPTY = Answer("", [], [], [])
PLAIN = Answer("a dog", [(["a", "dog"], [(0, 1), (2, 5)])], [["DET", "NOUN"]],
               [(Span(0, 1, "DET"), 1.0), (Span(2, 5, "NOUN"), 0.75)], True)  # fmt: skip
WORDS = Answer("深圳很大", [([*"深圳很大"], [(0, 1), (1, 2), (2, 3), (3, 4)])], [["B", "E", "S", "S"]], [
    (Span(0, 2, ""), 0.9), (Span(2, 3, ""), 0.9), (Span(3, 4, ""), 0.9)
])  # fmt: skip


def test_an_object_holds_the_entity_itself():
    found = as_object(ANSWER)
    assert found["text"] == TEXT
    for span in found["spans"]:
        assert TEXT[span["start"] : span["end"]] == span["text"]
    assert [span["text"] for span in found["spans"]] == ["Ada", "New York"]
    assert "tokens" not in found


def test_an_object_of_given_tokens_has_their_tags():
    found = as_object(Answer(TEXT, PARTS, TAGS, SPANS, given=True))
    assert (found["tokens"], found["tags"]) == (["Ada", "met", "👩‍🚀", "New", "York"], [*TAGS[0], *TAGS[1]])


def test_an_object_of_plain_labels():
    assert as_object(PLAIN) == {
        "text": "a dog", "tokens": ["a", "dog"], "tags": ["DET", "NOUN"], "offsets": [[0, 1], [2, 5]],
        "probabilities": [1.0, 0.75],
    }  # fmt: skip


def test_marked_text_is_one_line():
    assert as_marked(ANSWER) == "[Ada]PER 0.98 met 👩‍🚀 [New York]LOC 0.50"
    assert as_marked(PLAIN) == "a/DET dog/NOUN"
    assert as_marked(WORDS) == "深圳 很 大"
    assert as_marked(EMPTY) == ""
    assert as_marked(Answer("no entity", [(["no", "entity"], [(0, 2), (3, 9)])], [["O", "O"]], [])) == "no entity"


def test_an_answer_is_sentences_or_a_text_whole():
    apart = list(sentences_of(ANSWER, whole=False))
    assert [one.text for one in apart] == ["Ada met", "👩‍🚀 New York"]
    assert [[(span.start, span.end, span.label) for span in one.spans()] for one in apart] == [
        [(0, 3, "PER")], [(4, 12, "LOC")]
    ]  # fmt: skip
    (whole,) = sentences_of(ANSWER, whole=True)
    assert whole.text == TEXT and whole.spans() == [span for span, _ in SPANS]
    assert list(sentences_of(EMPTY, whole=False)) == []


def test_every_format_comes_piece_by_piece():
    many = (("jsonl", "}\n", 2), ("text", "0.50\n", 2), ("html", "</html>\n", 4), ("conll", "\n\n", 4))
    for name, ends, count in many:
        pieces = list(chunks(iter([ANSWER, ANSWER]), name, scheme="IOB2", labels=["LOC", "PER"]))
        assert len(pieces) == count and pieces[-1].endswith(ends), name
    assert "".join(chunks([ANSWER], "conll", scheme="IOB2", labels=[])).split()[1::2] == [
        "B-PER", "O", "O", "B-LOC", "I-LOC"
    ]  # fmt: skip
    assert "".join(chunks([PLAIN], "conll", scheme="", labels=[])) == "a\tDET\ndog\tNOUN\n\n"
    assert json.loads(next(chunks([ANSWER], "jsonl", scheme="IOB2", labels=[])))["spans"][0]["label"] == "PER"


@pytest.mark.parametrize(
    ("name", "output", "as_json", "found"),
    [
        (None, None, False, "text"), (None, None, True, "jsonl"), ("conll", None, False, "conll"),
        ("jsonl", None, True, "jsonl"), (None, "a.html", False, "html"), (None, "a.CONLL", False, "conll"),
        ("jsonl", "a.out", False, "jsonl"),
    ],
)  # fmt: skip
def test_the_format_asked_for(name, output, as_json, found):
    assert format_of(name, output and Path(output), as_json=as_json) == found


@pytest.mark.parametrize(
    ("name", "output", "as_json", "error"),
    [("xml", None, False, ConfigError), ("html", None, True, ConfigError), (None, "a.xls", False, DataError)],
)
def test_the_format_that_is_none(name, output, as_json, error):
    with pytest.raises(error):
        format_of(name, output and Path(output), as_json=as_json)
