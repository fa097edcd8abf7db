"""Measured numbers with their names, so that nobody who shows one has to guess what was measured. Knows no task."""

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """What is shown of a score."""

    name: str  # accuracy, perplexity, ...
    value: float
    better: Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label: how many bear it, texts or entities, and its precision, recall and F1; None where that is of none."""

    label: str
    n: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """A kind of mistake: how many of a label were given another one."""

    label: str
    predicted: str
    n: int
