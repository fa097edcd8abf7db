"""Dev sentences to the temperature by which the probabilities of spans can be believed, and to figures."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from gatewise.runtime.batches import NO_TARGET, Sequences
from gatewise.runtime.crf import Chain, Numbers, Rows, probabilities_on, viterbi
from gatewise.runtime.spans import spans_of
from gatewise.runtime.tagger import Scored, Tagger, scored, split
from gatewise.runtime.tagnet import different

LIMIT = 2.0  # of log T, either way
SPREAD = 0.5  # of log T: a dev split with few spans moves it little
BINS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """What a dev split says: spans found right, F1 and how far probabilities are off; of plain labels, of tokens."""

    precision: float
    recall: float
    f1: float
    n: int
    ece: float
    temperature: float

    def as_dict(self) -> dict[str, Any]:
        """Give the figures for a card."""
        return {name: round(float(value), 6) for name, value in dataclasses.asdict(self).items()}


class _Answered(NamedTuple):
    batch: Scored
    path: Rows
    first: Rows  # the rows of each found span's first and last token
    last: Rows
    right: npt.NDArray[np.bool_]


def calibrated(model: Tagger, dev: Sequences, missed: int = 0) -> tuple[Tagger, Figures]:
    """Fit one temperature on the spans that a model finds in the dev split; give the model with it and its figures.

    `missed` are spans there of labels that no model of this training can find.
    """
    answers, given = answered(model, dev)
    given += missed
    right = np.concatenate([answer.right for answer in answers] or [np.zeros(0, bool)])

    def sure(temperature: float) -> Numbers:
        return np.concatenate([_sure(model.network.chain, answer, temperature) for answer in answers])

    temperature = 1.0
    if len(right):

        def loss(place: float) -> float:
            shares = np.clip(sure(math.exp(place)), 1e-9, 1 - 1e-9)
            return float(-np.log(np.where(right, shares, 1 - shares)).sum() + place**2 / (2 * SPREAD**2))

        fit = minimize_scalar(loss, bounds=(-LIMIT, LIMIT), method="bounded", options={"xatol": 0.02})
        temperature = math.exp(float(fit.x))
    hits, found = int(right.sum()), len(right)
    precision, recall = hits / max(1, found), hits / max(1, given)
    f1 = 2 * hits / max(1, found + given)
    ece = calibration_error(sure(temperature), right) if found else 0.0
    return dataclasses.replace(model, temperature=temperature), Figures(precision, recall, f1, given, ece, temperature)


def _sure(chain: Chain, answer: _Answered, temperature: float) -> Numbers:
    scores = answer.batch.emissions.astype(np.float64) / temperature
    return probabilities_on(
        chain.divided(temperature), scores, answer.batch.counts, answer.path, answer.first, answer.last
    )


def answered(model: Tagger, dev: Sequences) -> tuple[list[_Answered], int]:
    """Read the dev split: where the model finds spans and which are right; and how many there are to find."""
    answers, given = [], 0
    alike = different(dev.steps, model.network.dense)
    for batch in scored(model.network, dev.steps, dev.starts, *alike):
        path, _ = viterbi(model.network.chain, batch.emissions, batch.counts)
        found = split(path[batch.order], batch.lengths)
        first, last, right = [], [], []
        start = 0
        for row, own in zip(batch.sentences, found, strict=True):
            truth = dev.targets[dev.starts[row] : dev.starts[row + 1]]
            wanted = set(_spans(model, truth))
            given += len(wanted)
            for span in _spans(model, own):
                if model.spans_are_tags or truth[span[0]] != NO_TARGET:
                    first.append(start + span[0])
                    last.append(start + span[1] - 1)
                    right.append(span in wanted)
            start += len(own)
        rows = batch.order
        answers.append(_Answered(batch, path, rows[first], rows[last], np.array(right, bool)))
    return answers, given


def _spans(model: Tagger, path: Rows) -> list[tuple[int, int, str]]:
    if model.spans_are_tags:
        return [(*span,) for span in spans_of([model.tags[tag] if tag >= 0 else "" for tag in path.tolist()])]
    return [(place, place + 1, model.tags[tag]) for place, tag in enumerate(path.tolist()) if tag >= 0]


def calibration_error(sure: Numbers, right: npt.NDArray[np.bool_], bins: int = BINS) -> float:
    """Give the expected calibration error in bins of equal width."""
    place = np.minimum((sure * bins).astype(int), bins - 1)
    said, were = (np.bincount(place, values, bins) for values in (sure, right.astype(float)))
    return float(np.abs(said - were).sum() / max(1, len(sure)))
