"""Numbers about predictions: pure functions of probabilities and targets, and evaluate(), which fills an Evaluation."""

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions whose confidence lies in (low, high]: how many, how sure on average, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class LengthBin:
    """Texts of low to high tokens: how many, and how many of them were classified rightly."""

    low: int
    high: int
    n: int
    accuracy: float


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

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, in the order above."""
        return dataclasses.asdict(self)
