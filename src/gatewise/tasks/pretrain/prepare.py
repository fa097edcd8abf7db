"""All the text of a data set to what a language model learns from: what equals a test text left out, windows cut.

Labels are not looked at; knows nothing of weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.data.part import Dataset
from gatewise.data.splitting import Flags, compared, drawn, keys_and_labels, rows_of
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.batches import Sequences, fingerprint, gather, windows
from gatewise.runtime.tokenizer import TextTokenizer
from gatewise.tasks.pretrain.settings import PretrainingSettings

WHOLE_TEXT = 100_000  # tokens of a text that a language model reads


@dataclass(frozen=True, slots=True)
class Corpus:
    """Text without labels, ready for a language model: windows of token ids, a few texts held out as dev."""

    tokenizer: TextTokenizer
    train: Sequences
    dev: Sequences
    notes: dict[str, Any]

    def fingerprint(self) -> str:
        """Name the encoded data: equal data and split give equal names."""
        return fingerprint("corpus", self.train, self.dev)


def prepare_corpus(dataset: Dataset, settings: PretrainingSettings, tokenizer: TextTokenizer | None = None) -> Corpus:
    """Read all text but the test part's, and what equals a test text or was read before; tokenise, cut into windows.

    The dev texts are drawn by group where there are groups, else by text. Labels are not looked at. Without a tokenizer
    one is trained on the texts that are not dev. Raises DataError.
    """
    parts = [part for part in (dataset.train, dataset.dev, dataset.unlabelled) if part]
    test_keys, _ = keys_and_labels(dataset.test)
    held_out: list[Flags] = []  # by part
    kept: list[Flags] = []
    seen: set[bytes] = set()
    equal = copies = 0
    for part in parts:
        keep, hold = [], []
        for (text, _, group), key, in_test in chain.from_iterable(compared(part, test_keys)):
            blank = not text.strip()
            equal += in_test
            copies += key in seen and not in_test and not blank
            keep.append(not blank and key not in seen and not in_test)
            hold.append(drawn(str(group) if part.grouped else text, settings.training))
            seen.add(key)
        kept.append(np.array(keep, dtype=bool))
        held_out.append(np.array(hold, dtype=bool))

    def texts_of(dev: bool) -> Iterator[list[str]]:
        for part, keep, hold in zip(parts, kept, held_out, strict=True):
            yield from rows_of(part, keep & (hold == dev))

    different = sum(int(keep.sum()) for keep in kept)
    in_dev = sum(int((keep & hold).sum()) for keep, hold in zip(kept, held_out, strict=True))
    if in_dev in (0, different):
        raise DataError(
            f"{dataset.name} holds {different} different texts to learn a language from, too few to hold some out; "
            "give more text, or a larger --dev-share."
        )
    limit = settings.tokenizer.max_tokens
    tokenizer = tokenizer or train_tokenizer(texts_of(False), settings.tokenizer)
    whole = tokenizer.limited(WHOLE_TEXT)
    train_set, dev_set = (
        windows(gather(map(whole.encode_batch, texts_of(dev)), None, tokenizer.vocab_size), limit)
        for dev in (False, True)
    )
    notes = {
        "data": dataset.name, "training_texts": different - in_dev, "training_tokens": len(train_set.steps),
        "dev_texts": in_dev, "left_out_equal_to_test": equal, "left_out_copies": copies,
    }  # fmt: skip
    return Corpus(tokenizer.limited(limit), train_set, dev_set, notes)
