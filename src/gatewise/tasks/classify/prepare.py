"""A data set to what a network trains on: labels checked, dev split drawn, tokenizer trained, texts encoded.

Three passes over the stream, none of which holds all texts; knows nothing of weights.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedShuffleSplit

from gatewise.base.errors import DataError
from gatewise.base.settings import TokenizerConfig, TrainingConfig
from gatewise.data.reading import Dataset, Part
from gatewise.data.vocabulary import train_tokenizer
from gatewise.nets.vectors import COUNTED_TOKENS
from gatewise.runtime.batches import Sequences, gather, windows
from gatewise.runtime.tokenizer import Ids, TextTokenizer
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.settings import PretrainingSettings

NEW_WORD_COUNT = 5  # a word the encoder does not know is added when the training text holds it so often
WHOLE_TEXT = 100_000  # tokens of a text that a language model reads
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready for the network: encoded and split, and what was noticed on the way."""

    tokenizer: TextTokenizer
    labels: tuple[str, ...]
    train: Sequences
    dev: Sequences
    unlabelled: Sequences | None  # more text of the kind, for the word vectors alone
    notes: dict[str, Any]

    def fingerprint(self) -> str:
        """Name the encoded data: equal data and split give equal names."""
        return _fingerprint(repr(self.labels), self.train, self.dev)


def _fingerprint(name: str, *parts: Sequences) -> str:
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    for part in parts:
        for array in (part.steps, part.starts, part.targets):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Text without labels, ready for a language model: windows of token ids, a few texts held out as dev."""

    tokenizer: TextTokenizer
    train: Sequences
    dev: Sequences
    notes: dict[str, Any]

    def fingerprint(self) -> str:
        """Name the encoded data: equal data and split give equal names."""
        return _fingerprint("corpus", self.train, self.dev)


def text_key(text: str) -> bytes:
    """Name a text so that copies that differ only in spaces and HTML line breaks have the same name."""
    plain = " ".join(text.replace("<br />", " ").split())
    return hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()


def keys_and_labels(part: Part) -> tuple[set[bytes], Counter[str]]:
    """Read a part once for its texts' keys and the number of rows of each label."""
    keys: set[bytes] = set()
    labels: Counter[str] = Counter()
    for batch in part.batches():
        keys.update(map(text_key, batch.column("text").to_pylist()))
        if part.labelled:
            labels.update(batch.column("label").to_pylist())
    return keys, labels


def prepare(
    dataset: Dataset,
    settings: Settings,
    label_order: Sequence[str] | None = None,
    known: TextTokenizer | None = None,
) -> Prepared:
    """Read, split, tokenise and encode, in three passes that never hold all texts.

    With a `known` tokenizer, an encoder's, only words are added that it lacks and that are not rare.

    Training and dev texts equal to a test text are left out. The dev split is the data set's own, or is drawn by group
    where there are groups and by text (copies stay together) where there are none. Raises DataError.
    """
    part = dataset.train
    if part is None or not part.labelled:
        raise DataError(f"{dataset.name} has no labelled training part; name the label column with --label-column.")
    test_keys, test_labels = keys_and_labels(dataset.test) if dataset.test else (set(), Counter())
    labels: list[str] = []
    groups: list[str | bytes] = []
    in_test: list[bool] = []
    blank = 0
    for batch in part.batches():
        texts = batch.column("text").to_pylist()
        keys = [text_key(text) for text in texts]
        groups += batch.column("group").to_pylist() if part.grouped else keys
        in_test += [key in test_keys for key in keys]
        labels += batch.column("label").to_pylist()
        blank += sum(not text.strip() for text in texts)
    kept = ~np.array(in_test, dtype=bool)
    counts = check_labels(part, [label for label, keep in zip(labels, kept, strict=True) if keep], test_labels)
    names = tuple(label_order or sorted(counts))
    index = {name: place for place, name in enumerate(names)}
    targets = np.array([index.get(label, -1) for label in labels], dtype=np.int64)
    if dataset.dev:
        held_out = np.zeros(len(kept), dtype=bool)
    else:
        held_out = split(targets, groups, kept, settings.training) & kept
    chosen = kept & ~held_out
    tokenizer = tokenizer_for(rows_of(part, chosen), settings.tokenizer, known)
    encoded = gather(map(tokenizer.encode_batch, rows_of(part, kept)), targets[kept], tokenizer.vocab_size)
    train_set = encoded.select(np.flatnonzero(~held_out[kept]))
    dev_set = encoded.select(np.flatnonzero(held_out[kept]))
    if dataset.dev:
        dev_set = encode_part(dataset.dev, tokenizer, index, test_keys)
    unlabelled = None
    equal = 0
    if dataset.unlabelled and (settings.training.word_vectors or settings.classification.student_epochs):
        unlabelled, equal = encode_unlabelled(dataset.unlabelled, tokenizer, test_keys)
    notes = {
        "data": dataset.name, "training_texts": len(train_set), "dev_texts": len(dev_set),
        "dev_split": "given" if dataset.dev else "by group" if part.grouped else "by text",
        "left_out_equal_to_test": int((~kept).sum()), "blank_training_texts": blank,
        "unlabelled_texts": len(unlabelled) if unlabelled else 0, "unlabelled_equal_to_test": equal,
        "class_counts": ", ".join(f"{name} {counts[name]}" for name in names),
    }  # fmt: skip
    return Prepared(tokenizer, names, train_set, dev_set, unlabelled, notes)


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
        raise DataError(f"{part.name} has the single label {next(iter(counts))!r}; a classifier needs two or more.")
    rare = [label for label, count in counts.items() if count < 2]
    if rare:
        raise DataError(f"The label {rare[0]!r} has one example in {part.name}; give at least two, or leave it out.")
    if unseen := sorted(test_labels.keys() - counts.keys()):
        raise DataError(
            f"The test part holds the label {unseen[0]!r} ({test_labels[unseen[0]]} rows), which training never saw; "
            f"the training labels are {', '.join(sorted(counts)[:20])}."
        )
    return counts


def split(targets: npt.NDArray[np.int64], groups: Sequence[Any], kept: Flags, config: TrainingConfig) -> Flags:
    """Choose the dev rows: whole groups, near the share asked for, or up to half where groups are few and large.

    Every class stays in training; dev has every class too where a hundred draws can do it, and of groups never less
    than two. Raises DataError where that cannot be.
    """
    names, membership = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    if len(names) == len(targets):  # every row on its own: stratify exactly
        rows = np.flatnonzero(kept)
        size = max(len(np.unique(targets[rows])), round(config.dev_share * len(rows)))
        if 2 * size <= len(rows):
            drawn = StratifiedShuffleSplit(1, test_size=size, random_state=config.seed)
            _, dev_rows = next(drawn.split(rows, targets[rows]))
            flags = np.zeros(len(targets), dtype=bool)
            flags[rows[dev_rows]] = True
            return flags
    sizes = np.bincount(membership[kept], minlength=len(names))
    random = np.random.default_rng(config.seed)
    classes = set(np.unique(targets[kept]).tolist())
    best, most = None, 1
    for share in (config.dev_share, 2 * config.dev_share, 0.5):  # few large groups may need more
        for _ in range(100):
            order = random.permutation(len(names))
            dev_groups = order[: 1 + int(np.searchsorted(np.cumsum(sizes[order]), min(0.5, share) * kept.sum()))]
            flags = np.isin(membership, dev_groups)
            in_dev = len(set(targets[kept & flags].tolist()))
            if in_dev > most and set(targets[kept & ~flags].tolist()) == classes:
                best, most = flags, in_dev
            if most == len(classes):
                break
        if best is not None:
            return best
    raise DataError(
        "No dev split could be drawn that leaves every label in training; give more examples of the rarest label, or a "
        "dev file of your own."
    )


def rows_of(part: Part, chosen: Flags) -> Iterator[list[str]]:
    """Read a part's texts again, batch by batch, only the rows chosen."""
    start = 0
    for batch in part.batches():
        texts = batch.column("text").to_pylist()
        yield [text for text, keep in zip(texts, chosen[start : start + len(texts)], strict=True) if keep]
        start += len(texts)


def encode_part(part: Part, tokenizer: TextTokenizer, index: dict[str, int], test_keys: set[bytes]) -> Sequences:
    """Encode a labelled part whole, but for the texts that stand in the test part too. Raises DataError."""
    if not part.labelled:
        raise DataError(f"{part.name} has no labels to choose by; give it a label column or leave it out.")
    targets: list[int] = []

    def encoded() -> Iterator[Any]:
        for batch in part.batches():
            texts, labels = batch.column("text").to_pylist(), batch.column("label").to_pylist()
            if unseen := [label for label in labels if label not in index]:
                raise DataError(
                    f"{part.name} holds the label {unseen[0]!r}, which training never saw; the training labels are "
                    f"{', '.join(sorted(index)[:20])}."
                )
            kept = [row for row, text in enumerate(texts) if text_key(text) not in test_keys]
            targets.extend(index[labels[row]] for row in kept)
            yield tokenizer.encode_batch([texts[row] for row in kept])

    sequences = gather(encoded(), None, tokenizer.vocab_size)
    if not targets:
        raise DataError(f"{part.name} holds no text that the test part does not hold too; give other dev texts.")
    return dataclasses.replace(sequences, targets=np.array(targets, dtype=np.int64))


def encode_unlabelled(part: Part, tokenizer: TextTokenizer, test_keys: set[bytes]) -> tuple[Sequences, int]:
    """Encode at most COUNTED_TOKENS of unlabelled text without texts equal to a test text, and count those.

    Raises DataError when it holds most of the test part: that is a mistake, not chance.
    """
    met: set[bytes] = set()

    def encoded() -> Iterator[list[Ids]]:
        tokens = 0
        for batch in part.batches():
            texts = batch.column("text").to_pylist()
            keys = [text_key(text) for text in texts]
            met.update(key for key in keys if key in test_keys)
            yield (
                ids := tokenizer.encode_batch([t for t, key in zip(texts, keys, strict=True) if key not in test_keys])
            )
            tokens += sum(map(len, ids))
            if tokens >= COUNTED_TOKENS:
                return

    sequences = gather(encoded(), None, tokenizer.vocab_size)
    if 2 * len(met) > len(test_keys) > 0:
        raise DataError(
            f"{part.name} holds {len(met)} of the test part's {len(test_keys)} texts, of which nothing may be learnt; "
            "give other unlabelled text."
        )
    return sequences, len(met)


def prepare_corpus(dataset: Dataset, settings: PretrainingSettings, tokenizer: TextTokenizer | None = None) -> Corpus:
    """Read all text but the test part's, and what equals a test text or was read before; tokenise, cut into windows.

    The dev texts are drawn by group where there are groups, else by text. Labels are not looked at. Without a tokenizer
    one is trained on the texts that are not dev. Raises DataError.
    """
    parts = [part for part in (dataset.train, dataset.dev, dataset.unlabelled) if part]
    test_keys = keys_and_labels(dataset.test)[0] if dataset.test else set()
    held_out: list[npt.NDArray[np.bool_]] = []  # by part
    kept: list[npt.NDArray[np.bool_]] = []
    seen: set[bytes] = set()
    equal = copies = 0
    for part in parts:
        keep, hold = [], []
        for batch in part.batches():
            texts = batch.column("text").to_pylist()
            groups = batch.column("group").to_pylist() if part.grouped else texts
            for text, group in zip(texts, groups, strict=True):
                key, blank = text_key(text), not text.strip()
                equal += key in test_keys
                copies += key in seen and key not in test_keys and not blank
                keep.append(not blank and key not in seen and key not in test_keys)
                hold.append(_drawn(str(group), settings.training))
                seen.add(key)
        kept.append(np.array(keep, dtype=bool))
        held_out.append(np.array(hold, dtype=bool))

    def texts_of(dev: bool) -> Iterator[list[str]]:
        for part, keep, hold in zip(parts, kept, held_out, strict=True):
            yield from rows_of(part, keep & (hold == dev))

    found = sum(int(keep.sum()) for keep in kept)
    in_dev = sum(int((keep & hold).sum()) for keep, hold in zip(kept, held_out, strict=True))
    if in_dev in (0, found):
        raise DataError(
            f"{dataset.name} holds {found} different texts to learn a language from, too few to hold some out; give "
            "more text, or a larger --dev-share."
        )
    limit = settings.tokenizer.max_tokens
    tokenizer = tokenizer or train_tokenizer(texts_of(False), settings.tokenizer)
    whole = tokenizer.limited(WHOLE_TEXT)
    train_set, dev_set = (
        windows(gather(map(whole.encode_batch, texts_of(dev)), None, tokenizer.vocab_size), limit)
        for dev in (False, True)
    )
    notes = {
        "data": dataset.name, "training_texts": found - in_dev, "training_tokens": len(train_set.steps),
        "dev_texts": in_dev, "left_out_equal_to_test": equal, "left_out_copies": copies,
    }  # fmt: skip
    return Corpus(tokenizer.limited(limit), train_set, dev_set, notes)


def _drawn(group: str, config: TrainingConfig) -> bool:
    """Say whether a group is held out: a share of all, by its name and the seed alone."""
    digest = hashlib.blake2b(f"{config.seed} {group}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little") < config.dev_share * 2**64
