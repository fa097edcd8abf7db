"""What was found out of a tagger on labelled sentences, as lines for people and as plain values for JSON."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from gatewise.base.errors import one_line
from gatewise.base.figure import Confusion, LabelFigures
from gatewise.base.reliability import ReliabilityBin
from gatewise.tasks.tag.scores import Tally

ERRORS_SHOWN, CONFUSIONS_SHOWN, LABELS_SHOWN = 5, 5, 10
AROUND = 50  # characters of a sentence on either side of a mistake
KINDS = {  # of mistakes, in the order in which they are listed
    "label": "with another label", "border": "with other borders", "both": "with other borders and label",
    "spurious": "where there is none", "missed": "not found",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """Figures of the entities that stand in the training part, words and label, or of those that do not."""

    n: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer: where it is in its sentence, in code points, what it should be and how sure the model was.

    `kind` is one of KINDS. Of an entity not found `predicted` is empty, of one where there is none `label`; start and
    end are those of the answer, or of what was not found.
    """

    kind: str
    probability: float
    place: str
    text: str
    start: int
    end: int
    predicted: str
    label: str
    label_start: int | None
    label_end: int | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What evaluate() found. With plain labels every token is an entity of its own, and F1 is the accuracy."""

    data: str
    plain: bool
    n: int  # entities, or tokens where labels are plain
    predicted: int
    f1: float
    f1_low: float  # 95 % interval: units drawn anew
    f1_high: float
    precision: float
    recall: float
    units: str  # what was drawn anew: documents or sentences
    macro_f1: float
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    kept_at: dict[str, float]  # share of the answers, the surest, that is right so often
    sentences: int
    tokens: int
    by_label: tuple[LabelFigures, ...]
    confusions: tuple[Confusion, ...]
    mistakes: dict[str, int]  # by kind
    errors: tuple[Mistake, ...]  # the surest first
    unknown_labels: dict[str, int]  # that the model never saw, with their entities, which count as missed
    seconds: float
    seen: Seen | None = None  # both None where it is not known what the model learnt from
    unseen: Seen | None = None
    repeated_sentences: int | None = None  # that stand in the training part
    f1_without_repeated: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, in the order above; of plain labels accuracy in the place of F1."""
        values = dataclasses.asdict(self)
        if self.plain:
            renamed = {"f1": "accuracy", "f1_low": "accuracy_low", "f1_high": "accuracy_high"}
            renamed["f1_without_repeated"] = "accuracy_without_repeated"
            left_out = ("precision", "recall", "predicted")
            values = {renamed.get(name, name): value for name, value in values.items() if name not in left_out}
        return values

    def figures(self) -> dict[str, Any]:
        """Give the numbers for the card, without sentences and tables."""
        names = ("n", "f1", "f1_low", "f1_high", "precision", "recall", "macro_f1", "ece", "sentences", "tokens")
        plain = ("n", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "ece", "sentences", "tokens")
        values = self.as_dict()
        return {name: values[name] for name in (plain if self.plain else names)}

    def lines(self) -> list[str]:
        """Give the figures for people."""
        interval = f"95 % interval {self.f1_low:.4f} to {self.f1_high:.4f}, {self.units} drawn anew"
        both = [f"precision         {self.precision:.4f}", f"recall            {self.recall:.4f}"]
        what, where = ("tokens", "") if self.plain else ("entities", f", {self.tokens:,} tokens")
        speed = f", {self.tokens / self.seconds:,.0f} tokens a second" if self.seconds else ""
        return [
            f"{'accuracy' if self.plain else 'F1':18}{self.f1:.4f}   {interval}",
            *([] if self.plain else both),
            f"macro F1          {self.macro_f1:.4f}",
            f"calibration error {self.ece:.4f}",
            *self._known_lines(),
            f"{what:18}{self.n:,} in {self.sentences:,} sentences{where}{speed}   ({self.data})",
            *self._label_lines(),
            *self._mistake_lines(),
        ]

    def _known_lines(self) -> Iterator[str]:
        """Tell what can be kept unread, and what of the figures rests on what training had already."""
        kept = ", ".join(f"{100 * part:.0f} % at precision {at}" for at, part in self.kept_at.items())
        if not self.plain:
            yield f"surest            {kept} can be kept of the {self.predicted:,} found"
        if self.seen and self.unseen:
            what = "words" if self.plain else "entities"
            yield (
                f"{'seen':18}{_number(self.seen.f1)} for {self.seen.n:,} {what} that stand in training, "
                f"{_number(self.unseen.f1)} for {self.unseen.n:,} that do not"
            )
        if self.repeated_sentences:
            yield (
                f"repeated          {self.repeated_sentences:,} of {self.sentences:,} sentences stand in training; "
                f"without them {_number(self.f1_without_repeated)}"
            )
        if self.unknown_labels:
            listed = ", ".join(f"{one_line(label, 60)} ({count:,})" for label, count in self.unknown_labels.items())
            yield f"never learnt      {listed}: labels that training had not, counted as missed"

    def _label_lines(self) -> Iterator[str]:
        """Give the figures of the labels, where there are many those of the worst, and the commonest confusions."""
        shown, title = self.by_label, ""
        if len(shown) > LABELS_SHOWN:
            met = sorted((one for one in shown if one.n), key=lambda one: one.f1 or 0.0)
            shown, title = tuple(met[:LABELS_SHOWN]), f"   (the worst of {len(self.by_label)} by F1)"
        if not shown:
            return
        what = "tokens" if self.plain else "entities"
        yield "{:11}{:8}{:8}{:10}{}".format("precision", "recall", "F1", what, f"label{title}")
        for one in shown:
            cells = map(_number, (one.precision, one.recall, one.f1))
            yield "{:11}{:8}{:8}{:10}{}".format(*cells, f"{one.n:,}", one_line(one.label, 60))
        for place, pair in enumerate(self.confusions[:CONFUSIONS_SHOWN]):
            label, predicted = one_line(pair.label, 60), one_line(pair.predicted, 60)
            yield f"{'confused' if place == 0 else '':18}{pair.n:,} of {label} taken for {predicted}"

    def _mistake_lines(self) -> Iterator[str]:
        """Count the mistakes by kind and show the surest."""
        counted = ", ".join(f"{self.mistakes[kind]:,} {KINDS[kind]}" for kind in KINDS if self.mistakes.get(kind))
        if counted and not self.plain:
            yield f"mistakes          {counted}"
        for title, missed in (("surest mistakes", False), ("surest misses", True)):
            shown = [error for error in self.errors if (error.kind == "missed") is missed][:ERRORS_SHOWN]
            for place, error in enumerate(shown):
                yield f"{'' if place else title:18}{error.probability:.2f} {excerpt(error)}"


def excerpt(error: Mistake) -> str:
    """Show a mistake in its sentence, cut around it: [what was answered], and what it is."""
    before, after = error.text[: error.start], error.text[error.end :]
    before = f"...{before[-AROUND:]}" if len(before) > AROUND else before
    after = f"{after[:AROUND]}..." if len(after) > AROUND else after
    said = f"[{error.text[error.start : error.end]}]{error.predicted or '-'}"
    true = error.label or "none"
    if error.label_start is not None and (error.label_start, error.label_end) != (error.start, error.end):
        true = f"{error.label} {error.text[error.label_start : error.label_end]}"
    return f"{_flat(f'{before}{said}{after}')}   is {_flat(true)}   {PurePath(error.place).name}"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def figures_of(label: str, counts: Tally) -> LabelFigures:
    """Give a label's figures."""
    return LabelFigures(label, counts.gold, counts.precision, counts.recall, counts.f1)


def seen_of(counts: Tally) -> Seen:
    """Give the figures of what training has seen, or has not."""
    return Seen(counts.gold, counts.precision, counts.recall, counts.f1)
