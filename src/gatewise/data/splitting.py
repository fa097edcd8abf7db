"""A part's rows to what may be learnt from and what is held out; remembers keys of texts, never the texts.

Knows nothing of tokens. What is in the test part is neither learnt from nor chosen by.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.base.settings import TrainingConfig
from gatewise.data.part import Example, Part

Flags = npt.NDArray[np.bool_]
FEWEST = 3  # texts of a class from which one is held out


class Compared(NamedTuple):
    """An example, the key of its text, and whether the test part holds that text too."""

    example: Example
    key: bytes
    in_test: bool


def text_key(text: str) -> bytes:
    """Name a text so that copies that differ only in spaces and HTML line breaks have the same name."""
    plain = " ".join(text.replace("<br />", " ").split())
    return hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()


def keys_and_labels(part: Part | None) -> tuple[set[bytes], Counter[str]]:
    """Read a part once for its texts' keys and the number of rows of each label; no part has none."""
    keys: set[bytes] = set()
    labels: Counter[str] = Counter()
    for batch in part.batches() if part else ():
        keys.update(text_key(example.text) for example in batch)
        labels.update(example.label for example in batch if example.label is not None)
    return keys, labels


def compared(part: Part, test_keys: set[bytes]) -> Iterator[list[Compared]]:
    """Read a part batch by batch, each row compared with the texts of the test part."""
    for batch in part.batches():
        keys = [text_key(example.text) for example in batch]
        yield [Compared(example, key, key in test_keys) for example, key in zip(batch, keys, strict=True)]


def rows_of(part: Part, chosen: Flags) -> Iterator[list[str]]:
    """Read a part's texts again, batch by batch, only the rows chosen; raise DataError where it has changed."""
    start = 0
    for batch in part.batches():
        flags = chosen[start : start + len(batch)]
        yield [example.text for example, keep in zip(batch, flags, strict=False) if keep]
        start += len(batch)
    if start != len(chosen):
        raise DataError(
            f"{part.name} has changed while it was read: {len(chosen):,} rows, then {start:,}; wait until it is whole."
        )


def split(targets: npt.NDArray[np.int64], groups: Sequence[Any], kept: Flags, config: TrainingConfig) -> Flags:
    """Choose the dev rows: whole groups, near the share asked for, or up to half where groups are few and large.

    Every class stays in training, and of fewer than FEWEST texts whole where that can be; dev has every other class
    too where a hundred draws can do it, and of groups never less than two. Raises DataError where that cannot be.
    """
    from sklearn.model_selection import StratifiedShuffleSplit  # late: reading and comparing do without

    names, membership = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    few = seldom(targets, kept)
    if len(names) == len(targets):  # every row on its own: stratify exactly
        rows = np.flatnonzero(kept & ~few)
        size = max(len(np.unique(targets[rows])), round(config.dev_share * len(rows)))
        if 0 < 2 * size <= len(rows):
            drawn = StratifiedShuffleSplit(1, test_size=size, random_state=config.seed)
            _, dev_rows = next(drawn.split(rows, targets[rows]))
            flags = np.zeros(len(targets), dtype=bool)
            flags[rows[dev_rows]] = True
            return flags
    sizes = np.bincount(membership[kept], minlength=len(names))
    random = np.random.default_rng(config.seed)
    classes, often = (set(np.unique(targets[rows]).tolist()) for rows in (kept, kept & ~few))
    every = np.arange(len(names))
    free = np.setdiff1d(every, membership[few])  # groups that may be held out: without rare classes, if there are such
    free = free if len(free) else every
    best, most = None, 1
    for share in (config.dev_share, 2 * config.dev_share, 0.5):  # few large groups may need more
        for _ in range(100):
            order = random.permutation(free)
            dev_groups = order[: 1 + int(np.searchsorted(np.cumsum(sizes[order]), min(0.5, share) * kept.sum()))]
            flags = np.isin(membership, dev_groups)
            in_dev = len(set(targets[kept & flags].tolist()))
            if in_dev > most and set(targets[kept & ~flags].tolist()) == classes:
                best, most = flags, in_dev
            if most == len(often):
                break
        if best is not None:
            return best
    raise DataError(
        "No dev split could be drawn that leaves every label in training; give more examples of the rarest label, or a "
        "dev file of your own."
    )


def seldom(targets: npt.NDArray[np.int64], kept: Flags) -> Flags:
    """Flag the kept rows of classes with fewer than FEWEST texts, or where nearly all are so, of one alone."""
    counts = np.bincount(targets[kept], minlength=1 + int(targets.max(initial=0)))
    least = FEWEST if (counts >= FEWEST).sum() > 1 else 2
    return kept & (counts[targets] < least)


def drawn(group: str, config: TrainingConfig) -> bool:
    """Say whether a group is held out: a share of all, by its name and the seed alone."""
    digest = hashlib.blake2b(f"{config.seed} {group}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little") < config.dev_share * 2**64
