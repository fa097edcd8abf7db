"""A usable classifier, text in and answer out: tokenizer, network, companion, labels and calibration together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.base.settings import Storage
from gatewise.runtime.batches import Sequences, encoded
from gatewise.runtime.companion import Companion
from gatewise.runtime.companion import logits as companion_logits
from gatewise.runtime.engine import logits_of
from gatewise.runtime.network import Network
from gatewise.runtime.tokenizer import TextTokenizer

Label = str | int | float | bool
Numbers = npt.NDArray[np.float64]
CHUNK, CHUNK_CHARACTERS = 2048, 16_000_000  # what is in memory at once while predicting


@dataclass(frozen=True, slots=True)
class Prediction:
    """One text's answer: the likeliest label, its calibrated probability, everyone's, and whether it was blank."""

    label: Label
    probability: float
    probabilities: dict[str, float]
    empty: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier; its logits are the network's plus, where there is one, the companion's times a weight."""

    tokenizer: TextTokenizer
    network: Network
    labels: tuple[Label, ...]
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)  # where it comes from and what was measured, for its card
    companion: Companion | None = None
    companion_weight: float = 0.0

    def encode(self, texts: Sequence[str]) -> Sequences:
        """Turn texts into ids; raise DataError for a lone string and for what is no text, by its place from 0."""
        return encoded(self.tokenizer, [as_texts(texts)], spelt=self.spelt)

    @property
    def spelt(self) -> bool:
        """Whether texts must be encoded with their spelling, because a companion reads pieces of words."""
        return self.companion is not None and self.companion.pieces > 0

    def parts(self, sequences: Sequences, *, fast: bool = False) -> tuple[Numbers, Numbers]:
        """Give what network and companion add to the logits, [N, C] each."""
        return logits_of(self.network, sequences, fast=fast), self.companion_part(sequences)

    def companion_part(self, sequences: Sequences) -> Numbers:
        """Give what the companion adds to the logits, weight included, [N, C]; zeros without one."""
        if self.companion is None:
            return np.zeros((len(sequences), len(self.labels)))
        return self.companion_weight * companion_logits(self.companion, sequences)

    def network_logits(self, texts: Sequence[str]) -> Numbers:
        """Give the network's part of the logits, [N, C]."""
        return logits_of(self.network, self.encode(texts))

    def logits(self, texts: Sequence[str], *, fast: bool = False) -> Numbers:
        """Give uncalibrated logits, [N, C]; `fast` rounds more inside, and a logit may move by 0.05."""
        network, companion = self.parts(self.encode(texts), fast=fast)
        return network + companion

    def probabilities(self, texts: Sequence[str], *, fast: bool = False) -> Numbers:
        """Give calibrated probabilities, [N, C]; every row sums to 1."""
        return softmax(self.logits(texts, fast=fast) / self.temperature)

    def predict_proba(self, texts: Sequence[str]) -> Numbers:
        """Give what `probabilities` gives, under scikit-learn's name: [N, C], in the order of `classes_`."""
        return self.probabilities(texts)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels as scikit-learn has them, [C]."""
        alike = len({*map(type, self.labels)}) == 1  # else NumPy makes strings of numbers
        return np.array(self.labels, dtype=None if alike else object)

    def predict(self, texts: Sequence[str], *, fast: bool = False) -> list[Label]:
        """Give each text's likeliest label."""
        return [self.labels[best] for best in self.logits(texts, fast=fast).argmax(axis=1).tolist()]

    def stream(self, texts: Iterable[str], *, fast: bool = False) -> Iterator[Prediction]:
        """Classify a stream of texts in constant memory, in its order; raise DataError as `encode` does."""
        names = [str(label) for label in self.labels]
        for chunk in _chunks(texts):
            for text, row in zip(chunk, self.probabilities(chunk, fast=fast).tolist(), strict=True):
                best = max(range(len(row)), key=row.__getitem__)
                yield Prediction(self.labels[best], row[best], dict(zip(names, row, strict=True)), not text.strip())

    def save(self, path: Path | str, *, overwrite: bool = False, storage: Storage = "float32") -> None:
        """Write the model as a folder that gatewise.load() and the command line read; see gatewise.runtime.folder.

        Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
        """
        # By name, because that module makes Models, and so stands on this one.
        import_module("gatewise.runtime.folder").save(self, path, overwrite=overwrite, storage=storage)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream into lists of at most CHUNK texts, ended early by CHUNK_CHARACTERS characters."""
    chunk: list[str] = []
    characters = 0
    for place, text in enumerate(_several(texts)):
        chunk.append(_string(text, place))
        characters += len(text)
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def as_texts(texts: Any) -> list[str]:
    """Take a list, array or column of strings; refuse a lone string and anything that is no text."""
    return [_string(text, place) for place, text in enumerate(_several(texts))]


def _several(texts: Any) -> Iterable[Any]:
    if isinstance(texts, str | bytes):
        raise DataError("One text was given where a list of texts is expected; put it in a list.")
    if getattr(texts, "ndim", 1) != 1 or isinstance(texts, dict):
        raise DataError("A table was given where a list of texts is expected; give one column of it.")
    if not isinstance(texts, Iterable):
        raise DataError(
            f"A {type(texts).__name__} was given where a list of texts is expected; give a list of strings."
        )
    return texts


def _string(text: Any, place: int) -> str:
    if isinstance(text, str):
        return text
    raise DataError(f"Text {place} is a {type(text).__name__}, not a string; give a list of strings.")


def softmax(logits: Numbers) -> Numbers:
    """Turn logits, [N, C], into probabilities."""
    powers: Numbers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return cast(Numbers, powers / powers.sum(axis=1, keepdims=True))
