"""A usable model, text in and answer out: tokenizer, network, n-gram companion, labels and calibration together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gatewise.base.cores import each_on_a_core
from gatewise.base.settings import NetworkConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Batch, Sequences, gather, in_order_of_length
from gatewise.runtime.companion import Ngrams
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.tokenizer import TextTokenizer
from gatewise.training.device import autocast

Label = str | int | float | bool
Numbers = npt.NDArray[np.float64]
CHUNK, CHUNK_CHARACTERS = 2048, 16_000_000  # what is in memory at once while predicting
BATCH_TOKENS, BATCH_TEXTS = 16_384, 128


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
    network: TextLSTM
    labels: tuple[Label, ...]
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)  # where it comes from and what was measured, for its card
    companion: Ngrams | None = None
    companion_weight: float = 0.0

    def encode(self, texts: Sequence[str]) -> Sequences:
        """Turn texts into ids."""
        return gather([self.tokenizer.encode_batch(texts)], None, self.tokenizer.vocab_size)

    def parts(self, sequences: Sequences, precision: str = "float32") -> tuple[Numbers, Numbers]:
        """Give what network and companion add to the logits, [N, C] each."""
        return logits_of(self.network, sequences, precision), self.companion_part(sequences)

    def companion_part(self, sequences: Sequences) -> Numbers:
        """Give what the companion adds to the logits, weight included, [N, C]; zeros without one."""
        if self.companion is None:
            return np.zeros((len(sequences), len(self.labels)))
        return self.companion_weight * ngram_logits(self.companion, sequences)

    def network_logits(self, texts: Sequence[str]) -> Numbers:
        """Give the network's part of the logits, [N, C]."""
        return logits_of(self.network, self.encode(texts))

    def logits(self, texts: Sequence[str]) -> Numbers:
        """Give uncalibrated logits, [N, C]."""
        network, companion = self.parts(self.encode(texts))
        return network + companion

    def probabilities(self, texts: Sequence[str]) -> Numbers:
        """Give calibrated probabilities, [N, C]; every row sums to 1."""
        return softmax(self.logits(texts) / self.temperature)

    def predict(self, texts: Sequence[str]) -> list[Label]:
        """Give each text's likeliest label."""
        return [self.labels[best] for best in self.logits(texts).argmax(axis=1).tolist()]

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Classify a stream of texts in constant memory, in its order."""
        names = [str(label) for label in self.labels]
        for chunk in _chunks(texts):
            for text, row in zip(chunk, self.probabilities(chunk).tolist(), strict=True):
                best = max(range(len(row)), key=row.__getitem__)
                yield Prediction(self.labels[best], row[best], dict(zip(names, row, strict=True)), not text.strip())


@dataclass(frozen=True, slots=True)
class PretrainedEncoder:
    """A language model's tokenizer, shape and weights: embedding.weight, encoder.*, and what predicts words."""

    tokenizer: TextTokenizer
    network: NetworkConfig
    weights: dict[str, npt.NDArray[np.float32]]
    facts: dict[str, Any] = field(default_factory=dict)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream into lists of at most CHUNK texts, ended early by CHUNK_CHARACTERS characters."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def logits_of(network: TextLSTM, sequences: Sequences, precision: str = "float32") -> Numbers:
    """Give a network's logits for encoded texts, [N, C], in their order."""
    return _asked(network, sequences, network.logits, network.head.out_features, precision).astype(np.float64)


def pooled_of(network: TextLSTM, sequences: Sequences) -> npt.NDArray[np.float32]:
    """Give what a network's head sees of encoded texts, [N, P], in their order."""

    def pooled(batch: Batch) -> Tensor:
        return network.pooled(network.embed(torch.from_numpy(batch.inputs)), torch.from_numpy(batch.lengths))

    return _asked(network, sequences, pooled, network.head.in_features)


def _asked(
    network: TextLSTM, sequences: Sequences, ask: Callable[[Batch], Tensor], width: int, precision: str = "float32"
) -> npt.NDArray[np.float32]:
    """Ask a network about encoded texts, a batch at a time on each core; give [N, width] in their order."""
    found = np.empty((len(sequences), width), np.float32)

    def answer(batch: Batch) -> None:
        with torch.inference_mode(), autocast(precision):
            found[batch.rows] = ask(batch).numpy()

    was_training = network.training
    network.eval()
    each_on_a_core(answer, list(in_order_of_length(sequences, batch_tokens=BATCH_TOKENS, batch_texts=BATCH_TEXTS)))
    network.train(was_training)
    return found


def softmax(logits: Numbers) -> Numbers:
    """Turn logits, [N, C], into probabilities."""
    powers: Numbers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return cast(Numbers, powers / powers.sum(axis=1, keepdims=True))
