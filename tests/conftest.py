"""Seeds, two tiny corpora and one tiny trained model for all tests; nothing here reads a network or a user's folder."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: the same bits on every machine of a kind

import dataclasses
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from gatewise.data.part import Dataset, from_lists
from gatewise.data.tagged import TaggedDataset, tagged_from_lists
from gatewise.runtime.classifier import Model
from gatewise.runtime.tagger import Tagger
from gatewise.tasks.classify.companion import train_companion
from gatewise.tasks.classify.fit import fit
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.tag.fit import fit as fit_tagger
from gatewise.tasks.tag.prepare import prepare as prepare_tagging
from gatewise.tasks.tag.settings import TagSettings

settings.register_profile("gatewise", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gatewise")

Corpus = tuple[list[str], list[str]]  # texts, labels

ENGLISH = {
    "pos": "good great lovely moving superb warm",
    "neg": "bad dull awful boring weak cold",
    "": "the film a story its cast and this scene was is with an ending he saw music",
}
CHINESE = {"pos": "很好 精彩 感动 喜欢", "neg": "很差 无聊 失望 讨厌", "": "这 部 电 影 的 演 员 和 音 乐"}


def sentences(lexicon: dict[str, str], count: int, *, joint: str, seed: int = 0) -> Corpus:
    """Make texts of 3 to 12 words, of which one to three tell the label; the labels take turns."""
    draw = random.Random(seed)
    words = {label: text.split() for label, text in lexicon.items()}
    texts, labels = [], []
    for number in range(count):
        label = ("neg", "pos")[number % 2]
        parts = draw.choices(words[""], k=draw.randint(2, 9)) + draw.choices(words[label], k=draw.randint(1, 3))
        draw.shuffle(parts)
        texts.append(joint.join(parts))
        labels.append(label)
    return texts, labels


@pytest.fixture(autouse=True)
def seeds() -> Iterator[None]:
    """Begin every test from the same random state, with one thread, and leave the number of threads as it was."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that draw from the global state
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def english() -> Corpus:
    """200 English sentences, labelled pos and neg."""
    return sentences(ENGLISH, 200, joint=" ")


@pytest.fixture(scope="session")
def chinese() -> Corpus:
    """100 Chinese sentences, labelled pos and neg, without spaces."""
    return sentences(CHINESE, 100, joint="")


@pytest.fixture(scope="session")
def tiny_settings() -> Settings:
    """A recipe that learns the tiny corpora in about a second."""
    return Settings().replace(
        min_count=1, max_tokens=32, embedding_dim=12, hidden_size=8, word_dropout=0.0, embedding_dropout=0.1,
        dropout=0.1, epochs=6, learning_rate=0.02, averaging=0.9, batch_texts=8, dev_share=0.2, precision="float32",
        sharing="texts", threads=1,
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(english: Corpus, tiny_settings: Settings) -> Model:
    """A two-class model that has learnt the English sentences. Shared: do not change it."""
    part = from_lists(*english, name="tiny reviews")
    model, dev = fit(prepare(Dataset("tiny reviews", part), tiny_settings), tiny_settings)
    assert dev.accuracy > 0.9
    return model


@pytest.fixture(scope="session")
def tiny_pair(tiny_model: Model, english: Corpus, tiny_settings: Settings) -> Model:
    """The tiny model with a companion, which on so easy a corpus its dev split gave no weight. Shared."""
    prepared = prepare(Dataset("tiny reviews", from_lists(*english, name="tiny reviews")), tiny_settings)
    return dataclasses.replace(tiny_model, companion=train_companion(prepared.train, 2), companion_weight=0.7)


@pytest.fixture(scope="session")
def spelt_pair(tiny_model: Model, english: Corpus, tiny_settings: Settings) -> Model:
    """The tiny model with a companion that reads pieces of words too. Shared."""
    settings = tiny_settings.replace(companion_words=2, companion_pieces=4)
    prepared = prepare(Dataset("tiny reviews", from_lists(*english, name="tiny reviews")), settings)
    companion = train_companion(prepared.train, 2, words=2, pieces=4)
    return dataclasses.replace(tiny_model, companion=companion, companion_weight=0.7)


def named_sentences(count: int, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Make sentences of words with people and places in them, and their tags in IOB2."""
    draw = random.Random(seed)
    people, places = (
        ["Ada", "Bob", "Eve", "Max", "Zoe", "Ida", "Leo"],
        ["Oslo", "Rome", "New York", "San Jose", "Paris", "Bern"],
    )
    rows, tags = [], []
    for _ in range(count):
        person, place = draw.choice(people), draw.choice(places).split()
        verb = draw.choice(["met", "saw", "left", "likes"])
        rows.append([person, verb, draw.choice(["him", "rain"]), "in", *place, "."])
        tags.append(["B-PER", "O", "O", "O", "B-LOC", *["I-LOC"] * (len(place) - 1), "O"])
    return rows, tags


@pytest.fixture(scope="session")
def tiny_tagger() -> Tagger:
    """A tagger that has learnt people and places. Shared: do not change it."""
    part = tagged_from_lists(*named_sentences(120), name="names")
    settings = TagSettings().replace(
        embedding_dim=8, hidden_size=8, epochs=6, learning_rate=0.02, batch_texts=8, averaging=0.9, dev_share=0.2,
        precision="float32", sharing="texts", threads=1, affix_dim=8,
    )  # fmt: skip
    prepared = prepare_tagging(TaggedDataset("names", part, scheme="IOB2"), settings)
    return fit_tagger(prepared, settings)[0]


@pytest.fixture(scope="session")
def browser():
    """Give the one browser of all tests of pages."""
    from tests.system.conftest import browsing

    yield from browsing()
