"""A data set to the settings that suit it: recipe `auto`. Looks at the training part alone, and trains nothing.

Every rule rests on a comparison on held-out parts of training files (docs/pretraining.md, *What `auto` chooses*).
"""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.base.errors import DataError
from gatewise.data.part import Dataset, Part
from gatewise.runtime.folder import load_encoder
from gatewise.runtime.tokenizer import UNKNOWN_ID, TextTokenizer
from gatewise.tasks.classify.settings import FROM_ENCODER, Settings

ENCODERS = ("reviews-en", "reviews-zh")  # in the box; the one that knows most is taken
SAMPLE, SAMPLE_CHARACTERS = 2000, 20_000  # texts looked at closely, and the start of each
KNOWN = 0.75  # least share of a language's words that its encoder knows: English 0.83 and up, German 0.46
TOKENS_READ = 400  # of a text, when the encoder is tuned
BATCH_TEXTS = 32
# Texts, below which the network stays as it begins: 300 are read 1.4 points better so, 1,000 2.4 points worse.
FEW = 600
STEPS = 600  # of tuning, at least, where texts are few
MOST_TOKENS = 5_000_000  # read in tuning, both directions: some eight minutes of two cores
A_SECOND = 8_000  # of these, where minutes are given
PIECES = {"kind": "bpe", "vocab_size": 3_000}  # of words, for a network of its own: spelling and endings matter there
SHORT_TEXT, LONG_TEXT, MANY_CLASSES = 300, 1000, 20  # characters on average, and classes, by which pieces pay
TUNED = (  # who sets one of these wants a network that is trained
    "freeze", "epochs", "minutes", "train_tokens", "learning_rate", "student_epochs", "teachers",
)  # fmt: skip
OWN = (  # who sets one of these wants a network of their own
    "kind", "vocab_size", "min_count", "lowercase", "embedding_dim", "hidden_size", "num_layers", "pretrained",
    "word_vectors", "forget_bias", "chrono_horizon",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a training part: its size, and a sample of its texts as an encoder reads them."""

    texts: int
    classes: int
    tokens: float  # of a text on average, as far as they are read
    characters: float  # likewise
    known: float  # share of the tokens that the encoder knows
    encoder: str = ENCODERS[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """What recipe `auto` changes in the defaults, and why, in sentences for people."""

    changes: dict[str, Any]
    sentences: tuple[str, ...]


def choose(dataset: Dataset, given: Mapping[str, Any] | None = None) -> Choice:
    """Choose settings for a data set beside those given, which stay; the same data give the same choice.

    Raises DataError where there is no labelled training part.
    """
    given = given or {}
    if (own := [name for name in OWN if name in given]) or not dataset.train:
        reason = f"{own[0]} is given" if own else "there is no training part"
        return Choice({}, (f"auto: learns from these texts alone, as {reason}.",))
    look = look_at(dataset, {name: load_encoder(name).tokenizer for name in ENCODERS})
    companion = pieces(look)
    beside = f"beside n-grams of words{' and pieces of words' if companion else ''}"
    knows = f"{look.encoder}, which knows {look.known:.0%} of the words"
    few = look.texts < FEW and not any(name in given for name in TUNED)
    if look.known < KNOWN:
        reason = f"the encoders in the box know at most {look.known:.0%} of the words"
        how = (
            f"fits a head on all {look.texts:,} texts, on a network of pieces of words that is not trained"
            if few
            else "learns from these texts alone, by pieces of words"
        )
        sentence = f"auto: {how}, {beside}, as {reason}; --pretrained starts from an encoder of your own."
        return Choice(PIECES | companion | ({"freeze": True} if few else {}), (sentence,))
    if few:
        return Choice(
            FROM_ENCODER | companion | {"pretrained": look.encoder, "freeze": True},
            (
                f"auto: leaves {knows}, as it is and fits a head on all {look.texts:,} texts, {beside}.",
                "auto: --no-freeze would tune the encoder, which takes longer and reads so few texts less well.",
            ),
        )
    changes = tuning(look, given.get("minutes", 0.0)) | companion
    ways, epochs = ("both directions" if changes["bidirectional"] else "one direction"), changes["epochs"]
    passes = f"{epochs} {'pass' if epochs == 1 else 'passes'}"
    return Choice(
        changes,
        (
            f"auto: starts from {knows}; reads in {ways}, {passes}, {beside}.",
            "auto: --recipe labels would learn from these texts alone, sooner and mostly less well.",
        ),
    )


def tuning(look: Look, minutes: float = 0.0) -> dict[str, Any]:
    """Give the settings with which an encoder is tuned: enough steps for few texts, and not too long for many."""
    most = min(MOST_TOKENS, 60 * minutes * A_SECOND) if minutes else MOST_TOKENS
    a_pass = look.texts * min(look.tokens, TOKENS_READ)
    steps = max(1.0, look.texts / BATCH_TEXTS)
    wanted = min(12, max(4, math.ceil(STEPS / steps)))
    affordable = int(most / max(1.0, a_pass))
    both = affordable >= 2
    epochs = min(wanted, affordable) if both else max(1, min(2, int(2 * most / a_pass)))
    return FROM_ENCODER | {
        "pretrained": look.encoder,
        "batch_texts": BATCH_TEXTS,
        "bidirectional": both,
        "epochs": epochs,
        "train_tokens": TOKENS_READ,
    }


def pieces(look: Look) -> dict[str, Any]:
    """Say how long the pieces of words are that the companion reads: none of long opinions, where words say it all."""
    if look.characters > LONG_TEXT and look.classes == 2:
        return {}
    return {"companion_pieces": 4 if look.classes >= MANY_CLASSES or look.characters > SHORT_TEXT else 5}


def look_at(dataset: Dataset, tokenizers: Mapping[str, TextTokenizer]) -> Look:
    """Count a training part's texts and classes, and read a sample of it as the encoder does that knows most of it."""
    if dataset.train is None or not dataset.train.labelled:
        raise DataError(f"{dataset.name} has no labelled training part; name the label column with --label-column.")
    sample, labels = sampled(dataset.train)
    looks = []
    for name, tokenizer in tokenizers.items():
        ids = tokenizer.encode_batch(sample) if sample else []
        tokens, texts = sum(map(len, ids)), max(1, len(ids))
        unknown = sum(int((one == UNKNOWN_ID).sum()) for one in ids)
        known, characters = 1 - unknown / max(1, tokens), sum(map(len, sample)) / texts
        looks.append(Look(labels.total(), len(labels), tokens / texts, characters, known, name))
    return max(looks, key=lambda look: look.known)


def sampled(part: Part) -> tuple[Sequence[str], Counter[str | None]]:
    """Give the start of texts drawn evenly, always alike, and the rows of each label."""
    draw, sample, labels = random.Random(Settings().training.seed), list[str](), Counter[str | None]()
    for batch in part.batches():
        for count, example in enumerate(batch, labels.total()):
            labels[example.label] += 1
            if count < SAMPLE:
                sample.append(example.text[:SAMPLE_CHARACTERS])
            elif (place := draw.randrange(count + 1)) < SAMPLE:
                sample[place] = example.text[:SAMPLE_CHARACTERS]
    return sample, labels
