"""A measured number with its name, and which way is better: nobody who shows it has to guess what was measured."""

from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """What is shown of a score."""

    name: str  # accuracy, perplexity, ...
    value: float
    better: Literal["higher", "lower"]
