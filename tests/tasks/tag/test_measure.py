"""Measuring a tagger: what is counted, what is held to training, which mistakes are kept, and what is printed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged import Sentence, joined, tagged_from_lists
from gatewise.runtime.spans import Span, spans_of
from gatewise.tasks.tag.measure import BATCH_TOKENS, batches, evaluate

TOKENS = [
    ["Ada", "met", "Bob", "in", "New", "York"],
    ["Bob", "slept"],
    ["Oslo", "is", "cold"],
]
TAGS = [["B-PER", "O", "B-PER", "O", "B-LOC", "I-LOC"], ["B-PER", "O"], ["B-LOC", "O", "O"]]
PART = tagged_from_lists(TOKENS, TAGS, name="three sentences")


@dataclass
class Answer:
    found: list[tuple[Span, float]]


@dataclass
class Told:
    """A tagger that answers what it was told, by sentence."""

    said: dict[tuple[str, ...], list[tuple[Span, float]]]
    tags: tuple[str, ...] = ("O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "S-PER", "B-PER", "E-PER")
    spans_are_tags: bool = True

    def stream(self, sentences: Iterable[Sequence[str]]) -> Iterator[Answer]:
        return (Answer(self.said.get(tuple(tokens), [])) for tokens in sentences)

    def lattices(self, sentences: Sequence[Sequence[str]]) -> list["Chance"]:
        return [Chance(self.tags) for _ in sentences]


@dataclass
class Chance:
    """A lattice that gives New York as a place a quarter, and nothing else anything."""

    tags: tuple[str, ...]

    def probability(self, start: int, tags: list[int]) -> float:
        return 0.25 if (start, [self.tags[place] for place in tags]) == (4, ["B-LOC", "E-LOC"]) else 0.0


def right(part=PART, sure: float = 1.0, plain: bool = False) -> Told:
    """Give a tagger that is always right."""
    said = {}
    for sentence in part.sentences():
        spans = (
            [Span(i, i + 1, tag) for i, tag in enumerate(sentence.tags) if tag] if plain else spans_of(sentence.tags)
        )
        said[sentence.tokens] = [(span, sure) for span in spans]
    return Told(said, spans_are_tags=not plain)


def test_evaluate_a_tagger_that_is_right():
    found = evaluate(right(), PART)
    assert (found.f1, found.precision, found.recall, found.n, found.ece) == (1.0, 1.0, 1.0, 5, 0.0)
    assert (found.f1_low, found.f1_high, found.units) == (1.0, 1.0, "sentences")
    assert (found.sentences, found.tokens, found.data) == (3, 11, "three sentences")
    assert found.errors == () and found.mistakes == {"missed": 0} and found.kept_at == {"0.95": 1.0, "0.9": 1.0}
    assert (found.seen, found.repeated_sentences) == (None, None)


def test_evaluate_counts_by_hand():
    tagger = right(sure=0.9)
    tagger.said[tuple(TOKENS[0])] = [
        (Span(0, 1, "LOC"), 0.8), (Span(2, 3, "PER"), 0.7), (Span(5, 6, "LOC"), 0.6), (Span(3, 4, "PER"), 0.5)
    ]  # fmt: skip
    tagger.said[tuple(TOKENS[1])] = []
    found = evaluate(tagger, PART)
    assert (found.n, found.predicted) == (5, 5)
    assert (found.precision, found.recall, found.f1) == (2 / 5, 2 / 5, 2 / 5)
    assert found.mistakes == {"label": 1, "border": 1, "spurious": 1, "missed": 1}
    assert [(one.label, one.n, one.precision, one.recall) for one in found.by_label] == [
        ("LOC", 2, 1 / 3, 1 / 2), ("PER", 3, 1 / 2, 1 / 3)
    ]  # fmt: skip
    assert [(pair.label, pair.predicted, pair.n) for pair in found.confusions] == [("PER", "LOC", 1)]
    assert found.ece == pytest.approx((0.8 + 0.3 + 0.6 + 0.5 + 0.1) / 5)
    assert found.macro_f1 == pytest.approx((2 * 1 / (2 + 3) + 2 * 1 / (3 + 2)) / 2)
    assert [(e.kind, e.predicted, e.label, e.text[e.start : e.end], e.probability) for e in found.errors] == [
        ("missed", "", "PER", "Bob", 1.0), ("label", "LOC", "PER", "Ada", 0.8), ("border", "LOC", "LOC", "York", 0.6),
        ("spurious", "PER", "", "in", 0.5),
    ]  # fmt: skip
    border = found.errors[2]
    assert border.text[border.label_start : border.label_end] == "New York"
    assert (found.errors[3].label_start, found.errors[3].label_end) == (None, None)
    json.dumps(found.as_dict())


def test_evaluate_lines_name_the_figures():
    tagger = right(sure=0.9)
    tagger.said[tuple(TOKENS[0])] = [(Span(5, 6, "LOC"), 0.6)]
    lines = "\n".join(evaluate(tagger, PART).lines())
    assert "F1                0.5000   95 % interval" in lines
    assert "mistakes          1 with other borders, 2 not found" in lines
    assert "0.60 Ada met Bob in New [York]LOC   is LOC New York   three sentences[0]" in lines
    assert "1.00 [Ada]- met Bob in New York   is PER   three sentences[0]" in lines
    assert "entities          5 in 3 sentences, 11 tokens" in lines


def test_evaluate_tells_what_stands_in_training():
    training = tagged_from_lists(
        [["Bob", "slept"], ["Ada", "slept"], ["New", "York"]], [["B-PER", "O"], ["B-LOC", "O"], ["B-LOC", "I-LOC"]]
    )
    tagger = right()
    tagger.said[tuple(TOKENS[2])] = []
    found = evaluate(tagger, PART, training=training)
    assert (found.seen.n, found.seen.f1) == (3, 1.0)  # Bob twice, New York; Ada was a place
    assert (found.unseen.n, found.unseen.recall) == (2, 0.5)
    assert found.repeated_sentences == 1
    assert found.f1_without_repeated == pytest.approx(2 * 3 / (4 + 3))
    assert "1 of 3 sentences stand in training; without them 0.8571" in "\n".join(found.lines())


def test_evaluate_counts_unknown_labels_as_missed_and_names_them_once():
    tagger = right()
    tagger.tags = ("O", "S-PER")
    tagger.said[tuple(TOKENS[0])] = tagger.said[tuple(TOKENS[0])][:2]
    tagger.said[tuple(TOKENS[2])] = []
    found = evaluate(tagger, PART)
    assert found.unknown_labels == {"LOC": 2}
    assert (found.recall, found.precision) == (3 / 5, 1.0)
    told = [line for line in found.lines() if "LOC (2): labels that training had not, counted as missed" in line]
    assert len(told) == 1


def test_evaluate_plain_labels_is_accuracy():
    part = tagged_from_lists(
        [["the", "dog", "barks"], ["dogs", "bark"]], [["DET", "NOUN", "VERB"], ["NOUN", ""]], name="words"
    )
    assert part.scheme.name == ""
    tagger = right(part, sure=0.75, plain=True)
    tagger.tags = ("DET", "NOUN", "VERB")
    tagger.said["the", "dog", "barks"][2] = (Span(2, 3, "NOUN"), 0.75)
    tagger.said["dogs", "bark"].append((Span(1, 2, "VERB"), 0.5))  # nobody knows whether it is right
    training = tagged_from_lists([["dog"]], [["VERB"]])
    found = evaluate(tagger, part, training=training)
    values = found.as_dict()
    assert (values["accuracy"], values["n"], values["ece"]) == (0.75, 4, 0.0)
    assert "f1" not in values and "precision" not in values
    assert (values["seen"]["n"], values["unseen"]["n"]) == (1, 3)  # by the word alone
    assert [(pair.label, pair.predicted) for pair in found.confusions] == [("VERB", "NOUN")]
    lines = "\n".join(found.lines())
    assert "accuracy          0.7500" in lines and "0.75 the dog [barks]NOUN   is VERB   words[0]" in lines
    assert found.figures()["accuracy"] == 0.75


def test_evaluate_masked_tokens_count_neither_way():
    sentence = Sentence(("Ada", "x", "Bob"), ("S-PER", "", "S-PER"), *joined(("Ada", "x", "Bob")))

    class Part:
        name = "masked"

        def sentences(self):
            yield sentence

    tagger = Told({sentence.tokens: [(Span(0, 1, "PER"), 1.0), (Span(1, 2, "PER"), 1.0)]})
    found = evaluate(tagger, Part())
    assert (found.n, found.predicted, found.precision, found.recall) == (2, 1, 1.0, 0.5)


def test_evaluate_resamples_documents_where_there_are_enough():
    def many(documents: int) -> object:
        class Part:
            name = "documents"

            def sentences(self):
                for number in range(40):
                    tokens = ("Ada", str(number))
                    yield Sentence(tokens, ("S-PER", "O"), *joined(tokens), document=number % documents)

        return Part()

    tagger = Told({})
    tagger.said = {("Ada", str(n)): [(Span(0, 1, "PER"), 1.0)] for n in range(0, 40, 2)}
    assert evaluate(tagger, many(19)).units == "sentences"
    assert evaluate(tagger, many(20)).units == "documents"


def test_evaluate_refuses_what_has_no_labels():
    with pytest.raises(DataError, match="holds no labelled sentence"):
        evaluate(right(), tagged_from_lists([["a"]], name="nothing"))


def test_evaluate_refuses_labels_of_the_other_kind():
    plain = tagged_from_lists([["a", "b"]], [["DET", "NOUN"]], name="words")
    with pytest.raises(DataError, match="The model gives spans, and words holds plain labels"):
        evaluate(right(), plain)
    with pytest.raises(DataError, match="The model gives plain labels, and three sentences holds spans"):
        evaluate(right(plain=True), PART)


def test_evaluate_of_text_without_entities():
    part = tagged_from_lists([["a", "b"]], [["O", "O"]])
    found = evaluate(Told({}), part)
    assert (found.n, found.f1, found.precision, found.recall, found.ece) == (0, 0.0, 0.0, 0.0, 0.0)
    assert found.lines()


def test_evaluate_reads_in_batches():
    long = [Sentence(("a",) * 3, None, "", (), document=number) for number in range(5000)]
    assert [len(batch) for batch in batches(long)] == [2048, 2048, 904]
    big = [Sentence(("a",) * BATCH_TOKENS, None, "", ()) for _ in range(3)]
    assert [len(batch) for batch in batches(big)] == [1, 1, 1]
    assert list(batches([])) == []


def test_evaluate_sorts_mistakes_by_confidence():
    """The surest mistakes come first, and of equally sure ones the first read."""
    said = zip(TOKENS, (0.5, 0.9, 0.5), strict=True)
    tagger = Told({tuple(tokens): [(Span(1, 2, "PER"), sure)] for tokens, sure in said})
    assert [error.place for error in evaluate(tagger, PART).errors if error.kind != "missed"] == [
        "three sentences[1]", "three sentences[0]", "three sentences[2]"
    ]  # fmt: skip


def test_evaluate_says_how_sure_a_tagger_is_that_nothing_is_there():
    tagger = right()
    tagger.said[tuple(TOKENS[0])] = tagger.said[tuple(TOKENS[0])][:2]
    missed = evaluate(tagger, PART).errors
    assert [(error.kind, error.probability, error.text[error.start : error.end]) for error in missed] == [
        ("missed", 0.75, "New York")
    ]


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (Span(2, 4, "LOC"), "ORG"),  # its own borders come first,
        (Span(2, 6, "PER"), "PER"),  # then its own label,
        (Span(3, 6, "LOC"), "ORG"),  # then whatever stands first
    ],
)
def test_evaluate_says_what_a_wrong_answer_should_be(answer, label):
    tokens = [["a", "b", "c", "d", "e", "f"]]
    part = tagged_from_lists(tokens, [["O", "O", "B-ORG", "I-ORG", "B-PER", "I-PER"]])
    errors = [one for one in evaluate(Told({tuple(tokens[0]): [(answer, 0.9)]}), part).errors if one.predicted]
    assert [one.label for one in errors] == [label]
