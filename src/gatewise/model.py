"""A usable model, text in and answer out: tokenizer, network, labels and calibration together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from gatewise.batching import Sequences, gather, in_order_of_length
from gatewise.network import TextLSTM
from gatewise.tokenizer import TextTokenizer

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
    """A trained classifier."""

    tokenizer: TextTokenizer
    network: TextLSTM
    labels: tuple[Label, ...]
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)  # where it comes from and what was measured, for its card

    def encode(self, texts: Sequence[str]) -> Sequences:
        """Turn texts into ids."""
        return gather([self.tokenizer.encode_batch(texts)], None, self.tokenizer.vocab_size)

    def logits(self, texts: Sequence[str]) -> Numbers:
        """Give uncalibrated logits, [N, C]."""
        return logits_of(self.network, self.encode(texts))

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


def logits_of(network: nn.Module, sequences: Sequences) -> Numbers:
    """Give a network's logits for encoded texts, [N, C], in their order, computed in float32."""
    rows, logits = [np.empty(0, np.int64)], []
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for batch in in_order_of_length(sequences, batch_tokens=BATCH_TOKENS, batch_texts=BATCH_TEXTS):
            logits.append(network.logits(batch).double().numpy())  # type: ignore[operator]
            rows.append(batch.rows)
    network.train(was_training)
    if not logits:
        return np.empty((0, network.head.out_features))  # type: ignore[union-attr,arg-type]
    ordered = np.empty((len(sequences), logits[0].shape[1]))
    ordered[np.concatenate(rows)] = np.concatenate(logits)
    return ordered


def pooled_of(network: TextLSTM, sequences: Sequences) -> npt.NDArray[np.float32]:
    """Give what a network's head sees of encoded texts, [N, P], in their order."""
    seen: list[npt.NDArray[np.float32]] = []
    hook = network.head.register_forward_pre_hook(lambda head, inputs: seen.append(inputs[0].numpy()))
    try:
        logits_of(network, sequences)
    finally:
        hook.remove()
    batches = in_order_of_length(sequences, batch_tokens=BATCH_TOKENS, batch_texts=BATCH_TEXTS)
    order = np.concatenate([batch.rows for batch in batches])
    return np.concatenate(seen)[np.argsort(order)]  # type: ignore[no-any-return]


def softmax(logits: Numbers) -> Numbers:
    """Turn logits, [N, C], into probabilities."""
    powers: Numbers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return cast(Numbers, powers / powers.sum(axis=1, keepdims=True))
