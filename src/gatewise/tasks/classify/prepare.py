"""A data set to what a classifier trains on: labels checked, dev split drawn, tokenizer trained, texts encoded.

Three passes over the stream, none of which holds all texts; knows nothing of weights.
"""

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError, one_line
from gatewise.base.settings import TokenizerConfig, TrainingConfig
from gatewise.data.part import Dataset, Part
from gatewise.data.splitting import FEWEST, Flags, compared, keys_and_labels, rows_of, split
from gatewise.data.table import quoted
from gatewise.data.vocabulary import train_tokenizer
from gatewise.nets.vectors import COUNTED_TOKENS
from gatewise.runtime.batches import Rows, Sequences, Weights, encoded, fingerprint
from gatewise.runtime.cards import OUT_OF_FOLD
from gatewise.runtime.tokenizer import TextTokenizer
from gatewise.tasks.classify.settings import Settings

RARE = 10  # a class with fewer examples is warned of
NEW_WORD_COUNT = 5  # a word the encoder does not know is added when the training text holds it so often
Index = dict[str | None, int]  # label -> target


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready for the network: encoded and split, and what was noticed on the way."""

    tokenizer: TextTokenizer
    labels: tuple[str, ...]
    train: Sequences
    dev: Sequences
    unlabelled: Sequences | None  # more text of the kind, for the word vectors alone
    notes: dict[str, Any]
    counts: dict[str, int]  # of training texts of each class, the rarest last
    warnings: tuple[str, ...]  # of what is likely a mistake in the labels, and what to do
    groups: Rows | None = None  # of the training texts, [N], where they are dev too, each out of its fold

    def told(self) -> dict[str, Any]:
        """Give what a "prepared" event tells."""
        return self.notes | {"classes": self.counts}

    def fingerprint(self) -> str:
        """Name the encoded data: equal data and split give equal names."""
        return fingerprint(repr(self.labels), self.train, self.dev)


def prepare(
    dataset: Dataset,
    settings: Settings,
    label_order: Sequence[str] | None = None,
    known: TextTokenizer | None = None,
    weights: Weights | None = None,
) -> Prepared:
    """Read, split, tokenise and encode, in three passes that never hold all texts.

    With a `known` tokenizer, an encoder's, only words are added that it lacks and that are not rare. `weights` say how
    much each training text counts, [N], in what is learnt of its label.

    Training and dev texts equal to a test text are left out. The dev split is the data set's own, or is drawn by group
    where there are groups and by text (copies stay together) where there are none. Raises DataError.
    """
    part = dataset.train
    if part is None or not part.labelled:
        raise DataError(f"{dataset.name} has no labelled training part; name the label column with --label-column.")
    test_keys, test_labels = keys_and_labels(dataset.test)
    labels, groups, kept, blank = compared_rows(part, test_keys)
    counts = check_labels(part, [label for label, keep in zip(labels, kept, strict=True) if keep], test_labels)
    names = tuple(label_order or sorted(counts))
    index: Index = {name: place for place, name in enumerate(names)}
    targets = np.array([index.get(label, -1) for label in labels], dtype=np.int64)
    folded = settings.classification.freeze and not dataset.dev
    held_out = np.zeros(len(kept), dtype=bool)
    if not (dataset.dev or folded):
        held_out = drawn_dev(targets, groups, kept, settings.training, by_text=not part.grouped)
    chosen = kept & ~held_out
    tokenizer = tokenizer_for(rows_of(part, chosen), settings.tokenizer, known)
    spelt = settings.classification.spelt
    both = dataclasses.replace(encoded(tokenizer, rows_of(part, kept), spelt=spelt), targets=targets[kept])
    if weights is not None:
        both = dataclasses.replace(both, weights=weights[kept])
    train_set, dev_set = (both.select(np.flatnonzero(chosen[kept])) for chosen in (~held_out, held_out))
    if folded:
        dev_set = train_set
    elif dataset.dev:
        dev_set = encode_part(dataset.dev, tokenizer, index, test_keys, spelt=spelt)
    unlabelled, met = None, 0
    if dataset.unlabelled and (settings.training.word_vectors or settings.classification.student_epochs):
        unlabelled, met = encode_unlabelled(dataset.unlabelled, tokenizer, test_keys, spelt=spelt)
    notes = {
        "data": dataset.name, "training_texts": len(train_set), "dev_texts": len(dev_set),
        "dev_split": "given" if dataset.dev else OUT_OF_FOLD if folded else "by group" if part.grouped else "by text",
        "left_out_equal_to_test": int((~kept).sum()), "blank_training_texts": blank,
        "rows_without_label": part.skipped.value,
        "unlabelled_texts": len(unlabelled) if unlabelled else 0, "unlabelled_equal_to_test": met,
        "class_counts": ", ".join(f"{name} {counts[name]}" for name in names),
    }  # fmt: skip
    warnings = (*warned_of_rare(counts, drawn=not (dataset.dev or folded)), *warned_of_case(counts))
    together = numbered(groups, kept) if folded else None
    return Prepared(
        tokenizer, names, train_set, dev_set, unlabelled, notes, dict(counts.most_common()), warnings, together
    )


def compared_rows(part: Part, test_keys: set[bytes]) -> tuple[list[str], list[str | bytes | None], Flags, int]:
    """Read a part once for each row's label, its group, and whether it may be kept, and for how many are blank."""
    labels: list[str] = []
    groups: list[str | bytes | None] = []
    in_test: list[bool] = []
    blank = 0
    for example, key, equal in chain.from_iterable(compared(part, test_keys)):
        labels.append(example.label or "")
        groups.append(example.group if part.grouped else key)
        in_test.append(equal)
        blank += not example.text.strip()
    return labels, groups, ~np.array(in_test, dtype=bool), blank


def numbered(groups: Sequence[Any], kept: Flags) -> Rows:
    """Give the number of each kept row's group."""
    numbers: Rows = np.unique(np.array([str(group) for group in groups])[kept], return_inverse=True)[1]
    return numbers


def drawn_dev(
    targets: npt.NDArray[np.int64], groups: Sequence[Any], kept: Flags, config: TrainingConfig, *, by_text: bool
) -> Flags:
    """Draw the dev rows; raise DataError where that cannot be, as where all texts are copies of few."""
    try:
        return split(targets, groups, kept, config) & kept
    except DataError as error:
        different = len({group for group, keep in zip(groups, kept, strict=True) if keep})
        if not by_text or different * 2 > int(kept.sum()):
            raise
        raise DataError(
            f"The {int(kept.sum()):,} training texts are copies of {different} different ones, too few to hold "
            "some out of each label; give more different texts, or a dev file of your own."
        ) from error


def tokenizer_for(texts: Iterator[list[str]], config: TokenizerConfig, known: TextTokenizer | None) -> TextTokenizer:
    """Train a tokenizer, or add to a known one the words it lacks and that are seen often enough to be learnt."""
    if known is None:
        return train_tokenizer(texts, config)
    often = dataclasses.replace(config, kind="word", min_count=max(config.min_count, NEW_WORD_COUNT))
    try:
        new = train_tokenizer(texts, often)
    except DataError:  # no word is that frequent
        return known.limited(config.max_tokens)
    return known.extended(new).limited(config.max_tokens)


def check_labels(part: Part, labels: list[str], test_labels: Counter[str]) -> Counter[str]:
    """Count the labels; raise DataError when nothing can be learnt from them or measured with them."""
    counts = Counter(labels)
    if not counts:
        raise DataError(f"{part.name} holds no rows to learn from; give a file with labelled texts.")
    if len(counts) < 2:
        raise DataError(
            f"{part.name} has the single label {quoted(next(iter(counts)))}; a classifier needs two or more."
        )
    rare = [label for label, count in counts.items() if count < 2]
    if len(counts) - len(rare) < 2:
        raise DataError(
            f"The label {quoted(rare[0])} has one example in {part.name}; give at least two, or leave it out."
        )
    if unseen := sorted(test_labels.keys() - counts.keys()):
        known = one_line(", ".join(sorted(counts)[:20]))
        raise DataError(
            f"The test part holds the label {quoted(unseen[0])} ({test_labels[unseen[0]]} rows), which training never "
            f"saw; the training labels are {known}."
        )
    return counts


def warned_of_rare(counts: Counter[str], *, drawn: bool = True) -> Iterator[str]:
    """Warn of classes with so few examples that little can be learnt of them, and less measured."""
    rare = [f"{one_line(label, 60)} {count}" for label, count in reversed(counts.most_common()) if count < RARE]
    if rare:
        yield (
            f"{len(rare)} of {len(counts)} classes {'has' if len(rare) == 1 else 'have'} under {RARE} examples "
            f"({_listed(rare)}); label more of them, or join them with others."
        )
    if drawn and (few := sum(count < FEWEST for count in counts.values())):
        verb = "is" if few == 1 else "are"
        yield f"{few} of {len(counts)} classes, seen once or twice, {verb} kept out of the dev split."


def warned_of_case(counts: Counter[str]) -> Iterator[str]:
    """Warn of classes whose names differ only in case, or in what is hardly seen: blanks, how a letter is composed."""
    for differ, key in (("upper and lower case", str.casefold), ("what is hardly seen", _seen)):
        alike: dict[str, list[str]] = {}
        for label in sorted(counts):
            shown = one_line(label, 60) if key is str.casefold else ascii(label[:60])
            alike.setdefault(key(label), []).append(f"{shown} {counts[label]}")
        if several := [" and ".join(labels) for labels in alike.values() if len(labels) > 1]:
            yield (
                f"Classes differ only in {differ} ({_listed(several)}) and are learnt as different ones; where they "
                "are the same, write them alike."
            )


def _seen(label: str) -> str:
    """Give what is seen of a name: its letters composed, without marks of no width, with single blanks."""
    seen = "".join(letter for letter in label if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def _listed(names: Sequence[str], most: int = 5) -> str:
    """List names, of many the first and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def encode_part(
    part: Part, tokenizer: TextTokenizer, index: Index, test_keys: set[bytes], *, spelt: bool = False
) -> Sequences:
    """Encode a labelled part whole, but for the texts that stand in the test part too. Raises DataError."""
    if not part.labelled:
        raise DataError(f"{part.name} has no labels to choose by; give it a label column or leave it out.")
    targets: list[int] = []

    def texts() -> Iterator[list[str]]:
        for batch in compared(part, test_keys):
            if unseen := [row.example.label for row in batch if row.example.label not in index]:
                known = one_line(", ".join(sorted(map(str, index))[:20]))
                raise DataError(
                    f"{part.name} holds the label {quoted(unseen[0])}, which training never saw; the training labels "
                    f"are {known}."
                )
            kept = [row.example for row in batch if not row.in_test]
            targets.extend(index[example.label] for example in kept)
            yield [example.text for example in kept]

    sequences = encoded(tokenizer, texts(), spelt=spelt)
    if not targets:
        raise DataError(f"{part.name} holds no text that the test part does not hold too; give other dev texts.")
    return dataclasses.replace(sequences, targets=np.array(targets, dtype=np.int64))


def encode_unlabelled(
    part: Part, tokenizer: TextTokenizer, test_keys: set[bytes], *, spelt: bool = False
) -> tuple[Sequences, int]:
    """Encode at most COUNTED_TOKENS of unlabelled text without texts equal to a test text, and count those.

    Raises DataError when it holds most of the test part: that is a mistake, not chance.
    """
    met: set[bytes] = set()

    def texts() -> Iterator[list[str]]:
        for batch in compared(part, test_keys):
            met.update(row.key for row in batch if row.in_test)
            yield [row.example.text for row in batch if not row.in_test]

    sequences = encoded(tokenizer, texts(), spelt=spelt, enough=COUNTED_TOKENS)
    if 2 * len(met) > len(test_keys) > 0:
        raise DataError(
            f"{part.name} holds {len(met)} of the test part's {len(test_keys)} texts, of which nothing may be learnt; "
            "give other unlabelled text."
        )
    return sequences, len(met)
