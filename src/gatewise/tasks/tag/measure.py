"""What a tagger is worth on labelled sentences: evaluate(), which reads them as a stream and fills an Evaluation."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

import numpy as np

from gatewise.base.errors import DataError, one_line
from gatewise.base.figure import Confusion
from gatewise.base.reliability import binned, expected_calibration_error
from gatewise.data.tagged import Sentence, TaggedPart
from gatewise.runtime.dictionary import labels_of
from gatewise.runtime.spans import Span, spans_of, tags_of
from gatewise.tasks.tag import scores
from gatewise.tasks.tag.evaluation import Evaluation, Mistake, figures_of, seen_of
from gatewise.tasks.tag.scores import NOTHING, Tally

BATCH_SENTENCES, BATCH_TOKENS = 2048, 1 << 17  # read and answered at once
ERRORS_KEPT, CONFUSIONS_KEPT = 25, 10  # the first of wrong answers, and as many missed
FEW_DOCUMENTS = 20  # fewer than these are too few to draw anew; sentences are drawn then
MASKED = ""  # the tag of a token that nothing is known of
PRECISIONS = (0.95, 0.9)  # at which it is told how much of the answers can be kept

Answered = Sequence[tuple[Span, float]]  # spans in tokens with their probabilities
Entity = tuple[tuple[str, ...], str]  # tokens, label


class Lattice(Protocol):
    """What gives the probability that tags, by their number, stand from a token on; see gatewise.runtime.crf."""

    def probability(self, start: int, tags: Sequence[int]) -> float: ...


class Answer(Protocol):
    """What a tagger says of a sentence: spans in tokens with their probabilities; of plain labels each token is one."""

    @property
    def found(self) -> Sequence[tuple[Span, float]]: ...


class Tagger(Protocol):
    """A tagger as it is measured, which gatewise.runtime.tagger.Tagger is."""

    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def spans_are_tags(self) -> bool: ...
    def stream(self, sentences: Iterable[Sequence[str]]) -> Iterable[Answer]: ...
    def lattices(self, sentences: Sequence[Sequence[str]]) -> Sequence[Lattice]: ...


class Sentences(Protocol):
    """A part of a data set: a name for messages, and sentences that can be read again and again."""

    @property
    def name(self) -> str: ...
    def sentences(self) -> Iterator[Sentence]: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a training part holds: its sentences, by their hash, and its entities, or words where labels are plain."""

    sentences: frozenset[int]
    entities: frozenset[Entity]


def known_of(training: Sentences, *, plain: bool) -> Known:
    """Read a training part once, for what it holds."""
    sentences, entities = set(), set()
    for sentence in training.sentences():
        sentences.add(hash(sentence.tokens))
        if sentence.tags is not None:
            entities |= {entity_of(sentence, span, plain=plain) for span in pieces_of(sentence.tags, plain=plain)}
    return Known(frozenset(sentences), frozenset(entities))


def entity_of(sentence: Sentence, span: Span, *, plain: bool) -> Entity:
    """Give what an entity is known by: its tokens and label; of plain labels the word alone."""
    return sentence.tokens[span.start : span.end], "" if plain else span.label


def pieces_of(tags: Sequence[str], *, plain: bool) -> list[Span]:
    """Give what is counted of a sentence: its entities, or with plain labels each token that is not masked."""
    if plain:
        return [Span(place, place + 1, tag) for place, tag in enumerate(tags) if tag != MASKED]
    return spans_of(["O" if tag == MASKED else tag for tag in tags])


def evaluate(
    model: Tagger,
    part: Sentences,
    *,
    training: Sentences | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Measure a tagger on labelled sentences; `training` is what it learnt from, for what stands in both.

    Sentences without labels are left out. Labels that the model does not know count as missed. `progress` is told the
    number of sentences done. Raises DataError where the part holds no labelled sentence, or labels of the other kind.
    """
    started = time.perf_counter()
    plain = not model.spans_are_tags
    if isinstance(part, TaggedPart) and part.labelled and bool(part.scheme.name) is plain:
        kinds = ("plain labels", "spans") if plain else ("spans", "plain labels")
        raise DataError(
            f"The model gives {kinds[0]}, and {one_line(part.name)} holds {kinds[1]}; measure it on data of its kind."
        )
    known = known_of(training, plain=plain) if training is not None else None
    ledger = Ledger(plain, known, frozenset(labels_of(model.tags, spans_are_tags=model.spans_are_tags)))
    seconds = 0.0
    labelled = (sentence for sentence in part.sentences() if sentence.tags is not None)
    for batch in batches(labelled):
        begun = time.perf_counter()
        answers = [answer.found for answer in model.stream(sentence.tokens for sentence in batch)]
        seconds += time.perf_counter() - begun
        missed: list[tuple[Sentence, Span]] = []
        for sentence, answered in zip(batch, answers, strict=True):
            missed += [(sentence, span) for span in ledger.add(sentence, answered)]
        for (sentence, span), sure in zip(missed, absences(model, missed), strict=True):
            ledger.mistaken("missed", sure, sentence, None, [span])
        progress(ledger.sentences)
    if not ledger.sentences:
        raise DataError(f"{one_line(part.name)} holds no labelled sentence to measure on; give a file with labels.")
    return ledger.close(part.name, seconds or time.perf_counter() - started)


def absences(model: Tagger, missed: Sequence[tuple[Sentence, Span]]) -> list[float]:
    """Give how sure a tagger is that each of some entities is not there: one minus the exact probability of it."""
    places = {tag: place for place, tag in enumerate(model.tags)}
    sure = []
    lattices = model.lattices([sentence.tokens for sentence, _ in missed]) if missed else []
    for (_, (start, end, label)), lattice in zip(missed, lattices, strict=True):
        path = [places[tag] for tag in tags_of([(0, end - start, label)], end - start)]
        sure.append(1 - lattice.probability(start, path))
    return sure


def batches(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Cut a stream into lists of at most BATCH_SENTENCES, ended early by BATCH_TOKENS."""
    rest = iter(sentences)
    while chunk := list(islice(rest, 1)):
        tokens = len(chunk[0].tokens)
        while len(chunk) < BATCH_SENTENCES and tokens < BATCH_TOKENS and (more := next(rest, None)) is not None:
            chunk.append(more)
            tokens += len(more.tokens)
        yield chunk


@dataclass(slots=True)
class Ledger:
    """All that is counted while sentences go by; a few numbers a sentence and two an answer are kept."""

    plain: bool
    known: Known | None
    labels: frozenset[str]
    sentences: int = 0
    tokens: int = 0
    repeated: int = 0
    counts: list[Tally] = field(default_factory=list)  # of each sentence
    documents: list[int] = field(default_factory=list)
    by_label: dict[str, Tally] = field(default_factory=dict)
    seen: Tally = NOTHING
    unseen: Tally = NOTHING
    fresh: Tally = NOTHING  # of sentences that do not stand in training
    confidence: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    errors: tuple[list[tuple[float, int, Mistake]], ...] = field(default_factory=lambda: ([], []))  # answers, missed

    def add(self, sentence: Sentence, answered: Answered) -> list[Span]:
        """Count one sentence; give its entities that no answer touches, of labels that the model knows."""
        tags = sentence.tags or ()
        gold = pieces_of(tags, plain=self.plain)
        answered = [(span, sure) for span, sure in answered if MASKED not in tags[span.start : span.end]]
        predicted = [span for span, _ in answered]
        counts = scores.tally(gold, predicted)
        self.sentences += 1
        self.tokens += len(tags)
        self.counts.append(counts)
        self.documents.append(sentence.document)
        for label, one in scores.tally_by_label(gold, predicted).items():
            self.by_label[label] = self.by_label.get(label, NOTHING).plus(one)
        if self.known is not None:
            self._hold_to_training(sentence, gold, predicted, counts)
        true = {*gold}
        for span, sure in answered:
            kind = "" if span in true else scores.kind_of(span, gold)
            self.confidence.append(sure)
            self.right.append(not kind)
            if kind:
                self.mistaken(kind, sure, sentence, span, gold)
        missed = [] if self.plain else scores.missed(gold, predicted)
        known = [span for span in missed if span.label in self.labels]
        self.kinds["missed"] += len(missed) - len(known)
        return known

    def _hold_to_training(
        self, sentence: Sentence, gold: Collection[Span], predicted: Collection[Span], counts: Tally
    ) -> None:
        """Count apart what stands in the training part and what does not."""
        assert self.known is not None
        if hash(sentence.tokens) in self.known.sentences:
            self.repeated += 1
        else:
            self.fresh = self.fresh.plus(counts)
        for met in (True, False):
            sides = [
                [span for span in side if (entity_of(sentence, span, plain=self.plain) in self.known.entities) is met]
                for side in (gold, predicted)
            ]
            one = scores.tally(*sides)
            if met:
                self.seen = self.seen.plus(one)
            else:
                self.unseen = self.unseen.plus(one)

    def mistaken(self, kind: str, sure: float, sentence: Sentence, span: Span | None, gold: Collection[Span]) -> None:
        """Count a wrong answer, None where an entity was missed, and keep it if it is among the surest."""
        self.kinds[kind] += 1
        met = [other for other in gold if span is None or scores.overlap(span, other)]
        if span:
            met.sort(key=lambda other: ((other.start, other.end) != (span.start, span.end), other.label != span.label))
        true = met[0] if met else None
        if kind == "label" and true and span:
            self.confused[true.label, span.label] += 1
        label_start, label_end = place_of(sentence, true) if true else (None, None)
        start, end = place_of(sentence, span or met[0])
        mistake = Mistake(
            kind, sure, sentence.place, sentence.text, start, end, span.label if span else "",
            true.label if true else "", label_start, label_end,
        )  # fmt: skip
        errors = self.errors[kind == "missed"]
        keep = heapq.heappush if len(errors) < ERRORS_KEPT else heapq.heappushpop
        keep(errors, (round(sure, 6), -self.kinds.total(), mistake))  # the last bits depend on the company

    def close(self, name: str, seconds: float) -> Evaluation:
        """Turn what was counted into figures."""
        counts = np.array(self.counts, dtype=np.int64)
        whole = Tally(*map(int, counts.sum(axis=0)))
        documents = len({*self.documents}) >= FEW_DOCUMENTS
        units = scores.per_unit(counts, self.documents if documents else range(len(counts)))
        low, high = scores.interval(units, scores.overall)
        confidence, right = np.array(self.confidence), np.array(self.right, dtype=bool)
        bins = binned(confidence, right)
        met = [counts.f1 or 0.0 for counts in self.by_label.values() if counts.gold]
        return Evaluation(
            data=name, plain=self.plain, n=whole.gold, predicted=whole.predicted,
            f1=whole.f1 or 0.0, f1_low=low, f1_high=high, precision=whole.precision or 0.0, recall=whole.recall or 0.0,
            units="documents" if documents else "sentences", macro_f1=sum(met) / max(1, len(met)),
            ece=expected_calibration_error(bins), reliability=bins,
            kept_at={str(at): scores.kept_at(at, confidence, right) for at in PRECISIONS},
            sentences=self.sentences, tokens=self.tokens,
            by_label=tuple(figures_of(label, self.by_label[label]) for label in sorted(self.by_label)),
            confusions=tuple(Confusion(*pair, n) for pair, n in self.confused.most_common(CONFUSIONS_KEPT)),
            mistakes=dict(self.kinds),
            errors=tuple(error for *_, error in sorted(chain(*self.errors), reverse=True, key=lambda one: one[:2])),
            unknown_labels={
                label: one.gold for label, one in sorted(self.by_label.items()) if one.gold and label not in self.labels
            },
            seconds=seconds,
            seen=seen_of(self.seen) if self.known else None,
            unseen=seen_of(self.unseen) if self.known else None,
            repeated_sentences=self.repeated if self.known else None,
            f1_without_repeated=self.fresh.f1 if self.known else None,
        )  # fmt: skip


def place_of(sentence: Sentence, span: Span) -> tuple[int, int]:
    """Give a span of tokens in code points of its sentence's text."""
    return sentence.offsets[span.start][0], sentence.offsets[span.end - 1][1]
