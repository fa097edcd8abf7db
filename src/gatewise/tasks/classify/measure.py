"""Numbers about predictions: pure functions of probabilities and targets, and evaluate(), which fills an Evaluation."""

import dataclasses
import heapq
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError, one_line
from gatewise.base.figure import Confusion, LabelFigures
from gatewise.base.reliability import BINS, ReliabilityBin, binned, expected_calibration_error
from gatewise.data.part import Dataset, Part
from gatewise.data.reading import read
from gatewise.data.table import quoted
from gatewise.runtime.classifier import Model, Numbers, softmax

Targets = npt.NDArray[np.int64]
LENGTH_BINS, ERRORS_KEPT, SHOWN = 10, 20, 10


@dataclass(frozen=True, slots=True)
class LengthBin:
    """Texts of low to high tokens: how many, how many of them were classified rightly, and that share's interval."""

    low: int
    high: int
    n: int
    accuracy: float
    accuracy_low: float  # Wilson 95 % interval
    accuracy_high: float


@dataclass(frozen=True, slots=True)
class ConfidentError:
    """A wrong prediction: its row (from 0), the text, what it is, what the model said and how surely."""

    row: int
    text: str
    label: str
    predicted: str
    probability: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What evaluate() found; probabilities are calibrated unless a name says otherwise."""

    data: str
    n: int
    labels: tuple[str, ...]
    accuracy: float
    accuracy_low: float  # Wilson 95 % interval
    accuracy_high: float
    macro_f1: float
    log_loss: float
    log_loss_uncalibrated: float
    ece: float
    ece_uncalibrated: float
    temperature: float
    confusion: tuple[tuple[int, ...], ...]  # rows: true label, columns: predicted
    by_length: tuple[LengthBin, ...]
    reliability: tuple[ReliabilityBin, ...]
    reliability_uncalibrated: tuple[ReliabilityBin, ...]
    errors: tuple[ConfidentError, ...]
    empty_texts: int
    seconds: float
    accuracy_alone: dict[str, float] = field(default_factory=dict)  # of network and companion, where there are both
    by_label: tuple[LabelFigures, ...] = ()  # in the order of labels
    confusions: tuple[Confusion, ...] = ()  # the ten commonest
    few_dev_texts: int = 0  # of the model's dev split, where these are too few to calibrate by

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, in the order above."""
        return dataclasses.asdict(self)

    def figures(self) -> dict[str, Any]:
        """Give the numbers for the card, without texts and tables."""
        names = ("n", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece", "ece_uncalibrated")
        alone = {name: {"accuracy": accuracy} for name, accuracy in self.accuracy_alone.items()}
        few = {"few_dev_texts": self.few_dev_texts} if self.few_dev_texts else {}
        return {name: getattr(self, name) for name in names} | ({"alone": alone} if alone else {}) | few

    def lines(self) -> list[str]:
        """Give the figures for people."""
        interval = f"95 % interval {self.accuracy_low:.4f} to {self.accuracy_high:.4f}"
        alone = ", ".join(f"{name} {accuracy:.4f}" for name, accuracy in self.accuracy_alone.items())
        blank = f", {self.empty_texts} of them blank" if self.empty_texts else ""
        speed = f", {self.n / self.seconds:.0f} a second" if self.seconds else ""
        few = f"{self.few_dev_texts:,} texts, which are too few to calibrate by" if self.few_dev_texts else ""
        return [
            f"accuracy          {self.accuracy:.4f}   {interval}",
            f"macro F1          {self.macro_f1:.4f}",
            f"log-loss          {self.log_loss:.4f}   {self.log_loss_uncalibrated:.4f} before calibration",
            f"calibration error {self.ece:.4f}   {self.ece_uncalibrated:.4f} before calibration",
            *([f"accuracy alone    {alone}"] if alone else []),
            f"texts             {self.n}{blank}{speed}   ({self.data})",
            *([f"dev split         {few}; label more, or trust probabilities less"] if few else []),
            *self._label_lines(),
        ]

    def _label_lines(self) -> list[str]:
        """Give the figures of the classes, where there are many those of the worst, and the commonest confusions."""
        shown, title = self.by_label, ""
        if len(shown) > SHOWN:
            met = sorted((one for one in shown if one.n), key=lambda one: one.f1 or 0.0)
            shown, title = tuple(met[:SHOWN]), f"   (the worst of {len(self.by_label)} by F1)"
        cells = [
            [*("-" if share is None else f"{share:.4f}" for share in (one.precision, one.recall, one.f1)), f"{one.n}"]
            for one in shown
        ]
        lines = [[*row, one_line(one.label, 60)] for row, one in zip(cells, shown, strict=True)]
        if not lines:
            return []
        return [
            "{:11}{:8}{:8}{:8}{}".format("precision", "recall", "F1", "texts", f"label{title}"),
            *("{:11}{:8}{:8}{:8}{}".format(*line) for line in lines),
            *(
                f"{'confused' if place == 0 else '':18}{one.n} of {one_line(one.label, 60)} taken for "
                f"{one_line(one.predicted, 60)}"
                for place, one in enumerate(self.confusions)
            ),
        ]


def wilson_interval(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927), which stays inside 0 to 1 and holds for few texts."""
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def log_loss(probabilities: Numbers, targets: Targets) -> float:
    """Give the mean negative log-probability of the true class, in nats."""
    true = probabilities[np.arange(len(targets)), targets]
    return float(np.log(1 / np.clip(true, 1e-15, None)).mean())


def confusion(targets: Targets, predicted: Targets, classes: int) -> Targets:
    """Count the texts of each true class, a row, by the class they were given, a column, [C, C]."""
    pairs = np.bincount(classes * targets + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def label_figures(counts: Targets, labels: Sequence[str]) -> tuple[LabelFigures, ...]:
    """Give each class's precision, recall and F1, of [C, C] counts."""

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    columns = zip(
        labels, np.diag(counts).tolist(), counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist(), strict=True
    )
    return tuple(
        LabelFigures(label, texts, share(right, answers), share(right, texts), share(2 * right, texts + answers))
        for label, right, texts, answers in columns
    )


def confusions(counts: Targets, labels: Sequence[str], most: int = SHOWN) -> tuple[Confusion, ...]:
    """Give the commonest kinds of mistakes, of [C, C] counts; of equally common ones the first by class."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return tuple(
        Confusion(labels[true], labels[said], int(wrong[true, said])) for true, said in pairs if wrong[true, said]
    )


def macro_f1(counts: Targets) -> float:
    """Give the mean over the classes of 2 right / (true + predicted), of [C, C] counts; 0 for a class never met."""
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return float((2 * np.diag(counts) / np.maximum(both, 1)).mean())


def reliability(probabilities: Numbers, targets: Targets, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Sort predictions, [N, C], by confidence into bins of equal width; empty ones are left out."""
    return binned(probabilities.max(axis=1), probabilities.argmax(axis=1) == targets, bins)


def by_length(lengths: Targets, right: npt.NDArray[np.bool_], bins: int = LENGTH_BINS) -> tuple[LengthBin, ...]:
    """Give the accuracy in up to ten groups of equal size, from the shortest texts to the longest."""
    groups = np.array_split(np.argsort(lengths, kind="stable"), min(bins, len(lengths)))
    return tuple(
        LengthBin(
            int(lengths[rows].min()), int(lengths[rows].max()), len(rows), float(right[rows].mean()),
            *wilson_interval(int(right[rows].sum()), len(rows)),
        )
        for rows in groups
    )  # fmt: skip


def summarise(
    logits: Numbers,
    targets: Targets,
    lengths: Targets,
    *,
    temperature: float,
    labels: tuple[str, ...],
    data: str,
    alone: Mapping[str, Numbers] = MappingProxyType({}),
) -> Evaluation:
    """Compute every figure of an Evaluation that needs no text; the caller adds errors, blank texts and seconds.

    `alone` holds the logits of parts by themselves, for their accuracy.
    """
    before, after = softmax(logits), softmax(logits / temperature)
    predicted = logits.argmax(axis=1)
    right = predicted == targets
    low, high = wilson_interval(int(right.sum()), len(targets))
    bins, bins_before = reliability(after, targets), reliability(before, targets)
    counts = confusion(targets, predicted, len(labels))
    return Evaluation(
        data=data,
        n=len(targets),
        labels=labels,
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=macro_f1(counts),
        log_loss=log_loss(after, targets),
        log_loss_uncalibrated=log_loss(before, targets),
        ece=expected_calibration_error(bins),
        ece_uncalibrated=expected_calibration_error(bins_before),
        temperature=temperature,
        confusion=tuple(map(tuple, counts.tolist())),
        by_length=by_length(lengths, right),
        reliability=bins,
        reliability_uncalibrated=bins_before,
        errors=(),
        empty_texts=0,
        seconds=0.0,
        accuracy_alone={name: float((part.argmax(axis=1) == targets).mean()) for name, part in alone.items()},
        by_label=label_figures(counts, labels),
        confusions=confusions(counts, labels),
    )


def part_of(data: Part | Dataset | Path | str) -> Part:
    """Give what is measured on: a part, or of a data set or its name, file or folder the test part, or its only one."""
    dataset = read(data) if isinstance(data, str | Path) else data
    part = (dataset.test or dataset.train) if isinstance(dataset, Dataset) else dataset
    if not isinstance(part, Part):
        raise DataError(
            f"There is nothing to measure on in {one_line(data)}; give a part of a data set, a data set of "
            "gatewise.read, or a file's name."
        )
    return part


def evaluate(
    model: Model,
    data: Part | Dataset | Path | str,
    *,
    fast: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Measure a model on labelled texts, reading them as a stream; `fast` allows bfloat16.

    A data set, or its name, file or folder, is measured on its test part, or on all of it where it has but one part.
    Raises DataError when the part has no labels, no rows, or labels that the model does not know.
    """
    started, part = time.perf_counter(), part_of(data)
    if not part.labelled:
        raise DataError(f"{part.name} has no labels to compare with; name their column with --label-column.")
    index = {str(label): place for place, label in enumerate(model.labels)}
    names = tuple(index)
    unknown: Counter[str] = Counter()
    networks, companions, targets, lengths = [], [], [], []
    errors: list[tuple[float, int, ConfidentError]] = []
    done = empty = 0
    for batch in part.batches():
        texts, found = [example.text for example in batch], [example.label or "" for example in batch]
        unknown.update(label for label in found if label not in index)
        if unknown:
            continue  # read on: the message gives the whole list
        encoded = model.encode(texts)
        network, companion = model.parts(encoded, fast=fast)
        networks.append(network)
        companions.append(companion)
        lengths.append(encoded.lengths)
        targets.append(np.array([index[label] for label in found], dtype=np.int64))
        sure = softmax((network + companion) / model.temperature)
        for text, target, row in zip(texts, targets[-1], sure, strict=True):
            best = int(row.argmax())
            if best != target:
                error = ConfidentError(done, text, names[target], names[best], float(row[best]))
                keep = heapq.heappush if len(errors) < ERRORS_KEPT else heapq.heappushpop
                keep(errors, (round(error.probability, 6), -done, error))  # last bits depend on the company
            empty += not text.strip()
            done += 1
        progress(done)
    if unknown:
        listed = ", ".join(f"{quoted(label)} ({count} rows)" for label, count in list(unknown.items())[:5])
        known = one_line(", ".join(names[:20]))
        raise DataError(f"{part.name} holds labels the model was not trained on: {listed}; it knows {known}.")
    if not done:
        raise DataError(f"{part.name} holds no rows; give a file with at least one labelled text.")
    parts = {"network": np.concatenate(networks), "companion": np.concatenate(companions)}
    found_so_far = summarise(
        parts["network"] + parts["companion"], np.concatenate(targets), np.concatenate(lengths),
        temperature=model.temperature, labels=names, data=part.name, alone=parts if model.companion else {},
    )  # fmt: skip
    worst = tuple(error for _, _, error in sorted(errors, reverse=True, key=lambda entry: entry[:2]))
    few = model.facts.get("dev", {}).get("few_dev_texts", 0)
    return dataclasses.replace(
        found_so_far, errors=worst, empty_texts=empty, seconds=time.perf_counter() - started, few_dev_texts=few
    )
