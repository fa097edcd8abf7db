"""A data set to what a tagger trains on: tags listed, dev split drawn, words collected, features hashed.

Knows nothing of weights.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, DataError
from gatewise.data.tagged import Sentence, TaggedDataset
from gatewise.nets.tag import Borders
from gatewise.runtime.batches import NO_TARGET, Sequences, fingerprint
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.features import Kind, hashes_of, normal, seen, words_in
from gatewise.runtime.lexicon import Lexicon
from gatewise.runtime.spans import OUTSIDE, parted
from gatewise.runtime.tokenizer import UNKNOWN_ID
from gatewise.runtime.words import rule_of
from gatewise.tasks.tag.settings import TagSettings

FIRST_HAN = 0x2E80  # from here on a character is taken for a token by itself


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set ready for the network: encoded and split, and what was noticed on the way."""

    lexicon: Lexicon
    tags: tuple[str, ...]
    rule: str  # by which raw text falls into tokens like these
    spans: bool  # whether tags are BIOES, and what they mean spans
    singletons: npt.NDArray[np.bool_]  # [words] seen once in training
    train: Sequences
    dev: Sequences
    missed: int  # spans, or tokens, of dev whose label training never saw
    notes: dict[str, Any]
    counts: dict[str, int]  # of training spans of each label, or of plain labels; the rarest last

    def told(self) -> dict[str, Any]:
        """Give what a "prepared" event tells."""
        return self.notes | {"labels": self.counts}

    def fingerprint(self) -> str:
        """Name the encoded data: equal data and split give equal names."""
        return fingerprint(repr(self.tags), self.train, self.dev)


def prepare(dataset: TaggedDataset, settings: TagSettings, encoder: PretrainedEncoder | None = None) -> Prepared:
    """Read, split and encode a data set; the dev part is its own, or drawn by document, else by sentence.

    Words are those of the training part alone; one outside them is known by its beginnings and endings. Raises
    DataError where there is nothing to learn.
    """
    part = dataset.train
    if part is None or not part.labelled:
        raise DataError(f"{dataset.name} has no labelled training part; give one, with a tag a token.")
    train = list(part.sentences())
    dev = list(dataset.dev.sentences()) if dataset.dev and dataset.dev.labelled else []
    own_dev, spans = bool(dev), bool(dataset.scheme or part.scheme.name)
    if not dev:
        train, dev = split(train, settings)
    if not train or not dev:
        raise DataError(
            f"{dataset.name} has {len(train) + len(dev)} labelled sentences, too few to hold some out; give more."
        )
    labels = Counter(label for sentence in train for label in labels_in(sentence, spans=spans))
    if not labels:
        what = "entity" if spans else "label"
        raise DataError(f"{dataset.name} has no {what} in its training part, so there is nothing to learn.")
    tags = tags_for(train, sorted(labels), spans=spans)
    lexicon, singletons = lexicon_of(train, settings, encoder)
    counts = dict(labels.most_common())
    notes = {
        "data": dataset.name, "training_sentences": len(train), "dev_sentences": len(dev),
        "training_tokens": sum(len(sentence.tokens) for sentence in train),
        "dev_split": "its own" if own_dev else "drawn", "scheme": dataset.scheme or part.scheme.name or "none",
        "units": lexicon.units, "training_labels": sum(counts.values()),
    }  # fmt: skip
    train_set, dev_set = (encoded(some, lexicon, tags) for some in (train, dev))
    rule = rule_of((sentence.text, sentence.offsets) for sentence in train)
    missed = sum(label not in labels for sentence in dev for label in labels_in(sentence, spans=spans))
    return Prepared(lexicon, tags, rule, spans, singletons, train_set, dev_set, missed, notes, counts)


def split(sentences: Sequence[Sentence], settings: TagSettings) -> tuple[list[Sentence], list[Sentence]]:
    """Hold out a share of the sentences: whole documents where several are known, else copies together.

    Documents are few and of all sizes: drawn one by one, each with the chance of the share, three of Wikigold's hundred
    came out, 25 sentences of 1,136. So they are put in a random order and taken until the share is full.
    """
    by_document = len({sentence.document for sentence in sentences}) > 1
    keys = [str(one.document) if by_document else json.dumps(one.tokens) for one in sentences]
    sizes = Counter(keys)
    seed = settings.training.seed
    order = sorted(sizes, key=lambda key: hashlib.blake2b(f"{seed} {key}".encode("utf-8", "replace")).digest())
    held, left = set[str](), settings.training.dev_share * len(sentences)
    for key in order[:-1]:  # one at least is learnt from
        if sizes[key] <= 2 * left:  # it brings the share nearer
            held.add(key)
            left -= sizes[key]
    if not held and order[1:]:  # all are large
        held.add(min(order, key=sizes.__getitem__))
    train, dev = (
        [one for one, key in zip(sentences, keys, strict=True) if (key in held) is out] for out in (False, True)
    )
    return train, dev


def labels_in(sentence: Sentence, *, spans: bool) -> list[str]:
    """Give the labels of a sentence: of its spans, or of its tokens."""
    if not spans:
        return [tag for tag in sentence.tags or () if tag]
    found = (parted(tag) for tag in sentence.tags or ())
    return [label for letter, label in found if letter in "BS"]


def tags_for(sentences: Sequence[Sentence], labels: Sequence[str], *, spans: bool) -> tuple[str, ...]:
    """Give the tags to choose among: the plain labels, or all of BIOES for each, whether training has them or not.

    Where every token is in a span without a label, as in a segmentation, there is no O.
    """
    if not spans:
        return tuple(labels)
    segmented = list(labels) == [""] and not any(tag == OUTSIDE for one in sentences for tag in one.tags or ())
    return (
        *(() if segmented else (OUTSIDE,)),
        *(f"{letter}-{label}" if label else letter for label in labels for letter in "BIES"),
    )


def units_of(sentences: Sequence[Sentence], settings: TagSettings) -> Kind:
    """Say what tokens are: characters where most are one Han or kana character or a like one."""
    if settings.tagging.units != "auto":
        return settings.tagging.units
    tokens = [token for sentence in sentences[:2000] for token in sentence.tokens]
    alone = sum(len(token) == 1 and ord(token) >= FIRST_HAN for token in tokens)
    return "characters" if 2 * alone > len(tokens) else "words"


def lexicon_of(
    sentences: Sequence[Sentence], settings: TagSettings, encoder: PretrainedEncoder | None
) -> tuple[Lexicon, npt.NDArray[np.bool_]]:
    """Collect the words of the training part, the commonest first, and say which were seen once, [words]."""
    tokens = Counter(token for sentence in sentences for token in sentence.tokens)
    words: Counter[str] = Counter()
    for token, count in tokens.items():
        words[normal(token)] += count
    ids = {word: UNKNOWN_ID + 1 + place for place, (word, _) in enumerate(words.most_common())}
    once = np.zeros(UNKNOWN_ID + 1 + len(ids), bool)
    once[UNKNOWN_ID + 1 :] = [count == 1 for _, count in words.most_common()]
    units = units_of(sentences, settings)
    hashes = hashes_of(words_in(sentence.tokens for sentence in sentences), units)
    features = seen(hashes, settings.tagging.feature_count)
    known, lowercase = words_known_to(encoder) if encoder else ({}, True)
    return Lexicon(units, features, ids, known, lowercase), once


def words_known_to(encoder: PretrainedEncoder) -> tuple[dict[str, int], bool]:
    """Give an encoder's words with their ids, and whether it reads small letters alone; raise ConfigError."""
    content = json.loads(encoder.tokenizer.to_json())
    if content["model"]["type"] != "WordLevel":
        raise ConfigError("The encoder reads subwords, and a tagger needs vectors of whole words; give one of words.")
    vocabulary = content["model"]["vocab"]
    return dict(sorted(vocabulary.items(), key=lambda word: int(word[1]))), content["normalizer"] is not None


def encoded(sentences: Sequence[Sentence], lexicon: Lexicon, tags: Sequence[str]) -> Sequences:
    """Give sentences as rows of numbers with a target a token; a tag that is not known has none."""
    tokens, starts = lexicon.encode([sentence.tokens for sentence in sentences])
    places = {tag: place for place, tag in enumerate(tags)}
    targets = [places.get(tag, NO_TARGET) for sentence in sentences for tag in sentence.tags or ()]
    return Sequences(tokens, starts, np.array(targets, np.int64), "step")


def borders_of(tags: Sequence[str]) -> Borders:
    """Say which tags open and close spans, for the score of a dev split."""
    labels = {tag[2:]: place for place, tag in enumerate(tags)}
    rows = [[tag[0] in "BS", tag[0] in "ES", labels[tag[2:]]] for tag in tags] + [[False, False, 0]]
    return Borders(*np.array(rows, np.int64).T)
